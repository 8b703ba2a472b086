//! Module paths, versions, their escaped forms, patterns of paths, and the hash of a go.mod.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sumcheck::golang::dirhash::H1;
use sumcheck::golang::module::{ModulePath, ModuleVersion};
use sumcheck::golang::pattern::PatternList;
use sumcheck::golang::version::Version;

use crate::dice::Dice;
use crate::judge::{Question, SAME_NAME, SEMVER, agree};

/// Real ones, with what is special about module paths.
const PATHS: [&str; 28] = [
    "golang.org/x/text",
    "github.com/Azure/azure-sdk-for-go",
    "github.com/BurntSushi/toml",
    "github.com/russross/blackfriday/v2",
    "github.com/a/b/v10",
    "gopkg.in/yaml.v2",
    "gopkg.in/check.v1",
    "gopkg.in/yaml.v3-unstable",
    "gopkg.in/odd.v-unstable",
    "gopkg.in/natefinch/lumberjack.v2",
    "git.sr.ht/~sbinet/gg",
    "cloud.google.com/go/storage",
    "k8s.io/api",
    "rsc.io/quote",
    "example.com/m",
    "example.com/a/v1",
    "example.com/a/v0",
    "example.com/a/v02",
    "example.com/a/v2.3",
    "example.com/con",
    "example.com/aux.go/x",
    "example.com/com1",
    "example.com/com0",
    "example.com/LPT9.x",
    "example.com/coM¹",
    "example.com/a~1",
    "example.com/a~1.x",
    "a.b/-_.~x",
];

const VERSIONS: [&str; 18] = [
    "v1.2.3",
    "v0.0.0-20161208181325-20d25e280405",
    "v2.0.0+incompatible",
    "v2.1.0",
    "v10.0.0",
    "v3.0.0-rc.1",
    "v1.0.0-RC1+Build",
    "v0.0.1-go1.21.0.linux-amd64",
    "v1",
    "v1.2",
    "v0.9.9",
    "v1.2.3-0",
    "v1.2.3-01",
    "v1.2.3+meta.1",
    "v2.0.0-pre+incompatible",
    "v99999999999999999999.0.0",
    "main",
    "v1.2.3-a..b",
];

const PIECES: [&str; 40] = [
    "\u{1b}",
    "\u{1f}",
    ".",
    "..",
    "/",
    "//",
    "-",
    "~",
    "~1",
    "_",
    "+",
    "!",
    "!a",
    "!A",
    "A",
    "Z",
    "0",
    "1",
    "9",
    "v",
    "/v2",
    "/v1",
    "/v",
    ".v1",
    ".v0",
    ".v01",
    "-unstable",
    "gopkg.in/",
    "con",
    "NUL",
    "lpt9",
    "com0",
    "é",
    "\u{0}",
    " ",
    "@",
    "\\",
    ":",
    "+incompatible",
    "ſ",
];

const ROUNDS: usize = 10_000;

fn path(dice: &mut Dice) -> String {
    let path = dice.pick(&PATHS);
    if dice.one_in(4) {
        path.to_owned()
    } else {
        dice.damage(path, &PIECES)
    }
}

fn version(dice: &mut Dice) -> String {
    let version = dice.pick(&VERSIONS);
    if dice.one_in(2) {
        version.to_owned()
    } else {
        dice.damage(version, &PIECES)
    }
}

/// One question for each round; the difference, if any, is excused.
fn questions(
    seed: u64,
    mut ask: impl FnMut(&mut Dice) -> (Value, Option<Value>, Option<&'static str>),
) -> Vec<Question> {
    let mut dice = Dice::new(seed);
    let question = |_| {
        let (request, ours, excuse) = ask(&mut dice);
        Question {
            request,
            ours,
            excuse,
        }
    };
    (0..ROUNDS).map(question).collect()
}

#[test]
fn module_versions_are_checked_alike() {
    let check = |dice: &mut Dice| {
        let (path, version) = (path(dice), version(dice));
        let ours = ModuleVersion::new(&path, &version).ok().map(|_| json!({}));
        (
            json!({"op": "check_module", "path": path, "version": version}),
            ours,
            None,
        )
    };
    agree(questions(13, check), [700, 5000], &[]);
}

#[test]
fn paths_are_escaped_alike() {
    let escape = |dice: &mut Dice| {
        let path = path(dice);
        let ours = ModulePath::parse(&path)
            .ok()
            .map(|path| json!({"escaped": path.escaped()}));
        (json!({"op": "escape_path", "path": path}), ours, None)
    };
    agree(questions(14, escape), [2000, 2000], &[]);
}

#[test]
fn escaped_paths_are_read_alike() {
    let unescape = |dice: &mut Dice| {
        let path = path(dice);
        let escaped = ModulePath::parse(&path).map_or(path, |path| path.escaped());
        let escaped = if dice.one_in(2) {
            dice.damage(&escaped, &PIECES)
        } else {
            escaped
        };
        let ours = ModulePath::unescape(&escaped)
            .ok()
            .map(|path| json!({"path": path.as_str()}));
        (
            json!({"op": "unescape_path", "escaped": escaped}),
            ours,
            None,
        )
    };
    agree(questions(15, unescape), [2000, 2000], &[]);
}

#[test]
fn versions_and_their_canonical_forms_are_the_same() {
    let canonical = |dice: &mut Dice| {
        let version = version(dice);
        let ours = Version::parse(&version).ok();
        let ours = ours.map(|version| json!({"canonical": version.canonical().as_str()}));
        (
            json!({"op": "canonical_version", "version": version}),
            ours,
            None,
        )
    };
    agree(questions(16, canonical), [2000, 2000], &[]);
}

#[test]
fn versions_are_escaped_alike() {
    let escape = |dice: &mut Dice| {
        let version = version(dice);
        let ours = Version::parse(&version).ok();
        let excuse = ours.is_none().then_some(SEMVER);
        let ours = ours.map(|version| json!({"escaped": version.escaped()}));
        (
            json!({"op": "escape_version", "version": version}),
            ours,
            excuse,
        )
    };
    agree(questions(17, escape), [2000, 300], &[SEMVER]);
}

/// What Go makes of an escaped text that it does not refuse.
fn unescaped(escaped: &str) -> String {
    let mut chars = escaped.chars();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        text.extend(if c == '!' {
            chars.next().map(|c| c.to_ascii_uppercase())
        } else {
            Some(c)
        });
    }
    text
}

