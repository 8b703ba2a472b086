//! How many requests and connections there are at once, and what is told of them.

use super::server::{answer, ok, ok_slowly, redirect};
use super::*;

#[tokio::test(start_paused = true)]
async fn no_more_than_the_concurrency_are_in_flight_on_as_many_connections() {
    let server = Server::http(|received| ok_slowly(&received.path)).await;
    let client = HttpClient::new(HttpSettings {
        concurrency: 4,
        ..HttpSettings::default()
    });
    let urls: Vec<Url> = (0..200)
        .map(|number| server.url(&number.to_string()))
        .collect();
    let gets = urls.iter().map(|url| client.get(url, LIMIT_BYTES));
    for (number, answer) in futures_util::future::join_all(gets)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(answer, found(&format!("/{number}")));
    }
    assert_eq!(server.received().len(), 200);
    assert_eq!(server.most_in_flight(), 4);
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_connection_is_back_before_the_next_request_looks_for_one() {
    // On a thread of its own, a server is at times faster than the client's own tasks.
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            sender
                .send(Server::http(|_| ok([b'x'; 8192])).await)
                .unwrap();
            std::future::pending::<()>().await;
        });
    });
    let server = receiver.recv().unwrap();
    let client = client();
    let url = server.url("x");
    let gets = (0..2000).map(|_| client.get(&url, 8192));
    let answers = futures_util::future::join_all(gets).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.connections(), DEFAULT_CONCURRENCY);
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_of_nothing_is_one() {
    let server = Server::http(|_| ok("one")).await;
    let client = HttpClient::new(HttpSettings {
        concurrency: 0,
        ..HttpSettings::default()
    });
    assert_eq!(
        client.get(&server.url("x"), LIMIT_BYTES).await,
        found("one")
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_is_built_with_the_first_request() {
    let server = Server::http(|_| ok("")).await;
    let client = client();
    assert!(!client.connections.are_built());
    client.get(&server.url("x"), LIMIT_BYTES).await.unwrap();
    assert!(client.connections.are_built());
}

#[tokio::test(start_paused = true)]
async fn each_request_is_told_of() {
    let server = Server::http(|received| match (received.path.as_str(), received.number) {
        ("/x", 1) => answer(503, "", "busy"),
        ("/x", _) => redirect("/y"),
        ("/z", _) => answer(404, "", "none"),
        _ => ok("12345"),
    })
    .await;
    let (client, lines) = observed(HttpSettings::default());
    let (x, y, z) = (server.url("x"), server.url("y"), server.url("z"));
    client.get(&x, LIMIT_BYTES).await.unwrap();
    client.get(&z, LIMIT_BYTES).await.unwrap();
    assert_eq!(
        *lines.lock().unwrap(),
        [
            format!("GET failed: {x} answered 503 and said \"busy\" in 0 ms"),
            format!("GET {x}: 302 HTTP/1.1, 0 bytes in 0 ms (attempt 2)"),
            format!("GET {y}: 200 HTTP/1.1, 5 bytes in 0 ms (attempt 2)"),
            format!("GET {z}: 404 HTTP/1.1, 4 bytes in 0 ms"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_is_told_who_asks_and_no_more() {
    let server = Server::http(|_| ok("")).await;
    get(&server, "x").await.unwrap();
    let head = server.received()[0].head.clone();
    let host = server.base.authority();
    let version = env!("CARGO_PKG_VERSION");
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept-encoding: gzip",
            "accept: */*",
            "get /x http/1.1",
            &format!("host: {host}"),
            &format!("user-agent: sumcheck/{version}"),
        ]
    );
}

#[test]
fn settings_are_shown_without_passwords() {
    let netrc = "machine log.example login me password secret";
    let settings = HttpSettings {
        credentials: Credentials::of_netrc(netrc),
        ..HttpSettings::default()
    };
    let shown = format!("{:?}", HttpClient::new(settings));
    assert!(shown.contains("log.example"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}
