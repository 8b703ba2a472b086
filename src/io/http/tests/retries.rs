//! What is tried again, when, and how often.

use tokio::net::TcpListener;

use super::server::{Reply, Step, answer, ok, raw};
use super::*;

/// Fails once as told, and then answers.
async fn fails_once(failure: Reply) -> Server {
    Server::http(move |received| {
        if received.number == 1 {
            failure.clone()
        } else {
            ok("well")
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn what_a_moment_may_mend_is_tried_again() {
    let broken_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    for failure in [
        answer(429, "", ""),
        answer(500, "", ""),
        answer(502, "", ""),
        answer(503, "", "later"),
        answer(504, "", ""),
        answer(520, "", ""),
        vec![Step::Close],
        raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            .into_iter()
            .chain([Step::Close])
            .collect(),
        raw(broken_chunk).into_iter().chain([Step::Close]).collect(),
        raw("220 mail.example ESMTP\r\n\r\n"),
        vec![Step::Hang],
    ] {
        let server = fails_once(failure.clone()).await;
        assert_eq!(get(&server, "x").await, found("well"), "{failure:?}");
        assert_eq!(server.received().len(), 2, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn four_attempts_are_made_and_the_last_error_told() {
    let server = Server::http(|received| answer(500, "", format!("no. {}", received.number))).await;
    let error = get_error(&server, "x").await;
    assert_eq!(
        error,
        format!(r#"{} answered 500 and said "no. 4""#, server.url("x"))
    );
    assert_eq!(server.received().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_always_breaks_off_is_never_an_answer() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        reply.push(Step::Close);
        reply
    })
    .await;
    let error = get_error(&server, "x").await;
    let url = server.url("x");
    assert_eq!(
        error,
        format!("the answer of {url} is incomplete: end of file before message length reached")
    );
    assert_eq!(server.received().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_again() {
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url: Url = format!("http://127.0.0.1:{port}/x").parse().unwrap();
    let (client, lines) = observed(HttpSettings::default());
    let error = client.get(&url, LIMIT_BYTES).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot connect to {url}: ")),
        "{error}"
    );
    assert!(error.to_lowercase().contains("refused"), "{error}");
    assert_eq!(lines.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it_within_bounds() {
    for (retry_after, at_least_ms, below_ms) in
        [("3", 3000, 3500), ("3600", 5000, 5500), ("", 100, 500)]
    {
        let server = fails_once(answer(429, &format!("Retry-After: {retry_after}\r\n"), "")).await;
        let started = Instant::now();
        assert_eq!(get(&server, "x").await, found("well"));
        let elapsed_ms = started.elapsed().as_millis();
        assert!(
            (at_least_ms..below_ms).contains(&elapsed_ms),
            "{retry_after:?}: {elapsed_ms} ms"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn patience_ends_before_the_budget_does() {
    let server = Server::http(|_| {
        let mut reply = vec![Step::Pause(Duration::from_secs(7))];
        reply.extend(answer(503, "Retry-After: 5\r\n", ""));
        reply
    })
    .await;
    let started = Instant::now();
    let error = get_error(&server, "x").await;
    // 7 s, a pause of 5 s, 7 s, and no other pause of 5 s within 20 s.
    assert_eq!(error, format!("{} answered 503", server.url("x")));
    assert_eq!(server.received().len(), 2);
    assert!(
        started.elapsed() < Duration::from_millis(19_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_pauses_of_others() {
    let server = Server::http(|received| match (received.path.as_str(), received.number) {
        ("/slow", 1) => answer(503, "Retry-After: 5\r\n", ""),
        _ => ok("well"),
    })
    .await;
    let client = HttpClient::new(HttpSettings {
        concurrency: 1,
        ..HttpSettings::default()
    });
    let (slow, fast) = (server.url("slow"), server.url("fast"));
    let (slow, fast) = tokio::join!(
        client.get(&slow, LIMIT_BYTES),
        client.get(&fast, LIMIT_BYTES)
    );
    assert_eq!((slow, fast), (found("well"), found("well")));
    assert_eq!(server.paths(), ["/slow", "/fast", "/slow"]);
}
