//! TLS and HTTP/2.

use super::server::{ok, ok_slowly};
use super::*;

async fn get_many(
    client: &HttpClient,
    server: &Server,
    count: usize,
) -> Vec<Result<Answer, FetchError>> {
    let urls: Vec<Url> = (0..count)
        .map(|number| server.url(&number.to_string()))
        .collect();
    futures_util::future::join_all(urls.iter().map(|url| client.get(url, LIMIT_BYTES))).await
}

#[tokio::test(start_paused = true)]
async fn a_server_with_an_unknown_certificate_is_not_asked() {
    let server = Server::https(|_| ok("secret")).await;
    let url = server.url("x");
    let error = client().get(&url, LIMIT_BYTES).await.unwrap_err();
    let start = format!("no secure connection to {url}: invalid peer certificate: ");
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(!error.transient());
    assert_eq!((server.connections(), server.received().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::https(|_| ok("secret")).await;
    let mut url = server.url("x");
    url.set_host(Some("127.0.0.2")).unwrap();
    let client = client_of(&server, HttpSettings::default());
    let error = client.get(&url, LIMIT_BYTES).await.unwrap_err().to_string();
    // Where 127.0.0.2 is not this machine, there is no connection at all.
    assert!(
        error.starts_with(&format!(
            "no secure connection to {url}: invalid peer certificate"
        )) || error.starts_with(&format!("cannot connect to {url}: ")),
        "{error}"
    );
    assert!(server.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn http2_is_spoken_where_the_server_has_it_on_one_connection() {
    let server = Server::http2(Duration::ZERO).await;
    let client = client_of(&server, HttpSettings::default());
    for (number, answer) in get_many(&client, &server, 200)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(answer, found(&format!("/{number}")));
    }
    assert_eq!(server.received().len(), 200);
    assert_eq!(server.connections(), 1);
    assert!(server.most_in_flight() > 1, "requests share the connection");
    assert!(server.most_in_flight() <= DEFAULT_CONCURRENCY);
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_answer_holds_up_nobody() {
    let server = Server::http2(Duration::from_secs(6)).await;
    let client = client_of(&server, HttpSettings::default());
    let first_url = server.url("first");
    let first = client.get(&first_url, LIMIT_BYTES);
    let others = async {
        let started = Instant::now();
        let answers = get_many(&client, &server, 50).await;
        assert!(answers.iter().all(Result::is_ok));
        started.elapsed()
    };
    let (first, waited) = tokio::join!(first, others);
    assert_eq!(first, found("/first"));
    assert!(waited < Duration::from_millis(1500), "{waited:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn http1_is_spoken_where_the_server_has_no_more() {
    let server = Server::https(|received| ok_slowly(&received.path)).await;
    let client = client_of(
        &server,
        HttpSettings {
            concurrency: 4,
            ..HttpSettings::default()
        },
    );
    for (number, answer) in get_many(&client, &server, 40).await.into_iter().enumerate() {
        assert_eq!(answer, found(&format!("/{number}")));
    }
    assert_eq!(server.most_in_flight(), 4);
}
