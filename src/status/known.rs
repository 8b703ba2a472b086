//! What a home knows, read in one go.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::Counts;
use super::growth::{Growth, Seen, seen};
use super::state::State;
use crate::golang::pattern::PatternList;
use crate::io::clock::Clock;
use crate::io::home::{Home, HomeError};
use crate::io::store::{
    AuditKind, Condition, Finding, Rows, SinkState, Store, StoreError, StoredEvent, StoredHead,
    StoredRun, StoredWatched, VantagePoint, Watched, WatchedRecord,
};
use crate::sumdb::head::open_head;
use crate::tlog::hash::Hash;
use crate::tlog::note::VerifierKey;

/// So many rows of each list are shown.
pub(super) const ROWS: u32 = 100;

/// Where to look, and what to expect there.
#[derive(Debug, Clone)]
pub struct View {
    /// The folder of all state.
    pub home: PathBuf,
    /// The logs that are watched, by their verifier keys; without any, all that the home knows.
    pub watched: Vec<String>,
    /// Modules of which nothing is shown.
    pub private: PatternList,
    /// What it is.
    pub clock: Clock,
    /// What the daemon has done.
    pub counts: Arc<Counts>,
}

/// Why a home cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Known {
    /// What it was when it was read.
    pub now: Timestamp,
    /// By which this home is told from others.
    pub identity: String,
    /// How it is with all logs.
    pub state: State,
    /// Why it is not well, one line each.
    pub reasons: Vec<String>,
    /// Each log.
    pub logs: Vec<KnownLog>,
    /// Misbehaviour of all logs, oldest first.
    pub findings: Vec<Finding>,
    /// Names of the files of evidence that this home has.
    pub evidence: BTreeSet<OsString>,
    /// Those whom events wait for.
    pub sinks: Vec<SinkState>,
    /// The newest events first.
    pub events: Vec<StoredEvent>,
}

/// A list of which older rows can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Events,
    Heads,
    Modules,
    Runs,
}

/// Which older rows are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Older {
    /// Those of one log.
    pub(super) log: Option<String>,
    /// Those before this one; `None` for the newest.
    pub(super) before: Option<u64>,
}

/// How far a log was audited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAudit {
    /// `records` or `hashes`.
    pub what: &'static str,
    /// Up to this size.
    pub size: u64,
    /// From this size on.
    pub since: u64,
    /// When that was last noted.
    pub at: Option<String>,
}

/// A log.
#[derive(Debug)]
pub struct KnownLog {
    /// Its name.
    pub name: String,
    /// Its verifier key.
    pub verifier_key: String,
    /// How it is.
    pub state: State,
    /// Why it is not well.
    pub reasons: Vec<String>,
    /// The last good round is young enough, and nothing is wrong with the log.
    pub is_ready: bool,
    /// The newest verified heads, smallest first; those whose rows are damaged are left out.
    pub heads: Vec<StoredHead>,
    /// How many of them are not what was signed.
    pub damaged_heads: usize,
    /// The smallest of them all, damaged or not.
    pub smallest_head: Option<u64>,
    /// How many there are in all.
    pub head_count: usize,
    /// When it was seen to have grown.
    pub seen: Vec<Seen>,
    /// How far it was audited.
    pub audits: Vec<KnownAudit>,
    /// Rounds, newest first.
    pub runs: Vec<StoredRun>,
    /// The last round that verified the log.
    pub last_good: Option<StoredRun>,
    /// What each place had to say.
    pub points: Vec<VantagePoint>,
    /// What holds now.
    pub conditions: Vec<Condition>,
    /// Findings that nobody has acknowledged.
    pub open_findings: usize,
    /// Records that are strange.
    pub anomalies: u64,
    /// New versions of watched modules, newest first.
    pub modules: Vec<StoredWatched>,
    /// Records that contradict a go.sum, or did.
    pub conflicts: Vec<StoredWatched>,
    /// One of them still does.
    pub is_contradicted: bool,
    /// How fast it grows.
    pub growth: Growth,
}

