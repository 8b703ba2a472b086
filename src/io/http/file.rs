//! `file:` URLs: a mirror in a folder, as the go command allows for GOPROXY.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Component;

use reqwest::Url;
use tokio::task::yield_now;

use super::attempt::Arrival;
use super::error::{FetchError, ShownUrl, escaped};
use super::transfer::{Stop, Transfer};

/// go's status for a file that is not there.
const NOT_FOUND: u16 = 404;

/// What is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Gives the file of a URL to the sink, if it has at most the transfer's limit of bytes.
pub(super) async fn read(url: &Url, transfer: &mut Transfer<'_>) -> Result<Arrival, FetchError> {
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
            return Ok(Arrival::Absent {
                status: NOT_FOUND,
                message: String::new(),
            });
        }
        Err(error) => return Err(failed(&error)),
    }
    let mut file = File::open(&path).map_err(|error| failed(&error))?;
    let stopped = |Stop| FetchError::Stopped { url: shown() };
    transfer.sink.begin(None).map_err(stopped)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read_bytes = file.read(&mut chunk).map_err(|error| failed(&error))?;
        let chunk = chunk.get(..read_bytes).unwrap_or_default();
        if chunk.is_empty() {
            return Ok(Arrival::Whole);
        }
        transfer.received_bytes += chunk.len();
        if transfer.received_bytes > transfer.limit_bytes {
            return Err(FetchError::TooLarge {
                url: shown(),
                limit_bytes: transfer.limit_bytes,
            });
        }
        transfer.sink.take(chunk).map_err(stopped)?;
        // Whoever takes it may have much to do with it, and others wait.
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Answer;
    use super::super::transfer::InMemory;
    use super::*;

    async fn read(url: &Url, limit_bytes: usize) -> Result<Answer, FetchError> {
        let mut body = InMemory::default();
        let mut transfer = Transfer::new(&mut body, limit_bytes);
        match super::read(url, &mut transfer).await? {
            Arrival::Whole => Ok(Answer::Found(body.into_bytes())),
            Arrival::Absent { status, message } => Ok(Answer::Absent { status, message }),
        }
    }

    fn mirror() -> (tempfile::TempDir, Url) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("latest"), "12345").unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        (folder, url)
    }

    #[tokio::test]
    async fn a_file_at_the_limit_is_read() {
        let (_folder, base) = mirror();
        let answer = read(&base.join("latest").unwrap(), 5).await.unwrap();
        assert_eq!(answer, Answer::Found(Bytes::from_static(b"12345")));
    }

    #[tokio::test]
    async fn a_file_above_the_limit_is_too_large() {
        let (_folder, base) = mirror();
        let url = base.join("latest").unwrap();
        let error = read(&url, 4).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("the answer of {url} is larger than the 4 bytes that it may have")
        );
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_absent() {
        let (_folder, base) = mirror();
        for path in ["missing", "missing/below"] {
            let answer = read(&base.join(path).unwrap(), 5).await.unwrap();
            assert_eq!(
                answer,
                Answer::Absent {
                    status: 404,
                    message: String::new()
                }
            );
        }
    }

    #[tokio::test]
    async fn a_folder_is_not_a_file() {
        let (_folder, base) = mirror();
        let error = read(&base, 5).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot read {base}: it is not a regular file")
        );
    }

    #[tokio::test]
    async fn an_escaped_slash_does_not_lead_out_of_the_folder() {
        let (_folder, base) = mirror();
        let url = Url::parse(&format!("{base}a%2f..%2flatest")).unwrap();
        let error = read(&url, 5).await.unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot fetch {url}: it leads out of its folder")
        );
    }

    #[tokio::test]
    async fn a_file_of_another_machine_is_refused() {
        let error = read(&Url::parse("file://host.example/x").unwrap(), 5)
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "cannot fetch file://host.example/x: it names no file of this machine"
        );
    }
}
