//! `file:` URLs: a mirror in a folder, as the go command allows for GOPROXY.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Component;

use bytes::Bytes;
use reqwest::Url;

use super::Answer;
use super::error::{FetchError, ShownUrl, escaped};

/// go's status for a file that is not there.
const NOT_FOUND: u16 = 404;

/// The file of a URL, if it has at most `limit_bytes`. Such files are small, so reading one does
/// not hold up the requests around it.
pub(super) fn read(url: &Url, limit_bytes: usize) -> Result<Answer, FetchError> {
    let shown = || ShownUrl::new(url);
    let invalid = |reason| FetchError::InvalidUrl {
        url: shown(),
        reason,
    };
    let path = url
        .to_file_path()
        .map_err(|()| invalid("it names no file of this machine"))?;
    // An escaped slash survives the URL's own normalisation.
    if path
        .components()
        .any(|component| component == Component::ParentDir)
    {
        return Err(invalid("it leads out of its folder"));
    }
    let failed = |error: &io::Error| FetchError::File {
        url: shown(),
        cause: escaped(&error.to_string()),
    };

    // Opening a pipe would wait for its other end, so look before.
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => {
            return Err(FetchError::File {
                url: shown(),
                cause: "it is not a regular file".to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Answer::Absent {
                status: NOT_FOUND,
                message: String::new(),
            });
        }
        Err(error) => return Err(failed(&error)),
    }
    let file = File::open(&path).map_err(|error| failed(&error))?;
    let mut body = Vec::new();
    // One byte more tells a file at the limit from one above.
    let at_most = u64::try_from(limit_bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    file.take(at_most)
        .read_to_end(&mut body)
        .map_err(|error| failed(&error))?;
    if body.len() > limit_bytes {
        return Err(FetchError::TooLarge {
            url: shown(),
            limit_bytes,
        });
    }
    Ok(Answer::Found(Bytes::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror() -> (tempfile::TempDir, Url) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("latest"), "12345").unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        (folder, url)
    }

    #[test]
    fn a_file_at_the_limit_is_read() {
        let (_folder, base) = mirror();
        let answer = read(&base.join("latest").unwrap(), 5).unwrap();
        assert_eq!(answer, Answer::Found(Bytes::from_static(b"12345")));
    }

    #[test]
    fn a_file_above_the_limit_is_too_large() {
        let (_folder, base) = mirror();
        let url = base.join("latest").unwrap();
        let error = read(&url, 4).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the answer of {url} is larger than the 4 bytes that it may have")
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_absent() {
        let (_folder, base) = mirror();
        for path in ["missing", "missing/below"] {
            let answer = read(&base.join(path).unwrap(), 5).unwrap();
            assert_eq!(
                answer,
                Answer::Absent {
                    status: 404,
                    message: String::new()
                }
            );
        }
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let (_folder, base) = mirror();
        let error = read(&base, 5).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot read {base}: it is not a regular file")
        );
    }

    #[test]
    fn an_escaped_slash_does_not_lead_out_of_the_folder() {
        let (_folder, base) = mirror();
        let url = Url::parse(&format!("{base}a%2f..%2flatest")).unwrap();
        let error = read(&url, 5).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot fetch {url}: it leads out of its folder")
        );
    }

    #[test]
    fn a_file_of_another_machine_is_refused() {
        let error = read(&Url::parse("file://host.example/x").unwrap(), 5)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "cannot fetch file://host.example/x: it names no file of this machine"
        );
    }
}
