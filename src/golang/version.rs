//! Module versions: semantic versions as golang.org/x/mod/semver reads them.

use std::fmt;
use std::sync::Arc;

use super::quoted::Quoted;

/// The build suffix that marks a version from before modules; the only one with a meaning to Go.
const INCOMPATIBLE: &str = "+incompatible";

/// A valid module version such as `v1.2.3`, `v2.0.0+incompatible` or a pseudo-version.
///
/// `vMAJOR[.MINOR[.PATCH[-PRERELEASE][+BUILD]]]`, as golang.org/x/mod/semver reads it: semantic
/// versioning 2.0.0 with a leading `v`, and with the short forms `v1` and `v1.2`. The text is
/// kept as it was given. The order is that of the text, not of precedence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Arc<str>);

/// Why a text is not a module version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version {version} {reason}")]
pub struct VersionError {
    /// The text that was refused.
    pub version: Quoted,
    /// What is wrong with it.
    pub reason: VersionReason,
}

/// What is wrong with a text that should be a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VersionReason {
    /// Go's versions begin with a `v`.
    #[error("does not begin with 'v': write it as in v1.2.3")]
    NoLeadingV,
    /// Major, minor or patch is missing, not a number, or has a leading zero.
    #[error("is not three numbers without leading zeros: write it as in v1.2.3")]
    Numbers,
    /// An identifier of the pre-release is empty, has another character, or a leading zero.
    #[error(
        "has a malformed pre-release: identifiers of letters, digits and '-', \
         numbers without leading zeros, as in v1.2.3-rc.1"
    )]
    Prerelease,
    /// An identifier of the build suffix is empty or has another character.
    #[error(
        "has a malformed build suffix: identifiers of letters, digits and '-', \
         as in v1.2.3+incompatible"
    )]
    Build,
}

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// [`VersionError`] for every text that golang.org/x/mod/semver's `IsValid` refuses.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        match check(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(reason) => Err(VersionError {
                version: Quoted::new(text),
                reason,
            }),
        }
    }

    /// The text, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The major version with its `v`: `v2` of `v2.1.0`.
    #[must_use]
    pub fn major(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Whether the version is of a module from before modules, marked `+incompatible`.
    #[must_use]
    pub fn is_incompatible(&self) -> bool {
        self.split_build().1 == INCOMPATIBLE
    }

    /// The form under which the log and the module proxy know this version: all three numbers,
    /// and no build suffix but `+incompatible` (golang.org/x/mod/module's `CanonicalVersion`).
    #[must_use]
    pub fn canonical(&self) -> Self {
        let (without_build, build) = self.split_build();
        // The short forms have no pre-release, so that their dots are all between the numbers.
        let missing = match without_build.matches('.').count() {
            0 => ".0.0",
            1 => ".0",
            _ => "",
        };
        let kept = if build == INCOMPATIBLE { build } else { "" };
        if missing.is_empty() && kept == build {
            return self.clone();
        }
        Self([without_build, missing, kept].concat().into())
    }

    /// The text before the build suffix, and the suffix with its `+`.
    fn split_build(&self) -> (&str, &str) {
        let at = self.0.find('+').unwrap_or(self.0.len());
        self.0.split_at_checked(at).unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.0)
    }
}

fn check(text: &str) -> Result<(), VersionReason> {
    let rest = text.strip_prefix('v').ok_or(VersionReason::NoLeadingV)?;
    let mut rest = after_number(rest)?;
    for _minor_then_patch in 0..2 {
        if rest.is_empty() {
            return Ok(());
        }
        let number = rest.strip_prefix('.').ok_or(VersionReason::Numbers)?;
        rest = after_number(number)?;
    }

    let (prerelease, build) = match rest.split_once('+') {
        Some((prerelease, build)) => (prerelease, Some(build)),
        None => (rest, None),
    };
    if !prerelease.is_empty() {
        let identifiers = prerelease.strip_prefix('-').ok_or(VersionReason::Numbers)?;
        if !identifiers
            .split('.')
            .all(|identifier| is_identifier(identifier) && !is_padded_number(identifier))
        {
            return Err(VersionReason::Prerelease);
        }
    }
    match build {
        Some(identifiers) if !identifiers.split('.').all(is_identifier) => {
            Err(VersionReason::Build)
        }
        _ => Ok(()),
    }
}

