//! Module zips, written byte by byte: honest by default, and wrong in any field on request; and
//! their hashes, computed as Go's dirhash package describes them.

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest, Sha256};

pub const STORED: u16 = 0;
pub const DEFLATE: u16 = 8;

/// General purpose flag: CRC-32 and sizes stand after the content.
pub const DESCRIPTOR: u16 = 1 << 3;
/// General purpose flag: the name is UTF-8.
pub const UTF8: u16 = 1 << 11;

/// A Unix system wrote it, so that the upper half of the external attributes is a mode.
const MADE_BY: u16 = 3 << 8 | 20;

/// What the local header and the central directory say of a file (APPNOTE.TXT, section 4.3.7).
#[derive(Clone, Debug)]
pub struct Header {
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub modified: u32,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
}

impl Header {
    fn write(&self, to: &mut Vec<u8>) {
        let Self {
            version,
            flags,
            method,
            modified,
            crc32,
            compressed,
            size,
            ..
        } = self;
        for number in [version, flags, method] {
            to.extend(number.to_le_bytes());
        }
        for number in [modified, crc32, compressed, size] {
            to.extend(number.to_le_bytes());
        }
        to.extend(length_16(&self.name));
        to.extend(length_16(&self.extra));
    }
}

/// A file of a zip that is not written yet.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What stands before the content.
    pub local: Header,
    /// What the central directory says.
    pub central: Header,
    /// The content as it is in the archive.
    pub data: Vec<u8>,
    /// CRC-32, compressed size and size after the content.
    pub descriptor: Option<[u32; 3]>,
    pub comment: Vec<u8>,
    pub disk: u16,
    pub external_attributes: u32,
    /// Added to the offset that the central directory tells.
    pub offset_shift: u32,
    /// Bytes of nothing after the file.
    pub gap: Vec<u8>,
}

impl Entry {
    /// A file with this content, compressed.
    pub fn new(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory");
        Self::with_data(name, content, DEFLATE, encoder.finish().expect("memory"))
    }

    /// A file with this content, as it is.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self::with_data(name, content, STORED, content.to_vec())
    }

    fn with_data(name: &str, content: &[u8], method: u16, data: Vec<u8>) -> Self {
        let header = Header {
            version: 20,
            flags: if name.is_ascii() { 0 } else { UTF8 },
            method,
            modified: 0x0021_0000,
            crc32: crc32(content),
            compressed: length_32(&data),
            size: length_32(content),
            name: name.into(),
            extra: Vec::new(),
        };
        Self {
            local: header.clone(),
            central: header,
            data,
            descriptor: None,
            comment: Vec::new(),
            disk: 0,
            external_attributes: 0,
            offset_shift: 0,
            gap: Vec::new(),
        }
    }

    /// Changes what both headers say.
    pub fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    /// Changes the entry.
    pub fn edit(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// CRC-32 and sizes after the content instead of before it, as streaming writers do.
    pub fn with_descriptor(self) -> Self {
        let mut entry = self.both(|header| header.flags |= DESCRIPTOR);
        let Header {
            crc32,
            compressed,
            size,
            ..
        } = entry.central;
        entry.descriptor = Some([crc32, compressed, size]);
        entry.local.crc32 = 0;
        entry.local.compressed = 0;
        entry.local.size = 0;
        entry
    }
}

/// The end record (APPNOTE.TXT, section 4.3.16).
#[derive(Clone, Debug)]
pub struct End {
    pub disk: u16,
    pub directory_disk: u16,
    pub files_on_disk: u16,
    pub files: u16,
    pub directory_bytes: u32,
    pub directory_offset: u32,
    pub comment: Vec<u8>,
}

/// A zip that is not written yet.
#[derive(Clone, Debug, Default)]
pub struct Zip {
    pub entries: Vec<Entry>,
    /// Bytes in front.
    pub before: Vec<u8>,
    /// Bytes between the central directory and the end record.
    pub before_end: Vec<u8>,
    /// Bytes at the end.
    pub after: Vec<u8>,
}

impl Zip {
    /// A zip of these files.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Self {
        let entries = files
            .into_iter()
            .map(|(name, content)| Entry::new(name, content));
        Self {
            entries: entries.collect(),
            ..Self::default()
        }
    }

    /// One more file.
    pub fn with(mut self, entry: Entry) -> Self {
        self.entries.push(entry);
        self
    }

    /// Changes the zip.
    pub fn edit(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn write(&self) -> Vec<u8> {
        self.write_ending(|_| {})
    }

    /// The zip with an end record that says something else.
    pub fn write_ending(&self, change: impl FnOnce(&mut End)) -> Vec<u8> {
        let mut bytes = self.before.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            let offset = length_32(&bytes).wrapping_add(entry.offset_shift);
            entry.write_local(&mut bytes);
            entry.write_central(offset, &mut directory);
        }
        let mut end = End {
            disk: 0,
            directory_disk: 0,
            files_on_disk: self.entries.len().try_into().expect("no zip64 here"),
            files: self.entries.len().try_into().expect("no zip64 here"),
            directory_bytes: length_32(&directory),
            directory_offset: length_32(&bytes),
            comment: Vec::new(),
        };
        change(&mut end);
        bytes.extend(directory);
        bytes.extend(&self.before_end);
        end.write(&mut bytes);
        bytes.extend(&self.after);
        bytes
    }
}

impl Entry {
    fn write_local(&self, to: &mut Vec<u8>) {
        to.extend(b"PK\x03\x04");
        self.local.write(to);
        to.extend(&self.local.name);
        to.extend(&self.local.extra);
        to.extend(&self.data);
        if let Some(numbers) = self.descriptor {
            to.extend(b"PK\x07\x08");
            numbers
                .iter()
                .for_each(|number| to.extend(number.to_le_bytes()));
        }
        to.extend(&self.gap);
    }

    fn write_central(&self, offset: u32, to: &mut Vec<u8>) {
        to.extend(b"PK\x01\x02");
        to.extend(MADE_BY.to_le_bytes());
        self.central.write(to);
        to.extend(length_16(&self.comment));
        to.extend(self.disk.to_le_bytes());
        to.extend([0; 2]); // internal attributes
        to.extend(self.external_attributes.to_le_bytes());
        to.extend(offset.to_le_bytes());
        to.extend(&self.central.name);
        to.extend(&self.central.extra);
        to.extend(&self.comment);
    }
}

impl End {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend(b"PK\x05\x06");
        for number in [
            self.disk,
            self.directory_disk,
            self.files_on_disk,
            self.files,
        ] {
            to.extend(number.to_le_bytes());
        }
        to.extend(self.directory_bytes.to_le_bytes());
        to.extend(self.directory_offset.to_le_bytes());
        to.extend(length_16(&self.comment));
        to.extend(&self.comment);
    }
}

/// The h1 of files: SHA-256 of one line for each, in the order of their names.
pub fn h1<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> String {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort();
    let mut lines = Sha256::new();
    for (name, content) in files {
        let digest = hex::encode(Sha256::digest(content));
        lines.update(format!("{digest}  {name}\n"));
    }
    format!("h1:{}", STANDARD.encode(lines.finalize()))
}

/// The h1 of a go.mod on its own.
pub fn h1_of_go_mod(content: &[u8]) -> String {
    h1([("go.mod", content)])
}

pub fn crc32(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}

fn length_16(bytes: &[u8]) -> [u8; 2] {
    let length: u16 = bytes.len().try_into().expect("below 64 KiB");
    length.to_le_bytes()
}

fn length_32(bytes: &[u8]) -> u32 {
    bytes.len().try_into().expect("below 4 GiB")
}
