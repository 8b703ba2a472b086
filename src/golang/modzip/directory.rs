//! The central directory and the end records: they may say nothing but what was seen.

use super::error::{EndField, Field, FileFault, ModZipError, Place};
use super::extra;
use super::files::{File, FileList, MAX_VERSION_NEEDED};
use super::records::{
    CentralHeader, ELSEWHERE_16, ELSEWHERE_32, EndRecord, Numbers, Zip64End, Zip64Locator,
};
use crate::golang::quoted::Quoted;

/// From so many files on the end record is in 64 bits: Go's writer takes the largest number that
/// 16 bits hold for "elsewhere" too.
const ZIP64_FILES: u64 = 65_535;

/// Unix's file types, in the upper half of the external attributes.
const UNIX_TYPE: u16 = 0o170_000;
const UNIX_REGULAR: u16 = 0o100_000;

/// MS-DOS attributes of a regular file: read-only, hidden, system, archive, normal.
const DOS_REGULAR: u16 = 0x01 | 0x02 | 0x04 | 0x20 | 0x80;

/// What has been read of the central directory and of the end records.
#[derive(Default)]
pub(super) struct Directory {
    /// Where it begins; set by its first record, or by the end record if it is empty.
    pub(super) offset: u64,
    pub(super) listed: usize,
    /// Where it ended and the 64-bit end record began.
    pub(super) zip64: Option<u64>,
}

impl Directory {
    /// Notes where a record begins.
    pub(super) fn begin_file(&mut self, offset: u64) {
        if self.listed == 0 {
            self.offset = offset;
        }
    }

    /// Compares a record with the file in its place.
    pub(super) fn check_file(
        &mut self,
        central: CentralHeader,
        tail: &[u8],
        files: &FileList,
    ) -> Result<(), ModZipError> {
        let mut tail = Numbers(tail);
        let name = tail
            .bytes(central.header.name_bytes.into())
            .unwrap_or_default();
        let extra = tail
            .bytes(central.header.extra_bytes.into())
            .unwrap_or_default();
        let quoted = || Quoted::new(&String::from_utf8_lossy(name));
        let Some(file) = files.get(self.listed) else {
            return Err(ModZipError::ListedOnly { listed: quoted() });
        };
        if name != file.name.as_bytes() {
            return Err(ModZipError::OtherName {
                listed: quoted(),
                file: Quoted::new(&file.name),
            });
        }
        compare(file, central)?;
        check_central(central).map_err(|fault| file.fault(fault))?;
        extra::check(extra).map_err(|fault| file.fault(fault))?;
        self.listed = self.listed.saturating_add(1);
        Ok(())
    }

    /// Every file has been listed, and an end record begins at `offset`.
    pub(super) fn end(&mut self, offset: u64, files: &FileList) -> Result<(), ModZipError> {
        match files.get(self.listed) {
            Some(file) => Err(ModZipError::NotListed {
                file: Quoted::new(&file.name),
            }),
            None => {
                self.begin_file(offset);
                Ok(())
            }
        }
    }

    /// The 64-bit end record, which begins at `offset`.
    pub(super) fn check_zip64_end(
        &mut self,
        end: Zip64End,
        offset: u64,
    ) -> Result<(), ModZipError> {
        let files = self.files();
        if files < ZIP64_FILES {
            return Err(ModZipError::Zip64Needless { files });
        }
        if end.record_bytes != Zip64End::PLAIN_RECORD_BYTES {
            let bytes = end.record_bytes;
            return Err(ModZipError::Zip64Length { bytes });
        }
        if end.version_needed > MAX_VERSION_NEEDED {
            return Err(ModZipError::Version(end.version_needed));
        }
        if (end.disk, end.directory_disk) != (0, 0) {
            return Err(ModZipError::SeveralDisks);
        }
        same(EndField::FilesOnDisk, end.files_on_disk, files)?;
        same(EndField::Files, end.files, files)?;
        self.check_extent(end.directory_bytes, end.directory_offset, offset)?;
        self.zip64 = Some(offset);
        Ok(())
    }

    pub(super) fn check_zip64_locator(&self, locator: Zip64Locator) -> Result<(), ModZipError> {
        if (locator.disk, locator.disks) != (0, 1) {
            return Err(ModZipError::SeveralDisks);
        }
        let found = self.zip64.unwrap_or_default();
        same(EndField::Zip64EndOffset, locator.end_offset, found)
    }

