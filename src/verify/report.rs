//! The verdicts on all lines, and what they add up to.

use std::collections::{BTreeSet, HashMap};

use super::{Document, Private};
use crate::golang::dirhash::H1;
use crate::golang::gosum::{GoSumLine, Kind, LineHash};
use crate::golang::module::ModuleVersion;
use crate::prover::{Outcome, Proofs};
use crate::sumdb::verdict::{Comparison, Verdict, compare};

/// The verdict on one line of one document.
#[derive(Debug, Clone)]
pub struct LineResult {
    /// Which document.
    pub document: usize,
    /// Line number, from 1.
    pub line: usize,
    /// Column of what the verdict is about, in characters from 1.
    pub column: usize,
    /// The module version; `None` on a malformed line.
    pub module: Option<ModuleVersion>,
    /// Which hash; `None` on a malformed line.
    pub kind: Option<Kind>,
    /// The verdict.
    pub verdict: Verdict,
    /// The log's hash, if it is known.
    pub expected: Option<H1>,
    /// The line's hash, as it stands there.
    pub found: Option<String>,
    /// Index of the log's record.
    pub record: Option<u64>,
    /// Why; not escaped.
    pub note: Option<String>,
}

/// The verdicts on all lines.
#[derive(Debug)]
pub struct Report {
    /// One for each line that is not blank, in the order of the documents.
    pub results: Vec<LineResult>,
    /// What the run ended with: the head, faults, warnings.
    pub proofs: Proofs,
    /// Malformed lines beyond those that have a result of their own.
    pub malformed_left_out: usize,
}

/// The module versions that the log has to be asked for: those with a hash that can be compared,
/// and not private.
#[must_use]
pub fn modules_to_prove(documents: &[Document], private: &Private) -> BTreeSet<ModuleVersion> {
    lines(documents)
        .filter(|(_, line)| matches!(line.hash, LineHash::H1(_)))
        .filter(|(_, line)| !private.matches(line.module.path()))
        .map(|(_, line)| line.module.clone())
        .collect()
}

fn lines(documents: &[Document]) -> impl Iterator<Item = (usize, &GoSumLine)> {
    documents.iter().enumerate().flat_map(|(number, document)| {
        document
            .go_sum()
            .lines
            .iter()
            .map(move |line| (number, line))
    })
}

impl Report {
    /// Gives each line its verdict.
    #[must_use]
    pub fn new(documents: &[Document], private: &Private, proofs: Proofs) -> Self {
        let conflicts = conflicting_lines(documents);
        let mut results: Vec<LineResult> = lines(documents)
            .map(|(document, line)| {
                let mut result = judge(document, line, private, &proofs);
                let settled = matches!(
                    result.verdict,
                    Verdict::Verified | Verdict::Mismatch | Verdict::Pinned | Verdict::PinMismatch
                );
                if !settled && let Some(note) = conflicts.get(&(document, line.line)) {
                    result.verdict = Verdict::Mismatch;
                    result.column = line.hash_column;
                    result.note = Some(note.clone());
                }
                result
            })
            .collect();
        for (document, content) in documents.iter().enumerate() {
            results.extend(
                content
                    .go_sum()
                    .malformed
                    .iter()
                    .map(|malformed| LineResult {
                        document,
                        line: malformed.line,
                        column: malformed.column,
                        module: None,
                        kind: None,
                        verdict: Verdict::Malformed,
                        expected: None,
                        found: None,
                        record: None,
                        note: Some(malformed.reason.to_string()),
                    }),
            );
        }
        results.sort_by_key(|result| (result.document, result.line));
        Self {
            results,
            proofs,
            malformed_left_out: documents
                .iter()
                .map(|document| document.go_sum().malformed_left_out)
                .sum(),
        }
    }

    /// What can be said when the run gave no verdict: nothing is verified.
    #[must_use]
    pub fn unproven(documents: &[Document], private: &Private, reason: &str) -> Self {
        let proofs = Proofs::unavailable(modules_to_prove(documents, private), reason);
        Self::new(documents, private, proofs)
    }

