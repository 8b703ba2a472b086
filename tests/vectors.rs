//! Every vector in testdata/vectors, whose answers are those of golang.org/x/mod.
//!
//! A row is to be accepted where x/mod accepts it (`ok`) and sumcheck is not stricter on purpose
//! (`stricter` says why).

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sumcheck::golang::module::{ModulePath, ModuleVersion};
use sumcheck::golang::pattern::PatternList;
use sumcheck::golang::version::Version;
use sumcheck::sumdb::lookup::LookupReply;
use sumcheck::tlog::checkpoint::{TreeHead, parse_tree_head};
use sumcheck::tlog::hash::{Hash, node_hash, record_hash};
use sumcheck::tlog::note::{SignedNote, VerifierKey};
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};
use sumcheck::tlog::range::CompactRange;
use sumcheck::tlog::tile::{Tile, TileLevel};

/// The files, each with the test of its name below.
const FILES: [&str; 11] = [
    "checkpoints",
    "consistency",
    "escapes",
    "hashes",
    "inclusion",
    "lookup_replies",
    "modules",
    "notes",
    "patterns",
    "tile_paths",
    "vkeys",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors")
}

fn rows(file: &str) -> Vec<Value> {
    let bytes = std::fs::read(folder().join(file).with_extension("json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {row}"))
}

fn bytes(row: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(text(row, field)).unwrap()
}

fn hash(row: &Value, field: &str) -> Hash {
    Hash::from_base64(text(row, field)).unwrap()
}

fn hashes(row: &Value) -> Vec<Hash> {
    let proof = row["proof"].as_array().unwrap();
    proof
        .iter()
        .map(|hash| Hash::from_base64(hash.as_str().unwrap()).unwrap())
        .collect()
}

/// Negative sizes have no form in our types: they are refused before.
fn head(row: &Value, size: &str, root: &str) -> Option<TreeHead> {
    let size = u64::try_from(row[size].as_i64().unwrap()).ok()?;
    Some(TreeHead::new(size, hash(row, root)))
}

/// Checks that just the right rows are accepted, at least `must_fail` are refused, and what was
/// read from the accepted ones.
fn check<T>(
    file: &str,
    must_fail: usize,
    accept: impl Fn(&Value) -> Option<T>,
    compare: impl Fn(&Value, T),
) {
    let mut refused = 0;
    for row in rows(file) {
        let wanted = row["ok"].as_bool().unwrap() && row.get("stricter").is_none();
        let accepted = accept(&row);
        assert_eq!(accepted.is_some(), wanted, "{file}: {row}");
        match accepted {
            Some(read) => compare(&row, read),
            None => refused += 1,
        }
    }
    assert!(
        refused >= must_fail,
        "{file}: only {refused} rows must fail"
    );
}

#[test]
fn every_file_of_vectors_has_its_test() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, FILES.map(str::to_owned).into());
}

#[test]
fn tile_paths() {
    let compare = |row: &Value, tile: Tile| {
        let level = match tile.level() {
            TileLevel::Data => -1,
            TileLevel::Hashes(level) => i64::from(level),
        };
        assert_eq!(i64::from(tile.height().levels()), row["height"], "{row}");
        assert_eq!(level, row["level"], "{row}");
        assert_eq!(tile.index(), row["index"], "{row}");
        assert_eq!(tile.width(), row["width"], "{row}");
        assert_eq!(tile.path(), text(row, "path"));
    };
    check(
        "tile_paths",
        259,
        |row| Tile::parse_path(text(row, "path")).ok(),
        compare,
    );
}

#[test]
fn inclusion() {
    let accept = |row: &Value| {
        let index = u64::try_from(row["index"].as_i64().unwrap()).ok()?;
        let head = head(row, "size", "root")?;
        let proof = InclusionProof::from_hashes(hashes(row));
        proof.verify(hash(row, "record_hash"), index, &head).ok()
    };
    check("inclusion", 154, accept, |_, ()| {});
}

