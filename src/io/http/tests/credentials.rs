//! Who is told a password.

use super::server::{Received, answer, ok, redirect};
use super::*;

fn log_in(host: &str) -> HttpSettings {
    let netrc = format!("machine {host} login u password p");
    HttpSettings {
        credentials: Credentials::of_netrc(&netrc),
        ..HttpSettings::default()
    }
}

/// A client that has the server's host and port in its netrc.
fn known_to(server: &Server) -> HttpClient {
    client_of(server, log_in(&host_of(server)))
}

fn host_of(server: &Server) -> String {
    server.base.authority().to_owned()
}

fn logged_in(received: &Received) -> bool {
    // "u:p" in base64.
    let told = received.head.contains("\r\nauthorization: basic dtpw\r\n");
    assert_eq!(
        told,
        received.has_header("authorization"),
        "{}",
        received.head
    );
    told
}

fn who_logged_in(server: &Server) -> Vec<(String, bool)> {
    server
        .received()
        .iter()
        .map(|received| (received.path.clone(), logged_in(received)))
        .collect()
}

fn at(path: &str, logged_in: bool) -> (String, bool) {
    (path.to_owned(), logged_in)
}

#[tokio::test(start_paused = true)]
async fn netrc_logs_in_over_https() {
    let server = Server::https(|_| ok("in")).await;
    assert_eq!(
        known_to(&server).get(&server.url("x"), LIMIT_BYTES).await,
        found("in")
    );
    assert_eq!(who_logged_in(&server), [at("/x", true)]);
}

#[tokio::test(start_paused = true)]
async fn netrc_does_not_log_in_over_http() {
    let server = Server::http(|_| ok("out")).await;
    assert_eq!(
        known_to(&server).get(&server.url("x"), LIMIT_BYTES).await,
        found("out")
    );
    assert_eq!(who_logged_in(&server), [at("/x", false)]);
}

#[tokio::test(start_paused = true)]
async fn the_url_s_own_user_logs_in_and_is_not_shown() {
    let server = Server::https(|_| answer(403, "", "")).await;
    let mut url = server.url("x");
    url.set_username("u").unwrap();
    url.set_password(Some("p")).unwrap();
    let client = client_of(&server, HttpSettings::default());
    let error = client.get(&url, LIMIT_BYTES).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} answered 403", server.url("x"))
    );
    assert!(!format!("{error:?}").contains("u:p"));
    assert_eq!(who_logged_in(&server), [at("/x", true)]);
}

#[tokio::test(start_paused = true)]
async fn a_password_for_an_http_url_is_refused_before_a_packet_is_sent() {
    let server = Server::http(|_| ok("in")).await;
    let mut url = server.url("x");
    url.set_username("u").unwrap();
    url.set_password(Some("p")).unwrap();
    let error = client()
        .get(&url, LIMIT_BYTES)
        .await
        .unwrap_err()
        .to_string();
    let shown = server.url("x");
    assert_eq!(
        error,
        format!("refusing to pass credentials to insecure URL {shown}: use https, or remove them")
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_on_the_same_server_keeps_the_login() {
    let server = Server::https(|received| match received.path.as_str() {
        "/x" => redirect("/y"),
        _ => ok("in"),
    })
    .await;
    assert_eq!(
        known_to(&server).get(&server.url("x"), LIMIT_BYTES).await,
        found("in")
    );
    assert_eq!(who_logged_in(&server), [at("/x", true), at("/y", true)]);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_another_host_loses_the_login_for_good() {
    let server = Server::https(|received| {
        let port = received.head.split("\r\nhost: ").nth(1).unwrap();
        let port = port
            .split("\r\n")
            .next()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        match received.path.as_str() {
            "/x" => redirect(&format!("https://localhost:{port}/y")),
            "/y" => redirect(&format!("https://127.0.0.1:{port}/z")),
            _ => ok("out"),
        }
    })
    .await;
    assert_eq!(
        known_to(&server).get(&server.url("x"), LIMIT_BYTES).await,
        found("out")
    );
    assert_eq!(
        who_logged_in(&server),
        [at("/x", true), at("/y", false), at("/z", false)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_another_port_loses_the_login() {
    let there = Server::https(|_| ok("out")).await;
    let target = there.url("y").to_string();
    let here = Server::https(move |_| redirect(&target)).await;
    let mut client = known_to(&here);
    client.connections.test_roots.extend(there.root.clone());
    assert_eq!(client.get(&here.url("x"), LIMIT_BYTES).await, found("out"));
    assert_eq!(who_logged_in(&here), [at("/x", true)]);
    assert_eq!(who_logged_in(&there), [at("/y", false)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_does_not_choose_what_we_log_in_with() {
    let there = Server::https(|_| ok("out")).await;
    let target = there
        .url("y")
        .to_string()
        .replace("https://", "https://u:p@");
    let here = Server::https(move |_| redirect(&target)).await;
    let mut client = client_of(&here, HttpSettings::default());
    client.connections.test_roots.extend(there.root.clone());
    assert_eq!(client.get(&here.url("x"), LIMIT_BYTES).await, found("out"));
    assert_eq!(who_logged_in(&there), [at("/y", false)]);
}
