//! What a request asks for: the paths of the module proxy protocol and of a proxied checksum
//! database.
//!
//! Source: the go command's documentation, `go help goproxy`; the design of the checksum database,
//! "Proxying a Checksum Database".

use crate::golang::gosum::Kind;
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::golang::version::Version;
use crate::io::serve::plain_path;
use crate::sumdb::target::SumdbTarget;

/// A longer path names no module: module paths and versions have a few hundred bytes at most.
pub const MAX_PATH_BYTES: usize = 2048;

/// A file of a module version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleFile {
    /// Version and time, as JSON; nothing in the log vouches for it.
    Info,
    /// The go.mod.
    GoMod,
    /// The source.
    Zip,
}

impl ModuleFile {
    /// The ending of its name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::GoMod => "mod",
            Self::Zip => "zip",
        }
    }

    /// What go.sum and the log call it, if they have a hash of it.
    #[must_use]
    pub const fn hashed(self) -> Option<Kind> {
        match self {
            Self::Info => None,
            Self::GoMod => Some(Kind::GoMod),
            Self::Zip => Some(Kind::Zip),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `MODULE/@v/VERSION.info`, `.mod`, `.zip`
    File(ModuleVersion, ModuleFile),
    /// `MODULE/@v/list`
    List(ModulePath),
    /// `MODULE/@latest`
    Latest(ModulePath),
    /// `MODULE/@v/QUERY.info` for a branch or a commit: unescaped.
    Query(ModulePath, String),
    /// `sumdb/NAME/…`
    Sumdb(String, SumdbTarget),
}

/// Why a path asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a path of the protocol.
    #[error("this is a module proxy, and the path is none of its protocol")]
    NotOfTheProtocol,
    /// It names a module or a version that cannot be.
    #[error("{0}")]
    Module(String),
}

impl Target {
    /// Reads the path of a request below the gate's own, without its first `/`.
    ///
    /// # Errors
    /// [`TargetError`]
    pub fn parse(path: &str) -> Result<Self, TargetError> {
        if path.len() > MAX_PATH_BYTES {
            return Err(TargetError::NotOfTheProtocol);
        }
        // What is not plain has two spellings: one that is checked and one that is used.
        let decoded = plain_path(path).ok_or(TargetError::NotOfTheProtocol)?;
        let path = decoded.as_str();
        if let Some(rest) = path.strip_prefix("sumdb/") {
            let target = SumdbTarget::parse_proxied(rest);
            let target = target.map(|(name, target)| Self::Sumdb(name.to_owned(), target));
            return target.ok_or(TargetError::NotOfTheProtocol);
        }
        let unusable = |error: &dyn std::fmt::Display| TargetError::Module(error.to_string());
        if let Some(module) = path.strip_suffix("/@latest") {
            let module = ModulePath::unescape(module).map_err(|error| unusable(&error))?;
            return Ok(Self::Latest(module));
        }
        let (module, file) = path
            .split_once("/@v/")
            .ok_or(TargetError::NotOfTheProtocol)?;
        let path = ModulePath::unescape(module).map_err(|error| unusable(&error))?;
        if file == "list" {
            return Ok(Self::List(path));
        }
        let (version, extension) = file.rsplit_once('.').ok_or(TargetError::NotOfTheProtocol)?;
        let file = match extension {
            "info" => ModuleFile::Info,
            "mod" => ModuleFile::GoMod,
            "zip" => ModuleFile::Zip,
            _ => return Err(TargetError::NotOfTheProtocol),
        };
        // The log and the proxies know a version by one form alone; whatever else is a name for one.
        let is_canonical = |version: &Version| version.canonical() == *version;
        let is_version = Version::unescape(version).as_ref().is_ok_and(is_canonical);
        match ModuleVersion::unescape(&format!("{module}@{version}")) {
            Ok(module) if is_version => Ok(Self::File(module, file)),
            Err(error) if file != ModuleFile::Info || is_version => Err(unusable(&error)),
            Ok(_) if file != ModuleFile::Info => Err(TargetError::NotOfTheProtocol),
            _ => {
                let query = query(version).ok_or(TargetError::NotOfTheProtocol)?;
                Ok(Self::Query(path, query))
            }
        }
    }
}

