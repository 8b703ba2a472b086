//! The archive as it arrives: which record follows which.

use std::mem;

use super::checked::CheckedZip;
use super::content::Content;
use super::directory::Directory;
use super::error::{ModZipError, Part};
use super::files::{File, FileList, OpenFile};
use super::limits::Limits;
use super::records::{
    CENTRAL_FILE, CentralHeader, DATA_DESCRIPTOR, Descriptor, END, EndRecord, Header, LOCAL_FILE,
    SIGNATURE_BYTES, ZIP64_END, ZIP64_LOCATOR, Zip64End, Zip64Locator,
};
use crate::golang::module::ModuleVersion;

/// Reads a module zip whose bytes are pushed as they arrive.
pub struct ModZipHasher {
    limits: Limits,
    /// How many bytes were taken.
    position: u64,
    /// Where the record that is being read begins.
    record_offset: u64,
    state: State,
    /// What has come of the record that is being read.
    gathered: Vec<u8>,
    content: Content,
    files: FileList,
    directory: Directory,
    refusal: Option<ModZipError>,
}

/// What comes next.
enum State {
    /// The signature of a file or of the central directory.
    FileOrDirectory,
    LocalHeader,
    LocalName(Header),
    Content(OpenFile),
    /// The signature of a data descriptor, or its CRC-32.
    DescriptorStart(File),
    Descriptor {
        file: File,
        /// What is its CRC-32 if it was no signature.
        start: Option<[u8; SIGNATURE_BYTES]>,
    },
    /// The signature of the next record of the central directory or of an end record.
    DirectoryOrEnd,
    CentralHeader,
    CentralName(CentralHeader),
    Zip64End,
    LocatorSignature,
    Zip64Locator,
    EndSignature,
    End,
    Complete,
}

impl ModZipHasher {
    /// A reader for the zip of one module version.
    ///
    /// # Errors
    /// [`ModZipError::NotCanonical`] for a version that has no zip of its own, such as `v1`.
    pub fn new(module: &ModuleVersion, limits: Limits) -> Result<Self, ModZipError> {
        let canonical = module.version().canonical();
        if canonical != *module.version() {
            return Err(ModZipError::NotCanonical {
                version: module.version().clone(),
                canonical,
            });
        }
        Ok(Self {
            limits,
            position: 0,
            record_offset: 0,
            state: State::FileOrDirectory,
            gathered: Vec::new(),
            content: Content::new(),
            files: FileList::new(module, limits),
            directory: Directory::default(),
            refusal: None,
        })
    }

