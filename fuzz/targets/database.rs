//! What the checksum database and its observers hand over: replies, data tiles, evidence.

use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::io::evidence::Evidence;
use sumcheck::sumdb::data_tile::DataTile;
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

/// Evidence files: what proves a fork does so again when it is written and read, and nothing
/// proves one of the public log.
pub fn evidence(bytes: &[u8]) {
    let Some(evidence) = ok(Evidence::parse(bytes)) else {
        return;
    };
    let again = Evidence::parse(evidence.to_json().as_bytes());
    let again = again.expect("our own JSON");
    assert_eq!(again, evidence);
    let public = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY).expect("the public key");
    assert!(ok(evidence.prove(&public)).is_none());
    let Some(key) = ok(VerifierKey::parse(&evidence.log.verifier_key)) else {
        return;
    };
    if let Some(fork) = ok(evidence.prove(&key)) {
        let (smaller, larger) = (fork.smaller().head(), fork.larger().head());
        assert!(smaller.size() <= larger.size());
        assert_ne!(smaller.root(), larger.root());
        assert_eq!(fork.smaller().note().as_str(), evidence.smaller.note);
        assert_eq!(fork.larger().note().as_str(), evidence.larger.note);
        assert!(again.prove(&key).is_ok());
    }
}
