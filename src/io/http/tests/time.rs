//! However slow a server is, a get ends.

use super::server::{Step, answer, ok, raw};
use super::*;

/// Every byte that travels takes a few milliseconds of the paused clock.
const TOLERANCE: Duration = Duration::from_millis(500);

fn about(elapsed: Duration, seconds: u64) -> bool {
    elapsed.abs_diff(Duration::from_secs(seconds)) < TOLERANCE
}

async fn attempts_and_error(server: &Server) -> (Vec<String>, Duration) {
    let (client, lines) = observed(HttpSettings::default());
    let started = Instant::now();
    let error = client
        .get(&server.url("x"), LIMIT_BYTES)
        .await
        .unwrap_err()
        .to_string();
    let lines = lines.lock().unwrap().clone();
    assert!(lines.last().unwrap().contains(&error));
    (lines, started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_seven_seconds_is_no_time_out() {
    let server = Server::http(|_| {
        let mut reply = vec![Step::Pause(Duration::from_secs(7))];
        reply.extend(ok("late"));
        reply
    })
    .await;
    assert_eq!(get(&server, "x").await, found("late"));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_before_an_answer_ends_the_attempt_and_then_the_budget() {
    let server = Server::http(|_| vec![Step::Hang]).await;
    let url = server.url("x");
    let (lines, elapsed) = attempts_and_error(&server).await;
    assert_eq!(
        lines,
        [
            format!("GET failed: {url} took too long: nothing came for 8 s in 0 ms"),
            format!("GET failed: {url} took too long: nothing came for 8 s in 0 ms (attempt 2)"),
            format!(
                "GET failed: {url} took too long: all attempts together may take 20 s in 0 ms (attempt 3)"
            ),
        ]
    );
    assert!(about(elapsed, 20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_within_an_answer_ends_the_attempt() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        reply.push(Step::Hang);
        reply
    })
    .await;
    let (lines, elapsed) = attempts_and_error(&server).await;
    assert!(lines[0].contains("nothing came for 8 s"), "{lines:?}");
    assert!(about(elapsed, 20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_ends_at_the_attempt_s_limit() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let in_body = vec![
        Step::Send(head.as_bytes().to_vec()),
        Step::Trickle(vec![b'x'; 100]),
    ];
    let server = Server::http(move |_| in_body.clone()).await;
    let (lines, elapsed) = attempts_and_error(&server).await;
    assert!(
        lines[0].contains("the answer was not complete within 15 s"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("all attempts together may take 20 s"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
    assert!(about(elapsed, 20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trickled_head_is_silence() {
    let server = Server::http(|_| {
        vec![Step::Trickle(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )]
    })
    .await;
    let (lines, elapsed) = attempts_and_error(&server).await;
    assert!(lines[0].contains("nothing came for 8 s"), "{lines:?}");
    assert!(about(elapsed, 20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn redirects_do_not_make_an_attempt_longer() {
    let server = Server::http(|received| {
        let mut reply = vec![Step::Pause(Duration::from_secs(7))];
        reply.extend(server::redirect(&format!("{}a", received.path)));
        reply
    })
    .await;
    let (lines, elapsed) = attempts_and_error(&server).await;
    assert!(
        lines[2].contains("the answer was not complete within 15 s"),
        "{lines:?}"
    );
    assert!(about(elapsed, 20), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_no_connection() {
    // It accepts and says nothing, and TLS waits for the server's word.
    let server = Server::http(|_| vec![Step::Hang]).await;
    let mut url = server.url("x");
    url.set_scheme("https").unwrap();
    let (client, lines) = observed(HttpSettings::default());
    let error = client.get(&url, LIMIT_BYTES).await.unwrap_err().to_string();
    assert!(lines.lock().unwrap()[0].contains("no connection within 5 s"));
    // Three attempts and the start of a fourth.
    assert_eq!(
        error,
        format!("{url} took too long: all attempts together may take 20 s")
    );
}

#[tokio::test(start_paused = true)]
async fn the_run_s_deadline_ends_everything() {
    let server = Server::http(|_| vec![Step::Hang]).await;
    let deadline = Some(Instant::now() + Duration::from_secs(3));
    let (client, lines) = observed(HttpSettings {
        deadline,
        concurrency: 1,
        ..HttpSettings::default()
    });
    let started = Instant::now();
    let url = server.url("x");
    // One in flight, one in the queue.
    let (first, second) =
        tokio::join!(client.get(&url, LIMIT_BYTES), client.get(&url, LIMIT_BYTES));
    let third = client.get(&url, LIMIT_BYTES).await;
    for answer in [first, second, third] {
        let error = answer.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{url} was not fetched: this run's time is over")
        );
        assert!(!error.transient());
    }
    assert!(about(started.elapsed(), 3), "{:?}", started.elapsed());
    assert_eq!(lines.lock().unwrap().len(), 1, "one was begun");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_run_s_deadline_is_not_begun() {
    let server = Server::http(|_| answer(503, "Retry-After: 4\r\n", "")).await;
    let deadline = Some(Instant::now() + Duration::from_secs(3));
    let client = HttpClient::new(HttpSettings {
        deadline,
        ..HttpSettings::default()
    });
    let started = Instant::now();
    let error = client
        .get(&server.url("x"), LIMIT_BYTES)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(error, format!("{} answered 503", server.url("x")));
    assert!(about(started.elapsed(), 0), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn time_in_the_queue_is_not_counted() {
    let server = Server::http(|_| {
        let mut reply = vec![Step::Pause(Duration::from_secs(7))];
        reply.extend(ok("late"));
        reply
    })
    .await;
    let client = HttpClient::new(HttpSettings {
        concurrency: 1,
        ..HttpSettings::default()
    });
    let url = server.url("x");
    let gets = (0..5).map(|_| client.get(&url, LIMIT_BYTES));
    let started = Instant::now();
    for answer in futures_util::future::join_all(gets).await {
        assert_eq!(answer, found("late"));
    }
    assert!(about(started.elapsed(), 35), "{:?}", started.elapsed());
}