#[test]
fn escaped_versions_are_read_alike() {
    let unescape = |dice: &mut Dice| {
        let version = version(dice);
        let escaped = Version::parse(&version).map_or(version, |version| version.escaped());
        let escaped = if dice.one_in(2) {
            dice.damage(&escaped, &PIECES)
        } else {
            escaped
        };
        let excuse = Version::parse(&unescaped(&escaped))
            .is_err()
            .then_some(SEMVER);
        let ours = Version::unescape(&escaped).ok();
        let ours = ours.map(|version| json!({"version": version.as_str()}));
        (
            json!({"op": "unescape_version", "escaped": escaped}),
            ours,
            excuse,
        )
    };
    agree(questions(18, unescape), [2000, 300], &[SEMVER]);
}

/// A list of patterns some of which are made from the path.
fn patterns(path: &str, dice: &mut Dice) -> String {
    const PIECES: [&str; 26] = [
        "*",
        "**",
        "?",
        "[a-z]",
        "[^a-z]",
        "[",
        "]",
        "[]",
        "[]a]",
        "[-]",
        "[a-]",
        "[^",
        "\\",
        "\\*",
        "/",
        "//",
        ",",
        ",,",
        " ",
        "*/",
        "/*",
        "é",
        "[\u{0}-\u{10ffff}]",
        "-",
        ".",
        "[z-a]",
    ];
    let elements: Vec<&str> = path.split('/').collect();
    let mut list = Vec::new();
    for _ in 0..=dice.below(3) {
        let prefix = elements[..=dice.below(elements.len())].join("/");
        let pattern = match dice.below(8) {
            0 => prefix,
            1 => prefix.replace(|c: char| c.is_ascii_digit(), "?"),
            2 => elements.iter().map(|_| "*").collect::<Vec<_>>().join("/"),
            3 => prefix + "/",
            _ => dice.damage(&prefix, &PIECES),
        };
        list.push(pattern);
    }
    list.join(",")
}

#[test]
fn patterns_match_the_same_paths() {
    let mut matched = 0;
    let is_match = |dice: &mut Dice| {
        let path = path(dice);
        let patterns = patterns(&path, dice);
        let ours = PatternList::parse(&patterns).matches(&path);
        matched += usize::from(ours);
        let request = json!({"op": "match_prefix_patterns", "patterns": patterns, "path": path});
        (request, Some(json!({"match": ours})), None)
    };
    agree(questions(19, is_match), [ROUNDS, 0], &[]);
    assert!((2000..ROUNDS - 2000).contains(&matched), "{matched}");
}

#[test]
fn a_go_mod_has_the_same_hash() {
    let hash = |dice: &mut Dice| {
        let content: Vec<u8> = (0..dice.below(300)).map(|_| dice.number() as u8).collect();
        let request = json!({"op": "hash_go_mod", "b64": STANDARD.encode(&content)});
        (
            request,
            Some(json!({"h1": H1::of_go_mod(&content).to_string()})),
            None,
        )
    };
    agree(questions(20, hash), [ROUNDS, 0], &[]);
}

#[test]
fn a_list_of_files_has_the_same_hash() {
    const NAMES: [&str; 10] = [
        "m@v1.0.0/a",
        "m@v1.0.0/b",
        "m@v1.0.0/A",
        "m@v1.0.0/a/b",
        "m@v1.0.0/a.b",
        "m@v1.0.0/é",
        "m@v1.0.0/go.mod",
        "m@v1.0.0/a\u{1f600}",
        "m@v1.0.0/\u{ff5e}",
        "",
    ];
    let hash = |dice: &mut Dice| {
        let mut names: Vec<String> = Vec::new();
        for _ in 0..dice.below(6) {
            let name = dice.pick(&NAMES);
            names.push(match dice.below(4) {
                0 => dice.damage(name, &PIECES),
                1 if dice.one_in(8) => name.to_owned() + "\n",
                _ => name.to_owned(),
            });
        }
        let files = names
            .iter()
            .map(|name| (name.as_str(), Sha256::digest(name).into()));
        let ours = H1::of_files(files)
            .ok()
            .map(|h1| json!({"h1": h1.to_string()}));
        let distinct: BTreeSet<&String> = names.iter().collect();
        let excuse = (distinct.len() < names.len()).then_some(SAME_NAME);
        (json!({"op": "hash_files", "names": names}), ours, excuse)
    };
    agree(questions(21, hash), [2000, 100], &[SAME_NAME]);
}