    /// Takes the next bytes of the archive, as many as there are.
    ///
    /// # Errors
    /// [`ModZipError`] as soon as the archive cannot become a module zip any more, and the same
    /// one for ever after.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ModZipError> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let pushed = self.read(bytes);
        if let Err(refusal) = &pushed {
            self.refusal = Some(refusal.clone());
        }
        pushed
    }

    /// The verdict when all bytes were pushed.
    ///
    /// # Errors
    /// What [`push`](Self::push) refused, or [`ModZipError::Truncated`].
    pub fn finish(mut self) -> Result<CheckedZip, ModZipError> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        if let Some(inside) = self.state.part() {
            return Err(ModZipError::Truncated {
                bytes: self.position,
                inside,
            });
        }
        self.files.close();
        Ok(CheckedZip {
            h1: self.files.h1()?,
            files: self.files,
            archive_bytes: self.position,
        })
    }

    fn read(&mut self, mut bytes: &[u8]) -> Result<(), ModZipError> {
        self.check_archive_bytes(bytes)?;
        while !bytes.is_empty() {
            (self.state, bytes) = match mem::replace(&mut self.state, State::Complete) {
                State::Complete => {
                    let offset = self.position;
                    return Err(ModZipError::TrailingData { offset });
                }
                State::Content(file) => self.read_content(file, bytes)?,
                state => self.read_record(state, bytes)?,
            };
        }
        Ok(())
    }

    fn check_archive_bytes(&self, more: &[u8]) -> Result<(), ModZipError> {
        let limit = self.limits.archive_bytes;
        if self.position.saturating_add(length(more)) > limit {
            return Err(ModZipError::ArchiveTooLarge { limit });
        }
        Ok(())
    }

    /// Returns the next state and the bytes that are not of the content.
    fn read_content<'b>(
        &mut self,
        file: OpenFile,
        bytes: &'b [u8],
    ) -> Result<(State, &'b [u8]), ModZipError> {
        let taken = self.content.take(bytes);
        let (rest, complete) = taken.map_err(|fault| file.fault(fault))?;
        let taken = length(bytes).saturating_sub(length(rest));
        self.position = self.position.saturating_add(taken);
        if !complete {
            return Ok((State::Content(file), rest));
        }
        let file = self.files.measured(file, self.content.end())?;
        if file.header.has_descriptor() {
            return Ok((State::DescriptorStart(file), rest));
        }
        self.files.push(file);
        Ok((State::FileOrDirectory, rest))
    }

    /// Returns the next state and the bytes that are not of the record.
    fn read_record<'b>(
        &mut self,
        state: State,
        bytes: &'b [u8],
    ) -> Result<(State, &'b [u8]), ModZipError> {
        if self.gathered.is_empty() && state.record_bytes() == SIGNATURE_BYTES {
            self.record_offset = self.position;
        }
        let missing = state.record_bytes().saturating_sub(self.gathered.len());
        let (mine, rest) = bytes.split_at(missing.min(bytes.len()));
        self.position = self.position.saturating_add(length(mine));
        self.gathered.extend_from_slice(mine);
        if self.gathered.len() < state.record_bytes() {
            return Ok((state, rest));
        }
        let mut record = mem::take(&mut self.gathered);
        let next = self.step(state, &record)?;
        record.clear();
        self.gathered = record;
        Ok((next, rest))
    }

    /// What follows a record that is complete.
    fn step(&mut self, state: State, record: &[u8]) -> Result<State, ModZipError> {
        let inside = state.part().unwrap_or(Part::EndRecord);
        let bytes = self.position;
        let cut = ModZipError::Truncated { bytes, inside };
        match state {
            State::LocalHeader => {
                let header = Header::parse(record).ok_or(cut)?;
                Ok(State::LocalName(header))
            }
            State::LocalName(header) => self.begin_content(header, record),
            State::DescriptorStart(file) => Ok(State::Descriptor {
                file,
                start: record
                    .try_into()
                    .ok()
                    .filter(|start| *start != DATA_DESCRIPTOR),
            }),
            State::Descriptor { file, start } => {
                let whole = [start.as_ref().map_or(&[][..], <[u8; 4]>::as_slice), record].concat();
                file.check_descriptor(Descriptor::parse(&whole).ok_or(cut)?)?;
                self.files.push(file);
                Ok(State::FileOrDirectory)
            }
            State::CentralHeader => {
                let central = CentralHeader::parse(record).ok_or(cut)?;
                Ok(State::CentralName(central))
            }
            State::CentralName(central) => {
                self.directory.check_file(central, record, &self.files)?;
                Ok(State::DirectoryOrEnd)
            }
            State::Zip64End => {
                let end = Zip64End::parse(record).ok_or(cut)?;
                self.directory.check_zip64_end(end, self.record_offset)?;
                Ok(State::LocatorSignature)
            }
            State::Zip64Locator => {
                let locator = Zip64Locator::parse(record).ok_or(cut)?;
                self.directory.check_zip64_locator(locator)?;
                Ok(State::EndSignature)
            }
            State::End => {
                let end = EndRecord::parse(record).ok_or(cut)?;
                self.directory.check_end(end, self.record_offset)?;
                Ok(State::Complete)
            }
            state => self.step_signature(state, record),
        }
    }

    fn begin_content(&mut self, header: Header, tail: &[u8]) -> Result<State, ModZipError> {
        let file = self.files.open(header, tail, self.record_offset)?;
        let (method, bounds, keep) = self.files.bounds(&file);
        let begun = self.content.begin(method, bounds, keep);
        begun.map_err(|fault| file.fault(fault))?;
        // An empty file that is stored is complete before the next byte.
        let (next, _) = self.read_content(file, &[])?;
        Ok(next)
    }

    /// Which record a signature begins, and whether one may begin here.
    fn step_signature(&mut self, state: State, signature: &[u8]) -> Result<State, ModZipError> {
        let signature: [u8; SIGNATURE_BYTES] = signature.try_into().unwrap_or_default();
        let offset = self.record_offset;
        match (state, signature) {
            (State::FileOrDirectory, LOCAL_FILE) => Ok(State::LocalHeader),
            (State::FileOrDirectory | State::DirectoryOrEnd, CENTRAL_FILE) => {
                self.directory.begin_file(offset);
                Ok(State::CentralHeader)
            }
            (State::FileOrDirectory | State::DirectoryOrEnd, END) => {
                self.directory.end(offset, &self.files)?;
                Ok(State::End)
            }
            (State::FileOrDirectory | State::DirectoryOrEnd, ZIP64_END) => {
                self.directory.end(offset, &self.files)?;
                Ok(State::Zip64End)
            }
            (State::LocatorSignature, ZIP64_LOCATOR) => Ok(State::Zip64Locator),
            (State::EndSignature, END) => Ok(State::End),
            _ if offset == 0 => Err(ModZipError::NotAZip),
            (state, _) => Err(ModZipError::NoRecord {
                offset,
                expected: state.expected(),
            }),
        }
    }
}

