//! Signed notes: no bytes make the parser panic, and none but the log's open.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::tlog::note::{SignedNote, VerifierKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(key) = VerifierKey::parse(text)
    {
        assert_eq!(VerifierKey::parse(&key.to_string()).as_ref(), Ok(&key));
    }
    let key = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY).expect("the public key");
    if let Ok(note) = SignedNote::parse(bytes)
        && let Ok(opened) = note.open(&key)
    {
        assert_eq!(opened.as_str().as_bytes(), bytes);
        assert!(opened.text().ends_with('\n'));
    }
});
