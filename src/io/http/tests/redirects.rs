//! Where a redirect is followed, and where not.

use super::server::{answer, ok, redirect};
use super::*;

/// `/5` leads to `/4`, and so on, and `/0` is there.
async fn staircase() -> Server {
    Server::http(
        |received| match received.path[1..].parse::<u32>().unwrap() {
            0 => ok("ground"),
            step => redirect(&(step - 1).to_string()),
        },
    )
    .await
}

async fn refusal(location: &'static str) -> (Server, String) {
    refusal_at("x", location).await
}

async fn refusal_at(path: &str, location: &'static str) -> (Server, String) {
    let server = Server::http(move |_| redirect(location)).await;
    let error = get_error(&server, path).await;
    assert_eq!(server.received().len(), 1, "followed, or tried again");
    let start = format!("the redirect of {} was not followed: ", server.url("x"));
    let refusal = error.strip_prefix(&start).unwrap().to_owned();
    (server, refusal)
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_redirect_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::http(move |received| match received.path.as_str() {
            "/a/b" => answer(status, "Location: ../c?d\r\n", "moved"),
            _ => ok("here"),
        })
        .await;
        assert_eq!(get(&server, "a/b").await, found("here"));
        assert_eq!(server.paths(), ["/a/b", "/c?d"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_may_lead_to_another_server() {
    let there = Server::http(|_| ok("there")).await;
    let target = there.url("y").to_string();
    let here = Server::http(move |_| redirect(&target)).await;
    assert_eq!(get(&here, "x").await, found("there"));
}

#[tokio::test(start_paused = true)]
async fn five_redirects_are_followed() {
    let server = staircase().await;
    assert_eq!(get(&server, "5").await, found("ground"));
    assert_eq!(server.received().len(), 6);
    assert_eq!(server.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_sixth_redirect_is_refused() {
    let server = staircase().await;
    let error = get_error(&server, "6").await;
    let url = server.url("1");
    assert_eq!(
        error,
        format!("the redirect of {url} was not followed: more than 5 in a row")
    );
    assert_eq!(server.received().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_loop_is_refused_and_not_tried_again() {
    let server = Server::http(|received| match received.path.as_str() {
        "/a" => redirect("/b"),
        "/b" => redirect("/c#fragment"),
        _ => redirect("/a"),
    })
    .await;
    let error = get_error(&server, "a").await;
    let (from, to) = (server.url("c"), server.url("a"));
    assert_eq!(
        error,
        format!("the redirect of {from} was not followed: it leads back to {to}")
    );
    assert_eq!(server.received().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_itself_is_a_loop() {
    let (server, refusal) = refusal("x#again").await;
    assert_eq!(refusal, format!("it leads back to {}", server.url("x")));

    let (server, refusal) = refusal_at("x#once", "x").await;
    assert_eq!(refusal, format!("it leads back to {}", server.url("x")));
}

#[tokio::test(start_paused = true)]
async fn no_redirect_leads_to_another_scheme() {
    for location in [
        "https://log.example/x",
        "file:///etc/passwd",
        "ftp://log.example/",
        "data:,x",
    ] {
        let (_server, refusal) = refusal(location).await;
        assert_eq!(refusal, format!("it leads to another scheme, {location}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_from_https_to_http_is_refused() {
    let plain = Server::http(|_| ok("eavesdropped")).await;
    let target = plain.url("y");
    let location = target.to_string();
    let secure = Server::https(move |_| redirect(&location)).await;
    let client = client_of(&secure, HttpSettings::default());
    let error = client
        .get(&secure.url("x"), LIMIT_BYTES)
        .await
        .unwrap_err()
        .to_string();
    let url = secure.url("x");
    let expected =
        format!("the redirect of {url} was not followed: it leads to another scheme, {target}");
    assert_eq!(error, expected);
    assert!(plain.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_nowhere_is_an_error() {
    let server = Server::http(|_| answer(302, "", "")).await;
    let error = get_error(&server, "x").await;
    let url = server.url("x");
    assert_eq!(
        error,
        format!(
            "the redirect of {url} was not followed: the server answered 302 and said no place to go to"
        )
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_no_url_is_shown_escaped() {
    let (_server, refusal) = refusal("http://[\u{9b}\"x").await;
    assert_eq!(refusal, r#""http://[\u{9b}\"x" is not a URL"#);
}

#[tokio::test(start_paused = true)]
async fn a_long_place_is_cut_when_it_is_shown() {
    let location: &str =
        Box::leak(format!("ftp://log.example/{}", "y".repeat(5000)).into_boxed_str());
    let (_server, refusal) = refusal(location).await;
    assert!(refusal.ends_with("yyy…"), "{refusal}");
    assert!(refusal.len() < 500);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_and_redirects_together_stay_below_thirty_requests() {
    let server = Server::http(
        |received| match received.path[1..].parse::<u32>().unwrap() {
            0 => answer(503, "", ""),
            step => redirect(&(step - 1).to_string()),
        },
    )
    .await;
    assert_eq!(
        get_error(&server, "5").await,
        format!("{} answered 503", server.url("0"))
    );
    assert_eq!(server.received().len(), 24);
}

#[tokio::test(start_paused = true)]
async fn no_server_is_told_where_we_come_from() {
    let server = staircase().await;
    assert_eq!(get(&server, "1").await, found("ground"));
    for received in server.received() {
        assert!(!received.has_header("referer"), "{}", received.head);
    }
}
