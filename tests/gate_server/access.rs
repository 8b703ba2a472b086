//! Private modules are for those who show a token, and tokens come over TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::support::client::{Got, request};
use crate::support::gate::Gate;
use crate::{World, hello, signal};

const TOKEN: &str = "a-token-that-nobody-guesses";
const PRIVATE: &str = "/example.com/private/@v/v1.0.0.mod";

/// A gate that others can reach, with a file of tokens.
fn reachable(world: &World) -> Gate {
    let run = world
        .run(&["--listen", "0.0.0.0:0", "--token-file", "tokens"])
        .file("tokens", format!("# ours\nci:{TOKEN}\n"))
        .env("GOPRIVATE", "example.com/private");
    Gate::listen(run)
}

fn get(gate: &Gate, path: &str, authorization: &str) -> Got {
    let headers = [("Authorization", authorization)];
    request(gate.address(), "GET", path, &headers)
}

fn basic(login: &str) -> String {
    format!("Basic {}", STANDARD.encode(login))
}

#[test]
fn a_private_module_is_for_those_who_show_a_token() {
    let world = World::new();
    let gate = reachable(&world);
    let refused = gate.get(PRIVATE);
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(
        refused.header("www-authenticate"),
        Some("Basic realm=\"sumcheck gate\", charset=\"UTF-8\"")
    );
    let words = "sumcheck: example.com/private is private here, and given to those alone who show \
                 a token";
    assert!(refused.text().starts_with(words), "{refused:?}");
    for path in [
        "/example.com/private/@v/list",
        "/example.com/private/x/@latest",
    ] {
        assert_eq!(gate.get(path).status, 401, "{path}");
    }
    assert_eq!(world.server.count("/example.com/private"), 0);
    for shown in [format!("Bearer {TOKEN}"), basic(&format!("me:{TOKEN}"))] {
        assert_ne!(get(&gate, PRIVATE, &shown).status, 401, "{shown}");
    }
    assert_eq!(gate.get(&hello().url("zip")).status, 200);
}

#[test]
fn a_token_that_is_not_known_is_refused_even_for_what_all_may_have() {
    let world = World::new();
    let gate = reachable(&world);
    for shown in [
        "Bearer wrong".to_owned(),
        "Bearer".to_owned(),
        basic(TOKEN),
        basic(&format!("{TOKEN}:me")),
        basic("ci:"),
        format!("Negotiate {TOKEN}"),
    ] {
        let got = get(&gate, &hello().url("mod"), &shown);
        assert_eq!(got.status, 401, "{shown}");
        assert_eq!(
            got.text(),
            "sumcheck: this gate does not know that token: look at your netrc or GOAUTH"
        );
    }
}

#[test]
fn on_loopback_nobody_needs_a_token() {
    let world = World::new();
    let run = world.run(&["--listen", "127.0.0.1:0"]);
    let gate = Gate::listen(run.env("GOPRIVATE", "example.com/private"));
    assert_ne!(gate.get(PRIVATE).status, 401);
}

#[test]
fn tokens_are_read_again_on_sighup_and_a_file_that_is_wrong_changes_nothing() {
    let world = World::new();
    let gate = reachable(&world);
    let file = world.home.work().join("tokens");
    let path = hello().url("mod");
    let old = format!("Bearer {TOKEN}");
    std::fs::write(&file, "ci:short\n").unwrap();
    signal(gate.running().id(), Signal::HUP);
    assert_eq!(
        gate.running().wait_for("stay in force"),
        "error: tokens:1: a token has at least 16 printable characters and no spaces: the tokens \
         of before stay in force"
    );
    assert_eq!(get(&gate, &path, &old).status, 200);
    std::fs::write(&file, "ci:another-token-for-all\n").unwrap();
    signal(gate.running().id(), Signal::HUP);
    while get(&gate, &path, "Bearer another-token-for-all").status != 200 {}
    assert_eq!(get(&gate, &path, &old).status, 401);
}

#[test]
fn a_file_of_tokens_or_a_certificate_that_cannot_be_used_is_2() {
    for (args, error) in [
        (
            vec!["--token-file", "none"],
            "cannot read the tokens in none",
        ),
        (
            vec!["--tls-cert", "none", "--tls-key", "none"],
            "cannot read the certificates in none",
        ),
        (
            vec!["--tls-cert", "empty", "--tls-key", "empty"],
            "cannot read the key in empty",
        ),
        (vec!["--tls-cert", "none"], "--tls-key <FILE>"),
    ] {
        let run = World::new().run(&["--listen", "127.0.0.1:0"]);
        let outcome = run.args_all(&args).file("empty", "").run().expect_code(2);
        assert!(outcome.stderr.contains(error), "{args:?}: {outcome:?}");
    }
}

/// Writes a new certificate of localhost and its key.
fn write_certificate(world: &World) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let write = |name: &str, label: &str, der: &[u8]| {
        let base64 = STANDARD.encode(der);
        let pem = format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
        std::fs::write(world.home.work().join(name), pem).unwrap();
    };
    write("cert.pem", "CERTIFICATE", made.cert.der());
    write("key.pem", "PRIVATE KEY", &made.signing_key.serialize_der());
    made.cert.der().clone()
}

/// The whole answer, if the server proves to have this certificate.
fn get_over_tls(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    path: &str,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address)?);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn over_tls_and_with_a_new_certificate_after_sighup() {
    let world = World::new();
    let first = write_certificate(&world);
    let run = world.run(&["--listen", "127.0.0.1:0"]);
    let run = run.args_all(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let running = run.spawn();
    let line = running.wait_for("GOPROXY=https://");
    let address = line.rsplit_once('/').unwrap().1.parse().unwrap();
    let path = hello().url("mod");
    let answer = get_over_tls(address, &first, &path).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with(&hello().go_mod), "{answer}");

    let second = write_certificate(&world);
    signal(running.id(), Signal::HUP);
    running.wait_for("the configuration was read again");
    get_over_tls(address, &second, &path).unwrap();
    get_over_tls(address, &first, &path).expect_err("it is not the server's any more");
    running.kill();
}