/// What follows the number at the start of a text; a number has no leading zero.
fn after_number(text: &str) -> Result<&str, VersionReason> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.split_at_checked(digits) {
        Some((number, rest)) if !number.is_empty() && !is_padded_number(number) => Ok(rest),
        _ => Err(VersionReason::Numbers),
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_padded_number(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Version::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn every_form_that_go_knows_is_valid() {
        for text in [
            "v1",
            "v1.2",
            "v0.0.0",
            "v1.2.3",
            "v10.20.30-alpha.1",
            "v1.2.3-0",
            "v1.2.3--",
            "v1.2.3-00a",
            "v1.2.3+007",
            "v1.2.3-rc.1+build.5",
            "v2.0.0+incompatible",
            "v0.0.0-20161208181325-20d25e280405",
            "v99999999999999999999999999.0.0",
            "v0.0.1-go1.21.0.linux-amd64",
        ] {
            assert_eq!(Version::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_version_without_v_says_how_to_write_it() {
        assert_eq!(
            message("1.2.3"),
            "version \"1.2.3\" does not begin with 'v': write it as in v1.2.3"
        );
        for text in ["", "V1.2.3", "latest", " v1.2.3", "\u{feff}v1"] {
            assert!(message(text).contains("does not begin with 'v'"), "{text}");
        }
    }

    #[test]
    fn numbers_are_bare_digits_without_leading_zeros() {
        assert_eq!(
            message("v01.2.3"),
            "version \"v01.2.3\" is not three numbers without leading zeros: \
             write it as in v1.2.3"
        );
        for text in [
            "v",
            "v.",
            "v1.",
            "v1.2.",
            "v1.02.3",
            "v1.2.03",
            "vx",
            "v1..3",
            "v1.2.3.4",
            "v-1",
            "v+1",
            "v1-rc",
            "v1.2-rc",
            "v1+b",
            "v1.2+b",
            "v1.2.3 ",
            "v1.2.3x",
            "v1.2.３",
            "v1.2.3/go.mod",
        ] {
            assert!(message(text).contains("is not three numbers"), "{text}");
        }
    }

    #[test]
    fn a_prerelease_has_no_empty_or_padded_identifier() {
        assert_eq!(
            message("v1.2.3-01"),
            "version \"v1.2.3-01\" has a malformed pre-release: identifiers of letters, digits \
             and '-', numbers without leading zeros, as in v1.2.3-rc.1"
        );
        for text in [
            "v1.2.3-",
            "v1.2.3-a.",
            "v1.2.3-.a",
            "v1.2.3-a..b",
            "v1.2.3-a_b",
            "v1.2.3-+b",
            "v1.2.3-é",
            "v1.2.3-a/b",
        ] {
            assert!(message(text).contains("malformed pre-release"), "{text}");
        }
    }

    #[test]
    fn a_build_suffix_has_no_empty_identifier() {
        assert_eq!(
            message("v1.2.3+"),
            "version \"v1.2.3+\" has a malformed build suffix: identifiers of letters, digits \
             and '-', as in v1.2.3+incompatible"
        );
        for text in ["v1.2.3+a+b", "v1.2.3+a.", "v1.2.3-a+b_c", "v1.2.3+ü"] {
            assert!(message(text).contains("malformed build"), "{text}");
        }
    }

    #[test]
    fn the_canonical_form_has_three_numbers_and_only_the_incompatible_suffix() {
        for (text, canonical) in [
            ("v1", "v1.0.0"),
            ("v1.2", "v1.2.0"),
            ("v1.2.3", "v1.2.3"),
            ("v1.2.3-a.b", "v1.2.3-a.b"),
            ("v1.2.3-a.b+c.d", "v1.2.3-a.b"),
            ("v2.0.0+incompatible", "v2.0.0+incompatible"),
            ("v2.0.0+incompatible.2", "v2.0.0"),
        ] {
            assert_eq!(
                Version::parse(text).unwrap().canonical().as_str(),
                canonical
            );
        }
    }

    #[test]
    fn the_major_version_keeps_its_v() {
        for (text, major) in [("v12", "v12"), ("v3.1", "v3"), ("v0.0.0-a.b", "v0")] {
            assert_eq!(Version::parse(text).unwrap().major(), major);
        }
    }
}
