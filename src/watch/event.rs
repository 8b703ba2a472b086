//! What is told: events out of what was found, and the document that a receiver gets.

use serde::Serialize;
use serde_json::{Value, json};

use crate::io::store::{
    Announced, Announcement, Condition, Finding, NewEvent, Severity, StoredEvent, Unannounced,
    Watched, WatchedRecord,
};

/// The schema of what a receiver gets: see `docs/watch.md`.
pub const SCHEMA: &str = "sumcheck.event/1";

/// So many new versions are told one by one in one go; more are told together, so that nobody is
/// called ten thousand times for one thing.
const TOLD_ONE_BY_ONE: usize = 100;

/// So many are listed in one event.
const LISTED: usize = 1000;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The log has signed two heads that contradict each other.
    Misbehaviour,
    /// The log has two records of one module version with different hashes.
    Duplicate,
    /// Records that are strange and no misbehaviour.
    Anomaly,
    /// Rounds could not verify the log, so many times in a row.
    AuditFailed,
    /// The log does not grow.
    HeadNotGrowing,
    /// The log grows otherwise than it usually does.
    Growth,
    /// A place shows nothing new, or nothing at all.
    VantageStale,
    /// A head is signed that cannot be tied to the others.
    UntiedHead,
    /// A new version of a module that is watched.
    ModuleVersion,
    /// A record that contradicts a line of a go.sum.
    GoSumConflict,
    /// Nothing has happened: somebody tries whether it would be told.
    Test,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Misbehaviour,
        Self::Duplicate,
        Self::Anomaly,
        Self::AuditFailed,
        Self::HeadNotGrowing,
        Self::Growth,
        Self::VantageStale,
        Self::UntiedHead,
        Self::ModuleVersion,
        Self::GoSumConflict,
        Self::Test,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Misbehaviour => "misbehaviour",
            Self::Duplicate => "duplicate",
            Self::Anomaly => "anomaly",
            Self::AuditFailed => "audit-failed",
            Self::HeadNotGrowing => "head-not-growing",
            Self::Growth => "growth",
            Self::VantageStale => "vantage-stale",
            Self::UntiedHead => "untied-head",
            Self::ModuleVersion => "module-version",
            Self::GoSumConflict => "go-sum-conflict",
            Self::Test => "test",
        }
    }

    const fn severity(self) -> Severity {
        match self {
            Self::Misbehaviour | Self::Duplicate | Self::GoSumConflict => Severity::Critical,
            Self::AuditFailed
            | Self::HeadNotGrowing
            | Self::Growth
            | Self::VantageStale
            | Self::UntiedHead => Severity::Warning,
            Self::Anomaly | Self::ModuleVersion | Self::Test => Severity::Info,
        }
    }

    /// An event of this kind.
    #[must_use]
    pub fn event(self, summary: String, detail: &Value) -> NewEvent {
        NewEvent {
            kind: self.as_str().to_owned(),
            severity: self.severity(),
            resolved: false,
            summary,
            detail: detail.to_string(),
        }
    }
}

/// What is told when something holds no more.
#[must_use]
pub fn over(condition: &Condition) -> NewEvent {
    NewEvent {
        severity: Severity::Info,
        resolved: true,
        summary: format!("over: {}", condition.event.summary),
        ..condition.event.clone()
    }
}

/// Events of all that was found and not told.
#[must_use]
pub fn announcements(log: &str, untold: &Unannounced) -> Vec<Announcement> {
    let mut told: Vec<Announcement> = untold
        .findings
        .iter()
        .map(|found| finding(log, found))
        .collect();
    if !untold.anomalies.is_empty() {
        told.push(anomalies(log, untold));
    }
    let of = |why: Watched| -> Vec<&WatchedRecord> {
        let records = untold.watched.iter();
        records.filter(|record| record.why == why).collect()
    };
    let (conflicts, versions) = (of(Watched::GoSum), of(Watched::Module));
    for (kind, records) in [
        (EventKind::GoSumConflict, conflicts),
        (EventKind::ModuleVersion, versions),
    ] {
        if records.len() <= TOLD_ONE_BY_ONE {
            told.extend(records.into_iter().map(|record| one(kind, log, record)));
        } else {
            told.extend(records.chunks(LISTED).map(|some| many(kind, log, some)));
        }
    }
    told
}

