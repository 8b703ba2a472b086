//! What is to be watched, how often, and who is told: settings that were checked.

use std::path::PathBuf;
use std::time::Duration;

use super::schedule::Schedule;
use super::sink::Sink;
use super::vantage::Place;
use crate::golang::pattern::PatternList;
use crate::io::database::DatabaseAddress;
use crate::tlog::note::VerifierKey;

/// All that a watch does.
#[derive(Debug)]
pub struct Plan {
    /// When.
    pub schedule: Schedule,
    /// What.
    pub logs: Vec<LogPlan>,
    /// Who is told, each of another name.
    pub sinks: Vec<Sink>,
    /// So long runs and events are kept.
    pub keep: Duration,
}

/// How a log is watched.
#[derive(Debug)]
pub struct LogPlan {
    /// Its key.
    pub key: VerifierKey,
    /// Where it is.
    pub address: DatabaseAddress,
    /// Other places that show its heads, each of another name.
    pub places: Vec<Place>,
    /// How it is audited.
    pub depth: Depth,
    /// From where on.
    pub begin: Begin,
    /// Modules of which each new version is told.
    pub modules: PatternList,
    /// Files of known hashes.
    pub go_sums: Vec<PathBuf>,
    /// Modules of which no name may leave this machine.
    pub private: PatternList,
    /// What is told of, and when.
    pub thresholds: Thresholds,
}

/// How deep an audit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every record, or the hashes alone where records are refused.
    Records,
    /// The hashes alone.
    Hashes,
    /// No audit: heads are tied and compared.
    Heads,
}

/// Where the audit of a log begins that was never audited here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With what comes after the first head that is seen.
    Now,
    /// With the first record.
    Start,
}

/// When something is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// So many rounds in a row could not verify the log.
    pub failures: u32,
    /// The log did not grow for so long.
    pub still: Duration,
    /// A place showed nothing new, or nothing at all, for so long.
    pub stale: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            failures: 3,
            still: Duration::from_secs(24 * 3600),
            stale: Duration::from_secs(24 * 3600),
        }
    }
}
