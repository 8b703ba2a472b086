//! Module paths, and a path and a version that belong together.

mod plain;

pub use self::plain::is_plain;
use std::fmt;
use std::sync::Arc;

use super::quoted::Quoted;
use super::version::{Version, VersionError};

/// One version of one module, such as `golang.org/x/text@v0.14.0`.
///
/// Path and version are valid each, and the version's major number is the one that the path asks
/// for: exactly what golang.org/x/mod/module's `Check` accepts. The order is that of the texts.
/// A clone costs no allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleVersion {
    path: ModulePath,
    version: Version,
}

/// A valid module path such as `golang.org/x/text` or `gopkg.in/yaml.v2`.
///
/// Exactly what golang.org/x/mod/module's `CheckPath` accepts: a domain name in lower case with a
/// dot, then elements of ASCII letters, digits and `-._~`, none of them a name that Windows
/// reserves, and a major version suffix, if any, of the right form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(Arc<str>);

/// Why a path and a version are not a version of a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// The module path is malformed.
    #[error(transparent)]
    Path(#[from] ModulePathError),
    /// The version is malformed.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// Both are well-formed and do not belong together.
    #[error("module {path} has versions {expected}, and not {found}")]
    Major {
        /// The module path.
        path: Quoted,
        /// The major versions that the path allows.
        expected: String,
        /// The version that was given.
        found: Quoted,
    },
    /// There is no `@`.
    #[error("{0} names no version: write it as in example.com/module@v1.2.3")]
    NoVersion(Quoted),
}

/// Why a text is not a module path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("module path {path} {reason}")]
pub struct ModulePathError {
    /// The text that was refused.
    pub path: Quoted,
    /// What is wrong with it.
    pub reason: ModulePathReason,
}

/// What is wrong with a text that should be a module path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ModulePathReason {
    /// The path is empty.
    #[error("is empty")]
    Empty,
    /// The path begins with `-` and would be read as an option.
    #[error("begins with '-'")]
    LeadingDash,
    /// The path begins with `/`.
    #[error("begins with '/'")]
    LeadingSlash,
    /// The path ends in `/`.
    #[error("ends in '/'")]
    TrailingSlash,
    /// An element within the path is empty.
    #[error("has two slashes in a row")]
    DoubleSlash,
    /// An element begins with a dot, as hidden files and `..` do.
    #[error("has an element that begins with a dot")]
    LeadingDot,
    /// An element ends in a dot, which Windows would drop.
    #[error("has an element that ends in a dot")]
    TrailingDot,
    /// A character other than ASCII letters, digits and `-._~`.
    #[error("has the character {0:?}, which is none of letters, digits, '-', '.', '_', '~'")]
    Character(char),
    /// An element is a name that Windows keeps for a device, such as `con` or `aux.go`.
    #[error("has an element that is a reserved name on Windows")]
    ReservedName,
    /// An element ends in a tilde and digits, as short names on Windows do.
    #[error("has an element that ends in '~' and digits, as a short name on Windows does")]
    TildeDigits,
    /// The first element is no domain name.
    #[error("has no dot in its first element: it begins with a domain name such as example.com")]
    NoDotInDomain,
    /// The first element has a character that is no lower-case letter, digit, `-` or `.`.
    #[error("has the character {0:?} in its domain name, which is of 'a' to 'z', digits, '-', '.'")]
    DomainCharacter(char),
    /// The last element looks like a major version and is not one.
    #[error("ends in no valid major version: /v2, /v3 and so on, without zeros and dots")]
    MajorSuffix,
    /// A path on gopkg.in without its `.vN`.
    #[error("ends in no major version as gopkg.in wants it: .v0, .v1 and so on")]
    GopkgInSuffix,
}

impl ModuleVersion {
    /// Checks a path and a version, and that they belong together.
    ///
    /// # Errors
    /// [`ModuleError`] for every pair that golang.org/x/mod/module's `Check` refuses.
    pub fn new(path: &str, version: &str) -> Result<Self, ModuleError> {
        Self::pair(ModulePath::parse(path)?, Version::parse(version)?)
    }

    /// Reads `path@version`.
    ///
    /// # Errors
    /// As [`ModuleVersion::new`], and [`ModuleError::NoVersion`] without an `@`.
    pub fn parse(text: &str) -> Result<Self, ModuleError> {
        let (path, version) = text
            .split_once('@')
            .ok_or_else(|| ModuleError::NoVersion(Quoted::new(text)))?;
        Self::new(path, version)
    }

    /// Pairs a path with a version of it.
    ///
    /// # Errors
    /// [`ModuleError::Major`] if the path is that of another major version.
    pub fn pair(path: ModulePath, version: Version) -> Result<Self, ModuleError> {
        let suffix = path.major_suffix();
        if version_has_major(&version, suffix) {
            return Ok(Self { path, version });
        }
        let expected = match major_of_suffix(suffix) {
            "" => "v0, v1 or marked +incompatible".to_owned(),
            major => Quoted::new(major).to_string(),
        };
        Err(ModuleError::Major {
            path: Quoted::new(path.as_str()),
            expected,
            found: Quoted::new(version.as_str()),
        })
    }

    /// The module path.
    #[must_use]
    pub fn path(&self) -> &ModulePath {
        &self.path
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.version)
    }
}

impl fmt::Debug for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleVersion({self})")
    }
}

