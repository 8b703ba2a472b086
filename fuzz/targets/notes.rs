//! Signed notes and the tree heads in them.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::tlog::MAX_TREE_SIZE;
use sumcheck::tlog::checkpoint::parse_tree_head;
use sumcheck::tlog::note::{SignedNote, VerifierKey};

use super::input::{ok, text};

/// The key of testdata/vectors.
const KEY: &str = "sum.example.com+186fe8ce+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx";

/// A head of the public log: the one that is among the kept inputs.
const PUBLIC_NOTE: &str = "go.sum database tree
33318680
4Y/EAGSy9soqKv5jyC/wSyM3Bn3b/OarOrbDGKrtgFA=

— sum.golang.org Az3grr8ZtFkBaTxF5ZUKN2EbC9dkS+qc9V5wWkkDUj1jRAXTIDZlzPMlx+/QHtC3LKby0dU3hu2kO060Q70BLWrSjgw=
";

/// Notes: only a text that was signed opens. A key is written back the same.
pub fn note(bytes: &[u8]) {
    if let Some(key) = text(bytes).and_then(|text| ok(VerifierKey::parse(text))) {
        assert_eq!(VerifierKey::parse(&key.to_string()).as_ref(), Ok(&key));
    }
    if let Some(opened) = opened(bytes, KEY) {
        assert!(signed_texts().contains(&opened), "{opened}");
    }
    if let Some(opened) = opened(bytes, SUM_GOLANG_ORG_VERIFIER_KEY) {
        assert!(
            PUBLIC_NOTE.starts_with(&format!("{opened}\n\u{2014}")),
            "{opened}"
        );
    }
}

/// The text of a note that the key opens.
fn opened(bytes: &[u8], key: &str) -> Option<String> {
    let key = VerifierKey::parse(key).expect("a good key");
    let opened = ok(ok(SignedNote::parse(bytes))?.open(&key))?;
    assert_eq!(opened.as_str().as_bytes(), bytes);
    Some(opened.text().to_owned())
}

/// The texts that the key has signed.
fn signed_texts() -> &'static BTreeSet<String> {
    static TEXTS: OnceLock<BTreeSet<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let vectors = include_str!("../../testdata/vectors/notes.json");
        let vectors: Vec<Value> = serde_json::from_str(vectors).expect("JSON");
        let good = vectors
            .iter()
            .filter(|v| v["ok"] == true && v["vkey"] == KEY);
        let texts = good.map(|vector| {
            let note = STANDARD.decode(vector["note"].as_str().expect("base64"));
            let note = String::from_utf8(note.expect("base64")).expect("UTF-8");
            let (text, _signatures) = note.rsplit_once("\n\n").expect("signatures");
            format!("{text}\n")
        });
        texts.collect()
    })
}

/// Checkpoints: what is read is written back the same.
pub fn checkpoint(bytes: &[u8]) {
    const ORIGIN: &str = "go.sum database tree";
    let Some(text) = text(bytes) else { return };
    if let Some(head) = ok(parse_tree_head(text, ORIGIN)) {
        assert!(head.size() <= MAX_TREE_SIZE);
        let again = format!("{ORIGIN}\n{}\n{}\n", head.size(), head.root());
        assert!(text.starts_with(&again));
    }
}
