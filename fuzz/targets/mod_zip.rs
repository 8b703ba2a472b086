//! Module zips, as they arrive.

use sumcheck::golang::module::ModuleVersion;
use sumcheck::golang::modzip::{CheckedZip, Limits, ModZipError, ModZipHasher};

use super::input::{Input, ok};

/// Module zips: in pieces of any size the verdict is the same. The first byte of the input is the
/// size of a piece.
pub fn mod_zip(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let piece_bytes = usize::from(input.byte()).max(1);
    let bytes = input.rest();
    let whole = ok(read(bytes, bytes.len().max(1)));
    let pieces = ok(read(bytes, piece_bytes));
    match (whole, pieces) {
        (Some(whole), Some(pieces)) => {
            assert_eq!(whole.h1(), pieces.h1());
            assert!(whole.files().eq(pieces.files()));
            assert_eq!(whole.go_mod(), pieces.go_mod());
            assert_eq!(whole.archive_bytes(), bytes.len() as u64);
            let content: u64 = whole.files().map(|(_, size)| size).sum();
            assert!(content <= limits().content_bytes);
        }
        // Of two faults in one stretch of compressed data either can come first.
        (None, None) => {}
        (whole, pieces) => panic!("{whole:?} in one piece, {pieces:?} in several"),
    }
}

/// Small enough that a bomb is over soon.
fn limits() -> Limits {
    Limits {
        archive_bytes: u64::MAX,
        content_bytes: 1 << 20,
        ..Limits::default()
    }
}

fn read(bytes: &[u8], piece_bytes: usize) -> Result<CheckedZip, ModZipError> {
    let module = ModuleVersion::parse("example.com/m@v1.0.0").expect("a version of a module");
    let mut hasher = ModZipHasher::new(&module, limits())?;
    for piece in bytes.chunks(piece_bytes) {
        hasher.push(piece)?;
    }
    hasher.finish()
}
