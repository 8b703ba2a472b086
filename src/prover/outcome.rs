//! What a run ends with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::evidence::EvidenceError;
use crate::golang::module::ModuleVersion;
use crate::io::store::StoreError;
use crate::sumdb::fork::Fork;
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::timeline::{ConsistentHead, DamagedHead};
use crate::tlog::checkpoint::TreeHead;

/// What became of one module version.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its record is proven.
    Proven(Box<AuthenticRecord>),
    /// The log has none: the lookup was answered 404 or 410.
    Absent {
        /// The status.
        status: u16,
        /// The server's words, not escaped.
        message: String,
    },
    /// The mirror of this home has none: it is not among the first records of the log.
    NotRecorded {
        /// So many were looked through.
        size: u64,
    },
    /// It could not be proven, and why; not escaped.
    Unavailable(String),
}

/// Something that makes a run fail closed though each line may have its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    pub(super) const fn new(message: String) -> Self {
        Self(message)
    }

    /// The message, not escaped.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

/// What became of all module versions.
#[derive(Debug, Default)]
pub struct Proofs {
    /// The head under which everything was proven.
    pub head: Option<ConsistentHead>,
    /// The head that `/latest` has shown, and its signed note; it may be an older one.
    pub latest: Option<(TreeHead, Vec<u8>)>,
    /// One outcome for each module version that was asked for.
    pub outcomes: BTreeMap<ModuleVersion, Outcome>,
    /// What makes the run fail closed.
    pub faults: Vec<Fault>,
    /// What the user should know and what changes no verdict.
    pub warnings: Vec<String>,
    /// Where the log was asked; `None` if nothing was asked.
    pub source: Option<String>,
    pub(super) tile_faults: Vec<String>,
}

impl Proofs {
    /// What can be said when a run gave no verdict: nothing is proven.
    #[must_use]
    pub fn unavailable(modules: impl IntoIterator<Item = ModuleVersion>, reason: &str) -> Self {
        let outcome = |module| (module, Outcome::Unavailable(reason.to_owned()));
        Self {
            outcomes: modules.into_iter().map(outcome).collect(),
            ..Self::default()
        }
    }

    /// Whether there is anything that a server should have had and had not.
    pub(super) fn has_gaps(&self) -> bool {
        let is_gap = |outcome: &Outcome| matches!(outcome, Outcome::Unavailable(_));
        !self.faults.is_empty() || self.outcomes.values().any(is_gap)
    }

    /// Whatever has no outcome yet is unavailable for this reason.
    pub(super) fn fail_rest(&mut self, modules: &[&ModuleVersion], reason: &str) {
        for &module in modules {
            self.outcomes
                .entry(module.clone())
                .or_insert_with(|| Outcome::Unavailable(reason.to_owned()));
        }
    }
}

/// Why a run gives no verdict at all.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The log misbehaved; the evidence is kept.
    #[error("the log has signed two tree heads that contradict each other")]
    Misbehaviour {
        /// The two heads and the proof.
        fork: Box<Fork>,
        /// Where the evidence is, or why it could not be written.
        evidence: Result<PathBuf, EvidenceError>,
    },
    /// The state cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A head in the state is damaged.
    #[error(
        "{}: {cause}: move the file away and run again; only proofs that can be made again are \
         lost, and the heads that were seen",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong.
        cause: DamagedHead,
    },
    /// Other processes moved the head again and again.
    #[error("other processes keep moving the verified head of this home: try again")]
    TooManyWriters,
}
