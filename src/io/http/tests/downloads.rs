//! Downloads that break off, go on, and are lied to about what they go on with.

use super::server::{Received, Reply, Step, answer};
use super::*;

const BODY: &str = "0123456789";
const TAG: &str = "ETag: \"a\"\r\n";

/// Keeps what comes, and stops after so many bytes.
struct Kept {
    bytes: Vec<u8>,
    begun: usize,
    stop_after: usize,
}

impl Kept {
    fn new() -> Self {
        Self {
            bytes: Vec::new(),
            begun: 0,
            stop_after: usize::MAX,
        }
    }
}

impl Sink for Kept {
    fn begin(&mut self, _length: Option<u64>) -> Result<(), Stop> {
        self.bytes.clear();
        self.begun += 1;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.bytes.extend(bytes);
        if self.bytes.len() > self.stop_after {
            return Err(Stop);
        }
        Ok(())
    }
}

/// The head of the whole body and four bytes of it.
fn broken_off(headers: &str) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 10\r\n\r\n0123");
    vec![Step::Send(head.into_bytes()), Step::Close]
}

fn part(range: &str, body: &str) -> Reply {
    answer(206, &format!("{TAG}Content-Range: {range}\r\n"), body)
}

/// Breaks off, and then does this.
async fn broken_then(
    headers: &'static str,
    then: impl Fn(&Received) -> Reply + Send + Sync + 'static,
) -> Server {
    Server::http(move |received| match received.number {
        1 => broken_off(headers),
        _ => then(received),
    })
    .await
}

async fn download(server: &Server, kept: &mut Kept) -> Result<Download, FetchError> {
    client().download(&server.url("x"), LIMIT_BYTES, kept).await
}

async fn arrives(server: &Server) -> Kept {
    let mut kept = Kept::new();
    assert_eq!(download(server, &mut kept).await, Ok(Download::Whole));
    assert_eq!(kept.bytes, BODY.as_bytes());
    kept
}

#[tokio::test(start_paused = true)]
async fn a_body_that_broke_off_is_gone_on_with() {
    let server = broken_then(TAG, |_| part("bytes 4-9/10", "456789")).await;
    assert_eq!(arrives(&server).await.begun, 1);
    let second = &server.received()[1];
    assert!(
        second.head.contains("\r\nrange: bytes=4-\r\n"),
        "{second:?}"
    );
    assert!(
        second.head.contains("\r\nif-range: \"a\"\r\n"),
        "{second:?}"
    );
    assert!(!server.received()[0].has_header("range"));
}

