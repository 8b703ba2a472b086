//! go.sum: every line is an entry, malformed, or blank, and has its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::golang::gosum::{GoSum, line_text};

fuzz_target!(|bytes: &[u8]| {
    let Ok(sum) = GoSum::parse(bytes) else { return };
    for entry in &sum.lines {
        let line = String::from_utf8(line_text(bytes, entry.line).to_vec()).expect("UTF-8");
        let from_hash: String = line.chars().skip(entry.hash_column - 1).collect();
        assert!(from_hash.starts_with(&entry.hash.to_string()));
        let from_module: String = line.chars().skip(entry.module_column - 1).collect();
        assert!(from_module.starts_with(entry.module.path().as_str()));
        assert_eq!(&bytes[entry.bytes.clone()], line_text(bytes, entry.line));
    }
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let told = sum.lines.len() + sum.malformed.len() + sum.malformed_left_out + sum.blank_lines;
    assert!(told == lines || told + 1 == lines, "{told} of {lines} lines");
});
