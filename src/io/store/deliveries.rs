//! Who was told of an event, and who is to be told.

use rusqlite::params;

use super::events::stored_event;
use super::row::Count;
use super::{Store, StoreError, StoredEvent};
use crate::io::failpoint;

/// After so many tries in vain an event comes after others.
const STUCK_AFTER: u32 = 4;

/// An event that waits for a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What is to be told.
    pub event: StoredEvent,
    /// How often it was tried.
    pub attempts: u32,
}

/// How it stands with a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkState {
    /// Its name.
    pub sink: String,
    /// Events that wait for it.
    pub pending: u64,
    /// When the oldest of them was found.
    pub oldest: Option<String>,
    /// The last error, if any waits after one.
    pub error: Option<String>,
}

impl Store {
    /// What a sink is to be told now: what is critical first, then in order, but what was tried in vain again and
    /// again comes last, so that nothing that is never taken keeps the rest from being told. What is due after the horizon was put off by a clock that
    /// was wrong, and is due now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn deliveries_due(
        &self,
        sink: &str,
        (now, horizon): (&str, &str),
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT event_id, uid, name, at, kind, severity, resolved, summary, detail,
                         attempts
                     FROM deliveries JOIN events USING (event_id) LEFT JOIN logs USING (log_id)
                     WHERE sink = ? AND told_at IS NULL AND (due_at <= ? OR due_at > ?)
                     ORDER BY severity = 'critical' DESC, attempts >= ?, event_id LIMIT ?",
                )?
                .query_map(params![sink, now, horizon, STUCK_AFTER, limit], |row| {
                    Ok(Delivery {
                        event: stored_event(row)?,
                        attempts: row.get(9)?,
                    })
                })?
                .collect()
        })
    }

    /// A sink was told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn delivered(&self, event: i64, sink: &str, now: &str) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "UPDATE deliveries SET told_at = ?, attempts = attempts + 1, error = NULL
                 WHERE event_id = ? AND sink = ?",
                params![now, event, sink],
            )?;
            failpoint::pass("delivery: it is noted");
            Ok(())
        })
    }

    /// A sink could not be told, and is tried again at another time.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn delivery_failed(
        &self,
        event: i64,
        sink: &str,
        (now, due_at): (&str, &str),
        error: &str,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "UPDATE deliveries SET tried_at = ?, due_at = ?, attempts = attempts + 1, error = ?
                 WHERE event_id = ? AND sink = ?",
                params![now, due_at, error, event, sink],
            )?;
            failpoint::pass("delivery: its failure is noted");
            Ok(())
        })
    }

    /// Nobody is there: all that waits for a sink waits until then.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn delay_deliveries(&self, sink: &str, due_at: &str) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "UPDATE deliveries SET due_at = ?1
                 WHERE sink = ?2 AND told_at IS NULL AND due_at < ?1",
                params![due_at, sink],
            )?;
            Ok(())
        })
    }

    /// How it stands with all sinks that anything waits for.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn sinks(&self) -> Result<Vec<SinkState>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT sink, count(*), min(at),
                         (SELECT error FROM deliveries AS tried
                          WHERE tried.sink = deliveries.sink AND told_at IS NULL AND error IS NOT NULL
                          ORDER BY tried_at DESC, event_id DESC LIMIT 1)
                     FROM deliveries JOIN events USING (event_id)
                     WHERE told_at IS NULL GROUP BY sink ORDER BY sink",
                )?
                .query_map([], |row| {
                    let Count(pending) = row.get(1)?;
                    Ok(SinkState {
                        sink: row.get(0)?,
                        pending,
                        oldest: row.get(2)?,
                        error: row.get(3)?,
                    })
                })?
                .collect()
        })
    }
}
