//! The JSON API: read-only, described by `openapi.json` beside this file. Later versions add fields and
//! change none.

use serde::Serialize;
use serde_json::Value;

use super::known::{Known, KnownLog, View, ViewError, intact};
use super::record::ShownRecord;
use crate::io::store::{
    Finding, Rows, RunOutcome, StoredHead, StoredRun, StoredWatched, VantagePoint, Watched,
};
use crate::tlog::hash::Hash;
use crate::tlog::note::VerifierKey;

/// The description of the API.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// So many rows of a list are given at most: for each head a signature is checked.
pub(super) const MOST_ROWS: u64 = 1000;

/// What is wanted of a list.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Name of the log; by default the first one.
    pub(super) log: Option<String>,
    /// Which rows.
    pub(super) rows: Rows,
}

#[derive(Debug, Serialize)]
struct Log {
    name: String,
    key_id: String,
    verifier_key: String,
}

impl Log {
    fn new(name: &str, verifier_key: &str) -> Self {
        let key = VerifierKey::parse(verifier_key);
        Self {
            name: name.to_owned(),
            key_id: key.map_or_else(|_| String::new(), |key| key.id().to_string()),
            verifier_key: verifier_key.to_owned(),
        }
    }
}

/// `/api/v1/status`
#[derive(Debug, Serialize)]
pub struct Status<'k> {
    schema: &'static str,
    version: &'static str,
    at: String,
    state: &'static str,
    reasons: &'k [String],
    logs: Vec<LogStatus<'k>>,
    deliveries: Vec<Pending<'k>>,
}

#[derive(Debug, Serialize)]
struct LogStatus<'k> {
    log: Log,
    state: &'static str,
    reasons: &'k [String],
    head: Option<Head>,
    heads: usize,
    audits: Vec<Audited<'k>>,
    last_run: Option<Run<'k>>,
    last_good_run: Option<Run<'k>>,
    good_until: Option<&'k str>,
    ready: bool,
    vantage_points: Vec<Point<'k>>,
    conditions: Vec<Held<'k>>,
    anomalies: u64,
    growth: Option<Rate>,
}

#[derive(Debug, Serialize)]
struct Head {
    size: u64,
    root: String,
    seen_at: String,
    source: String,
}

#[derive(Debug, Serialize)]
struct Audited<'k> {
    what: &'static str,
    size: u64,
    since: u64,
    at: Option<&'k str>,
}

#[derive(Debug, Serialize)]
struct Point<'k> {
    name: &'k str,
    place: &'k str,
    status: &'k str,
    checked_at: &'k str,
    answered_at: Option<&'k str>,
    size: Option<u64>,
    root: Option<String>,
    detail: &'k str,
}

#[derive(Debug, Serialize)]
struct Held<'k> {
    kind: &'k str,
    since: &'k str,
    summary: &'k str,
}

#[derive(Debug, Serialize)]
struct Rate {
    records_per_hour: f64,
    low: f64,
    median: f64,
    high: f64,
}

#[derive(Debug, Serialize)]
struct Pending<'k> {
    sink: &'k str,
    pending: u64,
    oldest: Option<&'k str>,
    error: Option<&'k str>,
}

#[derive(Debug, Serialize)]
struct Run<'k> {
    id: i64,
    began_at: &'k str,
    ended_at: Option<&'k str>,
    outcome: Option<&'static str>,
    verified: bool,
    audited: Option<&'k str>,
    from: Option<u64>,
    to: Option<u64>,
    head_size: Option<u64>,
    faults: &'k [String],
}

impl<'k> From<&'k StoredRun> for Run<'k> {
    fn from(run: &'k StoredRun) -> Self {
        Self {
            id: run.id,
            began_at: &run.began_at,
            ended_at: run.ended_at.as_deref(),
            outcome: run.outcome.map(RunOutcome::as_str),
            verified: run.is_verified,
            audited: run.audited.as_deref(),
            from: run.from_size,
            to: run.to_size,
            head_size: run.head_size,
            faults: &run.faults,
        }
    }
}

impl<'k> From<&'k VantagePoint> for Point<'k> {
    fn from(point: &'k VantagePoint) -> Self {
        let root = point.head.map(|(_, root)| Hash::from_bytes(root));
        Self {
            name: &point.name,
            place: &point.place,
            status: &point.status,
            checked_at: &point.checked_at,
            answered_at: point.answered_at.as_deref(),
            size: point.head.map(|(size, _)| size),
            root: root.map(|root| root.to_string()),
            detail: &point.detail,
        }
    }
}