impl View {
    /// Opens the state to read in it.
    ///
    /// # Errors
    /// [`ViewError`]
    pub fn open(&self) -> Result<(Home, Store), ViewError> {
        let home = Home::open(&self.home)?;
        let store = Store::open(&home)?;
        Ok((home, store))
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`ViewError`]
    pub fn read(&self) -> Result<Known, ViewError> {
        let (home, store) = self.open()?;
        let now = self.clock.now();
        let files = home.evidence_files()?;
        let evidence = files.iter().filter_map(|file| file.file_name());
        let evidence = evidence.map(ToOwned::to_owned).collect();
        let findings = store.findings()?;
        let mut logs = Vec::new();
        for (name, key) in self.logs(&store)? {
            let of_log = findings
                .iter()
                .filter(|finding| finding.verifier_key == key);
            let acknowledged = of_log.filter_map(|finding| finding.acknowledged_at.as_deref());
            let acknowledged = acknowledged.max();
            logs.push(self.read_log(&store, name, key, now, acknowledged)?);
        }
        let state = logs.iter().map(|log| log.state).max();
        let mut state = state.unwrap_or(State::Unwatched);
        let mut reasons: Vec<String> = logs.iter().flat_map(|log| log.reasons.clone()).collect();
        // One of a log that is watched no more is one all the same.
        let open = findings.iter().filter(|finding| {
            let key = &finding.verifier_key;
            let is_shown = logs.iter().any(|log| log.verifier_key == *key);
            finding.acknowledged_at.is_none() && !is_shown
        });
        let others: BTreeSet<&str> = open.map(|finding| finding.log.as_str()).collect();
        for name in others {
            state = State::Misbehaved;
            reasons.insert(
                0,
                format!("{name} misbehaved, by a key that is not watched any more"),
            );
        }
        Ok(Known {
            now,
            identity: store.identity()?,
            state,
            reasons,
            logs,
            findings,
            evidence,
            sinks: store.sinks()?,
            events: self.events(&store, Rows::newest(ROWS))?,
        })
    }

    /// Reads everything, with older rows in the place of one of the lists.
    ///
    /// # Errors
    /// [`ViewError`]
    pub(super) fn read_older(&self, list: List, older: &Older) -> Result<Known, ViewError> {
        let mut known = self.read()?;
        if let Some(name) = &older.log {
            known.logs.retain(|log| log.name == *name);
        }
        let Some(before) = older.before else {
            return Ok(known);
        };
        let (_, store) = self.open()?;
        let rows = Rows {
            limit: ROWS,
            before: Some(before),
        };
        if list == List::Events {
            known.events = self.events(&store, rows)?;
            return Ok(known);
        }
        for log in &mut known.logs {
            let key = &log.verifier_key;
            match list {
                List::Events => {}
                List::Heads => {
                    let heads = store.newest_heads(key, rows)?;
                    log.smallest_head = heads.first().map(|head| head.size);
                    (log.heads, log.damaged_heads) = intact(heads, key);
                }
                List::Modules => {
                    log.modules = self.watched(&store, key, Watched::Module, rows)?;
                }
                List::Runs => log.runs = store.runs(key, rows)?,
            }
        }
        Ok(known)
    }

    /// Records that somebody watches for, but those of private modules.
    pub(super) fn watched(
        &self,
        store: &Store,
        verifier_key: &str,
        why: Watched,
        rows: Rows,
    ) -> Result<Vec<StoredWatched>, ViewError> {
        let is_public = |record: &WatchedRecord| !self.private.matches(&record.module);
        Ok(store.watched_records(verifier_key, why, rows, is_public)?)
    }

    /// Events, but those that name a private module.
    fn events(&self, store: &Store, rows: Rows) -> Result<Vec<StoredEvent>, ViewError> {
        let is_public = |event: &StoredEvent| {
            let detail = serde_json::from_str(&event.detail);
            detail.is_ok_and(|detail| !self.names_private(&detail))
        };
        Ok(store.events(rows, is_public)?)
    }

    /// Whether the module of something in the details of an event, or the first word of its text, is private.
    fn names_private(&self, detail: &Value) -> bool {
        match detail {
            Value::Array(values) => values.iter().any(|value| self.names_private(value)),
            Value::Object(fields) => fields.iter().any(|(name, value)| {
                let text = value
                    .as_str()
                    .filter(|_| name == "module" || name == "text");
                let path = text.and_then(|text| text.split_ascii_whitespace().next());
                path.is_some_and(|path| self.private.matches(path)) || self.names_private(value)
            }),
            _ => false,
        }
    }

