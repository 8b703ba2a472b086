//! Checkpoints: what is read is written back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::tlog::MAX_TREE_SIZE;
use sumcheck::tlog::checkpoint::parse_tree_head;

fuzz_target!(|text: &str| {
    if let Ok(head) = parse_tree_head(text, "go.sum database tree") {
        assert!(head.size() <= MAX_TREE_SIZE);
        let again = format!("go.sum database tree\n{}\n{}\n", head.size(), head.root());
        assert!(text.starts_with(&again));
    }
});