impl Target {
    /// The word for what is asked for.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::File(_, file) => file.extension(),
            Self::List(_) => "list",
            Self::Latest(_) => "latest",
            Self::Query(..) => "query",
            Self::Sumdb(..) => "sumdb",
        }
    }

    /// The module that it is about. What is asked of a checksum database is about none: it has no
    /// private ones.
    #[must_use]
    pub fn module_path(&self) -> Option<&ModulePath> {
        match self {
            Self::File(module, _) => Some(module.path()),
            Self::List(path) | Self::Latest(path) | Self::Query(path, _) => Some(path),
            Self::Sumdb(..) => None,
        }
    }
}

/// The name of a branch or a commit, as the go command escapes it.
fn query(escaped: &str) -> Option<String> {
    let mut name = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(c) = characters.next() {
        let c = if c == '!' {
            characters
                .next()
                .filter(char::is_ascii_lowercase)?
                .to_ascii_uppercase()
        } else {
            c
        };
        name.push(c);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+".contains(c);
    // As git has it: no name of a branch or a commit begins with a dot, or has two in a row.
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains("..");
    (is_name && name.chars().all(allowed)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(module: &str, file: ModuleFile) -> Target {
        Target::File(ModuleVersion::parse(module).unwrap(), file)
    }

    #[test]
    fn the_paths_of_the_protocol() {
        let path = |path| ModulePath::parse(path).unwrap();
        for (text, target) in [
            (
                "rsc.io/quote/@v/v1.5.2.zip",
                file("rsc.io/quote@v1.5.2", ModuleFile::Zip),
            ),
            (
                "rsc.io/quote/@v/v1.5.2.mod",
                file("rsc.io/quote@v1.5.2", ModuleFile::GoMod),
            ),
            (
                "a.b/!c/@v/v1.0.0-!r!c1.info",
                file("a.b/C@v1.0.0-RC1", ModuleFile::Info),
            ),
            (
                "a.b/c/@v/v2.0.0%2Bincompatible.zip",
                file("a.b/c@v2.0.0+incompatible", ModuleFile::Zip),
            ),
            ("a.b/c/@v/list", Target::List(path("a.b/c"))),
            ("a.b/c/@latest", Target::Latest(path("a.b/c"))),
            (
                "a.b/c/@v/!main.info",
                Target::Query(path("a.b/c"), "Main".to_owned()),
            ),
            (
                "a.b/c/@v/v1.info",
                Target::Query(path("a.b/c"), "v1".to_owned()),
            ),
            (
                "sumdb/log.example/go/latest",
                Target::Sumdb("log.example/go".to_owned(), SumdbTarget::Latest),
            ),
        ] {
            assert_eq!(Target::parse(text), Ok(target), "{text}");
        }
    }

    #[test]
    fn what_is_no_path_of_the_protocol_is_refused() {
        for text in [
            "",
            "a.b/c",
            "a.b/c/@v/",
            "a.b/c/@v/v1.0.0",
            "a.b/c/@v/v1.0.0.exe",
            "a.b/../c/@v/list",
            "a.b//c/@v/list",
            "/a.b/c/@v/list",
            "a.b/%2e%2e/c/@v/list",
            "a.b%2fc/@v/list",
            "a.b/c/@v/v1.0.0%00.zip",
            "a.b\\c/@v/list",
            "a.b/c/@v/a%2Fb.info",
            "a.b/c/@v/..info",
            "a.b/c/@v/a..b.info",
            "a.b/c/@v/v1.zip",
            "a.b/c/@v/v1.0.0+meta.mod",
            "sumdb/log.example/tile/8/0/000x",
            "sumdb/log.example",
            "sumdb/log.example/lookup/x",
        ] {
            let error = Target::parse(text);
            assert!(error.is_err(), "{text}: {error:?}");
        }
        assert!(Target::parse(&format!("a.b/{}/@v/list", "c".repeat(3000))).is_err());
    }

    #[test]
    fn a_module_that_cannot_be_is_told() {
        assert_eq!(
            Target::parse("a.b/C/@v/list").unwrap_err().to_string(),
            "\"a.b/C\" is not escaped: each capital letter is written as '!' and the small one"
        );
        assert!(matches!(
            Target::parse("a.b/v2/@v/v1.0.0.zip"),
            Err(TargetError::Module(_))
        ));
    }
}
