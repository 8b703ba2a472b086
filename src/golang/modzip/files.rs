//! The files of an archive, one after the other: what is said before each and what it turned out
//! to be.

use super::collision::Paths;
use super::content::{Bounds, Measured, Method};
use super::error::{Field, FileFault, ModZipError, Place};
use super::limits::{Limits, MAX_NAME_BYTES};
use super::records::{Descriptor, ELSEWHERE_32, Header};
use super::{extra, name};
use crate::golang::dirhash::{DirHashError, H1};
use crate::golang::module::ModuleVersion;
use crate::golang::quoted::Quoted;

/// The newest version of the format that a module zip can need: 4.5, for its 64-bit end record.
pub(super) const MAX_VERSION_NEEDED: u16 = 45;

/// General purpose flags. Source: APPNOTE.TXT, section 4.4.4.
mod flag {
    pub(super) const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
    /// How hard the writer tried: for readers, nothing.
    pub(super) const DEFLATE_EFFORT: u16 = 1 << 1 | 1 << 2;
    pub(super) const DATA_DESCRIPTOR: u16 = 1 << 3;
    pub(super) const PATCHED_DATA: u16 = 1 << 5;
    pub(super) const UTF8: u16 = 1 << 11;
}

/// All files so far, in the order of the archive.
pub(super) struct FileList {
    /// `module@version/`.
    prefix: Box<str>,
    limits: Limits,
    files: Vec<File>,
    paths: Paths,
    names_bytes: usize,
    content_bytes: u64,
    go_mod: Option<Vec<u8>>,
}

/// A file before its content is read.
pub(super) struct OpenFile {
    name: Box<str>,
    header: Header,
    method: Method,
    offset: u64,
}

/// A file whose content was read.
pub(super) struct File {
    /// With its prefix.
    pub(super) name: Box<str>,
    /// As it stands before the content.
    pub(super) header: Header,
    pub(super) offset: u64,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) crc32: u32,
    sha256: [u8; 32],
}

impl FileList {
    pub(super) fn new(module: &ModuleVersion, limits: Limits) -> Self {
        Self {
            prefix: format!("{module}/").into(),
            limits,
            files: Vec::new(),
            paths: Paths::default(),
            names_bytes: 0,
            content_bytes: 0,
            go_mod: None,
        }
    }

    /// Takes a header that is followed by name and extra fields and begins at `offset`.
    pub(super) fn open(
        &mut self,
        header: Header,
        tail: &[u8],
        offset: u64,
    ) -> Result<OpenFile, ModZipError> {
        let (name, extra) = tail
            .split_at_checked(header.name_bytes.into())
            .unwrap_or_default();
        let fault = |fault| fault_of_raw(name, fault);
        let utf8 = str::from_utf8(name).map_err(|_| fault(FileFault::NotUtf8))?;
        let method = check_header(header).map_err(fault)?;
        extra::check(extra).map_err(fault)?;
        self.add_name(utf8, header.flags).map_err(fault)?;
        self.check_limits()?;
        Ok(OpenFile {
            name: utf8.into(),
            header,
            method,
            offset,
        })
    }

    /// What the content of a file may be, and whether it is the go.mod.
    pub(super) fn bounds(&self, file: &OpenFile) -> (Method, Bounds, bool) {
        let path = self.path_of(&file.name);
        let own = match path {
            name::GO_MOD => Some(self.limits.go_mod_bytes),
            name::LICENSE => Some(self.limits.license_bytes),
            _ => None,
        };
        let sizes = (file.header.compressed.into(), file.header.size.into());
        let bounds = Bounds {
            declared: (!file.header.has_descriptor()).then_some(sizes),
            own,
            left: self.limits.content_bytes.saturating_sub(self.content_bytes),
            total: self.limits.content_bytes,
        };
        (file.method, bounds, path == name::GO_MOD)
    }

    /// Takes what was measured of a file, and compares it with its header if that has sizes.
    pub(super) fn measured(
        &mut self,
        file: OpenFile,
        measured: Measured,
    ) -> Result<File, ModZipError> {
        self.content_bytes = self.content_bytes.saturating_add(measured.size);
        if measured.kept.is_some() {
            self.go_mod = measured.kept;
        }
        let file = File {
            name: file.name,
            header: file.header,
            offset: file.offset,
            compressed: measured.compressed,
            size: measured.size,
            crc32: measured.crc32,
            sha256: measured.sha256,
        };
        if !file.header.has_descriptor() {
            let Header {
                crc32,
                compressed,
                size,
                ..
            } = file.header;
            file.compare(Place::LocalHeader, crc32, compressed, size)?;
        }
        Ok(file)
    }

    pub(super) fn push(&mut self, file: File) {
        self.files.push(file);
    }

