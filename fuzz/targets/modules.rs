//! What go.sum is made of: modules, hashes, lines; and patterns of modules.

use sumcheck::golang::dirhash::H1;
use sumcheck::golang::gosum::{GoSum, line_text};
use sumcheck::golang::module::{ModulePath, ModuleVersion};
use sumcheck::golang::pattern::PatternList;
use sumcheck::golang::version::Version;
use sumcheck::tlog::hash::Hash;

use super::input::{Input, ok, text};

/// go.sum: every line is an entry, malformed, or blank, and has its place.
pub fn go_sum(bytes: &[u8]) {
    let Some(sum) = ok(GoSum::parse(bytes)) else {
        return;
    };
    for entry in &sum.lines {
        let line = text(line_text(bytes, entry.line)).expect("an entry is text");
        assert!(from_column(line, entry.hash_column).starts_with(&entry.hash.to_string()));
        assert!(from_column(line, entry.module_column).starts_with(entry.module.path().as_str()));
        assert_eq!(&bytes[entry.bytes.clone()], line.as_bytes());
    }
    for malformed in &sum.malformed {
        let _ = ok::<(), _>(Err(&malformed.reason));
        assert_eq!(
            &bytes[malformed.bytes.clone()],
            line_text(bytes, malformed.line)
        );
    }
    let lines = bytes.split(|byte| *byte == b'\n').count();
    let told = sum.lines.len() + sum.malformed.len() + sum.malformed_left_out + sum.blank_lines;
    assert!(
        told == lines || told + 1 == lines,
        "{told} of {lines} lines"
    );
}

fn from_column(line: &str, column: usize) -> String {
    line.chars().skip(column - 1).collect()
}

/// Hashes: each has one text, and a list of files one hash in whatever order they come.
pub fn h1(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(hash) = ok(H1::parse(text)) {
        assert_eq!(hash.to_string(), text);
    }
    if let Some(hash) = ok(Hash::from_base64(text)) {
        assert_eq!(hash.to_string(), text);
    }
    let files = || {
        text.split('\0')
            .map(|name| (name, Input::new(name.as_bytes()).array()))
    };
    let forward = H1::of_files(files());
    assert_eq!(forward.is_ok(), H1::of_files(files().rev()).is_ok());
    if let Some(hash) = ok(forward) {
        assert_eq!(H1::of_files(files().rev()), Ok(hash));
    }
}

/// Module paths and versions: escaping and unescaping are inverse, and never leave a folder.
pub fn module_escape(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(module) = ok(ModuleVersion::parse(text)) {
        let escaped = module.escaped();
        assert_eq!(ModuleVersion::unescape(&escaped).as_ref(), Ok(&module));
        assert!(escaped.is_ascii() && !escaped.bytes().any(|byte| byte.is_ascii_uppercase()));
        assert!(
            !escaped
                .split('/')
                .any(|part| ["", ".", ".."].contains(&part))
        );
        assert_eq!(ModuleVersion::parse(&module.to_string()), Ok(module));
    }
    if let Some(path) = ok(ModulePath::unescape(text)) {
        assert_eq!(path.escaped(), text);
    }
    if let Some(version) = ok(Version::unescape(text)) {
        assert_eq!(version.escaped(), text);
    }
    if let Some(version) = ok(Version::parse(text)) {
        let canonical = version.canonical();
        assert_eq!(canonical.canonical(), canonical);
        assert_eq!(Version::parse(canonical.as_str()), Ok(canonical));
    }
}

/// GOPRIVATE in the first line, a path in the second: matching ends, and a plain path matches
/// itself and what lies below it.
pub fn pattern(bytes: &[u8]) {
    let Some((patterns, path)) = text(bytes).and_then(|text| text.split_once('\n')) else {
        return;
    };
    let list = PatternList::parse(patterns);
    let matches = list.matches(path);
    assert!(!(matches && list.is_empty()));
    // A list matches what one of its patterns matches.
    let one_matches = |pattern: &str| PatternList::parse(pattern).matches(path);
    assert_eq!(matches, patterns.split(',').any(one_matches));
    if ModulePath::parse(path).is_ok() && !path.contains(['*', '?', '[', '\\', ',']) {
        assert!(PatternList::parse(path).matches(path));
        assert!(PatternList::parse(path).matches(&format!("{path}/below")));
    }
}
