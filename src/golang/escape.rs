//! The escaped form of module paths and versions, for URLs and for file systems that do not tell
//! upper from lower case: each capital letter becomes `!` and the small one.
//!
//! Source: golang.org/x/mod/module, "Escaped Paths".

use super::module::{ModuleError, ModulePath, ModulePathError, ModuleVersion};
use super::quoted::Quoted;
use super::version::{Version, VersionError};

/// Why a text is not the escaped form of a path, a version or both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// A capital letter, or a `!` without a small letter after it.
    #[error("{0} is not escaped: each capital letter is written as '!' and the small one")]
    NotEscaped(Quoted),
    /// What was escaped is no module path.
    #[error(transparent)]
    Path(#[from] ModulePathError),
    /// What was escaped is no version.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// What was escaped is not a path and a version that belong together.
    #[error(transparent)]
    Module(#[from] ModuleError),
}

impl ModulePath {
    /// The escaped form, as URLs and file names carry it.
    #[must_use]
    pub fn escaped(&self) -> String {
        escape(self.as_str())
    }

    /// Reads the escaped form.
    ///
    /// # Errors
    /// [`EscapeError`] for every text that [`ModulePath::escaped`] would not write.
    pub fn unescape(escaped: &str) -> Result<Self, EscapeError> {
        Ok(Self::parse(&unescape(escaped)?)?)
    }
}

impl Version {
    /// The escaped form, as URLs and file names carry it.
    #[must_use]
    pub fn escaped(&self) -> String {
        escape(self.as_str())
    }

    /// Reads the escaped form. Stricter than Go, which lets through names of branches as well.
    ///
    /// # Errors
    /// [`EscapeError`] for every text that [`Version::escaped`] would not write.
    pub fn unescape(escaped: &str) -> Result<Self, EscapeError> {
        Ok(Self::parse(&unescape(escaped)?)?)
    }
}

impl ModuleVersion {
    /// Escaped path and version with an `@` between them, as lookups of a checksum database end.
    #[must_use]
    pub fn escaped(&self) -> String {
        [&self.path().escaped(), "@", &self.version().escaped()].concat()
    }

    /// Reads the escaped form.
    ///
    /// # Errors
    /// [`EscapeError`] for every text that [`ModuleVersion::escaped`] would not write.
    pub fn unescape(escaped: &str) -> Result<Self, EscapeError> {
        Ok(Self::parse(&unescape(escaped)?)?)
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    escaped
}

fn unescape(escaped: &str) -> Result<String, EscapeError> {
    let mut text = String::with_capacity(escaped.len());
    let mut after_mark = false;
    for c in escaped.chars() {
        if after_mark {
            text.push(c.to_ascii_uppercase());
            after_mark = false;
        } else if c == '!' {
            after_mark = true;
        } else {
            text.push(c);
        }
    }
    // One text has one escaped form: what would not be written like this was not escaped.
    if escape(&text) != escaped {
        return Err(EscapeError::NotEscaped(Quoted::new(escaped)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_letters_are_marked_and_come_back() {
        for (path, escaped) in [
            ("golang.org/x/text", "golang.org/x/text"),
            ("github.com/Azure/azure-sdk", "github.com/!azure/azure-sdk"),
            ("a.b/GoogleCLOUD", "a.b/!google!c!l!o!u!d"),
        ] {
            let path = ModulePath::parse(path).unwrap();
            assert_eq!(path.escaped(), escaped);
            assert_eq!(ModulePath::unescape(escaped).unwrap(), path);
        }
    }

    #[test]
    fn a_module_version_is_escaped_on_both_sides() {
        let module = ModuleVersion::new("a.b/C", "v1.0.0-RC1+Build").unwrap();
        assert_eq!(module.escaped(), "a.b/!c@v1.0.0-!r!c1+!build");
        assert_eq!(ModuleVersion::unescape(&module.escaped()).unwrap(), module);
        let version = Version::unescape("v1.0.0-!r!c1").unwrap();
        assert_eq!(version.as_str(), "v1.0.0-RC1");
        assert_eq!(version.escaped(), "v1.0.0-!r!c1");
    }

    #[test]
    fn what_nobody_would_write_is_refused() {
        assert_eq!(
            ModulePath::unescape("a.b/C").unwrap_err().to_string(),
            "\"a.b/C\" is not escaped: each capital letter is written as '!' and the small one"
        );
        for escaped in [
            "a.b/!", "a.b/c!", "a.b/!C", "a.b/!!c", "a.b/!1", "a.b/!/c", "a.b/!é",
        ] {
            let error = ModulePath::unescape(escaped).unwrap_err();
            assert!(
                matches!(error, EscapeError::NotEscaped(_)),
                "{escaped}: {error}"
            );
        }
        assert!(matches!(
            Version::unescape("V1.0.0"),
            Err(EscapeError::NotEscaped(_))
        ));
    }

    #[test]
    fn what_comes_out_is_checked() {
        assert_eq!(
            ModulePath::unescape("!a.b/c").unwrap_err().to_string(),
            "module path \"A.b/c\" has the character 'A' in its domain name, which is of \
             'a' to 'z', digits, '-', '.'"
        );
        assert!(matches!(
            ModulePath::unescape("../x"),
            Err(EscapeError::Path(_))
        ));
        assert!(matches!(
            Version::unescape("main"),
            Err(EscapeError::Version(_))
        ));
        assert!(matches!(
            Version::unescape("!v1"),
            Err(EscapeError::Version(_))
        ));
        assert!(matches!(
            ModuleVersion::unescape("a.b/v2@v1.0.0"),
            Err(EscapeError::Module(ModuleError::Major { .. }))
        ));
    }
}