fn finding(log: &str, finding: &Finding) -> Announcement {
    let kind = if finding.kind == "duplicate" {
        EventKind::Duplicate
    } else {
        EventKind::Misbehaviour
    };
    let what = match kind {
        EventKind::Duplicate => "has two records of one module version with different hashes",
        _ => "has signed two tree heads that cannot both be of one append-only log",
    };
    let summary = format!(
        "THE LOG MISBEHAVED: {log} {what}; the evidence is kept in {}",
        finding.evidence_path
    );
    let detail = json!({
        "finding": finding.id,
        "finding_kind": finding.kind,
        "found_at": finding.found_at,
        "evidence": finding.evidence_path,
    });
    Announcement {
        event: kind.event(summary, &detail),
        of: vec![Announced::Finding(finding.id)],
    }
}

fn anomalies(log: &str, untold: &Unannounced) -> Announcement {
    let anomalies = &untold.anomalies;
    let listed: Vec<Value> = anomalies
        .iter()
        .take(LISTED)
        .map(|anomaly| json!({ "record": anomaly.record_index, "kind": anomaly.kind, "text": anomaly.text }))
        .collect();
    let count = anomalies.len();
    let summary = match anomalies.as_slice() {
        [one] => format!(
            "record {} of {log} is strange: {}",
            one.record_index, one.kind
        ),
        _ => format!("{count} records of {log} are strange"),
    };
    let detail = json!({ "count": count, "anomalies": listed });
    let of = anomalies
        .iter()
        .map(|anomaly| Announced::Anomaly(anomaly.record_index, anomaly.kind.clone()));
    Announcement {
        event: EventKind::Anomaly.event(summary, &detail),
        of: of.collect(),
    }
}

fn described(record: &WatchedRecord) -> Value {
    json!({
        "module": record.module,
        "version": record.version,
        "record": record.record_index,
        "because": record.because,
        "text": record.text,
    })
}

fn one(kind: EventKind, log: &str, record: &WatchedRecord) -> Announcement {
    let (module, version, index) = (&record.module, &record.version, record.record_index);
    let summary = match kind {
        EventKind::GoSumConflict => format!(
            "record {index} of {log} says another hash of {module} {version} than {}",
            record.because
        ),
        _ => format!("{module} {version} is new: record {index} of {log}"),
    };
    Announcement {
        event: kind.event(summary, &described(record)),
        of: vec![Announced::Watched(record.clone())],
    }
}

fn many(kind: EventKind, log: &str, records: &[&WatchedRecord]) -> Announcement {
    let count = records.len();
    let summary = match kind {
        EventKind::GoSumConflict => {
            format!("{count} records of {log} say other hashes than a go.sum")
        }
        _ => format!("{count} new versions of watched modules in {log}"),
    };
    let listed: Vec<Value> = records.iter().map(|record| described(record)).collect();
    let detail = json!({ "count": count, "records": listed });
    Announcement {
        event: kind.event(summary, &detail),
        of: records
            .iter()
            .map(|record| Announced::Watched((*record).clone()))
            .collect(),
    }
}

/// What a receiver gets.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema: &'static str,
    id: &'a str,
    at: &'a str,
    kind: &'a str,
    severity: &'a str,
    resolved: bool,
    log: Option<&'a str>,
    summary: &'a str,
    detail: Value,
}

impl<'a> From<&'a StoredEvent> for Document<'a> {
    fn from(event: &'a StoredEvent) -> Self {
        Self {
            schema: SCHEMA,
            id: &event.uid,
            at: &event.at,
            kind: &event.kind,
            severity: &event.severity,
            resolved: event.resolved,
            log: event.log.as_deref(),
            summary: &event.summary,
            detail: serde_json::from_str(&event.detail).unwrap_or(Value::Null),
        }
    }
}

impl Document<'_> {
    /// On one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers alone.
        serde_json::to_string(self).unwrap_or_default()
    }
}
