//! Archives in their parts, to be written honestly or with one lie in them.

// The differential tests compile this too, and use a part.
#![allow(dead_code, unreachable_pub)]

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

pub const MODULE: &str = "example.com/m@v1.0.0";

/// An archive in its parts. [`Archive::seal`] makes the later parts tell the truth about the
/// earlier ones; what is changed after that is a lie.
#[derive(Clone, Default)]
pub struct Archive {
    pub files: Vec<File>,
    pub before_directory: Vec<u8>,
    pub central: Vec<Central>,
    pub zip64: Option<(Zip64End, Locator)>,
    pub end: End,
    pub after: Vec<u8>,
}

#[derive(Clone)]
pub struct File {
    pub before: Vec<u8>,
    pub header: Header,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
    pub data: Vec<u8>,
    pub descriptor: Option<Descriptor>,
}

#[derive(Clone, Default)]
pub struct Header {
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub modified: u32,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
}

#[derive(Clone)]
pub struct Descriptor {
    pub signed: bool,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
}

#[derive(Clone, Default)]
pub struct Central {
    pub header: Header,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
    pub disk: u16,
    pub attributes: u32,
    pub offset: u32,
}

#[derive(Clone, Default)]
pub struct End {
    pub disk: u16,
    pub directory_disk: u16,
    pub files_on_disk: u16,
    pub files: u16,
    pub bytes: u32,
    pub offset: u32,
    pub comment: Vec<u8>,
}

#[derive(Clone)]
pub struct Zip64End {
    pub record_bytes: u64,
    pub version: u16,
    pub disk: u32,
    pub directory_disk: u32,
    pub files_on_disk: u64,
    pub files: u64,
    pub bytes: u64,
    pub offset: u64,
}

#[derive(Clone)]
pub struct Locator {
    pub disk: u32,
    pub offset: u64,
    pub disks: u32,
}

impl Archive {
    /// Files of the module, written as Go writes them.
    pub fn of(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(path, content)| File::new(path, content));
        Self::sealed(files.collect())
    }

    pub fn sealed(files: Vec<File>) -> Self {
        let mut archive = Self {
            files,
            ..Self::default()
        };
        archive.seal();
        archive
    }

    /// Makes directory and end record anew from the files.
    pub fn seal(&mut self) {
        let mut offset = 0;
        self.central.clear();
        for file in &self.files {
            offset += file.before.len();
            self.central.push(file.central(offset as u32));
            offset += file.bytes().len() - file.before.len();
        }
        offset += self.before_directory.len();
        let bytes: usize = self.central.iter().map(|c| c.bytes().len()).sum();
        let count = self.files.len();
        self.zip64 = (count >= 65_535).then(|| zip64(count as u64, offset as u64, bytes as u64));
        self.end = End {
            files_on_disk: count.try_into().unwrap_or(u16::MAX),
            files: count.try_into().unwrap_or(u16::MAX),
            bytes: bytes as u32,
            offset: offset as u32,
            ..End::default()
        };
    }

    /// Makes the end record anew, for a directory that is as it is.
    pub fn seal_end(&mut self) {
        self.end.bytes = self.central.iter().map(|c| c.bytes().len() as u32).sum();
        self.end.files = self.central.len() as u16;
        self.end.files_on_disk = self.central.len() as u16;
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.files
            .iter()
            .for_each(|file| bytes.extend(file.bytes()));
        bytes.extend(&self.before_directory);
        self.central
            .iter()
            .for_each(|central| bytes.extend(central.bytes()));
        if let Some((end, locator)) = &self.zip64 {
            bytes.extend(end.bytes());
            bytes.extend(locator.bytes());
        }
        bytes.extend(self.end.bytes());
        bytes.extend(&self.after);
        bytes
    }
}

impl File {
    /// As Go writes it: compressed, with a data descriptor.
    pub fn new(path: &str, content: &[u8]) -> Self {
        let data = deflated(content);
        let mut file = Self::named(path, data);
        file.header.flags |= 8;
        file.header.method = 8;
        file.descriptor = Some(Descriptor {
            signed: true,
            crc32: crc32(content),
            compressed: file.data.len() as u32,
            size: content.len() as u32,
        });
        file
    }

    /// Compressed, with its sizes in front.
    pub fn sized(path: &str, content: &[u8]) -> Self {
        let mut file = Self::stored(path, content);
        file.data = deflated(content);
        file.header.method = 8;
        file.header.compressed = file.data.len() as u32;
        file
    }

