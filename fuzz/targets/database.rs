//! What the checksum database and its observers hand over: replies, data tiles, evidence.

use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::golang::module::ModuleVersion;
use sumcheck::io::evidence::{Evidence, Misbehaviour};
use sumcheck::sumdb::audit::look;
use sumcheck::sumdb::data_tile::{DataTile, record_at};
use sumcheck::sumdb::duplicate::{Relation, relation};
use sumcheck::sumdb::lookup::LookupReply;
use sumcheck::sumdb::record::RecordText;
use sumcheck::tlog::note::VerifierKey;

use super::input::{Input, ok};

/// Lookup replies: what is read is written back the same.
pub fn lookup_reply(bytes: &[u8]) {
    if let Some(reply) = ok(LookupReply::parse(bytes)) {
        let mut again = format!("{}\n{}\n", reply.index, reply.text.as_str()).into_bytes();
        again.extend_from_slice(reply.note);
        assert_eq!(again, bytes);
    }
}

/// Data tiles, the first byte for the width: each text is a record's, and together with the blank
/// lines they are the tile.
pub fn data_tile(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let width = u32::from(input.byte()) + 1;
    let bytes = input.rest();
    if let Some(tile) = ok(DataTile::parse(bytes, width)) {
        assert_eq!(tile.texts().len(), width as usize);
        for text in tile.texts() {
            assert_eq!(RecordText::parse(text.as_bytes()).unwrap().as_str(), *text);
        }
        let again = tile.texts().join("\n").into_bytes();
        assert!(bytes == again || bytes == [again, b"\n".to_vec()].concat());
    }
}

/// Evidence files: what proves misbehaviour does so again when it is written and read, and nothing
/// proves any of the public log.
pub fn evidence(bytes: &[u8]) {
    let Some(evidence) = ok(Evidence::parse(bytes)) else {
        return;
    };
    let again = Evidence::parse(evidence.to_json().as_bytes());
    let again = again.expect("our own JSON");
    assert_eq!(again, evidence);
    let public = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY).expect("the public key");
    assert!(ok(evidence.prove(&public)).is_none());
    let Some(key) = ok(VerifierKey::parse(&evidence.log().verifier_key)) else {
        return;
    };
    match (&evidence, ok(evidence.prove(&key))) {
        (Evidence::Fork(evidence), Some(Misbehaviour::Fork(fork))) => {
            let (smaller, larger) = (fork.smaller().head(), fork.larger().head());
            assert!(smaller.size() <= larger.size());
            assert_ne!(smaller.root(), larger.root());
            assert_eq!(fork.smaller().note().as_str(), evidence.smaller.note);
            assert_eq!(fork.larger().note().as_str(), evidence.larger.note);
        }
        (Evidence::Duplicate(evidence), Some(Misbehaviour::Duplicate(duplicate))) => {
            assert!(duplicate.first().index < duplicate.second().index);
            assert!(duplicate.second().index < duplicate.head().head().size());
            assert_eq!(duplicate.first().text.as_str(), evidence.first.text);
            assert_eq!(duplicate.file().path, evidence.module);
        }
        (_, None) => return,
        (_, Some(other)) => panic!("evidence of one kind proves another: {other:?}"),
    }
    assert!(again.prove(&key).is_ok());
}

/// Records, two of them with a blank line between: one in which nothing is strange is of a module
/// version that can be, and no record contradicts itself.
pub fn record(bytes: &[u8]) {
    let Some(tile) = ok(DataTile::parse(bytes, 2)) else {
        return;
    };
    for (place, text) in (0..).zip(tile.texts()) {
        assert_eq!(record_at(bytes, place), Some(*text));
        let look = look(text);
        if look.anomaly.is_none() {
            let (path, version) = look.first.expect("a module version");
            let module = ModuleVersion::new(path, version).expect("one that can be");
            assert_eq!(module.version().canonical(), *module.version());
            assert!(look.others.is_empty());
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 2);
        }
        assert!(!matches!(relation(text, text), Relation::Contradicting(_)));
    }
    let [one, other] = tile.texts() else {
        unreachable!("two records");
    };
    let is_contradiction = |relation| matches!(relation, Relation::Contradicting(_));
    let there = is_contradiction(relation(one, other));
    assert_eq!(there, is_contradiction(relation(other, one)));
}
