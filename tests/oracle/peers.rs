//! Each program as the other's server: sumcheck against x/mod's `sumdb.Server`, and x/mod's
//! `sumdb.Client` against the log of these tests, both of which have the same records.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sumcheck::sumdb::data_tile::DataTile;
use sumcheck::tlog::hash::record_hash;
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};

use crate::support::interop::interop;
use crate::support::layers::{records_from, tiles_from, withhold_tile};
use crate::support::log::{NAME, SEED, TestLog};
use crate::support::sumcheck::{Home, Outcome};

/// A running `interop server`. It ends with its standard input.
struct XmodServer {
    child: Child,
    /// As GOSUMDB takes it: key and URL.
    sumdb: String,
}

impl XmodServer {
    fn start(count: u64, more: &[&str]) -> Option<Self> {
        let mut child = Command::new(interop()?)
            .args(["server", "--name", NAME, "--key-seed", SEED, "--count"])
            .arg(count.to_string())
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let sumdb = format!(
            "{} {}",
            ready["vkey"].as_str().unwrap(),
            ready["url"].as_str().unwrap()
        );
        Some(Self { child, sumdb })
    }

    /// What the server has at a path, which must be there.
    fn get(&self, path: &str) -> Vec<u8> {
        let (_, address) = self.sumdb.rsplit_once("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        // Of HTTP/1.0 the body is all that comes.
        write!(stream, "GET /{path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.0 200 "), "{path}");
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        answer.split_off(head.unwrap() + 4)
    }

    fn verify(&self, home: &Home, go_sum: &str) -> Outcome {
        home.sumcheck(["verify", "go.sum", "--format", "json"])
            .sumdb(&self.sumdb)
            .file("go.sum", go_sum)
            .run()
    }
}

impl Drop for XmodServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A go.sum of at most so many of the first `size` records, first and last among them.
fn go_sum(log: &TestLog, size: u64, most: u64) -> String {
    let step = size.div_ceil(most);
    let sample = (0..size)
        .step_by(usize::try_from(step).unwrap())
        .chain([size - 1]);
    sample.map(|index| log.text(index)).collect()
}

#[track_caller]
fn expect_all_proven(outcome: Outcome, go_sum: &str, size: u64) {
    let document = outcome.expect_code(0).json();
    assert_eq!(document["summary"]["verified"], go_sum.lines().count());
    assert_eq!(document["head"]["size"], size);
}

fn heads(home: &Home, log: &TestLog) -> Value {
    let args = ["heads", "--format", "json"];
    home.sumcheck(args)
        .sumdb(&log.verifier_key())
        .run()
        .expect_code(0)
        .json()
}

#[test]
fn every_line_is_proven_out_of_xmods_server_and_again_without_it() {
    for size in [1, 2, 255, 256, 257, 1000] {
        let Some(server) = XmodServer::start(size, &[]) else {
            return;
        };
        let (home, log) = (Home::new(), TestLog::with_records(size));
        let go_sum = go_sum(&log, size, 300);
        expect_all_proven(server.verify(&home, &go_sum), &go_sum, size);
        let sumdb = server.sumdb.clone();
        drop(server);

        let warm = home
            .sumcheck(["verify", "go.sum", "--format", "json"])
            .sumdb(&sumdb)
            .run();
        expect_all_proven(warm, &go_sum, size);
    }
}

