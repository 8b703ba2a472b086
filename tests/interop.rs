//! golang.org/x/mod as judge and peer: the same input to both, thousands of times, and each one's
//! client against the other's server. Needs go; without it every test says aloud that it did not
//! run.

mod support;

#[path = "judge/oracle.rs"]
mod oracle;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oracle::{Mutations, Oracle};
use serde_json::{Value, json};
use sumcheck::golang::dirhash::H1;
use sumcheck::golang::module::{ModulePath, ModuleVersion};
use sumcheck::golang::pattern::PatternList;
use sumcheck::golang::version::Version;
use sumcheck::sumdb::lookup::LookupReply;
use sumcheck::tlog::checkpoint::{TreeHead, parse_tree_head};
use sumcheck::tlog::hash::{Hash, record_hash};
use sumcheck::tlog::note::{SignedNote, VerifierKey};
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};
use sumcheck::tlog::tile::{Tile, TileLevel};
use support::interop::interop;
use support::log::TestLog;
use support::sumcheck::Home;

const MODULES: [&str; 12] = [
    "github.com/Azure/azure-sdk-for-go@v68.0.0+incompatible",
    "gopkg.in/yaml.v3@v3.0.1",
    "gopkg.in/x.v2-unstable@v2.0.0-20200101000000-abcdefabcdef",
    "example.com/m/v2@v2.1.0-rc.1",
    "golang.org/x/text@v0.21.0",
    "golang.org/toolchain@v0.0.1-go1.21.0.linux-amd64",
    "k8s.io/api@v0.0.0-20200101000000-abcdefabcdef",
    "a.b/com1/x@v1.0.0",
    "ex-ample.com/~a~1/b@v1.0.0+meta",
    "example.com/.hidden/x@v1.0.0",
    "example.com/a/v1@v1.0.0",
    "EXAMPLE.com/A.B@v1.2.3-Pre.0",
];

#[test]
fn paths_and_versions_are_judged_alike() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    for text in Mutations::of(&MODULES, 6000) {
        let (path, version) = text.rsplit_once('@').unwrap_or((&text, "v1.0.0"));
        let theirs = oracle.ask(json!({"op": "check_module", "path": path, "version": version}));
        let ours = ModuleVersion::new(path, version).is_ok();
        assert_eq!(ours, theirs["ok"], "{path:?} {version:?}: {theirs}");

        let theirs = oracle.ask(json!({"op": "escape_path", "path": path}));
        let ours = ModulePath::parse(path).ok().map(|path| path.escaped());
        assert_eq!(
            ours.as_deref(),
            theirs["escaped"].as_str(),
            "{path:?}: {theirs}"
        );

        let theirs = oracle.ask(json!({"op": "unescape_path", "escaped": path}));
        let ours = ModulePath::unescape(path).ok();
        let ours = ours.as_ref().map(ModulePath::as_str);
        assert_eq!(ours, theirs["path"].as_str(), "{path:?}: {theirs}");

        // x/mod escapes any element of a path; ours are semantic versions.
        if let Ok(version) = Version::parse(version) {
            let theirs = oracle.ask(json!({"op": "escape_version", "version": version.as_str()}));
            assert_eq!(theirs["escaped"], version.escaped(), "{theirs}");
        }
    }
}

#[test]
fn patterns_match_alike() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let patterns = [
        "*.corp.example.com,rsc.io/private",
        "example.com/[a-z]*/x,[^b]/?",
        "a\\*b/c,,d/",
        "*",
        "example.com/a/",
        "[",
        "x/[]a]/y",
        "x/[a-/y,x/[\\]]",
        "exa*ple.c?m/*/b",
    ];
    let paths = [
        "example.com/a/b/c",
        "rsc.io/private/x",
        "git.corp.example.com/a",
        "a*b/c",
        "x/a/y",
        "b/z",
    ];
    let mut paths = Mutations::of(&paths, usize::MAX);
    for pattern in Mutations::of(&patterns, 6000) {
        let path = paths.next().unwrap();
        let question = json!({"op": "match_prefix_patterns", "patterns": pattern, "path": path});
        let theirs = oracle.ask(question);
        let ours = PatternList::parse(&pattern).matches(&path);
        assert_eq!(ours, theirs["match"], "{pattern:?} {path:?}: {theirs}");
    }
}

