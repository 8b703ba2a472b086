//! What the environment changes. It is read once in a process, so each of these runs this test
//! program again as a child with another environment, and the child makes one request.

use std::process::Command;

use super::server::ok;
use super::*;

const URL_VARIABLE: &str = "SUMCHECK_TEST_URL";

/// Not a test by itself: the child's side of the tests below.
#[test]
#[ignore = "run by the other tests of this file"]
fn child_asks() {
    let Ok(url) = std::env::var(URL_VARIABLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(client().get(&url.parse().unwrap(), LIMIT_BYTES));
    println!("child: {answer:?}");
}

/// What the child got, as debug output.
async fn child(url: &Url, variables: &[(&str, &str)]) -> String {
    let (_, path) = concat!(module_path!(), "::child_asks")
        .split_once("::")
        .unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([path, "--exact", "--ignored", "--nocapture"])
        .env(URL_VARIABLE, url.as_str());
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (_, line) = output
        .split_once("child: ")
        .unwrap_or_else(|| panic!("{output}"));
    line.lines().next().unwrap().to_owned()
}

fn empty_store() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn ssl_cert_file_is_honoured() {
    let server = Server::https(|_| ok("trusted")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &server.root_pem).unwrap();
    let variables = [("SSL_CERT_FILE", file.path().to_str().unwrap())];
    assert_eq!(
        child(&server.url("x"), &variables).await,
        r#"Ok(Found(b"trusted"))"#
    );
}

#[tokio::test]
async fn a_machine_without_a_store_of_certificates_still_has_roots() {
    let server = Server::https(|_| ok("trusted")).await;
    let folder = empty_store();
    let folder = folder.path().to_str().unwrap();
    let file = format!("{folder}/missing");
    let variables = [("SSL_CERT_DIR", folder), ("SSL_CERT_FILE", &file)];
    // The client could be built, and knows whom it does not trust.
    let answer = child(&server.url("x"), &variables).await;
    assert!(answer.starts_with("Err(Tls {"), "{answer}");
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_used() {
    let proxy = Server::http(|_| ok("by proxy")).await;
    let url: Url = "http://log.example/x".parse().unwrap();
    let variables = [("HTTP_PROXY", proxy.base.as_str())];
    assert_eq!(child(&url, &variables).await, r#"Ok(Found(b"by proxy"))"#);
    assert_eq!(proxy.paths(), ["http://log.example/x"]);
}

#[tokio::test]
async fn this_machine_is_not_asked_through_a_proxy() {
    let proxy = Server::http(|_| ok("by proxy")).await;
    let server = Server::http(|_| ok("directly")).await;
    let variables = [
        ("HTTP_PROXY", proxy.base.as_str()),
        ("ALL_PROXY", proxy.base.as_str()),
    ];
    assert_eq!(
        child(&server.url("x"), &variables).await,
        r#"Ok(Found(b"directly"))"#
    );
    assert_eq!(proxy.connections(), 0);
}
