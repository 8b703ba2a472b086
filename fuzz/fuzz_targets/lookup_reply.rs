//! Lookup replies: what is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::sumdb::lookup::LookupReply;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reply) = LookupReply::parse(bytes) {
        let mut again = format!("{}\n{}\n", reply.index, reply.text.as_str()).into_bytes();
        again.extend_from_slice(reply.note);
        assert_eq!(again, bytes);
    }
});
