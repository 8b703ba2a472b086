//! Asks x/mod many questions at once and compares its answers with sumcheck's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use crate::ask::ask;

/// A question to x/mod (see tests/interop/README.md) with sumcheck's own answer.
pub(crate) struct Question {
    pub(crate) request: Value,
    /// What sumcheck makes of it, in the fields of x/mod's answer; `None`: it refuses.
    pub(crate) ours: Option<Value>,
    /// If sumcheck may refuse what x/mod accepts: which row of docs/differences.md says so.
    pub(crate) excuse: Option<&'static str>,
}

/// Checks that both say the same to every question but the excused, that at least so many were
/// accepted and refused, and that every difference in `expected` was met.
#[track_caller]
pub(crate) fn agree(
    questions: Vec<Question>,
    [accepted, refused]: [usize; 2],
    expected: &[&'static str],
) {
    let (requests, ours): (Vec<Value>, Vec<_>) = questions
        .into_iter()
        .map(|question| (question.request, (question.ours, question.excuse)))
        .unzip();
    let Some(answers) = ask(&requests) else {
        return;
    };
    let mut counts = [0, 0];
    let mut met = BTreeMap::new();
    let mut disagreements = Vec::new();
    for ((request, (ours, excuse)), answer) in requests.iter().zip(ours).zip(answers) {
        match (answer["ok"].as_bool().unwrap(), ours, excuse) {
            (false, None, _) => counts[1] += 1,
            (true, Some(ours), _) if includes(&answer, &ours) => counts[0] += 1,
            (true, None, Some(excuse)) => *met.entry(excuse).or_insert(0) += 1,
            (_, ours, excuse) => disagreements.push(format!(
                "{request}\n  x/mod: {answer}\n  sumcheck: {ours:?} ({excuse:?})"
            )),
        }
    }
    let shown = disagreements.iter().take(10).cloned().collect::<Vec<_>>();
    assert!(
        shown.is_empty(),
        "{} disagreements:\n{}",
        disagreements.len(),
        shown.join("\n")
    );
    assert!(
        counts[0] >= accepted && counts[1] >= refused,
        "only {} accepted and {} refused: the questions are too much alike",
        counts[0],
        counts[1]
    );
    let met: BTreeSet<_> = met.into_keys().collect();
    assert_eq!(
        met,
        expected.iter().copied().collect(),
        "differences that were met"
    );
}

fn includes(answer: &Value, ours: &Value) -> bool {
    let fields = ours.as_object().unwrap();
    fields
        .iter()
        .all(|(name, value)| answer.get(name) == Some(value))
}

/// The first cells of the table in docs/differences.md.
fn documented() -> BTreeSet<String> {
    include_str!("../../docs/differences.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .map(|(first, _)| first.to_owned())
        .collect()
}

#[test]
fn every_difference_is_documented() {
    let documented = documented();
    for name in ALL {
        assert!(
            documented.contains(name),
            "docs/differences.md has no row {name:?}"
        );
    }
    let vectors = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/vectors");
    for entry in std::fs::read_dir(vectors).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            for name in rows.iter().filter_map(|row| row["stricter"].as_str()) {
                assert!(
                    documented.contains(name),
                    "docs/differences.md has no row {name:?}"
                );
            }
        }
    }
}

// The names of the differences, as in docs/differences.md and in the vectors.
pub(crate) const LEVELS: &str = "C2SP tlog-tiles: levels are 0 to 63";
pub(crate) const BASE64: &str = "base64 has one form";
pub(crate) const BASE64_OF_SIGNATURE: &str =
    "base64 has one form: the bits after the signature are not zero";
pub(crate) const BASE64_OF_KEY: &str = "base64 has one form: no line ends in it";
pub(crate) const NO_POINT: &str = "no point of the curve has this y";
pub(crate) const SMALL_ORDER: &str = "a public key of small order verifies what nobody signed";
pub(crate) const EMPTY_ROOT: &str = "an empty tree has one root";
pub(crate) const INDEX_FORM: &str = "a record index has one form: plain decimal";
pub(crate) const INDEX_SIGN: &str = "a record index is not negative";
pub(crate) const BLANK_LINE: &str =
    "a record has no blank line, and x/mod does not look at the first";
pub(crate) const SEMVER: &str = "sumcheck knows no versions but semantic ones";
pub(crate) const SAME_NAME: &str = "a list of files with a name that stands twice";

pub(crate) const LIMITS: &str = "limits of size";
pub(crate) const LONG_CHECKPOINT: &str = "a checkpoint's text above 1,000,000 bytes";

const ALL: [&str; 14] = [
    LEVELS,
    BASE64,
    BASE64_OF_SIGNATURE,
    BASE64_OF_KEY,
    NO_POINT,
    SMALL_ORDER,
    EMPTY_ROOT,
    INDEX_FORM,
    INDEX_SIGN,
    BLANK_LINE,
    SEMVER,
    SAME_NAME,
    LIMITS,
    LONG_CHECKPOINT,
];
