//! HTTP/2 streams that are reset, connections that go away, and floods of frames.

use h2::Reason;

use super::server::Step;
use super::*;

/// RFC 9113 section 4.1: length, type, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let stream = stream.to_be_bytes();
    [&length[1..], &[kind, flags], &stream, payload].concat()
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;

async fn asked(server: &Server) -> Result<Answer, FetchError> {
    let client = client_of(server, HttpSettings::default());
    client.get(&server.url("x"), LIMIT_BYTES).await
}

/// The error, which comes within the bounds of any other server's.
async fn refused(server: &Server) -> String {
    const A_MOMENT: Duration = Duration::from_secs(1);
    let started = Instant::now();
    let error = asked(server).await.unwrap_err().to_string();
    assert!(
        started.elapsed() < FOR_AN_ANSWER.all_attempts + A_MOMENT,
        "{error}"
    );
    assert!(server.received().len() <= 4, "{error}");
    error
}

/// Each way for a stream to break, before its answer and in it.
fn breaks() -> Vec<(&'static str, Vec<Step>)> {
    let begun = || Step::Send(b"the beginning".to_vec());
    vec![
        ("refused", vec![Step::ResetStream(Reason::REFUSED_STREAM)]),
        ("cancelled", vec![Step::ResetStream(Reason::CANCEL)]),
        ("an error", vec![Step::ResetStream(Reason::INTERNAL_ERROR)]),
        ("no error", vec![Step::ResetStream(Reason::NO_ERROR)]),
        (
            "too busy",
            vec![Step::ResetStream(Reason::ENHANCE_YOUR_CALM)],
        ),
        (
            "HTTP/1.1 please",
            vec![Step::ResetStream(Reason::HTTP_1_1_REQUIRED)],
        ),
        (
            "in the body",
            vec![begun(), Step::ResetStream(Reason::CANCEL)],
        ),
        (
            "in the body, no error",
            vec![begun(), Step::ResetStream(Reason::NO_ERROR)],
        ),
        ("going away", vec![Step::GoAway(Reason::NO_ERROR)]),
        (
            "going away in the body",
            vec![begun(), Step::GoAway(Reason::INTERNAL_ERROR)],
        ),
        ("a stream that never begins", vec![Step::Hang]),
        ("a stream that never ends", vec![begun(), Step::Hang]),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_once_is_asked_for_again() {
    for (what, steps) in breaks() {
        let server = Server::http2_that(move |received| match received.number {
            1 => steps.clone(),
            _ => Vec::new(),
        })
        .await;
        assert_eq!(asked(&server).await, found("/x"), "{what}");
        assert_eq!(server.received().len(), 2, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_always_breaks_is_never_an_answer() {
    for (what, steps) in breaks() {
        let server = Server::http2_that(move |_| steps.clone()).await;
        let error = refused(&server).await;
        let url = server.url("x");
        let expected = [
            format!("the connection to {url} broke: "),
            format!("the answer of {url} is incomplete: "),
            format!("{url} took too long: "),
        ];
        assert!(
            expected.iter().any(|start| error.starts_with(start)),
            "{what}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_in_an_orderly_way_is_no_answer() {
    let cut = vec![
        Step::Send(b"the beginning".to_vec()),
        Step::ResetStream(Reason::NO_ERROR),
    ];
    let server = Server::http2_that(move |_| cut.clone()).await;
    assert_eq!(
        refused(&server).await,
        format!(
            "the answer of {} is incomplete: it has 13 of its 15 bytes",
            server.url("x")
        )
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_streams_only_those_that_break_are_asked_for_again() {
    let server = Server::http2_that(|received| {
        let refuse = received.number.is_multiple_of(2);
        let refusal = refuse.then_some(Step::ResetStream(Reason::REFUSED_STREAM));
        refusal.into_iter().collect()
    })
    .await;
    let client = client_of(&server, HttpSettings::default());
    let urls: Vec<Url> = (0..100).map(|n| server.url(&n.to_string())).collect();
    let gets = urls.iter().map(|url| client.get(url, LIMIT_BYTES));
    let answers = futures_util::future::join_all(gets).await;
    let answered = answers.iter().filter(|answer| answer.is_ok()).count();
    // One in two is refused, and there are four tries.
    assert!(answered > 80, "{answered}");
    assert!(server.received().len() <= 400);
    for (n, answer) in answers.into_iter().enumerate() {
        assert!(answer.is_err() || answer == found(&format!("/{n}")), "{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn more_headers_than_a_client_keeps_are_an_error() {
    let server = Server::http2_that(|_| vec![Step::Headers(100)]).await;
    let error = refused(&server).await;
    let expected = format!("the connection to {} broke: ", server.url("x"));
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test(start_paused = true)]
async fn headers_without_end_are_an_error() {
    let begun = frame(HEADERS, 0, 1, &[0x88]);
    // HPACK, RFC 7541 section 6.2.2: a literal header that is not indexed.
    let more = frame(
        CONTINUATION,
        0,
        1,
        &[&[0, 1, b'x', 100][..], &[b'y'; 100]].concat(),
    );
    let server = Server::http2_frames(vec![
        Step::Send([frame(SETTINGS, 0, 0, &[]), begun].concat()),
        Step::SendForEver(more),
    ])
    .await;
    let error = refused(&server).await;
    let expected = format!("the connection to {} broke: ", server.url("x"));
    assert!(error.starts_with(&expected), "{error}");
}

#[tokio::test(start_paused = true)]
async fn frames_without_end_that_answer_nothing_are_silence() {
    for flood in [
        frame(PING, 0, 0, &[0; 8]),
        frame(SETTINGS, 0, 0, &[]),
        // A kind that nobody knows is to be ignored: RFC 9113 section 4.1.
        frame(0xfa, 0, 0, &[0; 100]),
    ] {
        let server = Server::http2_frames(vec![
            Step::Send(frame(SETTINGS, 0, 0, &[])),
            Step::SendForEver(flood),
        ])
        .await;
        let error = refused(&server).await;
        let url = server.url("x");
        let expected = [
            format!("the connection to {url} broke: "),
            format!("{url} took too long: "),
        ];
        assert!(
            expected.iter().any(|start| error.starts_with(start)),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http2_is_an_error() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/x".to_vec(),
        frame(HEADERS, 4, 0, &[0x88]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(HEADERS, 4, 2, &[0x88]),
        vec![0xff; 100],
    ] {
        let server = Server::http2_frames(vec![Step::Send(bytes.clone())]).await;
        let error = refused(&server).await;
        let expected = format!("the connection to {} broke: ", server.url("x"));
        assert!(error.starts_with(&expected), "{bytes:?}: {error}");
    }
}
