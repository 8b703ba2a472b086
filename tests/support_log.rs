//! The tests' own checksum database, server and runner do what their documentation says.

#![cfg(feature = "cli")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

use support::capture::{Capture, FOLDERS, SUM_GOLANG_ORG_KEY};
use support::gzip;
use support::interop::interop;
use support::key::Key;
use support::layers::*;
use support::log::{NAME, SEED, TestLog};
use support::response::{Fault, Response};
use support::server::{Server, Serving};
use support::sumcheck::{Home, Run};
use support::tile_path::TilePath;
use support::tree::{Hash, Tree, leaf_hash, node_hash};

mod trees {
    use super::*;

    /// The leaves that implementations of Certificate Transparency test with.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];

    /// The roots of the first 0 to 8 of them, computed by another program with hashlib.
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn known_leaves_have_known_roots() {
        let mut tree = Tree::default();
        for (size, leaf) in LEAVES.iter().enumerate() {
            assert_eq!(hex::encode(tree.root_at(size as u64)), ROOTS[size]);
            tree.push(&hex::decode(leaf).unwrap());
        }
        assert_eq!(hex::encode(tree.root_at(8)), ROOTS[8]);
    }

    fn tree_of(size: u64) -> Tree {
        let mut tree = Tree::default();
        (0..size).for_each(|n| tree.push(&n.to_be_bytes()));
        tree
    }

