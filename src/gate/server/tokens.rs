//! Who may ask for private modules.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A shorter one can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// No token and no name is longer, and no file has more lines than a company has people.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The tokens of a file, as hashes: so that all comparisons are of one length, and none of them is
/// in memory for others to find.
#[derive(Debug, Default)]
pub struct Tokens(Vec<(String, [u8; 32])>);

/// Why a file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It cannot be read.
    #[error("cannot read the tokens in {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A line is not `name:token`.
    #[error("{}:{line}: a line of a token file is name:token, and the name is of letters, digits and . _ - @", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// A token is too short.
    #[error("{}:{line}: a token has at least {MIN_TOKEN_BYTES} printable characters and no spaces", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// A file without tokens lets nobody in.
    #[error("{}: there is no token in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl Tokens {
    /// Reads a file of lines `name:token`; empty lines and those that begin with `#` are passed
    /// over.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |cause| TokenError::Read {
            path: path.to_owned(),
            cause,
        };
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > MAX_FILE_BYTES {
            return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, TokenError> {
        let mut tokens = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (path, number) = (path.to_owned(), index + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, token)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
                return Err(TokenError::Line { path, line: number });
            };
            if token.len() < MIN_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TokenError::Token { path, line: number });
            }
            tokens.push((name.to_owned(), digest(token.as_bytes())));
        }
        if tokens.is_empty() {
            return Err(TokenError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self(tokens))
    }

    /// The name of the token in an Authorization header: as `Bearer`, or as the password of `Basic`,
    /// which is what a netrc makes of it.
    pub(super) fn name_of(&self, authorization: &HeaderValue) -> Option<&str> {
        let (scheme, credentials) = authorization.to_str().ok()?.trim().split_once(' ')?;
        let credentials = credentials.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.find(credentials.as_bytes());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let login = STANDARD.decode(credentials).ok()?;
        let colon = login.iter().position(|byte| *byte == b':')?;
        self.find(login.get(colon + 1..)?)
    }

    /// Compares with all of them, whichever it is.
    fn find(&self, token: &[u8]) -> Option<&str> {
        let shown = digest(token);
        let mut found = None;
        for (name, known) in &self.0 {
            if bool::from(known.ct_eq(&shown)) {
                found = Some(name.as_str());
            }
        }
        found
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    !name.is_empty() && name.len() <= 64 && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn parse(text: &str) -> Result<Tokens, String> {
        Tokens::parse(Path::new("tokens"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_known_as_bearer_and_as_the_password_of_any_login() {
        let tokens = parse(&format!("# ours\n\nci:{SECRET}\nana@x.y:{SECRET}:2\n")).unwrap();
        let basic = |login: &str| format!("Basic {}", STANDARD.encode(login));
        for (header, name) in [
            (format!("Bearer {SECRET}"), Some("ci")),
            (format!("bearer  {SECRET} "), Some("ci")),
            (basic(&format!("whoever:{SECRET}")), Some("ci")),
            (basic(&format!(":{SECRET}:2")), Some("ana@x.y")),
            (basic(SECRET), None),
            (basic(&format!("{SECRET}:")), None),
            (basic("ci:"), None),
            (format!("Bearer {SECRET}x"), None),
            (format!("Digest {SECRET}"), None),
            ("Bearer".to_owned(), None),
            ("Bearer ".to_owned(), None),
            (format!("Basic {SECRET}="), None),
        ] {
            let value = HeaderValue::from_str(&header).unwrap();
            assert_eq!(tokens.name_of(&value), name, "{header}");
        }
    }

    #[test]
    fn a_file_that_lets_in_nobody_or_anybody_is_refused() {
        let line =
            "a line of a token file is name:token, and the name is of letters, digits and . _ - @";
        let token = "a token has at least 16 printable characters and no spaces";
        for (text, error) in [
            ("", "tokens: there is no token in it".to_owned()),
            ("# ci:x\n", "tokens: there is no token in it".to_owned()),
            ("\nci\n", format!("tokens:2: {line}")),
            (":0123456789abcdef\n", format!("tokens:1: {line}")),
            ("c i:0123456789abcdef\n", format!("tokens:1: {line}")),
            ("ci:\n", format!("tokens:1: {token}")),
            ("ci:0123456789abcde\n", format!("tokens:1: {token}")),
            ("ci:01234567 9abcdef\n", format!("tokens:1: {token}")),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }
}
