//! The recorded answers of the real log, through the whole program.

mod support;

use std::collections::BTreeSet;

use sumcheck::sumdb::head::open_head;
use sumcheck::tlog::hash::{Hash, record_hash};
use sumcheck::tlog::note::VerifierKey;
use sumcheck::tlog::proof::InclusionProof;
use sumcheck::tlog::range::CompactRange;
use support::capture::{Capture, SUM_GOLANG_ORG_KEY, captures};
use support::layers::{note_of, replace};
use support::sumcheck::{Home, Outcome};

/// `None`, told loudly, where the recordings are missing.
fn open(name: &str) -> Option<Capture> {
    Capture::open(name)
}

fn verify(home: &Home, url: &str, go_sum: &str, args: &[&str]) -> Outcome {
    home.sumcheck(["verify", "go.sum"].iter().chain(args))
        .sumdb(&format!("{SUM_GOLANG_ORG_KEY} {url}"))
        .file("go.sum", go_sum)
        .run()
}

#[test]
fn every_lookup_of_every_recording_is_proven() {
    for name in ["small", "large", "modcache"] {
        let Some(capture) = open(name) else { return };
        let go_sum = capture.go_sum();
        let server = capture.serve().start();
        let home = Home::new();
        let outcome = verify(&home, &server.url(), &go_sum, &["--format", "json"]).expect_code(0);
        let summary = outcome.json()["summary"].clone();
        assert_eq!(
            summary["verified"],
            go_sum.lines().count(),
            "{name}: {summary}"
        );

        server.forget();
        verify(&home, &server.url(), &go_sum, &[]).expect_code(0);
        assert_eq!(
            server.requests().len(),
            0,
            "{name}: a warm run costs nothing"
        );
    }
}

/// The go command's cache as it was at four times, on both sides of 2^25 records. Of the tiles only
/// those under the oldest of the four heads were recorded.
#[test]
fn heads_whose_tiles_nobody_recorded_prove_nothing_and_accuse_nobody() {
    let Some(capture) = open("crossing") else {
        return;
    };
    let (home, go_sum) = (Home::new(), capture.go_sum());
    let mut heads: Vec<&[u8]> = capture.older("/latest").iter().map(Vec::as_slice).collect();
    heads.push(capture.get("/latest").unwrap());
    heads.sort_by_key(|note| size_of(note));
    let sizes: Vec<u64> = heads.iter().map(|note| size_of(note)).collect();
    assert_eq!(sizes, [33_208_074, 33_368_956, 33_685_453, 33_890_626]);
    for (number, note) in heads.into_iter().enumerate() {
        let server = capture.serve().layer(replace("/latest", note)).start();
        let args = ["--refresh", "--format", "json"];
        let code = if number == 0 { 0 } else { 3 };
        let document = verify(&home, &server.url(), &go_sum, &args)
            .expect_code(code)
            .json();
        // The lines stay proven under the head that was tied before.
        assert_eq!(document["summary"]["verified"], go_sum.lines().count());
        assert_eq!(document["head"]["size"], sizes[0]);
        assert_eq!(document["findings"], serde_json::json!([]));
    }
}

/// What `/latest` said at each time, a run for each, and then what the lookups carry.
#[test]
fn all_recorded_heads_of_a_log_become_one_timeline_across_runs() {
    for (name, latest_heads) in [("small", 1), ("large", 3), ("modcache", 2)] {
        let Some(capture) = open(name) else { return };
        let home = Home::new();
        let mut latest: Vec<&[u8]> = capture.older("/latest").iter().map(Vec::as_slice).collect();
        latest.push(capture.get("/latest").unwrap());
        latest.sort_by_key(|note| size_of(note));
        assert_eq!(latest.len(), latest_heads);
        for note in &latest {
            let server = capture.serve().layer(replace("/latest", *note)).start();
            verify(&home, &server.url(), "", &["--refresh"]).expect_code(0);
        }
        let ties: Vec<String> = heads(&home).into_iter().map(|(_, tie)| tie).collect();
        assert_eq!(ties[0], "first");
        assert!(ties[1..].iter().all(|tie| tie == "extension"), "{ties:?}");
        assert_eq!(ties.len(), latest_heads);

        let server = capture.serve().start();
        verify(&home, &server.url(), &capture.go_sum(), &[]).expect_code(0);
        let lookups = capture.paths().filter(|path| path.starts_with("/lookup/"));
        let carried = lookups.map(|path| note_of(capture.get(path).unwrap()).unwrap());
        let recorded: BTreeSet<u64> = carried.chain(latest).map(size_of).collect();
        let known: BTreeSet<u64> = heads(&home).into_iter().map(|(size, _)| size).collect();
        assert_eq!(known, recorded, "{name}");
    }
}

/// Size and tie of each verified head of a home.
fn heads(home: &Home) -> Vec<(u64, String)> {
    let run = home.sumcheck(["heads", "--format", "json"]);
    let document = run.sumdb(SUM_GOLANG_ORG_KEY).run().expect_code(0).json();
    let heads = document["heads"].as_array().unwrap().iter();
    heads
        .map(|head| {
            assert_eq!(head["intact"], true);
            let tie = head["tie"].as_str().unwrap().to_owned();
            (head["size"].as_u64().unwrap(), tie)
        })
        .collect()
}

