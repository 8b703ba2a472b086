//! Why an archive is not a module zip.

use crate::golang::dirhash::DirHashError;
use crate::golang::quoted::Quoted;
use crate::golang::version::Version;

/// Why an archive is not a module zip. Each variant is one cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModZipError {
    /// Zips are of canonical versions alone.
    #[error("version {version} has no zip of its own: it is a short form of {canonical}")]
    NotCanonical {
        /// The version asked for.
        version: Version,
        /// The one that Go would ask for.
        canonical: Version,
    },
    /// The first bytes are of something else: an error page, for example.
    #[error("it does not begin as a zip does: the server sent something else")]
    NotAZip,
    /// Bytes that belong to nothing: another reader could begin somewhere else.
    #[error("at byte {offset}, where {expected} has to begin, is something else")]
    NoRecord {
        /// Where.
        offset: u64,
        /// What could have been there.
        expected: &'static str,
    },
    /// The bytes ended too early.
    #[error("the zip ends after {bytes} bytes, inside {inside}: the download was cut off")]
    Truncated {
        /// How many bytes there were.
        bytes: u64,
        /// What is not complete.
        inside: Part,
    },
    /// Bytes after the end record.
    #[error("the zip goes on after its end record, at byte {offset}")]
    TrailingData {
        /// Where the end record ended.
        offset: u64,
    },
    /// Over [`Limits::archive_bytes`](super::Limits::archive_bytes).
    #[error("the zip is larger than {limit} bytes, which is the most that Go takes")]
    ArchiveTooLarge {
        /// The limit.
        limit: u64,
    },
    /// Over [`Limits::paths`](super::Limits::paths).
    #[error("the zip has more than {limit} files and folders, which is the most that is read")]
    TooManyPaths {
        /// The limit.
        limit: usize,
    },
    /// Over [`Limits::names_bytes`](super::Limits::names_bytes).
    #[error("the names of the files have more than {limit} bytes, which is the most that is read")]
    NamesTooLong {
        /// The limit.
        limit: usize,
    },
    /// Something about one file.
    #[error("file {name} {fault}")]
    File {
        /// Its whole name in the archive.
        name: Quoted,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// The central directory has another file in this place, or the same files in another order.
    #[error("the central directory lists {listed} where the archive has {file}")]
    OtherName {
        /// The name in the directory.
        listed: Quoted,
        /// The name before the content.
        file: Quoted,
    },
    /// The central directory goes on after the last file.
    #[error("the central directory lists {listed}, which is not in the archive")]
    ListedOnly {
        /// The name in the directory.
        listed: Quoted,
    },
    /// The central directory ends before the last file.
    #[error("the central directory does not list {file}, which is in the archive")]
    NotListed {
        /// The name before the content.
        file: Quoted,
    },
    /// An end record has a wrong number.
    #[error("the zip's end record says {told} for {field}, and it is {found}")]
    EndUntrue {
        /// Which number.
        field: EndField,
        /// What the record says.
        told: u64,
        /// What is there.
        found: u64,
    },
    /// The archive is one part of several.
    #[error("the zip says that it goes over several disks: a module's zip is one file")]
    SeveralDisks,
    /// A comment could hold another end record.
    #[error("the zip has a comment of {bytes} bytes, in which another archive could be hidden")]
    Comment {
        /// Its length.
        bytes: u16,
    },
    /// A 64-bit end record that the number of files does not ask for.
    #[error("the zip has a 64-bit end record for {files} files, which need none")]
    Zip64Needless {
        /// How many files there are.
        files: u64,
    },
    /// No 64-bit end record, though the number of files asks for it.
    #[error("the zip has no 64-bit end record, which {files} files need")]
    Zip64Missing {
        /// How many files there are.
        files: u64,
    },
    /// A 64-bit end record with data of its own.
    #[error("the zip's 64-bit end record has {bytes} bytes, and not 44")]
    Zip64Length {
        /// What it says of its length.
        bytes: u64,
    },
    /// The list of files has no hash. The names that are let pass always have one.
    #[error(transparent)]
    NoHash(#[from] DirHashError),
    /// The archive asks for a newer reader.
    #[error("the zip needs version {0} of the format: module zips need no more than 45 (4.5)")]
    Version(u16),
}

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    // The name.
    /// No UTF-8.
    #[error("has a name that is not UTF-8")]
    NotUtf8,
    /// UTF-8 that other readers would take for code page 437.
    #[error("has a name of more than ASCII without the flag that says that it is UTF-8")]
    NoUtf8Flag,
    /// The file is not in the module's folder.
    #[error("is not below {0}, where all files of this module have to be")]
    Prefix(Quoted),
    /// An entry for a folder: Go hashes it like a file, and unpacks nothing.
    #[error("is a folder: module zips have files alone")]
    Folder,
    /// Over [`MAX_NAME_BYTES`](super::MAX_NAME_BYTES).
    #[error("has a name of {0} bytes: no system has so long paths")]
    NameTooLong(usize),
    /// Two slashes in a row, or one in front.
    #[error("has an empty element in its path")]
    EmptyElement,
    /// `.`, `..` and so on.
    #[error("has an element of dots alone in its path")]
    DotElement,
    /// Windows would drop the dot.
    #[error("has an element that ends in a dot in its path")]
    TrailingDot,
    /// A character that Go does not let pass in names of files.
    #[error("has the character {0:?} in its path, which Go does not allow there")]
    Character(char),
    /// `con`, `aux.go` and so on.
    #[error("has a name in its path that Windows keeps for a device")]
    ReservedName,
    /// `GO.MOD`, `Go.mod` and so on.
    #[error("is go.mod in other letters: it must be lower-case")]
    GoModCase,
    /// Below the root begins another module.
    #[error("is the go.mod of another module: it can only be at the root")]
    GoModNested,
    /// A name twice.
    #[error("is in the zip twice")]
    Twice,
    /// Two names that are one where case does not count.
    #[error("differs from {0} in case alone: they are one on many systems")]
    CaseCollision(Quoted),
    /// One path that is a file and a folder.
    #[error("has a path that is a file and a folder in this zip")]
    FileAndFolder,

    // The header.
    /// Encrypted content, or an encrypted directory.
    #[error("is encrypted")]
    Encrypted,
    /// A patch for content that is somewhere else.
    #[error("is a patch and not a file")]
    PatchedData,
    /// A flag without a meaning for a module.
    #[error("has flags {0:#06x}: no more than 0x080e has a meaning in a module zip")]
    Flags(u16),
    /// Neither stored nor deflate.
    #[error("is compressed with method {0}: Go knows 0 (stored) and 8 (deflate)")]
    Method(u16),
    /// A newer format.
    #[error("needs version {0} of the zip format: module zips need no more than 45 (4.5)")]
    Version(u16),
    /// Sizes stand before the content and after it.
    #[error("has a data descriptor and yet a CRC-32 or sizes before its content")]
    TwoSizes,
    /// Nobody could tell where the content ends.
    #[error("is stored with a data descriptor: where it ends depends on the reader")]
    StoredWithDescriptor,
    /// Sizes in 64 bits, which no file below Go's limits needs.
    #[error("has 64-bit sizes, which no file in a module zip needs")]
    Zip64,
    /// An extra field that could give the file another name, content or kind.
    #[error("has the extra field {0:#06x}, which could change its meaning for another reader")]
    Extra(u16),
    /// Extra fields whose lengths do not add up.
    #[error("has extra fields whose lengths do not add up")]
    ExtraMalformed,

    // The content.
    /// What is there does not inflate.
    #[error("does not inflate: its compressed data is damaged")]
    Deflate,
    /// The compressed data ends and the deflate stream does not.
    #[error("has compressed data that ends too early")]
    DeflateUnfinished,
    /// The deflate stream ends and the compressed data does not.
    #[error("has {0} bytes after the end of its compressed data")]
    AfterDeflate(u64),
    /// Inflating it was stopped.
    #[error("has more than the {0} bytes that it is said to have")]
    LargerThanDeclared(u64),
    /// Over Go's limit for a go.mod or LICENSE.
    #[error("has more than {0} bytes, which is the most that Go takes for it")]
    TooLarge(u64),
    /// Over [`Limits::content_bytes`](super::Limits::content_bytes).
    #[error("makes the content of the zip larger than {0} bytes, which is the most that Go takes")]
    ContentTooLarge(u64),

    // What is said of it.
    /// Two places say different things, or one of them says what is not so.
    #[error("has {field} {found}, and {place} says {told}")]
    Untrue {
        /// Who says it.
        place: Place,
        /// About what.
        field: Field,
        /// What is said.
        told: u64,
        /// What is so.
        found: u64,
    },
    /// A comment in the central directory.
    #[error("has a comment, in which other data could be hidden")]
    Comment,
    /// On another disk.
    #[error("is said to be on another disk")]
    OtherDisk,
    /// A link, a device, a folder by its Unix mode.
    #[error("is no regular file: its Unix mode is {0:#o}")]
    Mode(u16),
    /// A folder, volume or link by its MS-DOS attributes.
    #[error("is no regular file: its MS-DOS attributes are {0:#x}")]
    Attributes(u16),
}