impl<'k> LogStatus<'k> {
    fn new(log: &'k KnownLog, known: &Known) -> Self {
        let newest = log.heads.last();
        Self {
            log: Log::new(&log.name, &log.verifier_key),
            state: log.state.as_str(),
            reasons: &log.reasons,
            head: newest.map(|head| Head {
                size: head.size,
                root: Hash::from_bytes(head.root).to_string(),
                seen_at: head.seen_at.clone(),
                source: head.source.clone(),
            }),
            heads: log.head_count,
            audits: log
                .audits
                .iter()
                .map(|audit| Audited {
                    what: audit.what,
                    size: audit.size,
                    since: audit.since,
                    at: audit.at.as_deref(),
                })
                .collect(),
            last_run: log.runs.first().map(Into::into),
            last_good_run: log.last_good.as_ref().map(Into::into),
            good_until: log
                .last_good
                .as_ref()
                .and_then(|run| run.good_until.as_deref()),
            ready: log.is_ready,
            vantage_points: log.points.iter().map(Into::into).collect(),
            conditions: log
                .conditions
                .iter()
                .map(|condition| Held {
                    kind: &condition.event.kind,
                    since: &condition.since,
                    summary: &condition.event.summary,
                })
                .collect(),
            anomalies: log.anomalies,
            growth: log.growth.judged(known.now).map(|(rate, band)| Rate {
                records_per_hour: rate,
                low: band.low,
                median: band.median,
                high: band.high,
            }),
        }
    }
}

impl<'k> From<&'k Known> for Status<'k> {
    fn from(known: &'k Known) -> Self {
        Self {
            schema: "sumcheck.status/1",
            version: env!("CARGO_PKG_VERSION"),
            at: crate::io::clock::at(known.now),
            state: known.state.as_str(),
            reasons: &known.reasons,
            logs: known
                .logs
                .iter()
                .map(|log| LogStatus::new(log, known))
                .collect(),
            deliveries: known
                .sinks
                .iter()
                .map(|sink| Pending {
                    sink: &sink.sink,
                    pending: sink.pending,
                    oldest: sink.oldest.as_deref(),
                    error: sink.error.as_deref(),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct Heads {
    schema: &'static str,
    log: Log,
    /// Rows that are left out.
    damaged: usize,
    heads: Vec<HeadRow>,
}

#[derive(Serialize)]
struct HeadRow {
    size: u64,
    root: String,
    seen_at: String,
    source: String,
    tie: String,
    tied_to_size: Option<u64>,
    intact: bool,
    note: String,
}

impl From<StoredHead> for HeadRow {
    fn from(head: StoredHead) -> Self {
        Self {
            size: head.size,
            root: Hash::from_bytes(head.root).to_string(),
            seen_at: head.seen_at,
            source: head.source,
            tie: head.tie,
            tied_to_size: head.tied_to_size,
            intact: true,
            note: String::from_utf8_lossy(&head.note).into_owned(),
        }
    }
}

#[derive(Serialize)]
struct Findings<'k> {
    schema: &'static str,
    findings: Vec<FindingRow<'k>>,
}

#[derive(Serialize)]
struct FindingRow<'k> {
    id: i64,
    log: &'k str,
    kind: &'k str,
    found_at: &'k str,
    evidence: &'k str,
    acknowledged_at: Option<&'k str>,
}

impl<'k> From<&'k Finding> for FindingRow<'k> {
    fn from(finding: &'k Finding) -> Self {
        Self {
            id: finding.id,
            log: &finding.log,
            kind: &finding.kind,
            found_at: &finding.found_at,
            evidence: &finding.evidence_path,
            acknowledged_at: finding.acknowledged_at.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Runs<'k> {
    schema: &'static str,
    log: Log,
    runs: Vec<Run<'k>>,
}

#[derive(Serialize)]
struct Modules<'k> {
    schema: &'static str,
    log: Log,
    /// New versions of watched modules.
    modules: Vec<ModuleRow<'k>>,
    /// Records that contradict a go.sum, or did: `gone_at` says when the line was seen to stand no more.
    conflicts: Vec<ModuleRow<'k>>,
}

#[derive(Serialize)]
struct ModuleRow<'k> {
    id: i64,
    module: &'k str,
    version: &'k str,
    record: u64,
    because: &'k str,
    seen_at: &'k str,
    gone_at: Option<&'k str>,
    text: &'k str,
}

impl<'k> From<&'k StoredWatched> for ModuleRow<'k> {
    fn from(watched: &'k StoredWatched) -> Self {
        let record = &watched.record;
        Self {
            id: watched.id,
            module: &record.module,
            version: &record.version,
            record: record.record_index,
            because: &record.because,
            seen_at: &watched.seen_at,
            gone_at: watched.gone_at.as_deref(),
            text: &record.text,
        }
    }
}

