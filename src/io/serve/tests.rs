//! What a connection may cost, on a clock that stands still unless nothing else is to be done.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::activity::Activity;
use super::connection;
use super::limits::Limits;
use super::small::SmallBody;

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n";

/// The client's end of a connection that is served, and when serving ends.
fn connect(buffer_bytes: usize, work: Duration, body: &'static [u8]) -> (DuplexStream, Served) {
    let (client, server) = duplex(buffer_bytes);
    let served = tokio::spawn(async move {
        let activity = Arc::new(Activity::default());
        let connections = GracefulShutdown::new();
        let answer = |_| {
            let activity = Arc::clone(&activity);
            async move {
                sleep(work).await;
                Response::new(SmallBody::new(Bytes::from_static(body), activity))
            }
        };
        let watcher = connections.watcher();
        connection::serve(server, &activity, Limits::default(), watcher, answer).await;
    });
    (client, served)
}

type Served = JoinHandle<()>;

/// After how many seconds the server gave up.
async fn seconds_until(served: Served) -> u64 {
    let started = Instant::now();
    let ended = timeout(Duration::from_secs(3600), served).await;
    ended.expect("it gives up").unwrap();
    started.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_given_up() {
    let (_client, served) = connect(4096, Duration::ZERO, b"");
    assert_eq!(seconds_until(served).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_by_the_byte_is_given_up() {
    let (mut client, served) = connect(4096, Duration::ZERO, b"");
    tokio::spawn(async move {
        for byte in HEAD.iter().cycle() {
            if *byte != b'\n' && client.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(5)).await;
        }
    });
    assert_eq!(seconds_until(served).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_beginning_of_http_2_that_comes_by_the_byte_is_given_up() {
    let (mut client, served) = connect(4096, Duration::ZERO, b"");
    tokio::spawn(async move {
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" {
            if client.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(25)).await;
        }
    });
    assert_eq!(seconds_until(served).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let (mut client, served) = connect(64, Duration::ZERO, &[b'x'; 100_000]);
    client.write_all(HEAD).await.unwrap();
    assert_eq!(seconds_until(served).await, 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_what_it_wanted_may_stay_a_while() {
    let (mut client, served) = connect(4096, Duration::ZERO, b"hello");
    let mut answer = [0; 1024];
    for _ in 0..3 {
        client.write_all(HEAD).await.unwrap();
        assert_ne!(client.read(&mut answer).await.unwrap(), 0);
        sleep(Duration::from_secs(29)).await;
    }
    assert!(seconds_until(served).await <= 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_given_up_for_what_takes_the_gate_long() {
    let (mut client, _served) = connect(4096, Duration::from_secs(600), b"hello");
    client.write_all(HEAD).await.unwrap();
    let mut answer = [0; 1024];
    let length = client.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_refused() {
    let (mut client, served) = connect(1 << 20, Duration::ZERO, b"");
    let bomb = [b"GET /".as_slice(), &[b'a'; 100_000]].concat();
    let _ = client.write_all(&bomb).await;
    let mut answer = String::new();
    let _ = client.read_to_string(&mut answer).await;
    assert!(
        answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"),
        "{answer}"
    );
    assert_eq!(seconds_until(served).await, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_at_once_are_answered_in_their_order() {
    let (mut client, _served) = connect(4096, Duration::from_secs(1), b"hello");
    client.write_all(&HEAD.repeat(3)).await.unwrap();
    let mut answers = String::new();
    while answers.matches("hello").count() < 3 {
        let mut answer = [0; 1024];
        let length = client.read(&mut answer).await.unwrap();
        answers.push_str(std::str::from_utf8(&answer[..length]).unwrap());
    }
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
}

/// A frame of HTTP/2 (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let head = [0, 0, length, kind, flags, 0, 0, 0, stream];
    [&head, payload].concat()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_taken_back_holds_no_connection() {
    const CANCEL: [u8; 4] = [0, 0, 0, 8];
    let (mut client, served) = connect(4096, Duration::from_secs(600), b"hello");
    // GET, http, / and an authority: RFC 7541 appendix A.
    let request = [&[0x82, 0x86, 0x84, 0x41, 4], b"gate".as_slice()].concat();
    client
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    client.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    client.write_all(&frame(1, 5, 1, &request)).await.unwrap();
    sleep(Duration::from_secs(50)).await;
    assert!(!served.is_finished(), "it is at work");
    client.write_all(&frame(3, 0, 1, &CANCEL)).await.unwrap();
    assert!(seconds_until(served).await <= 31);
}