    pub(super) fn get(&self, index: usize) -> Option<&File> {
        self.files.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &File> {
        self.files.iter()
    }

    /// The path of a file below the module's root.
    pub(super) fn path<'f>(&self, file: &'f File) -> &'f str {
        self.path_of(&file.name)
    }

    pub(super) fn go_mod(&self) -> Option<&[u8]> {
        self.go_mod.as_deref()
    }

    pub(super) fn h1(&self) -> Result<H1, DirHashError> {
        H1::of_files(self.files.iter().map(|file| (&*file.name, file.sha256)))
    }

    /// Gives up what only a list that grows needs.
    pub(super) fn close(&mut self) {
        self.paths = Paths::default();
    }

    fn path_of<'n>(&self, name: &'n str) -> &'n str {
        name.strip_prefix(&*self.prefix).unwrap_or(name)
    }

    fn add_name(&mut self, name: &str, flags: u16) -> Result<(), FileFault> {
        if !name.is_ascii() && flags & flag::UTF8 == 0 {
            return Err(FileFault::NoUtf8Flag);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(FileFault::NameTooLong(name.len()));
        }
        let Some(path) = name.strip_prefix(&*self.prefix) else {
            return Err(FileFault::Prefix(Quoted::new(&self.prefix)));
        };
        if path.is_empty() || path.ends_with('/') {
            return Err(FileFault::Folder);
        }
        name::check(path)?;
        self.names_bytes = self.names_bytes.saturating_add(name.len());
        self.paths.add_file(path)
    }

    fn check_limits(&self) -> Result<(), ModZipError> {
        if self.paths.len() > self.limits.paths {
            let limit = self.limits.paths;
            return Err(ModZipError::TooManyPaths { limit });
        }
        if self.names_bytes > self.limits.names_bytes {
            let limit = self.limits.names_bytes;
            return Err(ModZipError::NamesTooLong { limit });
        }
        Ok(())
    }
}

impl File {
    /// Compares the content with its data descriptor.
    pub(super) fn check_descriptor(&self, told: Descriptor) -> Result<(), ModZipError> {
        self.compare(
            Place::DataDescriptor,
            told.crc32,
            told.compressed,
            told.size,
        )
    }

    /// Compares the content with what some place says of it.
    pub(super) fn compare(
        &self,
        place: Place,
        crc32: u32,
        compressed: u32,
        size: u32,
    ) -> Result<(), ModZipError> {
        self.same(place, Field::Compressed, compressed.into(), self.compressed)?;
        self.same(place, Field::Size, size.into(), self.size)?;
        self.same(place, Field::Crc32, crc32.into(), self.crc32.into())
    }

    pub(super) fn same(
        &self,
        place: Place,
        field: Field,
        told: u64,
        found: u64,
    ) -> Result<(), ModZipError> {
        if told == found {
            return Ok(());
        }
        Err(self.fault(FileFault::Untrue {
            place,
            field,
            told,
            found,
        }))
    }

    pub(super) fn fault(&self, fault: FileFault) -> ModZipError {
        fault_of_raw(self.name.as_bytes(), fault)
    }
}

impl OpenFile {
    pub(super) fn fault(&self, fault: FileFault) -> ModZipError {
        fault_of_raw(self.name.as_bytes(), fault)
    }
}

impl Header {
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & flag::DATA_DESCRIPTOR != 0
    }
}

fn fault_of_raw(name: &[u8], fault: FileFault) -> ModZipError {
    ModZipError::File {
        name: Quoted::new(&String::from_utf8_lossy(name)),
        fault,
    }
}

/// What a header says without its name.
fn check_header(header: Header) -> Result<Method, FileFault> {
    check_flags(header.flags)?;
    if header.version_needed > MAX_VERSION_NEEDED {
        return Err(FileFault::Version(header.version_needed));
    }
    if header.compressed == ELSEWHERE_32 || header.size == ELSEWHERE_32 {
        return Err(FileFault::Zip64);
    }
    let method = match header.method {
        0 => Method::Stored,
        8 => Method::Deflate,
        other => return Err(FileFault::Method(other)),
    };
    if header.has_descriptor() {
        if method == Method::Stored {
            return Err(FileFault::StoredWithDescriptor);
        }
        if (header.crc32, header.compressed, header.size) != (0, 0, 0) {
            return Err(FileFault::TwoSizes);
        }
    }
    Ok(method)
}

fn check_flags(flags: u16) -> Result<(), FileFault> {
    const KNOWN: u16 = flag::DEFLATE_EFFORT | flag::DATA_DESCRIPTOR | flag::UTF8;
    if flags & flag::ENCRYPTED != 0 {
        return Err(FileFault::Encrypted);
    }
    if flags & flag::PATCHED_DATA != 0 {
        return Err(FileFault::PatchedData);
    }
    if flags & !KNOWN != 0 {
        return Err(FileFault::Flags(flags));
    }
    Ok(())
}