#[test]
fn tile_paths_are_read_alike_but_for_levels_above_63() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let paths = [
        "tile/8/0/x001/x234/067.p/1",
        "tile/8/data/000",
        "tile/1/62/000",
        "tile/30/1/x999/999.p/5",
        "tile/8/1/005.p/255",
        "tile/8/63/000",
        "tile/4/0/x018/446",
        "tile/8/0/x123/x456/789",
    ];
    for path in Mutations::of(&paths, 8000) {
        let theirs = oracle.ask(json!({"op": "parse_tile_path", "path": path}));
        match Tile::parse_path(&path) {
            Ok(tile) => {
                let level = match tile.level() {
                    TileLevel::Data => -1,
                    TileLevel::Hashes(level) => i64::from(level),
                };
                let read = json!([tile.height().levels(), level, tile.index(), tile.width()]);
                let fields =
                    ["height", "level", "index", "width"].map(|field| theirs[field].clone());
                assert_eq!(json!(fields), read, "{path}: {theirs}");
            }
            Err(error) => {
                let too_high = theirs["level"].as_i64().is_some_and(|level| level > 63);
                assert!(
                    theirs["ok"] == false || too_high,
                    "{path}: {error}: {theirs}"
                );
            }
        }
    }
}

#[test]
fn heads_and_replies_are_read_alike_but_for_what_has_two_forms() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let root = "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=";
    let heads = [
        format!("go.sum database tree\n71909756\n{root}\n"),
        format!("go.sum database tree\n1\n{root}\nextension\n"),
        format!("go.sum database tree\n9223372036854775807\n{root}\n"),
    ];
    for text in Mutations::of(&heads, 6000) {
        let theirs = oracle.ask(json!({"op": "parse_tree", "text_b64": STANDARD.encode(&text)}));
        match parse_tree_head(&text, "go.sum database tree") {
            Ok(head) => {
                let theirs = (theirs["size"].clone(), theirs["root"].clone());
                assert_eq!(
                    theirs,
                    (json!(head.size()), json!(head.root().to_string())),
                    "{text:?}"
                );
            }
            // docs/differences.md: a root has one form, and an empty tree one root.
            Err(error) => {
                let written = text.split('\n').nth(2).unwrap_or_default();
                let other_form = theirs["root"] != written;
                let empty = theirs["size"] == 0;
                assert!(
                    theirs["ok"] == false || other_form || empty,
                    "{text:?}: {error}: {theirs}"
                );
            }
        }
    }
    let replies = [
        "42\nexample.com/m v1.0.0 h1:a\nexample.com/m v1.0.0/go.mod h1:b\n\nnote\n".to_owned(),
        "0\na b c\n\n".to_owned(),
    ];
    for text in Mutations::of(&replies, 6000) {
        let theirs = oracle.ask(json!({"op": "parse_record", "reply_b64": STANDARD.encode(&text)}));
        match LookupReply::parse(text.as_bytes()) {
            Ok(reply) => {
                assert_eq!(theirs["id"], reply.index, "{text:?}: {theirs}");
                assert_eq!(theirs["text"], reply.text.as_str(), "{text:?}: {theirs}");
                assert_eq!(
                    theirs["tree_msg_b64"],
                    STANDARD.encode(reply.note),
                    "{text:?}"
                );
            }
            // docs/differences.md: an index has one form, and a record no blank line.
            Err(error) => {
                let first = text.lines().next().unwrap_or_default();
                let other_form = first.parse::<u64>().is_ok_and(|n| n.to_string() != first)
                    || first.starts_with(['+', '-']);
                let blank = text.lines().nth(1).is_some_and(str::is_empty);
                assert!(
                    theirs["ok"] == false || other_form || blank,
                    "{text:?}: {error}: {theirs}"
                );
            }
        }
    }
}

#[test]
fn notes_open_alike() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let log = TestLog::with_records(9);
    let key = log.verifier_key();
    let note = String::from_utf8(log.head()).unwrap();
    let opener = VerifierKey::parse(&key).unwrap();
    for text in Mutations::of(&[note], 6000) {
        let question = json!({"op": "open_note", "note_b64": STANDARD.encode(&text), "vkey": key});
        let theirs = oracle.ask(question);
        let parsed = SignedNote::parse(text.as_bytes());
        let ours = parsed.ok().and_then(|note| note.open(&opener).ok());
        assert_eq!(
            ours.as_ref().map(|note| note.text()),
            theirs["text"].as_str(),
            "{text:?}: {theirs}"
        );
    }
    for text in Mutations::of(&[key], 4000) {
        let theirs = oracle.ask(json!({"op": "new_verifier", "vkey": text}));
        let ours = VerifierKey::parse(&text).is_ok();
        // docs/differences.md: base64 has one form, and the key must be sound.
        assert!(
            ours == theirs["ok"] || (!ours && text.contains(['\n', '\r'])),
            "{text:?}: {theirs}"
        );
    }
}

