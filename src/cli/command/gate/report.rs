//! `--report FILE`: what the gate decided for a command, for scripts.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::render::json::Head;
use crate::cli::render::write_json;
use crate::gate::modcache::Inspection;
use crate::gate::{Decision, Gate, Judgement};

const SCHEMA: &str = "sumcheck.gate/1";

/// The file, made before the command begins: a report that cannot be written is no use afterwards.
pub(super) struct Report(File);

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    log: String,
    head: Option<Head>,
    exit_code: u8,
    modcache: Option<ModuleCache>,
    summary: Summary,
    files: Vec<Row>,
}

#[derive(Serialize)]
struct ModuleCache {
    proven: usize,
    as_in_go_sum: usize,
    unchecked: Vec<String>,
    poisoned: Vec<Item>,
    unproven: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    module: String,
    path: Option<String>,
    reason: String,
}

#[derive(Default, Serialize)]
struct Summary {
    released: usize,
    private: usize,
    hint: usize,
    absent: usize,
    observed: usize,
    refused: usize,
    failed: usize,
    damaged: u64,
    unlisted: u64,
}

#[derive(Serialize)]
struct Row {
    module: String,
    version: String,
    file: &'static str,
    verdict: &'static str,
    hash: Option<String>,
    record: Option<u64>,
    tree_size: Option<u64>,
    upstream: Option<String>,
    reason: Option<String>,
}

impl Report {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(Self)
    }

    /// The gate itself has failed.
    pub(super) fn write_failure(&self, error: &str) -> io::Result<()> {
        let document = serde_json::json!({
            "schema": SCHEMA,
            "exit_code": Exit::GateFailed.code(),
            "error": error,
        });
        write_json(BufWriter::new(&self.0), &document)
    }

    pub(super) fn write(
        &self,
        gate: &Gate,
        inspection: Option<&Inspection>,
        exit: Exit,
    ) -> io::Result<()> {
        let decisions = gate.account().decisions();
        let count = |word: &str| {
            let of_it = |decision: &&Decision| decision.judgement.verdict.as_str() == word;
            decisions.iter().filter(of_it).count()
        };
        let document = Document {
            schema: SCHEMA,
            log: gate.sumdb_name().to_owned(),
            head: gate.standing().head().as_ref().map(Into::into),
            exit_code: exit.code(),
            modcache: inspection.map(Into::into),
            summary: Summary {
                released: count("released"),
                private: count("private"),
                hint: count("hint"),
                absent: count("absent"),
                observed: count("observed"),
                refused: count("refused"),
                failed: count("failed"),
                damaged: gate.account().damaged_files(),
                unlisted: gate.account().unlisted().all,
            },
            files: decisions.iter().map(Into::into).collect(),
        };
        write_json(BufWriter::new(&self.0), &document)
    }
}

impl From<&Inspection> for ModuleCache {
    fn from(inspection: &Inspection) -> Self {
        let poisoned = inspection.poisoned.iter().map(|poisoned| Item {
            module: poisoned.module.to_string(),
            path: Some(poisoned.path.display().to_string()),
            reason: poisoned.reason.clone(),
        });
        let unproven = inspection.unproven.iter().map(|(module, reason)| Item {
            module: module.to_string(),
            path: None,
            reason: reason.clone(),
        });
        Self {
            proven: inspection.proven,
            as_in_go_sum: inspection.as_in_go_sum,
            unchecked: inspection
                .unchecked
                .iter()
                .map(ToString::to_string)
                .collect(),
            poisoned: poisoned.collect(),
            unproven: unproven.collect(),
        }
    }
}

impl From<&Decision> for Row {
    fn from(decision: &Decision) -> Self {
        let Decision { subject, judgement } = decision;
        let Judgement { verdict, facts } = judgement;
        Self {
            module: subject.module.as_str().to_owned(),
            version: subject.version.clone(),
            file: subject.file,
            verdict: verdict.as_str(),
            hash: facts.hash.map(|hash| hash.to_string()),
            record: facts.record,
            tree_size: facts.tree_size,
            upstream: facts.source.clone(),
            reason: verdict.reason(),
        }
    }
}