    pub fn stored(path: &str, content: &[u8]) -> Self {
        let mut file = Self::named(path, content.to_vec());
        file.header.crc32 = crc32(content);
        file.header.size = content.len() as u32;
        file.header.compressed = file.header.size;
        file
    }

    fn named(path: &str, data: Vec<u8>) -> Self {
        Self {
            before: Vec::new(),
            header: Header {
                version: 20,
                flags: if path.is_ascii() { 0 } else { 0x800 },
                ..Header::default()
            },
            name: format!("{MODULE}/{path}").into_bytes(),
            extra: Vec::new(),
            data,
            descriptor: None,
        }
    }

    fn central(&self, offset: u32) -> Central {
        let mut header = self.header.clone();
        if let Some(descriptor) = &self.descriptor {
            header.crc32 = descriptor.crc32;
            header.compressed = descriptor.compressed;
            header.size = descriptor.size;
        }
        Central {
            header,
            name: self.name.clone(),
            offset,
            ..Central::default()
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let lengths = [self.name.len() as u16, self.extra.len() as u16].map(u16::to_le_bytes);
        let mut bytes = [
            &self.before[..],
            b"PK\x03\x04",
            &self.header.bytes(),
            &lengths.concat(),
            &self.name,
            &self.extra,
            &self.data,
        ]
        .concat();
        if let Some(descriptor) = &self.descriptor {
            bytes.extend(descriptor.bytes());
        }
        bytes
    }
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.version, self.flags, self.method]
            .map(u16::to_le_bytes)
            .concat();
        let numbers = [self.modified, self.crc32, self.compressed, self.size];
        bytes.extend(numbers.map(u32::to_le_bytes).concat());
        bytes
    }
}

impl Descriptor {
    fn bytes(&self) -> Vec<u8> {
        let signature: &[u8] = if self.signed { b"PK\x07\x08" } else { b"" };
        let numbers = [self.crc32, self.compressed, self.size].map(u32::to_le_bytes);
        [signature, &numbers.concat()].concat()
    }
}

impl Central {
    fn bytes(&self) -> Vec<u8> {
        let lengths = [self.name.len(), self.extra.len(), self.comment.len()];
        let lengths = lengths.map(|length| (length as u16).to_le_bytes()).concat();
        [
            b"PK\x01\x02\x14\0",
            &self.header.bytes()[..],
            &lengths,
            &[self.disk, 0].map(u16::to_le_bytes).concat(),
            &[self.attributes, self.offset]
                .map(u32::to_le_bytes)
                .concat(),
            &self.name,
            &self.extra,
            &self.comment,
        ]
        .concat()
    }
}

impl End {
    fn bytes(&self) -> Vec<u8> {
        let counts = [
            self.disk,
            self.directory_disk,
            self.files_on_disk,
            self.files,
        ];
        [
            b"PK\x05\x06",
            &counts.map(u16::to_le_bytes).concat()[..],
            &[self.bytes, self.offset].map(u32::to_le_bytes).concat(),
            &(self.comment.len() as u16).to_le_bytes(),
            &self.comment,
        ]
        .concat()
    }
}

pub fn zip64(files: u64, offset: u64, bytes: u64) -> (Zip64End, Locator) {
    let end = Zip64End {
        record_bytes: 44,
        version: 45,
        disk: 0,
        directory_disk: 0,
        files_on_disk: files,
        files,
        bytes,
        offset,
    };
    let locator = Locator {
        disk: 0,
        offset: offset + bytes,
        disks: 1,
    };
    (end, locator)
}

impl Zip64End {
    fn bytes(&self) -> Vec<u8> {
        let numbers = [self.files_on_disk, self.files, self.bytes, self.offset];
        [
            b"PK\x06\x06",
            &self.record_bytes.to_le_bytes()[..],
            &[45, self.version].map(u16::to_le_bytes).concat(),
            &[self.disk, self.directory_disk]
                .map(u32::to_le_bytes)
                .concat(),
            &numbers.map(u64::to_le_bytes).concat(),
        ]
        .concat()
    }
}

impl Locator {
    fn bytes(&self) -> Vec<u8> {
        [
            b"PK\x06\x07",
            &self.disk.to_le_bytes()[..],
            &self.offset.to_le_bytes(),
            &self.disks.to_le_bytes(),
        ]
        .concat()
    }
}

pub fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn crc32(content: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(content);
    crc.sum()
}
