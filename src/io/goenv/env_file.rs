//! The files of `KEY=VALUE` lines: the one that `go env -w` writes, and `go.env` of an
//! installation.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::settings_file::{self, SettingsFileError};

/// Which of several lines for one key counts. The go command is not of one mind: a line replaces
/// earlier ones of the user's file, while in `go.env` it cannot replace what is already known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    FirstCounts,
    LastCounts,
}

/// One such file.
pub(super) struct EnvFile {
    path: PathBuf,
    values: HashMap<Vec<u8>, OsString>,
}

impl EnvFile {
    /// `None` if there is no such file.
    pub(super) fn read(path: &Path, repeated: Repeated) -> Result<Option<Self>, SettingsFileError> {
        let bytes = settings_file::read(path)?;
        Ok(bytes.map(|bytes| Self {
            path: path.to_owned(),
            values: parse(&bytes, repeated),
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a key, which may be empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.values.get(name.as_bytes()).map(OsString::as_os_str)
    }
}

/// A line is a setting if it begins with a capital letter and has a `=`; every other line is
/// passed over. There are no quotes, and white space is part of the value, the `\r` of a CRLF
/// included.
fn parse(bytes: &[u8], repeated: Repeated) -> HashMap<Vec<u8>, OsString> {
    let mut values = HashMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        if !line.first().is_some_and(u8::is_ascii_uppercase) {
            continue;
        }
        let mut parts = line.splitn(2, |&byte| byte == b'=');
        let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        if repeated == Repeated::LastCounts || !values.contains_key(key) {
            values.insert(key.to_vec(), os_string(value));
        }
    }
    values
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStrExt as _;
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, key: &str) -> Option<String> {
        let values = parse(text.as_bytes(), Repeated::LastCounts);
        let value = values.get(key.as_bytes());
        value.map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_value_is_all_after_the_first_equals_sign() {
        assert_eq!(
            value("GOFLAGS=-ldflags=-w x", "GOFLAGS").unwrap(),
            "-ldflags=-w x"
        );
        assert_eq!(
            value("A=\"q\" # no comment\n", "A").unwrap(),
            "\"q\" # no comment"
        );
        assert_eq!(value("A=\n", "A").unwrap(), "");
        assert_eq!(value("A= x \r\nB=y", "A").unwrap(), " x \r");
    }

    #[test]
    fn the_last_line_counts_for_users_and_the_first_for_installations() {
        let text = b"A=1\nB=2\nA=3";
        let last = parse(text, Repeated::LastCounts);
        assert_eq!(last.get(b"A".as_slice()).unwrap(), "3");
        let first = parse(text, Repeated::FirstCounts);
        assert_eq!(first.get(b"A".as_slice()).unwrap(), "1");
    }

    #[test]
    fn what_is_no_setting_is_passed_over() {
        for text in [
            "",
            "\n\n",
            "#A=1",
            " A=1",
            "=A",
            "A",
            "a=1",
            "export A=1",
            "\u{feff}A=1",
        ] {
            assert_eq!(value(text, "A"), None, "{text:?}");
        }
        assert_eq!(value("A =1", "A"), None);
        assert_eq!(value("A =1", "A ").unwrap(), "1");
    }
}
