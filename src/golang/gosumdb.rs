//! GOSUMDB: which checksum database to trust, and where to ask it.
//!
//! Source: cmd/go/internal/modfetch, `dbDial`.

use super::base_url::{BaseUrl, BaseUrlError};
use super::quoted::Quoted;

/// The checksum database that Go trusts without being told.
pub const SUM_GOLANG_ORG: &str = "sum.golang.org";

/// The verifier key of [`SUM_GOLANG_ORG`].
///
/// Source: cmd/go/internal/modfetch, `knownGOSUMDB`.
pub const SUM_GOLANG_ORG_VERIFIER_KEY: &str =
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

/// Another name for [`SUM_GOLANG_ORG`], asked where it can be reached from mainland China.
pub const SUM_GOLANG_GOOGLE_CN: &str = "sum.golang.google.cn";

/// What GOSUMDB says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SumdbSetting {
    /// `off`: no database is to be asked.
    Off,
    /// A database.
    Database {
        /// The name that signs its heads: `host[/path]`.
        name: String,
        /// The verifier key as it was given, `name+hash+key`; only its name has been checked.
        verifier_key: String,
        /// Where to ask, and nobody else; if missing, a proxy or `https://NAME`.
        url: Option<BaseUrl>,
    },
}

/// Why a text is no setting of GOSUMDB.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GosumdbError {
    /// Nothing but white space.
    #[error("GOSUMDB is empty: write a name, a verifier key, or off")]
    Missing,
    /// More than two words.
    #[error("GOSUMDB has {found} words: it is a name or a verifier key, and perhaps a URL")]
    TooManyFields {
        /// How many words there are.
        found: usize,
    },
    /// A name whose key is not known.
    #[error("the key of checksum database {0} is not known: write its verifier key, name+hash+key")]
    NoVerifierKey(Quoted),
    /// The name is not `host[/path]`.
    #[error("{0} is no name of a checksum database: it is host or host/path")]
    Name(Quoted),
    /// The second word is no URL.
    #[error("GOSUMDB has no valid URL after the key: {0}")]
    Url(BaseUrlError),
}

impl SumdbSetting {
    /// Reads a setting: `off`, `name`, `verifier-key`, each of the last two perhaps with a URL.
    ///
    /// # Errors
    /// [`GosumdbError`] where Go refuses, and also for names with empty or dotted path elements,
    /// which would lead out of the folder that is named after the database.
    pub fn parse(text: &str) -> Result<Self, GosumdbError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        // An alias without a key of its own: Go knows it alone, and not with a URL after it.
        let text = match text {
            SUM_GOLANG_GOOGLE_CN => "sum.golang.org https://sum.golang.google.cn",
            other => other,
        };
        let mut fields = text.split_whitespace();
        let key = match fields.next() {
            None => return Err(GosumdbError::Missing),
            Some(SUM_GOLANG_ORG) => SUM_GOLANG_ORG_VERIFIER_KEY,
            Some(key) => key,
        };
        let url = fields.next();
        if fields.next().is_some() {
            let found = text.split_whitespace().count();
            return Err(GosumdbError::TooManyFields { found });
        }

        let (name, _) = key
            .split_once('+')
            .ok_or_else(|| GosumdbError::NoVerifierKey(Quoted::new(key)))?;
        if !is_name(name) {
            return Err(GosumdbError::Name(Quoted::new(name)));
        }
        Ok(Self::Database {
            name: name.to_owned(),
            verifier_key: key.to_owned(),
            url: url
                .map(BaseUrl::parse)
                .transpose()
                .map_err(GosumdbError::Url)?,
        })
    }
}

/// Whether a name is `host[/path]`: it becomes a URL and a folder, and has to mean the same there.
fn is_name(name: &str) -> bool {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (name, None),
    };
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_path = |b: u8| b.is_ascii_alphanumeric() || b"-._~$&,:;=@".contains(&b);
    let is_element = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(is_path);

    !matches!(host, "" | "." | "..")
        && host.bytes().all(is_host)
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
        && path.is_none_or(|path| path.split('/').all(is_element))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(text: &str) -> (String, String, Option<String>) {
        match SumdbSetting::parse(text).unwrap() {
            SumdbSetting::Database {
                name,
                verifier_key,
                url,
            } => (name, verifier_key, url.map(|url| url.to_string())),
            SumdbSetting::Off => panic!("{text} is off"),
        }
    }

    fn message(text: &str) -> String {
        SumdbSetting::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_public_database_is_known_by_name() {
        let (name, key, url) = database("sum.golang.org");
        assert_eq!(name, SUM_GOLANG_ORG);
        assert_eq!(key, SUM_GOLANG_ORG_VERIFIER_KEY);
        assert_eq!(url, None);
        let (_, key, url) = database(" sum.golang.org\thttps://sum.example.com/x ");
        assert_eq!(key, SUM_GOLANG_ORG_VERIFIER_KEY);
        assert_eq!(url.as_deref(), Some("https://sum.example.com/x"));
    }

    #[test]
    fn the_alias_has_the_same_key_and_its_own_url() {
        let (name, key, url) = database("sum.golang.google.cn");
        assert_eq!(name, SUM_GOLANG_ORG);
        assert_eq!(key, SUM_GOLANG_ORG_VERIFIER_KEY);
        assert_eq!(url.as_deref(), Some("https://sum.golang.google.cn"));
        assert!(message("sum.golang.google.cn https://a.b").contains("is not known"));
    }

    #[test]
    fn any_database_is_given_by_its_key() {
        let (name, key, url) = database("log.example.com:8080/a/b+0123abcd+AAAA http://[::1]:1");
        assert_eq!(name, "log.example.com:8080/a/b");
        assert_eq!(key, "log.example.com:8080/a/b+0123abcd+AAAA");
        assert_eq!(url.as_deref(), Some("http://[::1]:1"));
        assert_eq!(database("localhost+1+2+3").1, "localhost+1+2+3");
    }

    #[test]
    fn off_is_off_and_nothing_else() {
        assert_eq!(SumdbSetting::parse("off"), Ok(SumdbSetting::Off));
        for text in ["Off", " off", "off https://a.b"] {
            assert!(message(text).contains("is not known"), "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        for text in ["", " \t"] {
            assert_eq!(
                message(text),
                "GOSUMDB is empty: write a name, a verifier key, or off"
            );
        }
        assert_eq!(
            message("a+b+c https://a.b x y"),
            "GOSUMDB has 4 words: it is a name or a verifier key, and perhaps a URL"
        );
        assert_eq!(
            message("sum.example.com"),
            "the key of checksum database \"sum.example.com\" is not known: write its verifier \
             key, name+hash+key"
        );
        assert_eq!(
            message("a+b+c sum.example.com"),
            "GOSUMDB has no valid URL after the key: URL \"sum.example.com\" has no scheme: \
             write it as in https://example.com"
        );
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        assert_eq!(
            message("a.b/../c+1+2"),
            "\"a.b/../c\" is no name of a checksum database: it is host or host/path"
        );
        for name in [
            "",
            "/a",
            "a/",
            "a//b",
            "a/./b",
            "..",
            "../a",
            "a?b",
            "a#b",
            "a%20b",
            "u@a",
            "a:x",
            "a:",
            "a:1:2",
            "a\\b",
            "é",
            "a/é",
            "a\0",
            "https://a.b",
        ] {
            assert!(
                message(&format!("{name}+1+2")).contains("is no name"),
                "{name}"
            );
        }
    }
}
