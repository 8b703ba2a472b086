//! GOFLAGS, where it bears on verification: `-modfile` puts go.sum in another place.

use crate::golang::quoted::Quoted;

/// Why GOFLAGS is not a list of flags, or names no usable file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoflagsError {
    /// A quotation mark without its other.
    #[error("GOFLAGS has a {0} without another: close the quotation")]
    Unterminated(char),
    /// The flag stands alone; GOFLAGS knows only `-modfile=FILE`.
    #[error("GOFLAGS has -modfile without a file: write -modfile=FILE.mod")]
    NoFile,
    /// Go demands the ending, because go.sum's name is made from it.
    #[error("GOFLAGS has -modfile={0}: the file's name must end in .mod")]
    NotMod(Quoted),
}

/// The file that `-modfile` puts in the place of go.mod, as it is written; the last one counts.
/// Relative paths are relative to the current folder. The go.sum that belongs to it is
/// [`crate::io::workspace::sum_file_of_module`].
///
/// # Errors
/// [`GoflagsError`]
pub fn modfile(goflags: &str) -> Result<Option<String>, GoflagsError> {
    let mut modfile = None;
    for flag in split(goflags)? {
        let name = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'));
        match name.map(|name| name.split_once('=').unwrap_or((name, ""))) {
            Some(("modfile", file)) if file.ends_with(".mod") => modfile = Some(file.to_owned()),
            Some(("modfile", "")) if flag.ends_with('=') => modfile = None,
            Some(("modfile", "")) => return Err(GoflagsError::NoFile),
            Some(("modfile", file)) => return Err(GoflagsError::NotMod(Quoted::new(file))),
            _ => {}
        }
    }
    Ok(modfile)
}

/// Splits at white space. An element may stand in quotation marks as a whole; there are no
/// escapes, and a mark further inside is an ordinary character.
fn split(text: &str) -> Result<Vec<&str>, GoflagsError> {
    const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
    let mut elements = Vec::new();
    let mut rest = text.trim_start_matches(SPACE);
    while let Some(first) = rest.chars().next() {
        let (element, after) = if let '"' | '\'' = first {
            let quoted = rest.strip_prefix(first).unwrap_or_default();
            quoted
                .split_once(first)
                .ok_or(GoflagsError::Unterminated(first))?
        } else {
            rest.split_at(rest.find(SPACE).unwrap_or(rest.len()))
        };
        elements.push(element);
        rest = after.trim_start_matches(SPACE);
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_may_stand_in_quotation_marks() {
        let elements = split(" -a  '-b=c d'\t\"-e='\"-f=\"g\n").unwrap();
        assert_eq!(elements, ["-a", "-b=c d", "-e='", "-f=\"g"]);
        assert!(split(" \n").unwrap().is_empty());
    }

    #[test]
    fn the_last_modfile_counts() {
        assert_eq!(modfile("-mod=mod -modcacherw").unwrap(), None);
        assert_eq!(modfile("-modfile=a.mod").unwrap().unwrap(), "a.mod");
        let two = "--modfile=a.mod '-modfile=b c.mod'";
        assert_eq!(modfile(two).unwrap().unwrap(), "b c.mod");
        assert_eq!(modfile("-modfile=a.mod -modfile=").unwrap(), None);
        assert_eq!(modfile("---modfile=a modfile=b").unwrap(), None);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        let message = |goflags| modfile(goflags).unwrap_err().to_string();
        let unterminated = "GOFLAGS has a ' without another: close the quotation";
        assert_eq!(message("-a '-b"), unterminated);
        let no_file = "GOFLAGS has -modfile without a file: write -modfile=FILE.mod";
        assert_eq!(message("-modfile a.mod"), no_file);
        let not_mod = "GOFLAGS has -modfile=\"a.sum\": the file's name must end in .mod";
        assert_eq!(message("-modfile=a.sum"), not_mod);
    }
}
