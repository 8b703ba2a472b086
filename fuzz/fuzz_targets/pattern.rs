//! GOPRIVATE: matching ends, and a plain path matches itself and what lies below it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::golang::module::ModulePath;
use sumcheck::golang::pattern::PatternList;

fuzz_target!(|input: (&str, &str)| {
    let (patterns, path) = input;
    let _ = PatternList::parse(patterns).matches(path);
    if ModulePath::parse(path).is_ok() && !path.contains(['*', '?', '[', '\\', ',']) {
        assert!(PatternList::parse(path).matches(path));
        assert!(PatternList::parse(path).matches(&format!("{path}/below")));
    }
});