#[test]
fn consistency() {
    let accept = |row: &Value| {
        let old = head(row, "old_size", "old_root")?;
        let new = head(row, "new_size", "new_root")?;
        ConsistencyProof::from_hashes(hashes(row))
            .verify(&old, &new)
            .ok()
    };
    check("consistency", 139, accept, |_, ()| {});
}

fn record(number: u64) -> Hash {
    record_hash(format!("record {number}").as_bytes())
}

#[test]
fn the_hashes_of_records_nodes_and_trees_are_xmods() {
    let mut kinds = BTreeSet::new();
    for row in rows("hashes") {
        let kind = text(&row, "kind").to_owned();
        let computed = match kind.as_str() {
            "record" => record(row["index"].as_u64().unwrap()),
            "node" => node_hash(&hash(&row, "left"), &hash(&row, "right")),
            "root" => {
                let mut range = CompactRange::empty();
                for number in 0..row["size"].as_u64().unwrap() {
                    range.append(record(number)).unwrap();
                }
                range.root()
            }
            other => panic!("{other}"),
        };
        assert_eq!(computed, hash(&row, "hash"), "{row}");
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), 3);
}

#[test]
fn vkeys() {
    let compare = |row: &Value, key: VerifierKey| {
        assert_eq!(key.name(), text(row, "name"));
        assert_eq!(key.id().to_string(), text(row, "hash"));
    };
    check(
        "vkeys",
        51,
        |row| VerifierKey::parse(text(row, "vkey")).ok(),
        compare,
    );
}

#[test]
fn notes() {
    let accept = |row: &Value| {
        let key = VerifierKey::parse(text(row, "vkey")).ok()?;
        SignedNote::parse(&bytes(row, "note")).ok()?.open(&key).ok()
    };
    check("notes", 88, accept, |row, note| {
        assert_eq!(note.as_str().as_bytes(), bytes(row, "note"));
    });
}

#[test]
fn checkpoints() {
    let accept = |row: &Value| parse_tree_head(text(row, "text"), "go.sum database tree").ok();
    check("checkpoints", 62, accept, |row, head| {
        assert_eq!(
            (head.size(), head.root()),
            (row["size"].as_u64().unwrap(), hash(row, "root"))
        );
    });
}

#[test]
fn lookup_replies() {
    let accept = |row: &Value| {
        let reply = bytes(row, "reply");
        let reply = LookupReply::parse(&reply).ok()?;
        Some((
            reply.index,
            reply.text.as_str().to_owned(),
            reply.note.to_vec(),
        ))
    };
    check(
        "lookup_replies",
        49,
        accept,
        |row, (index, record, note)| {
            assert_eq!(index, row["id"].as_u64().unwrap());
            assert_eq!(
                (record.as_str(), note),
                (text(row, "text"), bytes(row, "tree_msg"))
            );
        },
    );
}

#[test]
fn modules() {
    let accept = |row: &Value| ModuleVersion::new(text(row, "path"), text(row, "version")).ok();
    check("modules", 212, accept, |row, module| {
        assert_eq!(
            module.to_string(),
            format!("{}@{}", text(row, "path"), text(row, "version"))
        );
    });
}

#[test]
fn escapes() {
    let accept = |row: &Value| {
        let input = text(row, "input");
        match text(row, "op") {
            "escape_path" => Some(ModulePath::parse(input).ok()?.escaped()),
            "unescape_path" => Some(ModulePath::unescape(input).ok()?.as_str().to_owned()),
            "escape_version" => Some(Version::parse(input).ok()?.escaped()),
            "unescape_version" => Some(Version::unescape(input).ok()?.as_str().to_owned()),
            other => panic!("{other}"),
        }
    };
    check("escapes", 112, accept, |row, output| {
        assert_eq!(output, text(row, "output"), "{row}");
    });
}

#[test]
fn patterns() {
    let (mut matching, mut others) = (0, 0);
    for row in rows("patterns") {
        let matches = PatternList::parse(text(&row, "patterns")).matches(text(&row, "path"));
        assert_eq!(matches, row["match"].as_bool().unwrap(), "{row}");
        if matches { matching += 1 } else { others += 1 }
    }
    assert!(
        matching > 20 && others > 20,
        "{matching} match, {others} do not"
    );
}
