//! Extra fields: only those that change nothing. Source: APPNOTE.TXT, sections 4.5 and 4.6.

use super::error::FileFault;
use super::records::Numbers;

/// 64-bit sizes and offset.
const ZIP64: u16 = 0x0001;

/// Times and owners: what nobody hashes, and what gives no file another name, content or kind.
///
/// Go's own writer makes no extra fields. The other kinds that are about times and owners, PKWARE's
/// and ASi's Unix fields (0x000d, 0x756e), can make a file a link.
const HARMLESS: [u16; 5] = [
    0x000a, // NTFS times
    0x5455, // extended timestamp
    0x5855, // Info-ZIP Unix times and owner
    0x7855, // Info-ZIP Unix owner
    0x7875, // Info-ZIP Unix owner, newer
];

/// Refuses extra fields that could change what another reader takes from the archive.
pub(super) fn check(mut extra: &[u8]) -> Result<(), FileFault> {
    while !extra.is_empty() {
        let mut numbers = Numbers(extra);
        let field = numbers.u16().zip(numbers.u16());
        let (id, length) = field.ok_or(FileFault::ExtraMalformed)?;
        let content = numbers.bytes(usize::from(length));
        content.ok_or(FileFault::ExtraMalformed)?;
        if id == ZIP64 {
            return Err(FileFault::Zip64);
        }
        if !HARMLESS.contains(&id) {
            return Err(FileFault::Extra(id));
        }
        extra = numbers.0;
    }
    Ok(())
}