    /// The file of evidence of a finding, by its name and content. Only what lies among the evidence of
    /// this home is given out, whatever the row says.
    pub(super) fn evidence(&self, id: i64) -> Result<Option<(String, Vec<u8>)>, ViewError> {
        let (home, store) = self.open()?;
        let findings = store.findings()?;
        let Some(finding) = findings.iter().find(|finding| finding.id == id) else {
            return Ok(None);
        };
        let name = Path::new(&finding.evidence_path).file_name();
        let files = home.evidence_files()?;
        let file = files.iter().find(|file| file.file_name() == name);
        let Some((file, name)) = file.zip(name.and_then(|name| name.to_str())) else {
            return Ok(None);
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.%".contains(c);
        let name: String = name.chars().filter(|c| is_plain(*c)).collect();
        Ok(std::fs::read(file).ok().map(|bytes| (name, bytes)))
    }

    /// The logs that are shown: name and verifier key.
    pub(super) fn logs(&self, store: &Store) -> Result<Vec<(String, String)>, ViewError> {
        if self.watched.is_empty() {
            return Ok(store.logs()?);
        }
        let named = self.watched.iter().map(|key| {
            let name = key.split('+').next().unwrap_or(key);
            (name.to_owned(), key.clone())
        });
        Ok(named.collect())
    }

    fn read_log(
        &self,
        store: &Store,
        name: String,
        key: String,
        now: Timestamp,
        acknowledged: Option<&str>,
    ) -> Result<KnownLog, ViewError> {
        let heads = store.newest_heads(&key, Rows::newest(ROWS))?;
        let smallest_head = heads.first().map(|head| head.size);
        let (heads, damaged_heads) = intact(heads, &key);
        let times = store.head_times(&key)?;
        let seen = seen(&times, now);
        let mut audits = Vec::new();
        for (kind, what) in [
            (AuditKind::Records, "records"),
            (AuditKind::RecordsSince, "records"),
            (AuditKind::Hashes, "hashes"),
            (AuditKind::HashesSince, "hashes"),
        ] {
            if let Some(state) = store.audit_state(&key, kind)? {
                audits.push(KnownAudit {
                    what,
                    size: state.size,
                    since: state.since,
                    at: store.audited_at(&key, kind)?,
                });
            }
        }
        let mut log = KnownLog {
            state: State::Unwatched,
            reasons: Vec::new(),
            is_ready: false,
            growth: Growth::of(&seen),
            head_count: times.len(),
            seen,
            heads,
            damaged_heads,
            smallest_head,
            audits,
            runs: store.runs(&key, Rows::newest(ROWS))?,
            last_good: store.last_verified_run(&key)?,
            points: store.vantage_points(&key)?,
            conditions: store.conditions(&key)?,
            open_findings: 0,
            anomalies: store.anomaly_count(&key)?,
            modules: self.watched(store, &key, Watched::Module, Rows::newest(ROWS))?,
            conflicts: self.watched(store, &key, Watched::GoSum, Rows::newest(ROWS))?,
            is_contradicted: store.has_standing_conflict(&key)?,
            name,
            verifier_key: key,
        };
        let open = store.open_findings(&log.verifier_key)?;
        log.open_findings = open.len();
        self.judge(&mut log, now, acknowledged);
        Ok(log)
    }
}

/// Heads whose note is signed and says what the row says, and how many are not so.
pub(super) fn intact(heads: Vec<StoredHead>, verifier_key: &str) -> (Vec<StoredHead>, usize) {
    let all = heads.len();
    let Ok(key) = VerifierKey::parse(verifier_key) else {
        return (Vec::new(), all);
    };
    let is_intact = |head: &StoredHead| {
        let opened = open_head(&head.note, &key);
        opened.is_ok_and(|opened| {
            let opened = opened.head();
            opened.size() == head.size && opened.root() == Hash::from_bytes(head.root)
        })
    };
    let heads: Vec<StoredHead> = heads.into_iter().filter(is_intact).collect();
    let damaged = all - heads.len();
    (heads, damaged)
}
