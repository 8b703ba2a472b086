//! The gate under load: a thousand clients, and large zips at once. No wrong answer, flat memory.
//!
//! `SUMCHECK_LOAD_SECONDS` (10) and `SUMCHECK_LOAD_ZIPS` (12) make it as long and as large as wanted.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::client::read_head;
use support::gate::Gate;
use support::layers::on;
use support::proxy::{TestModule, TestProxy};
use support::response::Response;
use support::sumcheck::Home;

const CLIENTS: usize = 1000;
const MOST_MEMORY_KIB: u64 = 150_000;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => otherwise,
    }
}

/// A connection that is used again and again.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a listener");
        let silence = Some(Duration::from_secs(60));
        stream.set_read_timeout(silence).expect("a time-out");
        Self(BufReader::new(stream))
    }

    fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        let head = format!("GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n");
        let stream = self.0.get_mut();
        stream.write_all(head.as_bytes()).expect("a listener");
        assert!(!self.0.fill_buf().expect("an answer").is_empty());
        let (status, headers) = read_head(&mut self.0);
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.expect("a length").1.parse().expect("a length");
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).expect("the whole body");
        (status, body)
    }
}

fn resident_kib(gate: &Gate) -> u64 {
    let status = format!("/proc/{}/status", gate.running().id());
    let status = std::fs::read_to_string(status).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.expect("a size").parse().expect("a size")
}

fn module(number: usize) -> TestModule {
    let path = format!("example.com/m{number}");
    TestModule::new(&path, "v1.0.0").file("x.go", format!("package x // {number}\n").repeat(500))
}

/// What every client must get at each path, whenever it asks.
fn expectations(modules: &[TestModule], evil: &TestModule) -> Vec<(String, u16, Option<Vec<u8>>)> {
    let mut expected = Vec::new();
    for module in modules {
        expected.extend([
            (module.url("info"), 200, Some(module.info().into_bytes())),
            (
                module.url("mod"),
                200,
                Some(module.go_mod.clone().into_bytes()),
            ),
            (module.url("zip"), 200, Some(module.zip().write())),
        ]);
    }
    expected.extend([
        (evil.url("zip"), 403, None),
        (
            "/example.com/m0/@v/list".to_owned(),
            200,
            Some(b"v1.0.0\n".to_vec()),
        ),
        ("/example.com/none/@v/v1.0.0.mod".to_owned(), 404, None),
        ("/example.com/../etc/passwd".to_owned(), 404, None),
    ]);
    expected
}

/// As many clients as this process may have sockets for, up to a thousand.
fn clients() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("what may be had");
    let files = limit.maximum.unwrap_or(u64::MAX);
    // The gate leaves a file for each connection, and some for itself.
    let most = usize::try_from(files.saturating_sub(400) / 2).unwrap_or(usize::MAX);
    if most < CLIENTS {
        support::left_out(&format!("{CLIENTS} clients need more files than {files}"));
    }
    most.min(CLIENTS)
}

#[test]
fn a_thousand_clients_get_no_wrong_answer_and_memory_stays_flat() {
    let clients = clients();
    let lasts = Duration::from_secs(from_environment("SUMCHECK_LOAD_SECONDS", 10));
    let modules: Vec<TestModule> = (0..40).map(module).collect();
    let evil = TestModule::new("example.com/evil", "v1.0.0");
    let proxy = TestProxy::new();
    modules
        .iter()
        .chain([&evil])
        .for_each(|module| proxy.add(module));
    let lie = evil.clone().file("evil.go", "package evil\n").zip().write();
    let layer = on(&evil.url("zip")).answer(Response::ok(lie));
    let server = proxy.serve().layer(layer).start();
    let gate = Gate::start(&Home::new(), &proxy, &server.url());
    let expected = expectations(&modules, &evil);
    let (address, answers) = (gate.address(), AtomicU64::new(0));
    let end = Instant::now() + lasts;
    let warmed = std::thread::scope(|scope| {
        for client in 0..clients {
            let (expected, answers) = (&expected, &answers);
            std::thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, move || {
                    let mut connection = Connection::open(address);
                    let mut number = client;
                    while Instant::now() < end {
                        let (path, status, body) = &expected[number % expected.len()];
                        let got = connection.get(path);
                        assert_eq!(got.0, *status, "{path}");
                        assert!(body.as_ref().is_none_or(|body| *body == got.1), "{path}");
                        answers.fetch_add(1, Ordering::Relaxed);
                        number += 7;
                    }
                })
                .expect("a thread");
        }
        std::thread::sleep(lasts / 2);
        resident_kib(&gate)
    });
    let (ended, peak) = (resident_kib(&gate), gate.running().peak_kib());
    println!(
        "{} answers to {clients} clients; {warmed} KiB in the middle, {ended} KiB at the end, {peak} KiB at most",
        answers.load(Ordering::Relaxed)
    );
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
    assert!(
        ended < warmed + 20_000,
        "{warmed} KiB, and then {ended} KiB"
    );
}

#[test]
fn large_zips_at_once_are_never_in_memory_whole() {
    let count = from_environment("SUMCHECK_LOAD_ZIPS", 12);
    // What does not shrink.
    let mut noise = vec![0_u8; 20 << 20];
    let mut state = 1_u64;
    for byte in &mut noise {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
    let proxy = TestProxy::new();
    let mut urls = Vec::new();
    for number in 0..count {
        noise[..8].copy_from_slice(&number.to_be_bytes());
        let path = format!("example.com/large{number}");
        let module = TestModule::new(&path, "v1.0.0").file("noise", noise.clone());
        proxy.add(&module);
        urls.push(module.url("zip"));
    }
    let server = proxy.serve().start();
    let home = Home::new();
    let run = home
        .sumcheck(["gate", "--listen", "127.0.0.1:0", "--downloads", "64"])
        .sumdb(&proxy.log.verifier_key())
        .goproxy(&server.url());
    let gate = Gate::listen(run);
    for what in ["cold", "warm"] {
        std::thread::scope(|scope| {
            for url in &urls {
                let gate = &gate;
                scope.spawn(move || {
                    let (status, body) = Connection::open(gate.address()).get(url);
                    assert_eq!(status, 200, "{url}");
                    assert!(body.len() > 20 << 20);
                });
            }
        });
        let peak = gate.running().peak_kib();
        println!("{count} zips of 20 MiB at once, {what}: {peak} KiB at most");
        assert!(peak < MOST_MEMORY_KIB, "{what}: {peak} KiB");
    }
}
