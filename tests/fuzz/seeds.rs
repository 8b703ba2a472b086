//! Where fuzzing starts: the vectors of testdata, and a few words of each grammar.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::log::{NAME, TestLog};

/// The seeds of a target, the same in every run.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "checkpoint" => texts(CHECKPOINTS, &["text"]),
        "data_tile" => data_tiles(),
        "evidence" => evidence(),
        "record" => records(),
        "go_flags" => words(&[
            "-mod=mod -modfile=a.mod",
            "'-modfile=a b.mod'",
            "\"-x",
            "--modfile=",
        ]),
        "go_sum" => vec![include_bytes!("../../testdata/demo/go.sum").to_vec()],
        "go_mod" => words(&[
            "module example.com/m\n\nrequire example.com/a v1.0.0\n",
            "require (\n\texample.com/a v1.0.0 // indirect\n\t\"example.com/b\" v2.0.0+incompatible\n)\n",
            "exclude (\n\texample.com/a v1.0.0\n)\nreplace example.com/a => ../a\n",
        ]),
        "go_work" => words(&[
            "go 1.26\n\nuse (\n\t./a // one\n\t\"./b c\"\n)\nreplace a => b\n",
            "use ./a\nuse `../b`\ngodebug ( x=y )\n",
            "use /* a */ .",
        ]),
        "h1" => words(&[
            "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=",
            "go.mod\0a/b\0a",
            "a\nb",
        ]),
        "lookup_reply" => encoded(LOOKUP_REPLIES, "reply"),
        // Made by golang.org/x/mod/zip: go.mod and a/b.go; read in pieces of 7 bytes.
        "mod_zip" => vec![[vec![7], decoded(MOD_ZIP)].concat()],
        "module_escape" => [
            texts(MODULES, &["path", "version"]),
            texts(ESCAPES, &["input"]),
        ]
        .concat(),
        "netrc" => words(&[
            "machine example.com login me password secret\ndefault login a password b\n",
            "machine https://a.example/b/\nlogin x\npassword y\nmacdef m\nmachine z\n\nmachine q login r password s",
        ]),
        "note" => [encoded(NOTES, "note"), texts(VERIFIER_KEYS, &["vkey"])].concat(),
        "pattern" => texts(PATTERNS, &["patterns", "path"]),
        "growth" | "proof" | "tile_auth" | "tile_plan" => numbers(),
        "schedule" => words(&[
            "17 * * * *",
            "*/10 0-5,7 1 jan sun",
            "0 0 30 2 *",
            "0 12 L * *",
            "0 0 * * 5#2",
        ]),
        "settings" => words(&[
            "https://proxy.golang.org,direct",
            "https://a:b@[::1]:8080/x?y|http://b%20c/|off",
            "file:///srv/proxy",
            "sum.golang.org https://sum.golang.google.cn",
            "sum.example.com+186fe8ce+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx",
        ]),
        "status_request" => words(&[
            "/",
            "/heads?log=sum.example.com&before=7",
            "/decisions?module=example.com%2Fm&verdict=refused&client=a",
            "/module?m=golang.org/x/text@v0.21.0",
            "/module/github.com/!burnt!sushi@v1.0.0",
            "/api/v1/module?m=golang.org/x/text@v0.21.0",
            "/api/v1/runs?limit=1000&before=2",
            "/findings/1/evidence",
            "http://localhost:9480/feed.atom",
            "/metrics",
            "/readyz",
            "/%2e%2e/x?q=%zz",
        ]),
        "tile_path" => texts(TILE_PATHS, &["path"]),
        other => panic!("no seeds for {other}: say where in tests/fuzz/seeds.rs"),
    }
}

const MOD_ZIP: &str = "UEsDBBQACAAIAAAAAAAAAAAAAAAAAAAAAAAbAAAAZXhhbXBsZS5jb20vbUB2MS4wLjAvZ28ubW9kys1PKc1JVUitSMwtyEnVS87P1c/lAgQAAP//UEsHCLBxQY8bAAAAFQAAAFBLAwQUAAgACAAAAAAAAAAAAAAAAAAAAAAAGwAAAGV4YW1wbGUuY29tL21AdjEuMC4wL2EvYi5nbypITM5OTE9VSOQCBAAA//9QSwcIxUIyyRAAAAAKAAAAUEsBAhQAFAAIAAgAAAAAALBxQY8bAAAAFQAAABsAAAAAAAAAAAAAAAAAAAAAAGV4YW1wbGUuY29tL21AdjEuMC4wL2dvLm1vZFBLAQIUABQACAAIAAAAAADFQjLJEAAAAAoAAAAbAAAAAAAAAAAAAAAAAGQAAABleGFtcGxlLmNvbS9tQHYxLjAuMC9hL2IuZ29QSwUGAAAAAAIAAgCSAAAAvQAAAAAA";
const CHECKPOINTS: &str = include_str!("../../testdata/vectors/checkpoints.json");
const ESCAPES: &str = include_str!("../../testdata/vectors/escapes.json");
const LOOKUP_REPLIES: &str = include_str!("../../testdata/vectors/lookup_replies.json");
const MODULES: &str = include_str!("../../testdata/vectors/modules.json");
const NOTES: &str = include_str!("../../testdata/vectors/notes.json");
const PATTERNS: &str = include_str!("../../testdata/vectors/patterns.json");
const TILE_PATHS: &str = include_str!("../../testdata/vectors/tile_paths.json");
const VERIFIER_KEYS: &str = include_str!("../../testdata/vectors/vkeys.json");

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The fields of each vector, with what stands between them in the target's input.
fn texts(vectors: &str, fields: &[&str]) -> Vec<Vec<u8>> {
    let between = if fields.contains(&"version") {
        "@"
    } else {
        "\n"
    };
    let text = |vector: &Value| {
        let fields = fields.iter().map(|field| vector[field].as_str().unwrap());
        fields.collect::<Vec<_>>().join(between).into_bytes()
    };
    rows(vectors).iter().map(text).collect()
}

