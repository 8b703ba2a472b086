//! The listener over the wire: what download tools ask for, what attackers send, how it ends.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::client::{Got, connect, read_head, request};
use crate::support::gate::Gate;
use crate::support::proxy::{TestModule, TestProxy};
use crate::support::sumcheck::Home;
use crate::{World, hello, signal};

fn get_with(gate: &Gate, path: &str, headers: &[(&str, &str)]) -> Got {
    request(gate.address(), "GET", path, headers)
}

#[test]
fn offline_no_packet_is_sent() {
    let world = World::new();
    let offline = world.gate(&["--offline"]);
    for path in [
        hello().url("zip"),
        hello().url("mod"),
        "/example.com/hello/@v/list".to_owned(),
    ] {
        let got = offline.get(&path);
        assert!([502, 503].contains(&got.status), "{got:?}");
    }
    assert_eq!(world.server.requests().len(), 0);
    drop(offline);
    let online = world.gate(&[]);
    assert_eq!(online.get(&hello().url("zip")).status, 200);
    drop(online);
    let asked = world.server.requests().len();
    assert_eq!(
        world.gate(&["--offline"]).get(&hello().url("zip")).status,
        200
    );
    assert_eq!(world.server.requests().len(), asked);
}

#[test]
fn head_etag_and_range() {
    let world = World::new();
    let gate = world.gate(&[]);
    let path = hello().url("zip");
    let zip = gate.get(&path);
    let length = zip.body.len().to_string();
    assert_eq!(zip.header("accept-ranges"), Some("bytes"));
    let head = request(gate.address(), "HEAD", &path, &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(length.as_str()));

    let tag = zip.header("etag").unwrap();
    let known = get_with(&gate, &path, &[("If-None-Match", tag)]);
    assert_eq!((known.status, known.body.len()), (304, 0));
    let other = get_with(&gate, &path, &[("If-None-Match", "\"x\"")]);
    assert_eq!(other.body, zip.body);

    let part = get_with(&gate, &path, &[("Range", "bytes=10-19")]);
    assert_eq!((part.status, &part.body[..]), (206, &zip.body[10..20]));
    let range = format!("bytes 10-19/{length}");
    assert_eq!(part.header("content-range"), Some(range.as_str()));
    let rest = get_with(&gate, &path, &[("Range", "bytes=10-"), ("If-Range", tag)]);
    assert_eq!((rest.status, &rest.body[..]), (206, &zip.body[10..]));
    let other = get_with(
        &gate,
        &path,
        &[("Range", "bytes=10-"), ("If-Range", "\"x\"")],
    );
    assert_eq!((other.status, &other.body), (200, &zip.body));
    let beyond = get_with(&gate, &path, &[("Range", "bytes=1000000-")]);
    assert_eq!(beyond.status, 416);
    let range = format!("bytes */{length}");
    assert_eq!(beyond.header("content-range"), Some(range.as_str()));
}

