//! go.sum: the hashes that a project has recorded for its modules.
//!
//! Source: cmd/go/internal/modfetch, `readGoSum`, for how lines are split; the fields are checked
//! where Go would only compare them.

use std::fmt;
use std::ops::Range;

use super::dirhash::{H1, H1Error};
use super::module::{ModuleError, ModulePath, ModuleVersion};
use super::quoted::Quoted;
use super::version::Version;

/// The largest file that is read, in bytes.
///
/// A hundred times the largest go.sum that is known; beyond it the entries alone would take more
/// memory than the whole program may.
pub const MAX_GO_SUM_BYTES: usize = 100_000_000;

/// The longest line that is looked into, in bytes, its end not counted.
///
/// A hundred times the longest line that a real module makes. It keeps a file that is one line
/// without end from being split, decoded and quoted.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// How many malformed lines are kept; those beyond are counted.
///
/// A file of 50 million lines of one letter would else become gigabytes of findings that nobody
/// would read.
pub const MAX_MALFORMED_KEPT: usize = 10_000;

/// The most well-formed lines that a go.sum may have.
///
/// More than [`MAX_GO_SUM_BYTES`] can hold of lines with real hashes. Ten million lines of twelve
/// bytes, each with an invented algorithm, would else take gigabytes.
pub const MAX_ENTRIES: usize = 2_000_000;

/// A go.sum, each line with its place. It does not keep the text: see [`line_text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoSum {
    /// The well-formed lines in the order of the file, repeated ones included.
    pub lines: Vec<GoSumLine>,
    /// The malformed lines in the order of the file, at most [`MAX_MALFORMED_KEPT`].
    pub malformed: Vec<MalformedLine>,
    /// How many malformed lines there are beyond those kept.
    pub malformed_left_out: usize,
    /// How many lines are blank.
    pub blank_lines: usize,
}

/// One well-formed line: the hash of one file of one module version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoSumLine {
    /// The module version.
    pub module: ModuleVersion,
    /// Which file of it the hash is of.
    pub kind: Kind,
    /// The hash.
    pub hash: LineHash,
    /// The number of the line, from 1.
    pub line: usize,
    /// Where the module path begins, in characters from 1.
    pub module_column: usize,
    /// Where the hash begins, in characters from 1.
    pub hash_column: usize,
    /// Where the line lies in the file, without its end.
    pub bytes: Range<usize>,
}

/// Which file of a module version a hash is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The module zip.
    Zip,
    /// The go.mod alone: the version has `/go.mod` after it.
    GoMod,
}

/// The hash field of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineHash {
    /// The one algorithm that exists today.
    H1(H1),
    /// An algorithm that this program does not know, as in `h2:…`.
    Unsupported {
        /// What stands before the colon: a small letter, then small letters and digits.
        algorithm: String,
        /// The whole field, as it stands in the file.
        text: String,
    },
}

/// A line that is not blank and no entry of a go.sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// Where the fault is, in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: LineError,
    /// Where the line lies in the file, without its end.
    pub bytes: Range<usize>,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is longer than any that is looked into.
    #[error("the line has {found} bytes, more than the {MAX_LINE_BYTES} that are looked into")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// The line is not UTF-8.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// The file begins with the mark that some editors on Windows write.
    #[error("the file begins with a byte-order mark: save it as UTF-8 without one")]
    ByteOrderMark,
    /// A NUL byte.
    #[error("the line has a NUL byte in it")]
    Nul,
    /// Not three fields.
    #[error("the line has {found} fields where go.sum has three: module, version, hash")]
    FieldCount {
        /// How many there are.
        found: usize,
    },
    /// Module path or version is malformed, or they do not belong together.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The third field does not say how the hash was made.
    #[error("hash {0} does not begin with its algorithm as in \"h1:\"")]
    NoAlgorithm(Quoted),
    /// An `h1:` hash is malformed.
    #[error(transparent)]
    Hash(#[from] H1Error),
}

/// Why a file is no go.sum at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotGoSum {
    /// The file is larger than any that is read.
    #[error("the file has {found} bytes, more than the {MAX_GO_SUM_BYTES} that a go.sum may have")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
    },
    /// There are more entries than real ones could be.
    #[error("the file has more than the {limit} entries that a go.sum may have")]
    TooManyEntries {
        /// How many there may be.
        limit: usize,
    },
    /// There is text, and no line that resembles one of a go.sum.
    #[error(
        "no line of the file resembles one of a go.sum (module, version, hash): line {line} \
         begins {start}"
    )]
    NoLineAlike {
        /// The first line that is not blank, from 1.
        line: usize,
        /// How it begins.
        start: Quoted,
    },
}