#[tokio::test(start_paused = true)]
async fn a_whole_body_instead_of_a_part_begins_anew() {
    let server = broken_then(TAG, |_| answer(200, "ETag: \"b\"\r\n", BODY)).await;
    assert_eq!(arrives(&server).await.begun, 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_strong_validator_a_download_begins_anew() {
    for headers in [
        "",
        "ETag: W/\"a\"\r\n",
        "ETag: a\r\n",
        "Last-Modified: x\r\n",
    ] {
        let server = broken_then(headers, |_| answer(200, "", BODY)).await;
        assert_eq!(arrives(&server).await.begun, 2, "{headers}");
        assert!(!server.received()[1].has_header("range"), "{headers}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_all_the_rest_is_no_answer() {
    for range in [
        "bytes 5-9/10",
        "bytes 0-9/10",
        "bytes 3-9/10",
        "bytes 40-45/46",
        "bytes 4-8/10",
        "bytes 4-9/*",
        "bytes 4-9/11",
        "bytes 04-9/10",
        "bytes */10",
        "bytes 4-",
        "items 4-9/10",
        "bytes 4-18446744073709551615/0",
        "",
    ] {
        let server = broken_then(TAG, |_| part(range, "456789")).await;
        let mut kept = Kept::new();
        let error = download(&server, &mut kept).await.unwrap_err();
        let url = server.url("x");
        assert_eq!(
            error.to_string(),
            format!("{url} answered 206 and said \"456789\"")
        );
        assert_eq!(kept.bytes, b"0123", "{range}: nothing of it was taken");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_nobody_asked_for_is_no_answer() {
    let server = Server::http(|_| part("bytes 0-9/10", BODY)).await;
    let mut kept = Kept::new();
    let error = download(&server, &mut kept).await.unwrap_err();
    assert!(error.to_string().contains("answered 206"), "{error}");
    assert_eq!(kept.begun, 0);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_breaks_off_is_gone_on_with_too() {
    let server = Server::http(|received| match received.number {
        1 => broken_off(TAG),
        2 => {
            let head = format!(
                "HTTP/1.1 206 Part\r\n{TAG}Content-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n45"
            );
            vec![Step::Send(head.into_bytes()), Step::Close]
        }
        _ => part("bytes 6-9/10", "6789"),
    })
    .await;
    assert_eq!(arrives(&server).await.begun, 1);
    assert!(server.received()[2].head.contains("range: bytes=6-"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_always_breaks_off_is_a_failure() {
    let server = Server::http(|_| broken_off("")).await;
    let mut kept = Kept::new();
    let error = download(&server, &mut kept).await.unwrap_err();
    assert!(matches!(error, FetchError::Incomplete { .. }), "{error}");
    assert_eq!(server.received().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_has_enough_ends_the_transfer_at_once() {
    let server = Server::http(|_| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        vec![
            Step::Send(head.to_vec()),
            Step::SendForEver(b"a\r\n0123456789\r\n".to_vec()),
        ]
    })
    .await;
    let mut kept = Kept::new();
    kept.stop_after = 20;
    let error = client()
        .download(&server.url("x"), usize::MAX, &mut kept)
        .await
        .unwrap_err();
    let url = ShownUrl::new(&server.url("x"));
    assert_eq!(error.to_string(), FetchError::Stopped { url }.to_string());
    assert_eq!(server.received().len(), 1, "it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_ends_at_the_limit() {
    let server = Server::http(|_| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        vec![
            Step::Send(head.to_vec()),
            Step::SendForEver(b"a\r\n0123456789\r\n".to_vec()),
        ]
    })
    .await;
    let mut kept = Kept::new();
    let error = download(&server, &mut kept).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    assert!(kept.bytes.len() <= LIMIT_BYTES);
}

#[tokio::test(start_paused = true)]
async fn parts_do_not_add_up_to_more_than_the_limit() {
    let server = broken_then(TAG, |_| part("bytes 4-1003/1004", &"x".repeat(1000))).await;
    let mut kept = Kept::new();
    let error = download(&server, &mut kept).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error}");
    assert!(kept.bytes.len() <= LIMIT_BYTES);
}

#[tokio::test(start_paused = true)]
async fn a_download_that_is_silent_for_twenty_seconds_has_failed() {
    let in_body = || {
        let head = format!("HTTP/1.1 200 OK\r\n{TAG}Content-Length: 10\r\n\r\n0123");
        vec![Step::Send(head.into_bytes()), Step::Hang]
    };
    for reply in [vec![Step::Hang], in_body()] {
        let server = Server::http(move |_| reply.clone()).await;
        let started = Instant::now();
        let error = download(&server, &mut Kept::new()).await.unwrap_err();
        let url = server.url("x");
        assert_eq!(
            error.to_string(),
            format!("{url} took too long: nothing came for 20 s")
        );
        assert!(error.is_timeout());
        assert!(started.elapsed() < Duration::from_secs(21));
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_download_is_not_silent() {
    let server = Server::http(|_| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
        let slowly = BODY
            .bytes()
            .flat_map(|byte| [Step::Pause(Duration::from_secs(15)), Step::Send(vec![byte])]);
        [Step::Send(head.to_vec())]
            .into_iter()
            .chain(slowly)
            .collect()
    })
    .await;
    assert_eq!(arrives(&server).await.begun, 1);
}