/// A proof that another implementation wrote (C2SP tlog-proof), and the record it is about.
#[test]
fn a_proof_made_elsewhere_verifies() {
    let Some(folder) = vectors() else { return };
    let name = "go.sum-database-tree-43930254";
    let record = std::fs::read(folder.join(format!("{name}.raw"))).unwrap();
    let proof = std::fs::read_to_string(folder.join(format!("{name}.tlog-proof"))).unwrap();
    let (proof, note) = proof.split_once("\n\n").unwrap();
    let hashes = proof.lines().skip(2).map(hash).collect();
    let key = VerifierKey::parse(SUM_GOLANG_ORG_KEY).unwrap();
    let head = open_head(note.as_bytes(), &key).unwrap().head();
    assert_eq!(head.size(), 58_253_265);
    let proof = InclusionProof::from_hashes(hashes);
    assert_eq!(
        proof.verify(record_hash(&record), 43_930_254, &head),
        Ok(())
    );
    assert!(
        proof
            .verify(record_hash(&record), 43_930_255, &head)
            .is_err()
    );
}

#[test]
fn the_first_records_hash_to_the_first_tile() {
    let Some(folder) = vectors() else { return };
    let tile = std::fs::read(folder.join("tile-8-0-000.bin")).unwrap();
    let (leaves, []) = tile.as_chunks::<32>() else {
        panic!("whole hashes")
    };
    let records = std::fs::read_to_string(folder.join("records_proven.tsv")).unwrap();
    let mut compared = 0;
    for line in records.lines() {
        let (index, lines) = line.split_once('\t').unwrap();
        let Some(leaf) = leaves.get(index.parse::<usize>().unwrap()) else {
            continue;
        };
        let text = format!("{}\n", lines.replace('\t', "\n"));
        assert_eq!(
            record_hash(text.as_bytes()).as_bytes(),
            leaf,
            "record {index}"
        );
        compared += 1;
    }
    assert_eq!(compared, 238);
}

/// The state of a monitor that somebody else runs: its compact range folds to the root that the
/// log signed for that size.
#[test]
fn a_compact_range_kept_elsewhere_has_the_signed_root() {
    let Some(folder) = vectors() else { return };
    let state = std::fs::read_to_string(folder.join("db")).unwrap();
    let json = &state[state.find('{').unwrap()..=state.find('}').unwrap()];
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let size = json["size"].as_u64().unwrap();
    let nodes = json["nodes"].as_array().unwrap();
    let roots = nodes
        .iter()
        .map(|node| hash(node.as_str().unwrap()))
        .collect();
    let range = CompactRange::from_subtree_roots(size, roots).unwrap();
    let signed = std::fs::read_to_string(folder.join("sth")).unwrap();
    let signed = signed
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .find(|fields| fields[2] == size.to_string())
        .expect("a signed head of that size");
    let root = signed[3].trim_start_matches('\\').trim_start_matches('x');
    let bytes: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&root[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    assert_eq!(range.root().as_bytes().as_slice(), bytes);
}

fn vectors() -> Option<std::path::PathBuf> {
    Some(captures()?.join("vectors"))
}

fn hash(base64: &str) -> Hash {
    Hash::from_base64(base64).unwrap()
}

fn size_of(note: &[u8]) -> u64 {
    let note = String::from_utf8_lossy(note);
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_go_sum_costs_exactly_the_lower_bound() {
    let Some(capture) = open("terraform") else {
        return;
    };
    let go_sum = std::fs::read_to_string(capture.folder().join("go.sum")).unwrap();
    let server = capture.serve().start();
    let home = Home::new();
    let outcome = verify(&home, &server.url(), &go_sum, &[]).expect_code(0);
    assert!(
        outcome.stdout.starts_with("ok: 2,398 lines of 2,091 module versions proven in sum.golang.org under its tree head of 71,909,756 records"),
        "{}",
        outcome.stdout
    );
    let counts = ["/latest", "/lookup/", "/tile/"].map(|prefix| server.count(prefix));
    assert_eq!(counts, [1, 2091, 1656]);
    assert_eq!(server.requests().len(), 3748);
    assert!(server.most_in_flight() <= 64, "{}", server.most_in_flight());

    server.forget();
    verify(&home, &server.url(), &go_sum, &[]).expect_code(0);
    assert_eq!(server.requests().len(), 0);
    verify(&home, &server.url(), &go_sum, &["--refresh"]).expect_code(0);
    assert_eq!(server.paths(), ["/latest"]);

    assert_eq!(heads(&home).len(), 8, "seven older heads and the newest");
}

#[test]
fn the_go_commands_own_cache_proves_a_go_sum_without_a_packet() {
    for name in ["modcache", "small", "large"] {
        let Some(capture) = open(name) else { return };
        let home = Home::new();
        let cache = home.path().join("go/pkg/mod/cache/download/sumdb");
        std::fs::create_dir_all(&cache).unwrap();
        let recorded = capture.folder().join("sum.golang.org");
        std::os::unix::fs::symlink(&recorded, cache.join("sum.golang.org")).unwrap();
        let config = home.path().join("go/pkg/sumdb/sum.golang.org");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::copy(recorded.join("latest"), config.join("latest")).unwrap();

        let go_sum = capture.go_sum();
        let outcome = home
            .sumcheck(["verify", "--offline", "--format", "json", "go.sum"])
            .file("go.sum", &go_sum)
            .run()
            .expect_code(0);
        assert_eq!(
            outcome.json()["summary"]["verified"],
            go_sum.lines().count(),
            "{name}"
        );
    }
}