    /// A second way to a root: pair neighbours row by row, and let the odd one out move up.
    fn root_by_rows(size: u64) -> Hash {
        let mut row: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        while row.len() > 1 {
            row = row
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_hash(left, right),
                    alone => alone[0],
                })
                .collect();
        }
        row[0]
    }

    #[test]
    fn roots_of_a_growing_tree_are_those_of_trees_made_at_once() {
        let tree = tree_of(600);
        for size in 1..=600 {
            assert_eq!(tree.root_at(size), root_by_rows(size), "size {size}");
        }
    }

    #[test]
    fn a_truncated_tree_grows_like_one_that_was_never_longer() {
        let mut tree = tree_of(300);
        tree.truncate(129);
        (129..260_u64).for_each(|n| tree.push(&n.to_be_bytes()));
        assert_eq!(tree.root_at(260), root_by_rows(260));
    }

    #[test]
    fn a_replaced_leaf_changes_each_root_above_it_and_no_other() {
        let mut tree = tree_of(77);
        tree.replace(50, b"other");
        for size in 1..=77 {
            assert_eq!(
                tree.root_at(size) != root_by_rows(size),
                size > 50,
                "size {size}"
            );
        }
        tree.replace(50, &50_u64.to_be_bytes());
        assert_eq!(tree.root_at(77), root_by_rows(77));
    }

    /// RFC 9162 section 2.1.3.2.
    fn root_of_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Hash {
        let (mut node, mut last, mut hash) = (index, size - 1, leaf);
        for sibling in proof {
            assert!(last > 0, "the proof is too long");
            if node & 1 == 1 || node == last {
                hash = node_hash(sibling, &hash);
                while node & 1 == 0 && node != 0 {
                    (node, last) = (node >> 1, last >> 1);
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        assert_eq!(last, 0, "the proof is too short");
        hash
    }

    #[test]
    fn inclusion_proofs_lead_to_the_root() {
        let tree = tree_of(70);
        for size in 1..=70 {
            for index in 0_u64..size {
                let leaf = leaf_hash(&index.to_be_bytes());
                let proof = tree.inclusion_proof(index, size);
                assert_eq!(
                    root_of_inclusion(index, size, leaf, &proof),
                    root_by_rows(size)
                );
            }
        }
    }

    /// RFC 9162 section 2.1.4.2: both roots that a proof leads to.
    fn roots_of_consistency(old: u64, new: u64, old_root: Hash, proof: &[Hash]) -> (Hash, Hash) {
        let mut path = proof.to_vec();
        if old.is_power_of_two() {
            path.insert(0, old_root);
        }
        let (mut node, mut last) = (old - 1, new - 1);
        while node & 1 == 1 {
            (node, last) = (node >> 1, last >> 1);
        }
        let (mut first, mut second) = (path[0], path[0]);
        for hash in &path[1..] {
            assert!(last > 0, "the proof is too long");
            if node & 1 == 1 || node == last {
                (first, second) = (node_hash(hash, &first), node_hash(hash, &second));
                while node & 1 == 0 && node != 0 {
                    (node, last) = (node >> 1, last >> 1);
                }
            } else {
                second = node_hash(&second, hash);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        assert_eq!(last, 0, "the proof is too short");
        (first, second)
    }

    #[test]
    fn consistency_proofs_lead_to_both_roots() {
        let tree = tree_of(70);
        for new in 2..=70 {
            for old in 1..new {
                let roots = (root_by_rows(old), root_by_rows(new));
                let proof = tree.consistency_proof(old, new);
                assert_eq!(
                    roots_of_consistency(old, new, roots.0, &proof),
                    roots,
                    "{old} {new}"
                );
            }
        }
    }
}

mod logs {
    use super::*;

    /// The text of a note, if its only signature is right.
    fn open(note: &[u8], verifier_key: &str) -> Option<String> {
        let [name, id, key] = verifier_key
            .splitn(3, '+')
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let key = STANDARD.decode(key).unwrap();
        let key = VerifyingKey::from_bytes(key[1..].try_into().unwrap()).unwrap();

        let note = str::from_utf8(note).unwrap();
        let (text, signatures) = note.split_once("\n\n").unwrap();
        let text = format!("{text}\n");
        let line = signatures.strip_suffix('\n').unwrap();
        let [dash, signer, signature] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((dash, signer), ("\u{2014}", name));
        let signature = STANDARD.decode(signature).unwrap();
        assert_eq!(hex::encode(&signature[..4]), id);
        let signature = Signature::from_slice(&signature[4..]).unwrap();
        key.verify_strict(text.as_bytes(), &signature)
            .ok()
            .map(|()| text)
    }

    #[test]
    fn every_head_is_signed_by_the_log() {
        for name in [NAME, "log.example.com/test"] {
            let log = TestLog::named(name).grow(20);
            for size in 0..=20 {
                let text = open(&log.head_at(size), &log.verifier_key());
                let root = STANDARD.encode(log.tree().root_at(size));
                assert_eq!(
                    text.unwrap(),
                    format!("go.sum database tree\n{size}\n{root}\n")
                );
            }
        }
    }

    #[test]
    fn a_changed_head_does_not_open() {
        let log = TestLog::with_records(20);
        let note = String::from_utf8(log.head()).unwrap();
        let changed = note.replace("\n20\n", "\n21\n");
        assert_ne!(changed, note);
        assert_eq!(open(changed.as_bytes(), &log.verifier_key()), None);
    }

    #[test]
    fn a_lookup_has_index_text_and_head() {
        let log = TestLog::with_records(20);
        let reply = log.lookup_reply("example.com/m7@v1.0.7", 15).unwrap();
        let expected = [
            format!("7\n{}\n", log.go_sum(7..8)).as_bytes(),
            &log.head_at(15),
        ]
        .concat();
        assert_eq!(reply, expected);
        assert_eq!(record_index(&reply), Some(7));
        assert_eq!(note_of(&reply), Some(log.head_at(15).as_slice()));
    }

    #[test]
    fn what_was_never_logged_is_not_found() {
        let log = TestLog::with_records(20);
        let strangers = [
            "example.com/m20@v1.0.20",
            "example.com/m7@v1.0.8",
            "example.com/m07@v1.0.7",
            "m",
            "",
        ];
        for name in strangers {
            assert_eq!(log.lookup_reply(name, 20), None, "{name}");
        }
    }

    #[test]
    fn modules_are_looked_up_by_their_escaped_paths() {
        let log = TestLog::with_records(3);
        assert_eq!(log.append("github.com/BurntSushi/toml", "v1.0.0-RC1"), 3);
        assert_eq!(
            log.index_of("github.com/!burnt!sushi/toml@v1.0.0-!r!c1"),
            Some(3)
        );
        assert_eq!(log.index_of("github.com/BurntSushi/toml@v1.0.0-RC1"), None);
        assert_eq!(log.go_sum(3..4).lines().count(), 2);
    }

    #[test]
    fn tiles_hold_the_hashes_of_their_level() {
        let log = TestLog::with_records(70_000);
        let tree = log.tree();
        assert_eq!(log.tile(8, 0, 273, 112).unwrap().len(), 112 * 32);
        assert_eq!(log.tile(8, 0, 273, 113), None);
        assert_eq!(
            log.tile(8, 1, 1, 17).unwrap()[32..64],
            tree.subtree(8, 257).unwrap()
        );
        assert_eq!(log.tile(8, 2, 0, 1).unwrap(), tree.root_at(65_536));
        assert_eq!(log.tile(8, 2, 0, 2), None);
        assert_eq!(log.tile(4, 1, 0, 16).unwrap()[..32], tree.root_at(16));
        assert_eq!(log.tile(8, 9, u64::MAX, 1), None);
    }

    #[test]
    fn data_tiles_hold_texts_with_blank_lines_after_them() {
        let log = TestLog::with_records(257);
        let expected = format!("{}\n", log.go_sum(256..257));
        assert_eq!(log.data_tile(8, 1, 1).unwrap(), expected.as_bytes());
        assert_eq!(log.data_tile(8, 1, 2), None);
    }

    #[test]
    fn a_fork_shares_what_was_before_it_and_nothing_after() {
        let log = TestLog::with_records(100);
        let fork = log.fork_at(60);
        let other = fork.fork_at(60);
        assert_eq!(fork.verifier_key(), log.verifier_key());
        assert_eq!(fork.size(), 100);
        for size in 1..=100 {
            let roots = [&log, &fork, &other].map(|log| log.root_at(size));
            let same = size <= 60;
            assert_eq!(roots[0] == roots[1], same, "size {size}");
            assert_eq!(roots[1] == roots[2], same, "size {size}");
        }
        assert_eq!(fork.index_of("example.com/m80@v1.0.80"), Some(80));
    }

    #[test]
    fn a_fork_forgets_what_was_appended_after_it() {
        let log = TestLog::with_records(10);
        log.append("example.com/late", "v1.0.0");
        assert_eq!(log.fork_at(10).index_of("example.com/late@v1.0.0"), None);
        assert_eq!(
            log.fork_at(11).index_of("example.com/late@v1.0.0"),
            Some(10)
        );
    }

    #[test]
    fn a_rewritten_record_stays_where_it_is() {
        let log = TestLog::with_records(100);
        let rewritten = log.with_text(7, "example.com/m7 v1.0.7 h1:other\n");
        assert_eq!(rewritten.index_of("example.com/m7@v1.0.7"), Some(7));
        assert_eq!(rewritten.text(7), "example.com/m7 v1.0.7 h1:other\n");
        assert_eq!(rewritten.root_at(7), log.root_at(7));
        assert_ne!(rewritten.root_at(8), log.root_at(8));
        assert_eq!(rewritten.text(8), log.text(8));
    }

    #[test]
    fn tile_paths_are_canonical_or_none() {
        let paths = [
            "/tile/8/0/000",
            "/tile/8/0/x280/897.p/255",
            "/tile/8/data/x001/x234/067",
            "/tile/2/7/001.p/3",
        ];
        for path in paths {
            assert_eq!(TilePath::parse(path).unwrap().to_string(), path);
        }
        let strangers = [
            "/tile/8/0/0",
            "/tile/8/0/0000",
            "/tile/8/0/x000/001",
            "/tile/8/00/001",
            "/tile/8/0/001.p/0256",
            "/tile/8/0/001.p/256",
            "/tile/8/0/001.p/1/2",
            "/tile/8/0/001/002",
            "/tile/0/0/000",
            "/tile/31/0/000",
            "/tile/8/0/",
            "/tile/8/64/000/..",
            "/latest",
        ];
        for path in strangers {
            assert_eq!(TilePath::parse(path), None, "{path}");
        }
    }
}

/// A connection on which to say anything.
fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).unwrap()
}

fn ask(stream: &mut TcpStream, path: &str, more: &str) {
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n{more}\r\n").as_bytes())
        .unwrap();
}

/// All that a server says to one request before it closes.
fn raw(server: &Server, path: &str) -> Vec<u8> {
    let mut stream = connect(server);
    ask(&mut stream, path, "Connection: close\r\n");
    // A server that hangs now sees that the client has nothing more to say, and ends.
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// Status and body of an answer that ends with the connection.
fn get(server: &Server, path: &str) -> (u16, Vec<u8>) {
    let answer = raw(server, path);
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let status = str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

fn body(server: &Server, path: &str) -> Vec<u8> {
    let (status, body) = get(server, path);
    assert_eq!(status, 200, "{path}");
    body
}

mod servers {
    use super::*;

    fn hello() -> Serving {
        Serving::new(|_| Response::ok("hello"))
    }

    fn read_hello(stream: &mut TcpStream) {
        let mut answer = [0; b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(
            &answer,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        );
    }

    #[test]
    fn a_connection_serves_many_requests() {
        let server = hello().start();
        let mut stream = connect(&server);
        for n in 0..10 {
            ask(&mut stream, &format!("/{n}?q=1"), "X-Number: 7\r\n");
            read_hello(&mut stream);
        }
        assert_eq!(server.connections(), 1);
        assert_eq!(server.most_in_flight(), 1);
        let requests = server.requests();
        assert_eq!(requests.len(), 10);
        assert_eq!(requests[9].path, "/9");
        assert_eq!(requests[9].target, "/9?q=1");
        assert_eq!(requests[9].header("x-number"), Some("7"));
        assert_eq!(requests[9].connection, 0);
    }

    #[test]
    fn bodies_of_requests_are_read() {
        let server = hello().start();
        let mut stream = connect(&server);
        stream
            .write_all(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
            .unwrap();
        read_hello(&mut stream);
        ask(&mut stream, "/b", "");
        read_hello(&mut stream);
        assert_eq!(server.requests()[0].body, b"abc");
        assert_eq!(server.paths(), ["/a", "/b"]);
    }

    #[test]
    fn requests_overlap() {
        const CLIENTS: usize = 64;
        let all_are_there = Arc::new(Barrier::new(CLIENTS));
        let server = Serving::new(move |_| {
            all_are_there.wait();
            Response::ok("hello")
        })
        .start();
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| raw(&server, "/"));
            }
        });
        assert_eq!(server.most_in_flight(), CLIENTS);
        assert_eq!(server.connections(), CLIENTS);
        server.forget();
        assert_eq!((server.most_in_flight(), server.count("/")), (0, 0));
    }

    #[test]
    fn every_answer_waits_for_the_delay() {
        let delay = Duration::from_millis(20);
        let server = hello().delay(delay).start();
        let before = std::time::Instant::now();
        raw(&server, "/");
        assert!(before.elapsed() >= delay);
    }

    #[test]
    fn a_dropped_server_hangs_up() {
        let server = hello().start();
        let mut stream = connect(&server);
        ask(&mut stream, "/", "");
        read_hello(&mut stream);
        drop(server);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    #[should_panic = "a handler panicked"]
    fn a_handler_that_panics_fails_the_test() {
        let server = Serving::new(|_| panic!("for a test")).start();
        assert_eq!(raw(&server, "/"), b"");
    }

    #[test]
    fn a_proxys_prefix_and_percent_signs_are_undone() {
        let log = TestLog::named("log.example.com/test");
        log.append("example.com/Upper", "v1.0.0");
        let server = log.serve().start();
        let prefix = "/sumdb/log.example.com/test";
        assert_eq!(
            get(&server, &format!("{prefix}/supported")),
            (200, Vec::new())
        );
        assert_eq!(get(&server, "/supported").0, 404);
        assert_eq!(body(&server, &format!("{prefix}/latest")), log.head());
        body(&server, "/lookup/example.com/!upper@v1.0.0");
        body(&server, "/lookup/example.com/%21upper%40v1.0.0");
        assert_eq!(server.count("/lookup/example.com/!upper@v1.0.0"), 2);
        assert_eq!(get(&server, "/sumdb/other/latest").0, 404);
    }

    #[test]
    fn a_running_server_sees_what_is_appended() {
        let log = TestLog::with_records(5);
        let server = log.serve().start();
        assert_eq!(get(&server, "/lookup/example.com/new@v1.0.0").0, 404);
        log.append("example.com/new", "v1.0.0");
        assert_eq!(get(&server, "/lookup/example.com/new@v1.0.0").0, 200);
        assert_eq!(body(&server, "/latest"), log.head_at(6));
    }
}

mod faults {
    use super::*;

    /// All that is said before the connection ends, with a fault in the answer `hello`.
    fn with(fault: Fault) -> String {
        let server = Serving::new(move |_| Response::ok("hello").fault(fault)).start();
        String::from_utf8_lossy(&raw(&server, "/")).into_owned()
    }

    #[test]
    fn a_hang_says_nothing_or_not_all() {
        assert_eq!(with(Fault::HangBeforeHeaders), "");
        let answer = with(Fault::HangInBody { after_bytes: 2 });
        assert!(answer.ends_with("Content-Length: 5\r\n\r\nhe"), "{answer}");
    }

    #[test]
    fn a_trickle_says_all_in_the_end() {
        let every = Duration::from_micros(1);
        for fault in [Fault::Trickle { every }, Fault::TrickleHeaders { every }] {
            assert_eq!(
                with(fault),
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            );
        }
    }

    #[test]
    fn content_lengths_lie() {
        let answer = with(Fault::ContentLengthTooLong { by_bytes: 9 });
        assert!(
            answer.ends_with("Content-Length: 14\r\n\r\nhello"),
            "{answer}"
        );
        let answer = with(Fault::ContentLengthTooShort { by_bytes: 2 });
        assert!(
            answer.ends_with("Content-Length: 3\r\n\r\nhello"),
            "{answer}"
        );
    }

    #[test]
    fn a_closed_connection_and_gibberish_are_no_answers() {
        assert_eq!(with(Fault::Close), "");
        assert!(with(Fault::Gibberish).starts_with("\0\u{1} no HTTP"));
    }

    #[test]
    fn a_reset_is_an_error_of_the_connection() {
        for fault in [Fault::Reset, Fault::ResetInBody { after_bytes: 2 }] {
            let server = Serving::new(move |_| Response::ok("hello").fault(fault)).start();
            let mut stream = connect(&server);
            ask(&mut stream, "/", "");
            let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{fault:?}");
        }
    }

    #[test]
    fn what_is_endless_ends_when_the_client_has_enough() {
        for fault in [Fault::EndlessBody, Fault::EndlessHeaders] {
            let server = Serving::new(move |_| Response::ok("hello").fault(fault)).start();
            let mut stream = connect(&server);
            ask(&mut stream, "/", "");
            let mut answer = vec![0; 10 << 20];
            stream.read_exact(&mut answer).unwrap();
        }
    }

    #[test]
    fn a_gzip_bomb_is_small_and_right() {
        assert_eq!(gzip::crc32_of_zeros(1), 0xd202_ef8d);
        assert_eq!(gzip::crc32_of_zeros(32), 0x190a_55ad);
        let bomb = gzip::zeros(100 << 20);
        assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
        let header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";
        assert_eq!(
            gzip::zeros(1),
            [&header[..], b"\x63\0\0\x8d\xef\x02\xd2\x01\0\0\0"].concat()
        );
    }

    #[test]
    fn busy_servers_and_redirects_say_where_and_when() {
        let answers = [
            Response::busy(503, "7"),
            Response::redirect("file:///etc/passwd"),
        ];
        let [busy, redirect] = answers.map(|answer| {
            let server = Serving::new(move |_| answer.clone()).start();
            String::from_utf8(raw(&server, "/")).unwrap()
        });
        assert!(busy.starts_with("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n"));
        assert!(redirect.contains("302 Whatever\r\nLocation: file:///etc/passwd\r\n"));
    }
}

mod attacks {
    use super::*;

    const M7: &str = "/lookup/example.com/m7@v1.0.7";

    #[test]
    fn a_flipped_bit_is_the_only_difference() {
        let log = TestLog::with_records(10);
        let server = log.serve().layer(flip_bit("/latest", 17)).start();
        let (honest, flipped) = (log.head(), body(&server, "/latest"));
        assert_eq!(flipped[2], honest[2] ^ 0b0100_0000);
        assert_eq!((&flipped[..2], &flipped[3..]), (&honest[..2], &honest[3..]));
        assert_eq!(
            body(&server, M7),
            log.lookup_reply("example.com/m7@v1.0.7", 10).unwrap()
        );
    }

    #[test]
    fn layers_match_their_path_and_count() {
        let log = TestLog::with_records(10);
        let server = log
            .serve()
            .layer(
                on("/lookup/*")
                    .after(1)
                    .first(2)
                    .answer(Response::busy(503, "1")),
            )
            .layer(replace("/latest", "nonsense"))
            .start();
        let statuses = [(); 5].map(|()| get(&server, M7).0);
        assert_eq!(statuses, [200, 503, 503, 200, 200]);
        assert_eq!(body(&server, "/latest"), b"nonsense");
    }

    #[test]
    fn the_last_layer_has_the_last_word() {
        let log = TestLog::with_records(10);
        let server = log
            .serve()
            .layer(status("/latest", 500))
            .layer(captive_portal())
            .start();
        assert_eq!(get(&server, "/latest").0, 200);
        assert_eq!(body(&server, "/latest"), body(&server, "/tile/8/0/000"));
    }

    #[test]
    fn an_edit_leaves_failures_as_they_are() {
        let log = TestLog::with_records(10);
        let edit = on("*").edit(|response| response.body.clear());
        let server = log
            .serve()
            .layer(status("/latest", 500))
            .layer(edit)
            .start();
        assert_eq!(
            get(&server, "/latest"),
            (500, b"status 500 for a test\n".to_vec())
        );
        assert_eq!(get(&server, M7), (200, Vec::new()));
    }

    #[test]
    fn a_split_shows_the_fork_later() {
        let log = TestLog::with_records(10);
        let fork = log.fork_at(5);
        let server = log.serve().layer(split_after(1, &fork)).start();
        assert_eq!(body(&server, "/latest"), log.head());
        assert_eq!(body(&server, "/latest"), fork.head());
        let server = log.serve().layer(serve_fork(&fork)).start();
        assert_eq!(body(&server, "/latest"), fork.head());
    }

    #[test]
    fn heads_in_lookups_and_latest_are_apart() {
        let log = TestLog::with_records(10);
        let server = log.serve().layer(freeze_latest_at(&log, 4)).start();
        assert_eq!(body(&server, "/latest"), log.head_at(4));
        assert_eq!(note_of(&body(&server, M7)), Some(log.head().as_slice()));

        let server = log.serve().layer(old_heads_in_lookups(&log)).start();
        assert_eq!(body(&server, "/latest"), log.head());
        assert_eq!(note_of(&body(&server, M7)), Some(log.head_at(8).as_slice()));

        let server = log
            .serve()
            .layer(head_in_lookups(b"any\n".to_vec()))
            .start();
        assert_eq!(note_of(&body(&server, M7)), Some(b"any\n".as_slice()));
    }

    #[test]
    fn records_and_tiles_of_a_fork_come_with_honest_heads() {
        let log = TestLog::with_records(300);
        let forged = log.with_text(7, "example.com/m7 v1.0.7 h1:forged\n");
        let server = log
            .serve()
            .layer(records_from(&forged))
            .layer(tiles_from(&forged, 0..=0));
        let server = server.start();
        let expected = [
            b"7\nexample.com/m7 v1.0.7 h1:forged\n\n",
            log.head().as_slice(),
        ]
        .concat();
        assert_eq!(body(&server, M7), expected);
        assert_eq!(
            body(&server, "/tile/8/0/000"),
            forged.tile(8, 0, 0, 256).unwrap()
        );
        assert_eq!(
            body(&server, "/tile/8/1/000.p/1"),
            log.tile(8, 1, 0, 1).unwrap()
        );
    }

    #[test]
    fn partial_tiles_come_whole_or_not_at_all() {
        let log = TestLog::with_records(300);
        let server = log.serve().layer(full_tile_for_partial()).start();
        assert_eq!(
            body(&server, "/tile/8/0/000.p/3"),
            log.tile(8, 0, 0, 256).unwrap()
        );
        assert_eq!(
            body(&server, "/tile/8/0/001.p/3"),
            log.tile(8, 0, 1, 3).unwrap()
        );
        let server = log
            .serve()
            .layer(partial_gone())
            .layer(withhold_tile("/tile/8/0/000"))
            .start();
        assert_eq!(get(&server, "/tile/8/0/000.p/3").0, 404);
        assert_eq!(get(&server, "/tile/8/0/001.p/3").0, 200);
        assert_eq!(get(&server, "/tile/8/0/000").0, 404);
        let server = log.serve().layer(no_data_tiles()).start();
        assert_eq!(get(&server, "/tile/8/data/000").0, 403);
    }

    #[test]
    fn a_fault_can_come_once() {
        let log = TestLog::with_records(10);
        let server = log
            .serve()
            .layer(on("/latest").first(1).fault(Fault::Close))
            .start();
        assert_eq!(raw(&server, "/latest"), b"");
        assert_eq!(body(&server, "/latest"), log.head());
        let server = log.serve().layer(fault("/latest", Fault::Close)).start();
        assert_eq!(
            [raw(&server, "/latest"), raw(&server, "/latest")],
            [b"", b""]
        );
    }
}

mod captures {
    use super::*;

    #[test]
    fn recorded_answers_are_served_as_they_are() {
        let Some(capture) = Capture::open("small") else {
            return;
        };
        let server = capture.serve().start();
        for path in capture.paths() {
            assert_eq!(body(&server, path), capture.get(path).unwrap(), "{path}");
        }
        assert_eq!(body(&server, "/sumdb/sum.golang.org/supported"), b"");
        assert_eq!(get(&server, "/tile/8/0/000.p/1").0, 404);
    }

    #[test]
    fn a_go_sum_has_all_recorded_lines() {
        for name in FOLDERS {
            let Some(capture) = Capture::open(name) else {
                return;
            };
            let lookups = capture
                .paths()
                .filter(|path| path.starts_with("/lookup/"))
                .count();
            let go_sum = capture.go_sum();
            assert_eq!(go_sum.lines().count(), 2 * lookups, "{name}");
            assert!(
                go_sum.lines().all(|line| line.split(' ').count() == 3),
                "{name}"
            );
        }
    }

    #[test]
    fn older_heads_are_kept_apart() {
        let Some(capture) = Capture::open("crossing") else {
            return;
        };
        assert_eq!(capture.older("/latest").len(), 3);
        assert!(capture.paths().all(|path| !path.starts_with("/latest~")));
        let Some(capture) = Capture::open("terraform") else {
            return;
        };
        assert_eq!(
            capture
                .paths()
                .filter(|path| path.contains("/~sbinet/"))
                .count(),
            1
        );
    }
}

/// golang.org/x/mod's opinion.
mod reference {
    use super::*;

    /// What x/mod's own client says of these modules, and whether it trusts all of it.
    fn client(url: &str, log: &TestLog, modules: &[&str]) -> Option<(bool, String)> {
        let mut command = Command::new(interop()?);
        command
            .args(["client", "--url", url, "--vkey", &log.verifier_key()])
            .args(modules);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8(said).unwrap()))
    }

    const MODULES: [&str; 3] = [
        "example.com/m0@v1.0.0",
        "example.com/m511@v1.0.511",
        "example.com/m999@v1.0.999",
    ];

    #[test]
    fn its_client_trusts_the_honest_log() {
        for log in [
            TestLog::with_records(1000),
            TestLog::named("a.example/b/c").grow(1000),
        ] {
            let server = log.serve().start();
            for url in [
                server.url(),
                format!("{}/sumdb/{}", server.url(), log.name()),
            ] {
                let Some((trusted, said)) = client(&url, &log, &MODULES) else {
                    return;
                };
                assert!(trusted, "{said}");
                assert!(said.contains(&log.go_sum(511..512)), "{said}");
            }
        }
    }

    #[test]
    fn its_client_trusts_honest_variations() {
        let log = TestLog::with_records(1000);
        let layered = [
            log.serve().layer(partial_gone()),
            log.serve().layer(old_heads_in_lookups(&log)),
            log.serve().layer(freeze_latest_at(&log, 500)),
        ];
        for serving in layered {
            let server = serving.start();
            let Some((trusted, said)) = client(&server.url(), &log, &MODULES) else {
                return;
            };
            assert!(trusted, "{said}");
        }
    }

    #[test]
    fn its_client_trusts_no_attack() {
        let log = TestLog::with_records(1000);
        let forged = log.with_text(511, "example.com/m511 v1.0.511 h1:forged\n");
        let attacks = [
            log.serve().layer(flip_bit("/tile/8/0/003.p/232", 99)),
            log.serve()
                .layer(replace("/lookup/example.com/m0@v1.0.0", "nonsense")),
            log.serve().layer(records_from(&forged)),
            log.serve().layer(split_after(1, &log.fork_at(700))),
            log.serve().layer(withhold_tile("/tile/8/0/001")),
            log.serve().layer(captive_portal()),
        ];
        for (n, serving) in attacks.into_iter().enumerate() {
            let server = serving.start();
            let Some((trusted, said)) = client(&server.url(), &log, &MODULES) else {
                return;
            };
            assert!(!trusted, "attack {n}: {said}");
        }
    }

    #[test]
    fn its_server_gives_the_same_bytes() {
        let Some(program) = interop() else { return };
        let count = ["--count", "1000", "--name", NAME, "--key-seed", SEED];
        let mut command = Command::new(program);
        command
            .arg("server")
            .args(count)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = ready["url"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap()
            .to_owned();

        let log = TestLog::with_records(1000);
        assert_eq!(ready["vkey"], log.verifier_key());
        let ours = log.serve().start();
        let paths = [
            "/latest",
            "/lookup/example.com/m511@v1.0.511",
            "/tile/8/0/000",
            "/tile/8/0/003.p/232",
            "/tile/8/1/000.p/3",
            "/tile/8/data/003.p/232",
            "/tile/4/2/000.p/3",
        ];
        for path in paths {
            let mut stream = TcpStream::connect(&address).unwrap();
            let request = format!("GET {path} HTTP/1.0\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut theirs = Vec::new();
            stream.read_to_end(&mut theirs).unwrap();
            assert!(theirs.ends_with(&body(&ours, path)), "{path}");
            assert!(theirs.starts_with(b"HTTP/1.0 200 OK"), "{path}");
        }
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

mod runs {
    use super::*;

    #[test]
    fn a_run_has_a_code_and_an_output() {
        let outcome = Run::new(["--version"]).run().expect_code(0);
        assert!(outcome.stdout.starts_with("sumcheck "), "{outcome:?}");
        assert_eq!(outcome.stderr, "");
    }

    #[test]
    #[should_panic = "expected exit code 3: exit code 0"]
    fn a_wrong_code_is_shown() {
        Run::new(["--version"]).run().expect_code(3);
    }

    #[test]
    fn homes_are_apart_unless_shared() {
        let home = Home::new();
        let first = home.sumcheck(["--version"]).file("deep/go.sum", "x").run();
        let second = home
            .sumcheck(["--version"])
            .stdin("nobody reads this")
            .run();
        assert_eq!(first.home.path(), second.home.path());
        assert!(second.home.work().join("deep/go.sum").is_file());
        assert_ne!(Home::new().path(), home.path());
    }
}

#[test]
fn keys_differ_by_name_and_seed() {
    let keys = [("a", "s"), ("b", "s"), ("a", "t")].map(|(name, seed)| Key::new(name, seed));
    assert_eq!(keys[0].public(), keys[1].public());
    assert_ne!(keys[0].id(), keys[1].id());
    assert_ne!(keys[0].public(), keys[2].public());
    assert!(SUM_GOLANG_ORG_KEY.starts_with("sum.golang.org+033de0ae+"));
}