    /// The end record, which begins at `offset`.
    pub(super) fn check_end(&self, end: EndRecord, offset: u64) -> Result<(), ModZipError> {
        if (end.disk, end.directory_disk) != (0, 0) {
            return Err(ModZipError::SeveralDisks);
        }
        if end.comment_bytes != 0 {
            let bytes = end.comment_bytes;
            return Err(ModZipError::Comment { bytes });
        }
        let files = self.files();
        let Some(directory_end) = self.zip64 else {
            if files >= ZIP64_FILES {
                return Err(ModZipError::Zip64Missing { files });
            }
            same(EndField::FilesOnDisk, end.files_on_disk.into(), files)?;
            same(EndField::Files, end.files.into(), files)?;
            let (bytes, begin) = (end.directory_bytes.into(), end.directory_offset.into());
            return self.check_extent(bytes, begin, offset);
        };

        // Writers differ in whether numbers that fit are here as well.
        let elsewhere = ELSEWHERE_16.into();
        same(EndField::FilesOnDisk, end.files_on_disk.into(), elsewhere)?;
        same(EndField::Files, end.files.into(), elsewhere)?;
        let bytes = directory_end.saturating_sub(self.offset);
        self.check_extent(
            or_elsewhere(end.directory_bytes, bytes),
            or_elsewhere(end.directory_offset, self.offset),
            directory_end,
        )
    }

    fn check_extent(&self, bytes: u64, offset: u64, end: u64) -> Result<(), ModZipError> {
        let found = end.saturating_sub(self.offset);
        same(EndField::DirectoryBytes, bytes, found)?;
        same(EndField::DirectoryOffset, offset, self.offset)
    }

    fn files(&self) -> u64 {
        u64::try_from(self.listed).unwrap_or(u64::MAX)
    }
}

fn same(field: EndField, told: u64, found: u64) -> Result<(), ModZipError> {
    if told == found {
        return Ok(());
    }
    Err(ModZipError::EndUntrue { field, told, found })
}

/// A number, or what it is if the field says that it is elsewhere.
fn or_elsewhere(told: u32, found: u64) -> u64 {
    match told {
        ELSEWHERE_32 => found,
        told => told.into(),
    }
}

/// What local header and directory both have is the same in both; what the header left open is
/// what the content turned out to be.
fn compare(file: &File, central: CentralHeader) -> Result<(), ModZipError> {
    let (before, after) = (file.header, central.header);
    if central.offset == ELSEWHERE_32
        || after.compressed == ELSEWHERE_32
        || after.size == ELSEWHERE_32
    {
        return Err(file.fault(FileFault::Zip64));
    }
    let place = Place::CentralDirectory;
    let version = Field::VersionNeeded;
    file.same(
        place,
        version,
        after.version_needed.into(),
        before.version_needed.into(),
    )?;
    file.same(place, Field::Flags, after.flags.into(), before.flags.into())?;
    file.same(
        place,
        Field::Method,
        after.method.into(),
        before.method.into(),
    )?;
    file.same(
        place,
        Field::Modified,
        after.modified.into(),
        before.modified.into(),
    )?;
    file.same(place, Field::Offset, central.offset.into(), file.offset)?;
    file.compare(place, after.crc32, after.compressed, after.size)
}

/// What the directory alone says of a file.
fn check_central(central: CentralHeader) -> Result<(), FileFault> {
    if central.comment_bytes != 0 {
        return Err(FileFault::Comment);
    }
    if central.disk != 0 {
        return Err(FileFault::OtherDisk);
    }
    // Readers take the upper half for a Unix mode whatever system the archive says it is from.
    let [low, next, third, high] = central.external_attributes.to_le_bytes();
    let attributes = u16::from_le_bytes([low, next]);
    let mode = u16::from_le_bytes([third, high]);
    if !matches!(mode & UNIX_TYPE, 0 | UNIX_REGULAR) {
        return Err(FileFault::Mode(mode));
    }
    if attributes & !DOS_REGULAR != 0 {
        return Err(FileFault::Attributes(attributes));
    }
    Ok(())
}