impl GoSum {
    /// Reads a go.sum. As tolerant as Go with white space, line ends and repeated lines; a
    /// malformed line does not stop the others.
    ///
    /// # Errors
    /// [`NotGoSum`] if the file is too large or has too many entries, or if there is text and in
    /// no line at least two of: exactly three fields, a second field that begins with `v`, a third
    /// field that begins with an algorithm and a colon.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotGoSum> {
        Self::parse_within(MAX_ENTRIES, bytes)
    }

    fn parse_within(max_entries: usize, bytes: &[u8]) -> Result<Self, NotGoSum> {
        if bytes.len() > MAX_GO_SUM_BYTES {
            let found = bytes.len();
            return Err(NotGoSum::TooLarge { found });
        }
        let mut sum = Self {
            lines: Vec::new(),
            malformed: Vec::new(),
            malformed_left_out: 0,
            blank_lines: 0,
        };
        let mut resembles_go_sum = false;
        for line in lines(bytes) {
            let previous = sum.lines.last().map(|entry| &entry.module);
            match read_line(&line, previous) {
                Ok(None) => sum.blank_lines = sum.blank_lines.saturating_add(1),
                Ok(Some(_)) if sum.lines.len() >= max_entries => {
                    return Err(NotGoSum::TooManyEntries { limit: max_entries });
                }
                Ok(Some(entry)) => {
                    resembles_go_sum = true;
                    sum.lines.push(entry);
                }
                Err(malformed) => {
                    resembles_go_sum = resembles_go_sum || resembles_an_entry(line.text);
                    if sum.malformed.len() < MAX_MALFORMED_KEPT {
                        sum.malformed.push(malformed);
                    } else {
                        sum.malformed_left_out = sum.malformed_left_out.saturating_add(1);
                    }
                }
            }
        }
        match sum.malformed.first() {
            Some(first) if !resembles_go_sum => Err(NotGoSum::NoLineAlike {
                line: first.line,
                start: quoted_start(bytes.get(first.bytes.clone()).unwrap_or_default()),
            }),
            _ => Ok(sum),
        }
    }
}

/// The text of a line, by its number from 1, without its end; empty if there is no such line.
#[must_use]
pub fn line_text(bytes: &[u8], line: usize) -> &[u8] {
    let index = line.checked_sub(1);
    let line = index.and_then(|index| lines(bytes).nth(index));
    line.map(|line| line.text).unwrap_or_default()
}

impl Kind {
    /// `zip` or `go.mod`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::GoMod => "go.mod",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl LineHash {
    /// Reads the hash field of a line.
    ///
    /// # Errors
    /// [`LineError::NoAlgorithm`] if it does not say how it was made, [`LineError::Hash`] if it is
    /// an `h1:` hash and malformed.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        if text.starts_with("h1:") {
            return Ok(Self::H1(H1::parse(text)?));
        }
        match algorithm(text) {
            Some(algorithm) => Ok(Self::Unsupported {
                algorithm: algorithm.to_owned(),
                text: text.to_owned(),
            }),
            None => Err(LineError::NoAlgorithm(Quoted::new(text))),
        }
    }
}

impl fmt::Display for LineHash {
    /// The field as it stands in the file; that of an unknown algorithm is outside text and has to
    /// be escaped before it reaches a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::H1(hash) => hash.fmt(f),
            Self::Unsupported { text, .. } => f.write_str(text),
        }
    }
}

/// What stands before the colon, if it has the form of an algorithm's name.
fn algorithm(hash: &str) -> Option<&str> {
    let (name, _) = hash.split_once(':')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    is_name.then_some(name)
}

/// A line and its place.
struct Line<'a> {
    number: usize,
    start: usize,
    text: &'a [u8],
}

impl Line<'_> {
    fn bytes(&self) -> Range<usize> {
        self.start..self.start.saturating_add(self.text.len())
    }
}

/// The lines of a file, which end in a line feed as for Go; a carriage return before it is left
/// out of the text, and would count as white space.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut rest = bytes;
    let with_ends = std::iter::from_fn(move || {
        let end = position(rest, |b| b == b'\n').map_or(rest.len(), |at| at.saturating_add(1));
        let (line, after) = rest.split_at_checked(end)?;
        rest = after;
        (!line.is_empty()).then_some(line)
    });
    with_ends
        .zip(1_usize..)
        .scan(0_usize, |end, (text, number)| {
            let start = *end;
            *end = start.saturating_add(text.len());
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            Some(Line {
                number,
                start,
                text,
            })
        })
}

/// Reads one line; nothing, if it is blank.
fn read_line(
    line: &Line<'_>,
    previous: Option<&ModuleVersion>,
) -> Result<Option<GoSumLine>, MalformedLine> {
    let malformed = |column, reason| MalformedLine {
        line: line.number,
        column,
        reason,
        bytes: line.bytes(),
    };
    let text = as_text(line).map_err(|(column, reason)| malformed(column, reason))?;
    let fields = Fields::of(text);
    let (module, version, hash) = match fields.all {
        [None, ..] => return Ok(None),
        [Some(module), Some(version), Some(hash), None] => (module, version, hash),
        [_, _, _, fourth] => {
            let found = text.split_whitespace().count();
            let column = match fourth {
                Some(too_much) => column(text, too_much.start),
                None => column(text, text.trim_end().len()),
            };
            return Err(malformed(column, LineError::FieldCount { found }));
        }
    };

    let module_column = column(text, module.start);
    let hash_column = column(text, hash.start);
    let (version_text, kind) = match version.text.strip_suffix("/go.mod") {
        Some(version) => (version, Kind::GoMod),
        None => (version.text, Kind::Zip),
    };
    let module_version =
        read_module(module.text, version_text, previous).map_err(|error| match error {
            ModuleError::Path(_) => malformed(module_column, error.into()),
            _ => malformed(column(text, version.start), error.into()),
        })?;
    let hash = LineHash::parse(hash.text).map_err(|error| malformed(hash_column, error))?;
    Ok(Some(GoSumLine {
        module: module_version,
        kind,
        hash,
        line: line.number,
        module_column,
        hash_column,
        bytes: line.bytes(),
    }))
}