impl ModulePath {
    /// Reads a module path.
    ///
    /// # Errors
    /// [`ModulePathError`] for every text that golang.org/x/mod/module's `CheckPath` refuses.
    pub fn parse(text: &str) -> Result<Self, ModulePathError> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => Err(ModulePathError {
                path: Quoted::new(text),
                reason,
            }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The major version at the end of the path with what sets it off (`/v2`; `.v1` and
    /// `.v1-unstable` on gopkg.in), or nothing.
    fn major_suffix(&self) -> &str {
        major_suffix(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModulePath({})", self.0)
    }
}

fn check(path: &str) -> Result<(), ModulePathReason> {
    if path.is_empty() {
        return Err(ModulePathReason::Empty);
    }
    if path.starts_with('-') {
        return Err(ModulePathReason::LeadingDash);
    }
    if path.starts_with('/') {
        return Err(ModulePathReason::LeadingSlash);
    }
    if path.ends_with('/') {
        return Err(ModulePathReason::TrailingSlash);
    }
    for element in path.split('/') {
        check_element(element)?;
    }
    check_domain(path.split('/').next().unwrap_or_default())?;
    major_suffix(path).map(|_| ())
}

fn check_element(element: &str) -> Result<(), ModulePathReason> {
    if element.is_empty() {
        return Err(ModulePathReason::DoubleSlash);
    }
    if element.starts_with('.') {
        return Err(ModulePathReason::LeadingDot);
    }
    if element.ends_with('.') {
        return Err(ModulePathReason::TrailingDot);
    }
    if !element.bytes().all(is_path_byte) {
        let is_other = |c: &char| !u8::try_from(*c).is_ok_and(is_path_byte);
        let other = element.chars().find(is_other).unwrap_or_default();
        return Err(ModulePathReason::Character(other));
    }

    // Windows ignores all that follows the first dot when it looks for device names.
    let stem = element.split_once('.').map_or(element, |(stem, _)| stem);
    if is_reserved_on_windows(stem) {
        return Err(ModulePathReason::ReservedName);
    }
    match stem.rsplit_once('~') {
        Some((_, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(ModulePathReason::TildeDigits)
        }
        _ => Ok(()),
    }
}

const fn is_path_byte(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~')
}

/// CON, PRN, AUX, NUL, COM1 to COM9 and LPT1 to LPT9, in any case.
///
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
pub(super) fn is_reserved_on_windows(stem: &str) -> bool {
    let (name, digit) = match stem.as_bytes() {
        [a, b, c] => ([*a, *b, *c], None),
        [a, b, c, d] => ([*a, *b, *c], Some(*d)),
        _ => return false,
    };
    match (&name.map(|b| b.to_ascii_lowercase()), digit) {
        (b"con" | b"prn" | b"aux" | b"nul", None) => true,
        (b"com" | b"lpt", Some(digit)) => matches!(digit, b'1'..=b'9'),
        _ => false,
    }
}

/// The first element is a domain name in one case, so that nobody can have two modules whose
/// names differ in the case of the domain alone.
fn check_domain(domain: &str) -> Result<(), ModulePathReason> {
    if !domain.contains('.') {
        return Err(ModulePathReason::NoDotInDomain);
    }
    let is_domain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    match domain.chars().find(|c| !is_domain(*c)) {
        Some(other) => Err(ModulePathReason::DomainCharacter(other)),
        None => Ok(()),
    }
}

/// Finds the major version at the end of a path, as golang.org/x/mod/module's `SplitPathVersion`.
fn major_suffix(path: &str) -> Result<&str, ModulePathReason> {
    if path.starts_with("gopkg.in/") {
        return gopkg_in_suffix(path).ok_or(ModulePathReason::GopkgInSuffix);
    }
    let before = path.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = path.strip_prefix(before).unwrap_or_default();
    let Some(prefix) = before.strip_suffix("/v").filter(|_| !number.is_empty()) else {
        return Ok("");
    };
    if number.starts_with('0') || number == "1" || number.contains('.') {
        return Err(ModulePathReason::MajorSuffix);
    }
    Ok(path.strip_prefix(prefix).unwrap_or_default())
}

/// On gopkg.in every path ends in `.vN`, and may go on with `-unstable`.
fn gopkg_in_suffix(path: &str) -> Option<&str> {
    let stable = path.strip_suffix("-unstable").unwrap_or(path);
    let before = stable.trim_end_matches(|c: char| c.is_ascii_digit());
    let suffix = path.strip_prefix(before.strip_suffix(".v")?)?;
    // Go lets `.v-unstable` pass here; no version belongs to such a path.
    let number = suffix.strip_prefix(".v")?;
    (suffix == ".v0" || !(number.is_empty() || number.starts_with('0'))).then_some(suffix)
}

/// The major version that a suffix stands for: `v2` for `/v2`, `v1` for `.v1-unstable`.
fn major_of_suffix(suffix: &str) -> &str {
    match suffix.strip_prefix('.') {
        Some(on_gopkg_in) => on_gopkg_in.strip_suffix("-unstable").unwrap_or(on_gopkg_in),
        None => suffix.trim_start_matches('/'),
    }
}

/// Whether a version is one of those that a path with this suffix has, as
/// golang.org/x/mod/module's `CheckPathMajor`.
fn version_has_major(version: &Version, suffix: &str) -> bool {
    match major_of_suffix(suffix) {
        "" => matches!(version.major(), "v0" | "v1") || version.is_incompatible(),
        // Early versions of Go made v0.0.0 pseudo-versions for .v1 paths, and many go.mod files
        // still ask for them.
        "v1" if suffix.starts_with('.') && version.as_str().starts_with("v0.0.0-") => true,
        major => version.major() == major,
    }
}

#[cfg(test)]
mod tests;
