//! Proofs: arbitrary hashes prove nothing, in trees of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::Hash;
use sumcheck::tlog::proof::{ConsistencyProof, InclusionProof};

fuzz_target!(|input: (u64, u64, Vec<[u8; 32]>)| {
    let (one, other, hashes) = input;
    let hashes: Vec<Hash> = hashes.into_iter().map(Hash::from_bytes).collect();
    let root = Hash::from_bytes([0x5a; 32]);
    let leaf = Hash::from_bytes([0xa5; 32]);
    let head = TreeHead::new(other, root);
    assert!(InclusionProof::from_hashes(hashes.clone()).verify(leaf, one, &head).is_err());
    let old = TreeHead::new(one, leaf);
    assert!(ConsistencyProof::from_hashes(hashes).verify(&old, &head).is_err());
});