fn encoded(vectors: &str, field: &str) -> Vec<Vec<u8>> {
    let bytes = |vector: &Value| STANDARD.decode(vector[field].as_str().unwrap()).unwrap();
    rows(vectors).iter().map(bytes).collect()
}

fn rows(vectors: &str) -> Vec<Value> {
    serde_json::from_str(vectors).unwrap()
}

/// The width less one, then the tile; with and without a blank line at its end.
fn data_tiles() -> Vec<Vec<u8>> {
    let log = TestLog::with_records(20);
    let tile = |width: u8| [vec![width - 1], log.data_tile(8, 0, width.into()).unwrap()].concat();
    let mut tiles = vec![tile(1), tile(2), tile(20)];
    let mut short = tile(3);
    short.pop();
    tiles.push(short);
    tiles
}

/// Forks of both kinds, which prove themselves.
fn evidence() -> Vec<Vec<u8>> {
    let log = TestLog::with_records(5);
    let fork = log.fork_at(3);
    let two_roots = file(&log, 5, &fork, 5, &json!({"kind": "two-roots"}));
    let fork = fork.grow(4);
    let proof = fork.tree().consistency_proof(5, 9);
    let proof: Vec<String> = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
    let root = STANDARD.encode(fork.root_at(5));
    let contradiction =
        json!({"kind": "other-beginning", "root": root, "consistency_proof": proof});
    vec![
        two_roots,
        file(&log, 5, &fork, 9, &contradiction),
        duplicate(),
    ]
}

/// Two records of one module version under one head.
fn duplicate() -> Vec<u8> {
    let log = TestLog::with_records(5);
    let hash = |index: u64| log.text(index).split_whitespace().nth(2).map(str::to_owned);
    let own = hash(3).expect("a hash");
    let text = log.text(1).replacen(&hash(1).expect("a hash"), &own, 1);
    let log = log.with_text(3, &text);
    let record = |index: u64| {
        let proof = log.tree().inclusion_proof(index, 5);
        let proof: Vec<String> = proof.iter().map(|hash| STANDARD.encode(hash)).collect();
        json!({"index": index, "text": log.text(index), "inclusion_proof": proof})
    };
    let file = json!({
        "schema": "sumcheck.evidence-duplicate/1",
        "tool": "sumcheck",
        "log": {"name": NAME, "verifier_key": log.verifier_key()},
        "found_at": "2026-01-01T00:00:00Z",
        "head": {
            "size": 5,
            "root": STANDARD.encode(log.root_at(5)),
            "note": String::from_utf8(log.head_at(5)).unwrap(),
            "obtained_from": "https://sum.example.com/latest",
            "obtained_at": "2026-01-01T00:00:00Z",
        },
        "module": "example.com/m1",
        "version": "v1.0.1",
        "first": record(1),
        "second": record(3),
    });
    file.to_string().into_bytes()
}

/// Two records each: alike, of one version, strange.
fn records() -> Vec<Vec<u8>> {
    let log = TestLog::with_records(3);
    let (one, other) = (log.text(1), log.text(2));
    let hash = other.split_whitespace().nth(2).expect("a hash").to_owned();
    let own = one.split_whitespace().nth(2).expect("a hash").to_owned();
    [
        format!("{one}\n{other}"),
        format!("{one}\n{}", one.replacen(&own, &hash, 1)),
        format!("{one}{other}\n{other}"),
        format!("garbage\n\n{one}"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

fn file(log: &TestLog, old: u64, fork: &TestLog, new: u64, contradiction: &Value) -> Vec<u8> {
    let head = |log: &TestLog, size| {
        json!({
            "size": size,
            "root": STANDARD.encode(log.root_at(size)),
            "note": String::from_utf8(log.head_at(size)).unwrap(),
            "obtained_from": "https://sum.example.com/latest",
            "obtained_at": "2026-01-01T00:00:00Z",
        })
    };
    let file = json!({
        "schema": "sumcheck.evidence/1",
        "tool": "sumcheck",
        "log": {"name": NAME, "verifier_key": log.verifier_key()},
        "found_at": "2026-01-01T00:00:00Z",
        "smaller": head(log, old),
        "larger": head(fork, new),
        "contradiction": contradiction,
    });
    file.to_string().into_bytes()
}

/// Targets that read numbers take any bytes.
fn numbers() -> Vec<Vec<u8>> {
    let counting = |step: u8| (0..64_u8).map(|n| n.wrapping_mul(step)).collect();
    vec![
        vec![0; 25],
        vec![0xff; 25],
        vec![1; 40],
        counting(7),
        counting(251),
    ]
}

fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}