#[derive(Serialize)]
struct Module<'k> {
    schema: &'static str,
    log: Log,
    module: &'k str,
    version: &'k str,
    record: u64,
    text: &'k str,
    record_hash: String,
    head: SmallHead,
    inclusion_proof: Vec<String>,
}

#[derive(Serialize)]
struct SmallHead {
    size: u64,
    root: String,
    note: String,
}

fn document(document: &impl Serialize) -> Value {
    // Strings, numbers and lists alone.
    serde_json::to_value(document).unwrap_or(Value::Null)
}

/// `/api/v1/status`
pub(super) fn status(known: &Known) -> Value {
    document(&Status::from(known))
}

/// `/api/v1/findings`
pub(super) fn findings(findings: &[Finding]) -> Value {
    document(&Findings {
        schema: "sumcheck.findings/1",
        findings: findings.iter().map(Into::into).collect(),
    })
}

/// One module version, proven.
pub(super) fn module(shown: &ShownRecord) -> Value {
    let record = &shown.record;
    let head = record.head();
    let proof = record.proof().hashes().iter();
    document(&Module {
        schema: "sumcheck.module/1",
        log: Log::new(&shown.log, &shown.verifier_key),
        module: shown.module.path().as_str(),
        version: shown.module.version().as_str(),
        record: record.index(),
        text: record.text().as_str(),
        record_hash: record.hash().to_string(),
        head: SmallHead {
            size: head.size(),
            root: head.root().to_string(),
            note: shown.note.clone(),
        },
        inclusion_proof: proof.map(ToString::to_string).collect(),
    })
}

impl View {
    /// The log that is asked for, by name.
    fn wanted_log(&self, wanted: &Wanted) -> Result<Option<(String, String)>, ViewError> {
        let (_, store) = self.open()?;
        let logs = self.logs(&store)?;
        Ok(logs.into_iter().find(|(name, _)| {
            let asked = wanted.log.as_ref();
            asked.is_none_or(|asked| asked == name)
        }))
    }

    /// `/api/v1/heads`: the newest ones, smallest first. `None` if there is no such log.
    pub(super) fn heads_document(&self, wanted: &Wanted) -> Result<Option<Value>, ViewError> {
        let Some((name, key)) = self.wanted_log(wanted)? else {
            return Ok(None);
        };
        let (_, store) = self.open()?;
        let (heads, damaged) = intact(store.newest_heads(&key, wanted.rows)?, &key);
        Ok(Some(document(&Heads {
            schema: "sumcheck.heads/1",
            log: Log::new(&name, &key),
            damaged,
            heads: heads.into_iter().map(Into::into).collect(),
        })))
    }

    /// `/api/v1/runs`: newest first.
    pub(super) fn runs_document(&self, wanted: &Wanted) -> Result<Option<Value>, ViewError> {
        let Some((name, key)) = self.wanted_log(wanted)? else {
            return Ok(None);
        };
        let (_, store) = self.open()?;
        let runs = store.runs(&key, wanted.rows)?;
        Ok(Some(document(&Runs {
            schema: "sumcheck.runs/1",
            log: Log::new(&name, &key),
            runs: runs.iter().map(Into::into).collect(),
        })))
    }

    /// `/api/v1/modules`: newest first.
    pub(super) fn modules_document(&self, wanted: &Wanted) -> Result<Option<Value>, ViewError> {
        let Some((name, key)) = self.wanted_log(wanted)? else {
            return Ok(None);
        };
        let (_, store) = self.open()?;
        let modules = self.watched(&store, &key, Watched::Module, wanted.rows)?;
        let conflicts = self.watched(&store, &key, Watched::GoSum, wanted.rows)?;
        Ok(Some(document(&Modules {
            schema: "sumcheck.modules/1",
            log: Log::new(&name, &key),
            modules: modules.iter().map(Into::into).collect(),
            conflicts: conflicts.iter().map(Into::into).collect(),
        })))
    }
}