    /// How many distinct module versions have a line with this verdict.
    #[must_use]
    pub fn module_count(&self, verdict: Verdict) -> usize {
        let lines = self
            .results
            .iter()
            .filter(|result| result.verdict == verdict);
        lines
            .filter_map(|result| result.module.as_ref())
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// How many lines have this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        let shown = self
            .results
            .iter()
            .filter(|result| result.verdict == verdict)
            .count();
        match verdict {
            Verdict::Malformed => shown + self.malformed_left_out,
            _ => shown,
        }
    }
}

/// Lines whose module version and kind stand somewhere before with another hash, and where.
fn conflicting_lines(documents: &[Document]) -> HashMap<(usize, usize), String> {
    let mut first: HashMap<(&ModuleVersion, Kind), (usize, &GoSumLine)> = HashMap::new();
    let mut conflicts = HashMap::new();
    for (document, line) in lines(documents) {
        let LineHash::H1(hash) = &line.hash else {
            continue;
        };
        let (first_document, first_line) = *first
            .entry((&line.module, line.kind))
            .or_insert((document, line));
        if matches!(&first_line.hash, LineHash::H1(first_hash) if first_hash != hash) {
            let place = format!("{}:{}", documents[first_document].name(), first_line.line);
            conflicts.insert(
                (document, line.line),
                format!("{place} has another hash for the same: one of the two is wrong"),
            );
        }
    }
    conflicts
}

fn judge(document: usize, line: &GoSumLine, private: &Private, proofs: &Proofs) -> LineResult {
    let mut result = LineResult {
        document,
        line: line.line,
        column: line.module_column,
        module: Some(line.module.clone()),
        kind: Some(line.kind),
        verdict: Verdict::Private,
        expected: None,
        found: Some(line.hash.to_string()),
        record: None,
        note: None,
    };
    let hash = match &line.hash {
        LineHash::H1(hash) => hash,
        LineHash::Unsupported { algorithm, .. } => {
            result.verdict = Verdict::UnsupportedHash;
            result.column = line.hash_column;
            result.note = Some(format!(
                "the hash algorithm {algorithm} is not known; h1 is"
            ));
            return result;
        }
    };
    if private.matches(line.module.path()) {
        if let Some(pin) = private.pin(&line.module, line.kind) {
            result.expected = H1::parse(&pin.hash).ok();
            if pin.hash == hash.to_string() {
                result.verdict = Verdict::Pinned;
            } else {
                result.verdict = Verdict::PinMismatch;
                result.column = line.hash_column;
                result.note = Some(format!("pinned {} is {}", pin.pinned_at, pin.hash));
            }
        }
        return result;
    }
    match proofs.outcomes.get(&line.module) {
        None => {
            result.verdict = Verdict::Unavailable;
            result.note = Some("the log was not asked".to_owned());
        }
        Some(Outcome::Unavailable(reason)) => {
            result.verdict = Verdict::Unavailable;
            result.note = Some(reason.clone());
        }
        Some(Outcome::Absent { status, message }) => {
            result.verdict = Verdict::Absent;
            let words = if message.trim().is_empty() {
                String::new()
            } else {
                format!(": {}", message.trim())
            };
            result.note = Some(format!(
                "the log has no record of {}: {status}{words}",
                line.module
            ));
        }
        Some(Outcome::NotRecorded { size }) => {
            result.verdict = Verdict::Absent;
            result.note = Some(format!(
                "{} is not in the first {size} records of the log",
                line.module
            ));
        }
        Some(Outcome::Proven(record)) => {
            result.record = Some(record.index());
            match compare(record, &line.module, line.kind, hash) {
                Comparison::Equal => {
                    result.verdict = Verdict::Verified;
                    result.expected = Some(*hash);
                }
                Comparison::Different { recorded } => {
                    result.verdict = Verdict::Mismatch;
                    result.column = line.hash_column;
                    result.expected = Some(recorded);
                    if *hash == H1::EMPTY_GO_MOD {
                        result.note = Some(
                            "this is the hash of an empty go.mod, which an early go command wrote \
                             by mistake and every later one ignores: the line can be deleted"
                                .to_owned(),
                        );
                    }
                }
                Comparison::NotRecorded => {
                    result.verdict = Verdict::Absent;
                    result.note = Some(format!(
                        "record {} of the log has no {} hash for {}",
                        record.index(),
                        line.kind.as_str(),
                        line.module
                    ));
                }
            }
        }
    }
    result
}
