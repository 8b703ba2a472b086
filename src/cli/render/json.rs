//! The JSON documents. Each names its schema; later versions add fields and change none.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::golang::gosum::Kind;
use crate::prover::Fault;
use crate::sumdb::timeline::ConsistentHead;
use crate::sumdb::verdict::Verdict;
use crate::tlog::note::VerifierKey;
use crate::verify::{Document, Report};

#[derive(Serialize)]
pub(in crate::cli) struct Log {
    name: String,
    key_id: String,
}

impl From<&VerifierKey> for Log {
    fn from(key: &VerifierKey) -> Self {
        Self {
            name: key.name().to_owned(),
            key_id: key.id().to_string(),
        }
    }
}

#[derive(Serialize)]
pub(in crate::cli) struct Head {
    size: u64,
    root: String,
}

impl From<&ConsistentHead> for Head {
    fn from(head: &ConsistentHead) -> Self {
        let head = head.tree_head();
        Self {
            size: head.size(),
            root: head.root().to_string(),
        }
    }
}

/// `sumcheck verify --format json`
#[derive(Serialize)]
pub(in crate::cli) struct Verify<'a> {
    schema: &'static str,
    log: Log,
    head: Option<Head>,
    summary: BTreeMap<&'static str, usize>,
    results: Vec<VerifyResult<'a>>,
    faults: Vec<&'a str>,
    warnings: &'a [String],
    findings: Vec<String>,
}

#[derive(Serialize)]
struct VerifyResult<'a> {
    module: Option<&'a str>,
    version: Option<&'a str>,
    kind: Option<&'static str>,
    verdict: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    expected: Option<String>,
    found: Option<&'a str>,
    record: Option<u64>,
    note: Option<&'a str>,
}

impl<'a> Verify<'a> {
    pub(in crate::cli) fn new(
        key: &VerifierKey,
        documents: &'a [Document],
        report: &'a Report,
        findings: Vec<String>,
    ) -> Self {
        Self {
            schema: "sumcheck.verify/1",
            log: key.into(),
            head: report.proofs.head.as_ref().map(Into::into),
            summary: Verdict::BY_SEVERITY
                .into_iter()
                .map(|verdict| (verdict.as_str(), report.count(verdict)))
                .collect(),
            results: report
                .results
                .iter()
                .map(|result| VerifyResult {
                    module: result.module.as_ref().map(|module| module.path().as_str()),
                    version: result
                        .module
                        .as_ref()
                        .map(|module| module.version().as_str()),
                    kind: result.kind.map(Kind::as_str),
                    verdict: result.verdict.as_str(),
                    file: documents.get(result.document).map_or("", Document::name),
                    line: result.line,
                    column: result.column,
                    expected: result.expected.map(|hash| hash.to_string()),
                    found: result.found.as_deref(),
                    record: result.record,
                    note: result.note.as_deref(),
                })
                .collect(),
            faults: report.proofs.faults.iter().map(Fault::message).collect(),
            warnings: &report.proofs.warnings,
            findings,
        }
    }
}
