//! What is an answer, what is none, and how large one may be.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{Step, answer, ok, raw};
use super::*;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

async fn too_large(server: &Server) {
    let error = get_error(server, "x").await;
    let url = server.url("x");
    assert_eq!(
        error,
        format!("the answer of {url} is larger than the 1000 bytes that it may have")
    );
    assert_eq!(
        server.received().len(),
        1,
        "asking again would not make it smaller"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_at_the_limit_is_found() {
    let server = Server::http(|_| ok([b'x'; LIMIT_BYTES])).await;
    assert_eq!(get(&server, "x").await, found(&"x".repeat(LIMIT_BYTES)));
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_an_answer() {
    let server = Server::http(|_| ok("")).await;
    assert_eq!(get(&server, "x").await, found(""));
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_length_ends_with_its_connection() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
        reply.push(Step::Close);
        reply
    })
    .await;
    assert_eq!(get(&server, "x").await, found("abc"));
}

#[tokio::test(start_paused = true)]
async fn a_claimed_length_above_the_limit_fails_before_reading() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
        reply.push(Step::Hang);
        reply
    })
    .await;
    let started = Instant::now();
    too_large(&server).await;
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_ends_at_the_limit() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        reply.push(Step::SendForEver(b"4\r\nabcd\r\n".to_vec()));
        reply
    })
    .await;
    too_large(&server).await;
}

#[tokio::test(start_paused = true)]
async fn one_byte_above_the_limit_is_too_large_without_a_length_too() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        reply.push(Step::Send(vec![b'x'; LIMIT_BYTES + 1]));
        reply.push(Step::Close);
        reply
    })
    .await;
    too_large(&server).await;
}

#[tokio::test(start_paused = true)]
async fn gzip_is_asked_for_and_unpacked() {
    let server = Server::http(|received| {
        assert!(received.head.contains("\r\naccept-encoding: gzip\r\n"));
        answer(
            200,
            "Content-Encoding: gzip\r\n",
            gzip(&[b'x'; LIMIT_BYTES]),
        )
    })
    .await;
    assert_eq!(get(&server, "x").await, found(&"x".repeat(LIMIT_BYTES)));
}

#[tokio::test(start_paused = true)]
async fn a_gzip_bomb_ends_at_the_limit() {
    let bomb = gzip(&vec![0; LIMIT_BYTES + 1]);
    assert!(bomb.len() < 100);
    let server = Server::http(move |_| answer(200, "Content-Encoding: gzip\r\n", &bomb)).await;
    too_large(&server).await;
}

#[tokio::test(start_paused = true)]
async fn damaged_gzip_is_not_an_answer() {
    let mut cut = gzip(b"a body");
    cut.truncate(cut.len() - 1);
    let mut checksum = gzip(b"a body");
    let place = checksum.len() - 5;
    checksum[place] ^= 1;
    for (damaged, cause) in [(cut, "unexpected end of file"), (checksum, "")] {
        let server =
            Server::http(move |_| answer(200, "Content-Encoding: gzip\r\n", &damaged)).await;
        let error = get_error(&server, "x").await;
        let expected = format!("the answer of {} is incomplete: {cause}", server.url("x"));
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn absence_comes_with_the_server_s_words_as_they_came() {
    for status in [404, 410] {
        let server = Server::http(move |_| answer(status, "", b"not \x1b[31m found \xff\n")).await;
        let message = "not \x1b[31m found \u{fffd}\n".to_owned();
        assert_eq!(
            get(&server, "x").await,
            Ok(Answer::Absent { status, message })
        );
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_first_words_of_an_absence_are_read() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
        reply.push(Step::SendForEver(b"no ".to_vec()));
        reply
    })
    .await;
    let Ok(Answer::Absent {
        status: 404,
        message,
    }) = get(&server, "x").await
    else {
        panic!()
    };
    assert_eq!(message.len(), 2048);
    assert!(message.starts_with("no no "));
}

#[tokio::test(start_paused = true)]
async fn words_that_never_come_do_not_change_an_absence() {
    let server = Server::http(|_| {
        let mut reply = raw("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nno");
        reply.push(Step::Hang);
        reply
    })
    .await;
    let started = Instant::now();
    let message = "no".to_owned();
    assert_eq!(
        get(&server, "x").await,
        Ok(Answer::Absent {
            status: 404,
            message
        })
    );
    assert!(
        started.elapsed() < Duration::from_millis(2500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn no_other_status_is_an_answer_or_tried_again() {
    for status in [
        201, 203, 204, 205, 206, 226, 300, 304, 305, 400, 401, 403, 405, 408, 418, 451,
    ] {
        let server = Server::http(move |_| {
            raw(&format!(
                "HTTP/1.1 {status} Text\r\nContent-Length: 0\r\n\r\n"
            ))
        })
        .await;
        let error = get_error(&server, "x").await;
        assert_eq!(error, format!("{} answered {status}", server.url("x")));
        assert_eq!(server.received().len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_server_says_with_an_error_is_escaped_and_cut() {
    let server = Server::http(|received| match received.path.as_str() {
        "/page" => answer(403, "Content-Type: text/html\r\n", "<html>"),
        "/long" => answer(403, "", "y".repeat(3000)),
        _ => answer(403, "", "blocked\r\n\x1b[2J \"policy\"\n"),
    })
    .await;
    let url = |path| server.url(path);
    assert_eq!(
        get_error(&server, "x").await,
        format!(
            r#"{} answered 403 and said "blocked\r\n\u{{1b}}[2J \"policy\"""#,
            url("x")
        )
    );
    assert_eq!(
        get_error(&server, "page").await,
        format!("{} answered 403", url("page"))
    );
    assert_eq!(
        get_error(&server, "long").await,
        format!(
            "{} answered 403 and said \"{}…\"",
            url("long"),
            "y".repeat(400)
        )
    );
}

#[tokio::test]
async fn a_file_url_is_read_without_building_a_client() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "abc").unwrap();
    let client = client();
    assert_eq!(
        client
            .get(&Url::from_file_path(file.path()).unwrap(), 3)
            .await,
        found("abc")
    );
    assert!(!client.connections.are_built());
}

#[tokio::test]
async fn other_schemes_are_refused() {
    for url in ["ftp://log.example/x", "data:text/plain,x", "unix:/x"] {
        let error = client()
            .get(&url.parse().unwrap(), 3)
            .await
            .unwrap_err()
            .to_string();
        let expected = format!("cannot fetch {url}: its scheme is none of https, http and file");
        assert_eq!(error, expected);
    }
}