/// The line as text, or the column and the reason why it is none.
fn as_text<'a>(line: &Line<'a>) -> Result<&'a str, (usize, LineError)> {
    let found = line.text.len();
    if found > MAX_LINE_BYTES {
        return Err((1, LineError::TooLong { found }));
    }
    let text = str::from_utf8(line.text).map_err(|error| {
        let valid = line.text.get(..error.valid_up_to()).unwrap_or_default();
        let characters = String::from_utf8_lossy(valid).chars().count();
        (characters.saturating_add(1), LineError::NotUtf8)
    })?;
    if line.number == 1 && text.starts_with('\u{feff}') {
        return Err((1, LineError::ByteOrderMark));
    }
    if line.text.contains(&0) {
        let at = text.find('\0').unwrap_or_default();
        return Err((column(text, at), LineError::Nul));
    }
    Ok(text)
}

/// Reads a module version. In most files each stands in two lines, one after the other: what is
/// the same as in the line before is neither checked nor stored again.
fn read_module(
    path: &str,
    version: &str,
    previous: Option<&ModuleVersion>,
) -> Result<ModuleVersion, ModuleError> {
    let Some(previous) = previous.filter(|previous| previous.path().as_str() == path) else {
        return ModuleVersion::pair(ModulePath::parse(path)?, Version::parse(version)?);
    };
    if previous.version().as_str() == version {
        return Ok(previous.clone());
    }
    ModuleVersion::pair(previous.path().clone(), Version::parse(version)?)
}

/// A field and where it begins in its line, in bytes.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    start: usize,
}

/// The first four fields of a line: three, and one too many.
struct Fields<'a> {
    all: [Option<Field<'a>>; 4],
}

impl<'a> Fields<'a> {
    /// Splits at Unicode white space, as Go's `strings.Fields`.
    fn of(line: &'a str) -> Self {
        // Nearly every line is ASCII, where bytes are searched twice as fast as characters.
        let is_ascii = line.is_ascii();
        let mut rest = line;
        let all = [(); 4].map(|()| {
            let text = rest.trim_start();
            let start = line.len().saturating_sub(text.len());
            let end = if is_ascii {
                position(text.as_bytes(), |b| matches!(b, b'\t'..=b'\r' | b' '))
            } else {
                text.find(char::is_whitespace)
            };
            let end = end.unwrap_or(text.len());
            let (text, after) = text.split_at_checked(end)?;
            rest = after;
            (!text.is_empty()).then_some(Field { text, start })
        });
        Self { all }
    }
}

/// Where the first byte lies that is searched for. Chunks without one are passed over whole, which
/// compiles to vector instructions.
fn position(bytes: &[u8], searched: impl Fn(u8) -> bool) -> Option<usize> {
    const CHUNK_BYTES: usize = 32;
    let (chunks, _) = bytes.as_chunks::<CHUNK_BYTES>();
    let without = chunks
        .iter()
        .take_while(|chunk| !chunk.iter().fold(false, |any, b| any | searched(*b)))
        .count();
    let start = without.saturating_mul(CHUNK_BYTES);
    let at = bytes.get(start..)?.iter().position(|b| searched(*b))?;
    Some(start.saturating_add(at))
}

/// The column of a byte of a line, in characters from 1.
fn column(line: &str, at: usize) -> usize {
    let before = line.get(..at).unwrap_or(line);
    let characters = if before.is_ascii() {
        before.len()
    } else {
        before.chars().count()
    };
    characters.saturating_add(1)
}

/// Whether a malformed line could have been meant as an entry: two of the three marks.
fn resembles_an_entry(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start_of(line, MAX_LINE_BYTES));
    let fields = Fields::of(text.trim_start_matches('\u{feff}'));
    let [_, version, hash, fourth] = fields.all;
    let marks = [
        hash.is_some() && fourth.is_none(),
        version.is_some_and(|field| field.text.starts_with('v')),
        hash.and_then(|field| algorithm(field.text))
            .is_some_and(|name| name.ends_with(|c: char| c.is_ascii_digit())),
    ];
    marks.iter().filter(|mark| **mark).count() >= 2
}

fn quoted_start(line: &[u8]) -> Quoted {
    const MORE_THAN_IS_SHOWN: usize = 1000;
    Quoted::new(&String::from_utf8_lossy(start_of(line, MORE_THAN_IS_SHOWN)))
}

fn start_of(line: &[u8], length: usize) -> &[u8] {
    line.get(..length).unwrap_or(line)
}

#[cfg(test)]
mod tests;
