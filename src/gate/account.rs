//! What the gate let through and what it refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::private::Checked;
use super::refusal::Refusal;
use super::target::ModuleFile;
use crate::golang::module::ModuleVersion;

/// More decisions than this are counted and not listed.
const MAX_DECISIONS: usize = 100_000;

/// What was decided of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Of which module version.
    pub module: ModuleVersion,
    /// Which file.
    pub file: ModuleFile,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its hash is the log's: it was given out.
    Released,
    /// It is of a private module, and right by this.
    Private(Checked),
    /// The proxies have no such version.
    Absent,
    /// It must not be used.
    Refused(Refusal),
    /// It could not be had or not be proven.
    Failed(String),
}

/// The last decision on each file.
#[derive(Debug, Default)]
pub struct Account(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    decisions: BTreeMap<(ModuleVersion, ModuleFile), Verdict>,
    damaged: u64,
}

impl Account {
    pub(super) fn record(&self, decision: Decision) {
        let mut entries = self.entries();
        let key = (decision.module, decision.file);
        if entries.decisions.len() < MAX_DECISIONS || entries.decisions.contains_key(&key) {
            entries.decisions.insert(key, decision.verdict);
        }
    }

    /// A file of the cache was not what the log recorded.
    pub(super) fn damaged(&self) {
        self.entries().damaged += 1;
    }

    /// All decisions, by module version.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        let entries = self.entries();
        let decisions = entries.decisions.iter();
        decisions
            .map(|((module, file), verdict)| Decision {
                module: module.clone(),
                file: *file,
                verdict: verdict.clone(),
            })
            .collect()
    }

    /// How many files of the cache were set aside.
    #[must_use]
    pub fn damaged_files(&self) -> u64 {
        self.entries().damaged
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