#[test]
fn proofs_are_made_and_judged_alike() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let mut random = oracle::Random::new(7);
    for _ in 0..400 {
        let size = 1 + random.below(2000);
        let index = random.below(size);
        let made = oracle.ask(json!({"op": "prove_record", "size": size, "index": index}));
        let leaf = record_hash(format!("record {index}").as_bytes());
        let head = TreeHead::new(size, hash(&made["root"]));
        let proof = hashes(&made["proof"]);
        assert_eq!(
            InclusionProof::from_hashes(proof.clone()).verify(leaf, index, &head),
            Ok(())
        );
        let altered = random.alter(&proof);
        let theirs = oracle.ask(json!({
            "op": "check_record", "proof": texts(&altered), "size": size,
            "root": made["root"], "index": index, "hash": leaf.to_string(),
        }));
        let ours = InclusionProof::from_hashes(altered)
            .verify(leaf, index, &head)
            .is_ok();
        assert_eq!(ours, theirs["ok"], "record {index} of {size}: {theirs}");

        let old_size = 1 + random.below(size);
        let made = oracle.ask(json!({"op": "prove_tree", "new_size": size, "old_size": old_size}));
        let old = TreeHead::new(old_size, hash(&made["old_root"]));
        let new = TreeHead::new(size, hash(&made["new_root"]));
        let proof = hashes(&made["proof"]);
        assert_eq!(
            ConsistencyProof::from_hashes(proof.clone()).verify(&old, &new),
            Ok(())
        );
        let altered = random.alter(&proof);
        let theirs = oracle.ask(json!({
            "op": "check_tree", "proof": texts(&altered), "new_size": size,
            "new_root": made["new_root"], "old_size": old_size, "old_root": made["old_root"],
        }));
        let ours = ConsistencyProof::from_hashes(altered)
            .verify(&old, &new)
            .is_ok();
        assert_eq!(ours, theirs["ok"], "{old_size} to {size}: {theirs}");
    }
}

fn hash(text: &Value) -> Hash {
    Hash::from_base64(text.as_str().unwrap()).unwrap()
}

fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().into_iter().flatten().map(hash).collect()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_go_mod_has_one_hash() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let contents = [
        "",
        "module example.com/m\n",
        "module x\r\n\r\nrequire y v1.0.0\r\n",
    ];
    for content in Mutations::of(&contents, 300) {
        let theirs = oracle.ask(json!({"op": "hash_go_mod", "b64": STANDARD.encode(&content)}));
        assert_eq!(
            theirs["h1"],
            H1::of_go_mod(content.as_bytes()).to_string(),
            "{content:?}"
        );
    }
}

/// x/mod's own server, until it is dropped.
struct TheirServer(Child, Value);

impl TheirServer {
    fn start(count: u64) -> Option<Self> {
        let mut child = Command::new(interop()?)
            .args([
                "server",
                "--key-seed",
                "peer",
                "--count",
                &count.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Some(Self(child, serde_json::from_str(&line).unwrap()))
    }

    fn sumdb(&self) -> String {
        format!(
            "{} {}",
            self.1["vkey"].as_str().unwrap(),
            self.1["url"].as_str().unwrap()
        )
    }

    /// The lines of these records, as x/mod's own client prints them.
    fn go_sum(&self, records: &[u64]) -> String {
        let output = Command::new(interop().unwrap())
            .args(["client", "--url", self.1["url"].as_str().unwrap()])
            .args(["--vkey", self.1["vkey"].as_str().unwrap()])
            .args(
                records
                    .iter()
                    .map(|number| format!("example.com/m{number}@v1.0.{number}")),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter(|line| line.contains(" h1:"))
            .map(|line| format!("{line}\n"))
            .collect()
    }
}

impl Drop for TheirServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_that_is_not_ours_is_verified_and_followed_as_it_grows() {
    let home = Home::new();
    for size in [1, 2, 255, 256, 257, 1000, 66_000] {
        let Some(server) = TheirServer::start(size) else {
            return;
        };
        let go_sum = server.go_sum(&[0, size / 2, size - 1]);
        let outcome = home
            .sumcheck(["verify", "--refresh", "--format=json", "go.sum"])
            .file("go.sum", &go_sum)
            .sumdb(&server.sumdb())
            .run()
            .expect_code(0)
            .json();
        assert_eq!(outcome["summary"]["verified"], go_sum.lines().count());
        assert_eq!(
            outcome["head"]["size"], size,
            "the timeline grows with the log"
        );
    }
}

#[test]
fn the_log_of_our_tests_is_one_that_xmods_client_believes() {
    let Some(program) = interop() else { return };
    for size in [1, 256, 257, 1000] {
        let log = TestLog::with_records(size);
        let server = log.serve().start();
        let folder = tempfile::tempdir().unwrap();
        let go_sum = folder.path().join("go.sum");
        std::fs::write(&go_sum, log.go_sum(0..size.min(50))).unwrap();
        let output = Command::new(&program)
            .args([
                "client",
                "--url",
                &server.url(),
                "--vkey",
                &log.verifier_key(),
                "--file",
            ])
            .arg(&go_sum)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