#[test]
fn a_log_of_xmod_that_grows_from_run_to_run_is_one_timeline() {
    let log = TestLog::with_records(66_000);
    let home = Home::new();
    let sizes = [1, 255, 256, 257, 511, 1000, 65_535, 65_536, 66_000];
    for size in sizes {
        let Some(server) = XmodServer::start(size, &[]) else {
            return;
        };
        let go_sum = go_sum(&log, size, 40);
        expect_all_proven(server.verify(&home, &go_sum), &go_sum, size);
    }
    let mut known: Vec<u64> = heads(&home, &log)["heads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| head["size"].as_u64().unwrap())
        .collect();
    known.sort_unstable();
    assert_eq!(known, sizes);
}

#[test]
fn a_server_that_was_set_back_is_proven_a_beginning_of_what_is_known() {
    let log = TestLog::with_records(1000);
    let home = Home::new();
    for size in [1000, 300] {
        let Some(server) = XmodServer::start(size, &[]) else {
            return;
        };
        let go_sum = go_sum(&log, size, 7);
        expect_all_proven(server.verify(&home, &go_sum), &go_sum, 1000);
    }
}

#[test]
fn a_log_of_xmod_that_begins_anew_is_misbehaviour() {
    let log = TestLog::with_records(300);
    let home = Home::new();
    let Some(server) = XmodServer::start(300, &[]) else {
        return;
    };
    expect_all_proven(
        server.verify(&home, &log.go_sum(0..2)),
        &log.go_sum(0..2),
        300,
    );
    drop(server);

    // One record more, and before all others.
    let path = home.work().join("records");
    std::fs::write(
        &path,
        "example.com/a v1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    for count in [299, 400] {
        let server = XmodServer::start(count, &["--records", path]).unwrap();
        let outcome = server.verify(&home, &log.go_sum(5..6)).expect_code(4);
        assert_eq!(
            outcome.json()["findings"].as_array().unwrap().len(),
            1,
            "{outcome:?}"
        );
    }
    assert_eq!(heads(&home, &log)["heads"].as_array().unwrap().len(), 1);
}

#[test]
fn the_data_tiles_of_xmods_server_hold_the_records_of_its_hash_tiles() {
    let Some(server) = XmodServer::start(600, &[]) else {
        return;
    };
    for (index, width) in [(0, 256), (0, 1), (1, 255), (1, 256), (2, 88)] {
        let path = |level| {
            let tile = Tile::new(TileHeight::EIGHT, level, index, width);
            tile.unwrap().path()
        };
        let bytes = server.get(&path(TileLevel::Data));
        let tile = DataTile::parse(&bytes, width).unwrap();
        let hashes = tile.texts().iter();
        let hashes = hashes.flat_map(|text| *record_hash(text.as_bytes()).as_bytes());
        let expected = server.get(&path(TileLevel::Hashes(0)));
        assert_eq!(hashes.collect::<Vec<_>>(), expected, "{index}, {width}");
    }
}

/// Whether x/mod's client trusts all of a go.sum, and sumcheck's exit code.
fn both(url: &str, log: &TestLog, go_sum: &str) -> Option<(bool, i32)> {
    let home = Home::new();
    let sumdb = format!("{} {url}", log.verifier_key());
    let outcome = home
        .sumcheck(["verify", "go.sum"])
        .sumdb(&sumdb)
        .file("go.sum", go_sum)
        .run();
    let client = Command::new(interop()?)
        .args([
            "client",
            "--url",
            url,
            "--vkey",
            &log.verifier_key(),
            "--file",
        ])
        .arg(home.work().join("go.sum"))
        .output()
        .unwrap();
    Some((client.status.success(), outcome.code))
}

#[test]
fn the_clients_of_both_say_the_same_of_one_server() {
    let log = TestLog::with_records(700);
    let honest = log.go_sum(0..150) + &log.go_sum(690..700);
    let wrong = honest.clone() + &log.fork_at(500).text(600);
    let absent = honest.clone() + &TestLog::with_records(701).text(700);
    let server = log.serve().start();
    for (go_sum, expected) in [
        (honest, (true, 0)),
        (wrong, (false, 1)),
        (absent, (false, 1)),
    ] {
        let Some(said) = both(&server.url(), &log, &go_sum) else {
            return;
        };
        assert_eq!(said, expected);
    }
}

#[test]
fn the_clients_of_both_trust_no_forged_record_and_no_forged_tile() {
    let log = TestLog::with_records(700);
    let forged = log.with_text(3, &log.fork_at(0).text(3));
    let attacks = [
        log.serve().layer(records_from(&forged)),
        log.serve().layer(tiles_from(&forged, 0..=0)),
        log.serve()
            .layer(records_from(&forged))
            .layer(tiles_from(&forged, 0..=0)),
        log.serve().layer(withhold_tile("/tile/8/1/000.p/2")),
    ];
    for serving in attacks {
        let server = serving.start();
        for go_sum in [log.go_sum(0..9), forged.go_sum(0..9)] {
            let Some(said) = both(&server.url(), &log, &go_sum) else {
                return;
            };
            assert_eq!(said, (false, 3));
        }
    }
}

/// CVE-2026-42501: x/mod's client is content with a record that has no line for the question, so
/// that the one of tests/interop looks for itself.
#[test]
fn an_authentic_record_of_another_module_is_no_answer() {
    let log = TestLog::with_records(20);
    let other = log.with_text(3, &log.text(4));
    let server = other.serve().start();
    let Some(said) = both(&server.url(), &other, &log.text(3)) else {
        return;
    };
    assert_eq!(said, (false, 3));
}