impl State {
    /// How many bytes the state waits for, if it is not for content.
    fn record_bytes(&self) -> usize {
        match self {
            Self::LocalHeader => Header::BYTES,
            Self::LocalName(header) => header.tail_bytes(),
            Self::Descriptor { start: None, .. } => Descriptor::BYTES,
            Self::Descriptor { start: Some(_), .. } => Descriptor::UNSIGNED_REST_BYTES,
            Self::CentralHeader => CentralHeader::BYTES,
            Self::CentralName(central) => central.tail_bytes(),
            Self::Zip64End => Zip64End::BYTES,
            Self::Zip64Locator => Zip64Locator::BYTES,
            Self::End => EndRecord::BYTES,
            Self::FileOrDirectory
            | Self::DescriptorStart(_)
            | Self::DirectoryOrEnd
            | Self::LocatorSignature
            | Self::EndSignature => SIGNATURE_BYTES,
            Self::Content(_) | Self::Complete => 0,
        }
    }

    /// What is not complete if the bytes end here.
    fn part(&self) -> Option<Part> {
        match self {
            Self::FileOrDirectory => Some(Part::Files),
            Self::LocalHeader | Self::LocalName(_) => Some(Part::LocalHeader),
            Self::Content(_) => Some(Part::Content),
            Self::DescriptorStart(_) | Self::Descriptor { .. } => Some(Part::DataDescriptor),
            Self::DirectoryOrEnd | Self::CentralHeader | Self::CentralName(_) => {
                Some(Part::CentralDirectory)
            }
            Self::Zip64End
            | Self::LocatorSignature
            | Self::Zip64Locator
            | Self::EndSignature
            | Self::End => Some(Part::EndRecord),
            Self::Complete => None,
        }
    }

    /// What a signature has to be of.
    fn expected(&self) -> &'static str {
        match self {
            Self::FileOrDirectory => "a file or the central directory",
            Self::LocatorSignature => "the locator of the 64-bit end record",
            Self::EndSignature => "the end record",
            _ => "the next file of the central directory or the end record",
        }
    }
}

impl std::fmt::Debug for ModZipHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModZipHasher")
            .field("position", &self.position)
            .field("files", &self.files.len())
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
