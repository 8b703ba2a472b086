//! What somebody is to be told of, and who was told.
//!
//! What is found is written first, by whoever finds it; telling begins with an event for each row that
//! has none. Row, event and deliveries are joined in one transaction, so a crash at any point leaves
//! either a row that has no event yet, or an event that waits for its delivery.

use rusqlite::{Transaction, TransactionBehavior, params};

use super::audits::watched_record;
use super::error::classify;
use super::findings::finding;
use super::row::Count;
use super::{Finding, Rows, Store, StoreError, StoredAnomaly, WatchedRecord, create_log};
use crate::io::failpoint;

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Some day.
    Info,
    /// Today.
    Warning,
    /// Now.
    Critical,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// An event to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What has happened: one of a few fixed words.
    pub kind: String,
    /// How soon somebody should look.
    pub severity: Severity,
    /// What the same kind told of before is over.
    pub resolved: bool,
    /// One line for people, not escaped.
    pub summary: String,
    /// The details, a JSON object.
    pub detail: String,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// In the order of events.
    pub id: i64,
    /// By which a receiver tells a repetition.
    pub uid: String,
    /// Name of the log that it is about.
    pub log: Option<String>,
    /// When it was found: UTC, RFC 3339.
    pub at: String,
    /// What has happened.
    pub kind: String,
    /// How soon somebody should look.
    pub severity: String,
    /// What was told of before is over.
    pub resolved: bool,
    /// One line for people, not escaped.
    pub summary: String,
    /// The details, a JSON object.
    pub detail: String,
}

/// What was found and not told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unannounced {
    /// Misbehaviour.
    pub findings: Vec<Finding>,
    /// Records that are strange.
    pub anomalies: Vec<StoredAnomaly>,
    /// Records that somebody watches for.
    pub watched: Vec<WatchedRecord>,
}

/// The rows that an event tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announced {
    /// This finding.
    Finding(i64),
    /// The anomaly of this kind of this record.
    Anomaly(u64, String),
    /// A record that somebody watches for.
    Watched(WatchedRecord),
}

/// An event, and the rows that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// What is told.
    pub event: NewEvent,
    /// Of what.
    pub of: Vec<Announced>,
}

/// So many rows are announced in one transaction: what is left comes next.
const ANNOUNCED_AT_ONCE: u32 = 1000;

/// So much of a record is told, in characters: records are short, and those that are not are in the log.
const TOLD_CHARS: u32 = 1024;

impl Store {
    /// Makes events of what was found about a log and not told of yet: of misbehaviour alone, if there is any, so
    /// that nothing else can keep it from being told. Gives back how many; what is left comes next.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn announce(
        &mut self,
        log_name: &str,
        verifier_key: &str,
        sinks: &[String],
        now: &str,
        tell: impl FnOnce(&Unannounced) -> Vec<Announcement>,
    ) -> Result<usize, StoreError> {
        self.check_writable()?;
        self.change(|transaction| {
            let log = create_log(transaction, log_name, verifier_key)?;
            let untold = unannounced(transaction, log)?;
            if untold == Unannounced::default() {
                return Ok(0);
            }
            let announcements = tell(&untold);
            for announcement in &announcements {
                let event = insert_event(transaction, Some(log), sinks, now, &announcement.event)?;
                for of in &announcement.of {
                    mark(transaction, log, of, event)?;
                }
            }
            failpoint::pass("events: all are written and not committed");
            Ok(announcements.len())
        })
    }

    /// Tells of something that stands in no other row.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn tell(
        &mut self,
        log: Option<(&str, &str)>,
        sinks: &[String],
        now: &str,
        event: &NewEvent,
    ) -> Result<i64, StoreError> {
        self.check_writable()?;
        self.change(|transaction| {
            let log = match log {
                Some((name, key)) => Some(create_log(transaction, name, key)?),
                None => None,
            };
            insert_event(transaction, log, sinks, now, event)
        })
    }

    /// The newest events that somebody may see, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn events(
        &self,
        rows: Rows,
        may_be_seen: impl Fn(&StoredEvent) -> bool,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT event_id, uid, name, at, kind, severity, resolved, summary, detail
                 FROM events LEFT JOIN logs USING (log_id)
                 WHERE event_id < ? ORDER BY event_id DESC",
            )?;
            let found = statement.query_map([rows.bound()], stored_event)?;
            rows.seen(found, may_be_seen)
        })
    }

    /// Removes events and runs that are older than a time. Findings, anomalies, watched records and heads
    /// stay, and so do events that a sink of those named still waits for.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn prune(&mut self, before: &str, sinks: &[String]) -> Result<usize, StoreError> {
        self.check_writable()?;
        let sinks = serde_json::to_string(sinks).unwrap_or_default();
        self.change(|transaction| {
            let events = transaction.execute(
                "DELETE FROM events WHERE at < ?1 AND NOT EXISTS (
                     SELECT 1 FROM deliveries WHERE deliveries.event_id = events.event_id
                         AND told_at IS NULL AND sink IN (SELECT value FROM json_each(?2)))",
                params![before, sinks],
            )?;
            // Since when nothing was good is to be seen however long ago that was.
            let runs = transaction.execute(
                "DELETE FROM runs WHERE began_at < ? AND run_id NOT IN (
                     SELECT max(run_id) FROM runs WHERE verified GROUP BY log_id)",
                [before],
            )?;
            failpoint::pass("prune: it is not committed");
            Ok(events + runs)
        })
    }

    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let changed = (|| {
            let behaviour = TransactionBehavior::Immediate;
            let transaction = self.connection.transaction_with_behavior(behaviour)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })();
        changed.map_err(|cause| classify(&path, cause))
    }
}