/// Where something is said about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the content.
    LocalHeader,
    /// After the content.
    DataDescriptor,
    /// At the end of the archive.
    CentralDirectory,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LocalHeader => "the header before it",
            Self::DataDescriptor => "its data descriptor",
            Self::CentralDirectory => "the central directory",
        })
    }
}

/// What is said about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Version of the format that it needs.
    VersionNeeded,
    /// General purpose flags.
    Flags,
    /// Compression method.
    Method,
    /// Date and time in MS-DOS's form.
    Modified,
    /// CRC-32 of the content.
    Crc32,
    /// Length of the compressed data.
    Compressed,
    /// Length of the content.
    Size,
    /// Where its header begins.
    Offset,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::VersionNeeded => "version needed",
            Self::Flags => "flags",
            Self::Method => "method",
            Self::Modified => "time",
            Self::Crc32 => "CRC-32",
            Self::Compressed => "compressed size",
            Self::Size => "size",
            Self::Offset => "offset",
        })
    }
}

/// What an end record says about the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndField {
    /// How many files the central directory lists.
    Files,
    /// How many of them on this disk.
    FilesOnDisk,
    /// Length of the central directory.
    DirectoryBytes,
    /// Where the central directory begins.
    DirectoryOffset,
    /// Where the 64-bit end record begins.
    Zip64EndOffset,
}

impl std::fmt::Display for EndField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Files => "the number of files",
            Self::FilesOnDisk => "the number of files on this disk",
            Self::DirectoryBytes => "the length of the central directory",
            Self::DirectoryOffset => "the offset of the central directory",
            Self::Zip64EndOffset => "the offset of the 64-bit end record",
        })
    }
}

/// What a zip that was cut off was cut off in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Between two files, or before the first.
    Files,
    /// A local header.
    LocalHeader,
    /// A file's content.
    Content,
    /// A data descriptor.
    DataDescriptor,
    /// The central directory.
    CentralDirectory,
    /// One of the end records.
    EndRecord,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Files => "the list of files",
            Self::LocalHeader => "the header of a file",
            Self::Content => "the content of a file",
            Self::DataDescriptor => "a data descriptor",
            Self::CentralDirectory => "the central directory",
            Self::EndRecord => "the end record",
        })
    }
}