#[test]
fn what_is_no_request_of_the_protocol_is_refused_and_asks_nobody() {
    let world = World::new();
    let gate = world.gate(&[]);
    let long = format!("/{}/@v/list", "a".repeat(3000));
    for path in [
        "/example.com/../hello/@v/list",
        "/example.com/%2e%2e/hello/@v/list",
        "/example.com%2fhello/@v/list",
        "/example.com%2Fhello/@v/v1.0.0.zip",
        "//example.com/hello/@v/list",
        "/example.com/hello/@v/../../x/@v/v1.0.0.zip",
        "/example.com/hello/@v/v1.0.0%00.zip",
        "/sumdb/other.example/latest",
        "/metrics",
        "/",
        &long,
    ] {
        assert_eq!(gate.get(path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "MADEUP"] {
        let refused = request(gate.address(), method, &hello().url("zip"), &[]);
        assert_eq!(refused.status, 405, "{method}");
        assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{method}");
    }
    assert_eq!(world.server.paths(), Vec::<String>::new());
}

/// What is answered to these bytes, as far as anything is.
fn answer_to(gate: &Gate, bytes: &str) -> String {
    let mut stream = TcpStream::connect(gate.address()).unwrap();
    // It may hang up before all is sent.
    let _ = stream.write_all(bytes.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn bombs_are_refused() {
    let world = World::new();
    let gate = world.gate(&[]);
    let path = hello().url("mod");
    for header in [("Content-Length", "5"), ("Transfer-Encoding", "chunked")] {
        let refused = get_with(&gate, &path, &[header]);
        assert_eq!(refused.status, 400, "{header:?}");
        assert_eq!(refused.text(), "sumcheck: a request has no body here");
    }
    let long = "x".repeat(100_000);
    for bomb in [
        format!("GET /{long} HTTP/1.1\r\nHost: gate\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: gate\r\nX-Long: {long}\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(1000)),
    ] {
        let answer = answer_to(&gate, &bomb);
        let status = answer.get(..12).unwrap_or_default();
        assert!(
            ["", "HTTP/1.1 431", "HTTP/1.1 414"].contains(&status),
            "{answer}"
        );
    }
    assert_eq!(gate.get(&path).status, 200);
}

#[test]
fn what_is_counted_stands_at_an_address_of_its_own() {
    let world = World::new();
    let gate = world.gate(&["--metrics", "127.0.0.1:0"]);
    let line = gate.running().wait_for("metrics at http://");
    let address = line.split('/').nth(2).unwrap().parse().unwrap();
    let get = |path: &str| request(address, "GET", path, &[]);
    for _ in 0..2 {
        assert_eq!(gate.get(&hello().url("zip")).status, 200);
    }
    gate.get("/example.com/none/@v/v1.0.0.mod");
    let metrics = get("/metrics");
    assert_eq!(
        metrics.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = metrics.text();
    let size = world.proxy.log.size();
    for line in [
        "sumcheck_gate_requests_total{file=\"zip\",verdict=\"released\"} 2",
        "sumcheck_gate_requests_total{file=\"mod\",verdict=\"absent\"} 1",
        "sumcheck_gate_cache_hits_total{file=\"zip\"} 1",
        "sumcheck_gate_cache_misses_total{file=\"zip\"} 1",
        "sumcheck_gate_closed 0",
        &format!("sumcheck_gate_head_size_records {size}"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let upstream = "sumcheck_gate_upstream_seconds_count{of=\"database\",outcome=\"ok\"}";
    assert!(text.contains(upstream), "{text}");
    assert!(!text.contains("example.com"), "{text}");
    assert_eq!(get("/healthz").status, 200);
    assert_eq!(get("/readyz").status, 200);
    assert_eq!(get(&hello().url("zip")).status, 404);
}

#[test]
fn the_pages_of_its_home_stand_beside_the_counts() {
    let world = World::new();
    let gate = world.gate(&["--metrics", "127.0.0.1:0"]);
    let line = gate.running().wait_for("metrics at http://");
    let address = line.split('/').nth(2).unwrap().parse().unwrap();
    let get = |path: &str| request(address, "GET", path, &[]);
    assert_eq!(gate.get(&hello().url("zip")).status, 200);
    gate.get("/example.com/none/@v/v1.0.0.mod");
    let home = get("/");
    assert!(home.text().contains("Nothing is watched here"), "{home:?}");
    let policy = home.header("content-security-policy");
    assert!(policy.is_some_and(|policy| policy.starts_with("default-src 'none'")));
    let module = get("/module/example.com/hello@v1.0.0").text();
    assert!(module.contains("What the log says"), "{module}");
    // Decisions are written down soon after they were made.
    let mut decisions = String::new();
    for _ in 0..500 {
        decisions = get("/decisions?verdict=absent").text();
        if decisions.contains("example.com/none") {
            break;
        }
    }
    assert!(decisions.contains("example.com/none"), "{decisions}");
    assert!(!decisions.contains("example.com/hello"), "{decisions}");
    assert_eq!(get("/api/v1/status").status, 200);
    // Modules are to be had at the other address alone, and pages at this one.
    assert_eq!(gate.get("/").status, 404);
    assert_eq!(gate.get("/decisions").status, 404);
}

#[test]
fn ready_is_who_has_something_to_prove_with() {
    let proxy = TestProxy::new();
    let gate = Gate::start(&Home::new(), &proxy, "http://127.0.0.1:1");
    assert_eq!(gate.get("/healthz").status, 200);
    assert_eq!(gate.get("/readyz").status, 503);
    let world = World::new();
    assert_eq!(world.gate(&[]).get("/readyz").status, 200);
}

/// A gate with a module that is larger than what the system keeps of a connection.
fn large(world: &World) -> (Gate, TestModule) {
    let noise: Vec<u8> = (0..24_000_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1])
        .collect();
    let module = TestModule::new("example.com/large", "v1.0.0").file("noise.bin", noise);
    world.proxy.add(&module);
    (world.gate(&[]), module)
}

#[test]
fn what_is_under_way_is_finished_and_the_database_is_closed() {
    let world = World::new();
    let (gate, module) = large(&world);
    let stream = connect(gate.address(), "GET", &module.url("zip"), &[]);
    let mut reader = BufReader::new(stream);
    assert_eq!(read_head(&mut reader).0, 200);
    signal(gate.running().id(), Signal::TERM);
    // It takes no more connections.
    while TcpStream::connect(gate.address()).is_ok() {}
    let mut body = Vec::new();
    reader.read_to_end(&mut body).unwrap();
    assert!(body == world.proxy.file(&module.url("zip")).unwrap());
    let outcome = gate.wait().expect_code(143);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    assert!(!world.home.state().join("sumcheck.db-wal").exists());
}

#[test]
fn whoever_asks_twice_does_not_want_to_wait() {
    let world = World::new();
    let (gate, module) = large(&world);
    let stream = connect(gate.address(), "GET", &module.url("zip"), &[]);
    let mut reader = BufReader::new(stream);
    read_head(&mut reader);
    let id = gate.running().id();
    signal(id, Signal::TERM);
    while TcpStream::connect(gate.address()).is_ok() {}
    let waiting = std::thread::spawn(move || gate.wait());
    let process = rustix::process::Pid::from_raw(id.cast_signed()).unwrap();
    while !waiting.is_finished() {
        let _ = rustix::process::kill_process(process, Signal::INT);
    }
    let outcome = waiting.join().unwrap().expect_code(143);
    assert!(outcome.took.as_secs() < 30, "{outcome:?}");
}

#[test]
fn systemd_is_told_and_its_socket_is_taken() {
    let world = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told_at = world.home.path().join("notify");
    let told = UnixDatagram::bind(&told_at).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    // As systemd does it: the socket is file 3 of a process that knows its own number.
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ exec \"$0\" \"$@\"";
    let mut child = Command::new("/bin/sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_sumcheck")])
        .args(["gate", "--listen", "systemd"])
        .env_clear()
        .env("HOME", world.home.path())
        .env("SUMCHECK_HOME", world.home.state())
        .env("GOENV", "off")
        .env("GOSUMDB", world.proxy.log.verifier_key())
        .env("GOPROXY", world.server.url())
        .env("LISTEN_FDS", "1")
        .env("NOTIFY_SOCKET", &told_at)
        .env("WATCHDOG_USEC", "20000")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let wait_for = |state: &str| {
        let mut message = [0; 256];
        loop {
            let length = told.recv(&mut message).unwrap();
            if String::from_utf8_lossy(&message[..length]).trim() == state {
                return;
            }
        }
    };
    wait_for("READY=1");
    wait_for("WATCHDOG=1");
    let got = request(address, "GET", &hello().url("mod"), &[]);
    assert_eq!(got.status, 200);
    signal(child.id(), Signal::TERM);
    wait_for("STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn without_a_socket_of_systemd_it_is_2() {
    let outcome = World::new().run(&["--listen", "systemd"]).run();
    assert_eq!(
        outcome.expect_code(2).stderr,
        "error: systemd passed no socket: is there a .socket unit that starts this service?\n"
    );
}