fn unannounced(transaction: &Transaction<'_>, log: i64) -> rusqlite::Result<Unannounced> {
    let findings = transaction
        .prepare(
            "SELECT finding_id, name, kind, found_at, evidence_path, acknowledged_at, verifier_key
             FROM findings JOIN logs USING (log_id)
             WHERE log_id = ? AND event_id IS NULL ORDER BY finding_id LIMIT ?",
        )?
        .query_map([log, ANNOUNCED_AT_ONCE.into()], finding)?
        .collect::<rusqlite::Result<Vec<Finding>>>()?;
    // Misbehaviour is told first, whatever else there is and however much of it.
    if !findings.is_empty() {
        return Ok(Unannounced {
            findings,
            ..Unannounced::default()
        });
    }
    let anomalies = transaction
        .prepare(
            "SELECT record_index, kind, earlier, substr(text, 1, ?3) FROM anomalies
             WHERE log_id = ?1 AND event_id IS NULL ORDER BY record_index, kind LIMIT ?2",
        )?
        .query_map(params![log, ANNOUNCED_AT_ONCE, TOLD_CHARS], |row| {
            let Count(record_index) = row.get(0)?;
            let earlier: Option<Count> = row.get(2)?;
            Ok(StoredAnomaly {
                record_index,
                kind: row.get(1)?,
                earlier: earlier.map(|Count(index)| index),
                text: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let watched = transaction
        .prepare(
            "SELECT record_index, module, version, why, because, substr(text, 1, ?3) FROM watched_records
             WHERE log_id = ?1 AND event_id IS NULL ORDER BY record_index LIMIT ?2",
        )?
        .query_map(params![log, ANNOUNCED_AT_ONCE, TOLD_CHARS], watched_record)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Unannounced {
        anomalies,
        watched,
        ..Unannounced::default()
    })
}

pub(super) fn insert_event(
    transaction: &Transaction<'_>,
    log: Option<i64>,
    sinks: &[String],
    now: &str,
    event: &NewEvent,
) -> rusqlite::Result<i64> {
    transaction.execute(
        "INSERT INTO events (uid, log_id, at, kind, severity, resolved, summary, detail)
         VALUES (lower(hex(randomblob(16))), ?, ?, ?, ?, ?, ?, ?)",
        params![
            log,
            now,
            event.kind,
            event.severity.as_str(),
            event.resolved,
            event.summary,
            event.detail
        ],
    )?;
    let id = transaction.last_insert_rowid();
    for sink in sinks {
        transaction.execute(
            "INSERT INTO deliveries (event_id, sink, due_at) VALUES (?, ?, ?)",
            params![id, sink, now],
        )?;
    }
    Ok(id)
}

fn mark(
    transaction: &Transaction<'_>,
    log: i64,
    of: &Announced,
    event: i64,
) -> rusqlite::Result<usize> {
    match of {
        Announced::Finding(id) => transaction.execute(
            "UPDATE findings SET event_id = ? WHERE finding_id = ?",
            params![event, id],
        ),
        Announced::Anomaly(index, kind) => transaction.execute(
            "UPDATE anomalies SET event_id = ? WHERE log_id = ? AND record_index = ? AND kind = ?",
            params![event, log, Count(*index), kind],
        ),
        Announced::Watched(record) => transaction.execute(
            "UPDATE watched_records SET event_id = ?
             WHERE log_id = ? AND record_index = ? AND module = ? AND version = ? AND why = ?",
            params![
                event,
                log,
                Count(record.record_index),
                record.module,
                record.version,
                record.why.as_str()
            ],
        ),
    }
}

/// A row that begins with the columns of an event and the name of its log.
pub(super) fn stored_event(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.get(0)?,
        uid: row.get(1)?,
        log: row.get(2)?,
        at: row.get(3)?,
        kind: row.get(4)?,
        severity: row.get(5)?,
        resolved: row.get(6)?,
        summary: row.get(7)?,
        detail: row.get(8)?,
    })
}
