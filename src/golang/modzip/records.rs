//! The records of a zip as numbers: nothing is judged here. Source: APPNOTE.TXT, section 4.3.

/// The four bytes that each record begins with.
pub(super) const SIGNATURE_BYTES: usize = 4;
pub(super) const LOCAL_FILE: [u8; 4] = *b"PK\x03\x04";
pub(super) const DATA_DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
pub(super) const CENTRAL_FILE: [u8; 4] = *b"PK\x01\x02";
pub(super) const ZIP64_END: [u8; 4] = *b"PK\x06\x06";
pub(super) const ZIP64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
pub(super) const END: [u8; 4] = *b"PK\x05\x06";

/// What a 16-bit or 32-bit field holds when the number is elsewhere, in 64 bits.
pub(super) const ELSEWHERE_16: u16 = u16::MAX;
pub(super) const ELSEWHERE_32: u32 = u32::MAX;

/// What local header and central directory both say of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) version_needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    /// Time and date as MS-DOS has them, in one number.
    pub(super) modified: u32,
    pub(super) crc32: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
    pub(super) name_bytes: u16,
    pub(super) extra_bytes: u16,
}

/// What the central directory alone says of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct CentralHeader {
    pub(super) header: Header,
    pub(super) comment_bytes: u16,
    pub(super) disk: u16,
    pub(super) external_attributes: u32,
    pub(super) offset: u32,
}

/// The end record, or its 64-bit form, or the locator's part in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndRecord {
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) files_on_disk: u16,
    pub(super) files: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_bytes: u16,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Zip64End {
    /// Of the record itself, without signature and this number.
    pub(super) record_bytes: u64,
    pub(super) version_needed: u16,
    pub(super) disk: u32,
    pub(super) directory_disk: u32,
    pub(super) files_on_disk: u64,
    pub(super) files: u64,
    pub(super) directory_bytes: u64,
    pub(super) directory_offset: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Zip64Locator {
    pub(super) disk: u32,
    pub(super) end_offset: u64,
    pub(super) disks: u32,
}

/// CRC-32 and sizes after the content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    pub(super) crc32: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
}

// The parsers get as many bytes as their BYTES say; with fewer they have no answer.

impl Header {
    /// Without the signature, and without name and extra fields.
    pub(super) const BYTES: usize = 26;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut Numbers(bytes))
    }

    fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            version_needed: numbers.u16()?,
            flags: numbers.u16()?,
            method: numbers.u16()?,
            modified: numbers.u32()?,
            crc32: numbers.u32()?,
            compressed: numbers.u32()?,
            size: numbers.u32()?,
            name_bytes: numbers.u16()?,
            extra_bytes: numbers.u16()?,
        })
    }

    /// Length of name and extra fields.
    pub(super) fn tail_bytes(&self) -> usize {
        usize::from(self.name_bytes).saturating_add(usize::from(self.extra_bytes))
    }
}

impl CentralHeader {
    pub(super) const BYTES: usize = 42;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let numbers = &mut Numbers(bytes);
        let _version_made_by = numbers.u16()?;
        let header = Header::read(numbers)?;
        let comment_bytes = numbers.u16()?;
        let disk = numbers.u16()?;
        let _internal_attributes = numbers.u16()?;
        Some(Self {
            header,
            comment_bytes,
            disk,
            external_attributes: numbers.u32()?,
            offset: numbers.u32()?,
        })
    }

    /// Length of name, extra fields and comment.
    pub(super) fn tail_bytes(&self) -> usize {
        let comment = usize::from(self.comment_bytes);
        self.header.tail_bytes().saturating_add(comment)
    }
}

impl EndRecord {
    pub(super) const BYTES: usize = 18;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let numbers = &mut Numbers(bytes);
        Some(Self {
            disk: numbers.u16()?,
            directory_disk: numbers.u16()?,
            files_on_disk: numbers.u16()?,
            files: numbers.u16()?,
            directory_bytes: numbers.u32()?,
            directory_offset: numbers.u32()?,
            comment_bytes: numbers.u16()?,
        })
    }
}

impl Zip64End {
    pub(super) const BYTES: usize = 52;

    /// What `record_bytes` is when the record has no extensible data.
    pub(super) const PLAIN_RECORD_BYTES: u64 = 44;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let numbers = &mut Numbers(bytes);
        let record_bytes = numbers.u64()?;
        let _version_made_by = numbers.u16()?;
        Some(Self {
            record_bytes,
            version_needed: numbers.u16()?,
            disk: numbers.u32()?,
            directory_disk: numbers.u32()?,
            files_on_disk: numbers.u64()?,
            files: numbers.u64()?,
            directory_bytes: numbers.u64()?,
            directory_offset: numbers.u64()?,
        })
    }
}

impl Zip64Locator {
    pub(super) const BYTES: usize = 16;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let numbers = &mut Numbers(bytes);
        Some(Self {
            disk: numbers.u32()?,
            end_offset: numbers.u64()?,
            disks: numbers.u32()?,
        })
    }
}

impl Descriptor {
    /// Without the signature, which not every writer puts there.
    pub(super) const BYTES: usize = 12;

    /// What is left when the first four bytes were read and were no signature.
    pub(super) const UNSIGNED_REST_BYTES: usize = 8;

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let numbers = &mut Numbers(bytes);
        Some(Self {
            crc32: numbers.u32()?,
            compressed: numbers.u32()?,
            size: numbers.u32()?,
        })
    }
}

/// Little-endian numbers, taken off the front.
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

impl<'a> Numbers<'a> {
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }
}
