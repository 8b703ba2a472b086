//! What the gate let through and what it refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Denial;
use super::private::Checked;
use super::refusal::Refusal;
use super::target::ModuleFile;
use crate::golang::dirhash::H1;
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
    /// What it was decided by, as far as it is known.
    pub facts: Facts,
}

/// What a decision was made by.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The hash of what came.
    pub hash: Option<H1>,
    /// Index of the log's record.
    pub record: Option<u64>,
    /// Size of the tree under which the record was proven.
    pub tree_size: Option<u64>,
    /// Where it came from, without credentials.
    pub source: Option<String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its hash is the log's: it was given out.
    Released,
    /// It is of a private module, and right by this.
    Private(Checked),
    /// It was let through since the policy is observed and not enforced: this is why it would have
    /// been refused.
    Observed(Refusal),
    /// The proxies have no such version.
    Absent,
    /// It must not be used.
    Refused(Refusal),
    /// It could not be had or not be proven.
    Failed(String),
}

impl Verdict {
    /// The word for it in documents.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Private(_) => "private",
            Self::Observed(_) => "observed",
            Self::Absent => "absent",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// Why, if it was not let through; for a private file, how it was checked.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Released | Self::Absent => None,
            Self::Private(checked) => Some(checked.as_str().to_owned()),
            Self::Refused(refusal) | Self::Observed(refusal) => Some(refusal.to_string()),
            Self::Failed(why) => Some(why.clone()),
        }
    }
}

impl From<&Denial> for Verdict {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::Absent(_) => Self::Absent,
            Denial::Refused(refusal) => Self::Refused(refusal.clone()),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<&Denial> for Facts {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::Refused(refusal) => refusal.facts(),
            _ => Self::default(),
        }
    }
}

/// The last decision on each file.
#[derive(Debug, Default)]
pub struct Account(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    decisions: BTreeMap<(ModuleVersion, ModuleFile), (Verdict, Facts)>,
    damaged: u64,
}

impl Account {
    pub(super) fn record(&self, decision: Decision) {
        let mut entries = self.entries();
        let key = (decision.module, decision.file);
        if entries.decisions.len() < MAX_DECISIONS || entries.decisions.contains_key(&key) {
            let decided = (decision.verdict, decision.facts);
            entries.decisions.insert(key, decided);
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
            .map(|((module, file), (verdict, facts))| Decision {
                module: module.clone(),
                file: *file,
                verdict: verdict.clone(),
                facts: facts.clone(),
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
