//! What holds for a while: it is told of once when it begins, and once when it is over.

use rusqlite::{Connection, params};

use super::events::insert_event;
use super::{NewEvent, Severity, Store, StoreError, create_log};
use crate::io::failpoint;

/// Something that holds for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// One of a log is known by its name.
    pub name: String,
    /// Since when it was told of: UTC, RFC 3339; for a new one of no meaning.
    pub since: String,
    /// What it is told as.
    pub event: NewEvent,
}

impl Store {
    /// Says what holds now: what holds since now is told, and what holds no more is told as over.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed then.
    pub fn set_conditions(
        &mut self,
        (log_name, verifier_key): (&str, &str),
        sinks: &[String],
        now: &str,
        current: &[Condition],
        over: impl Fn(&Condition) -> NewEvent,
    ) -> Result<usize, StoreError> {
        self.check_writable()?;
        self.change(|transaction| {
            let log = create_log(transaction, log_name, verifier_key)?;
            let known = conditions(transaction, log)?;
            let mut told = 0;
            for condition in current {
                if known.iter().any(|known| known.name == condition.name) {
                    continue;
                }
                let event = &condition.event;
                insert_event(transaction, Some(log), sinks, now, event)?;
                transaction.execute(
                    "INSERT INTO conditions (log_id, name, since, kind, summary, detail)
                     VALUES (?, ?, ?, ?, ?, ?)",
                    params![
                        log,
                        condition.name,
                        now,
                        event.kind,
                        event.summary,
                        event.detail
                    ],
                )?;
                told += 1;
            }
            for known in known {
                if current.iter().any(|current| current.name == known.name) {
                    continue;
                }
                insert_event(transaction, Some(log), sinks, now, &over(&known))?;
                transaction.execute(
                    "DELETE FROM conditions WHERE log_id = ? AND name = ?",
                    params![log, known.name],
                )?;
                told += 1;
            }
            failpoint::pass("conditions: all are written and not committed");
            Ok(told)
        })
    }

    /// What holds of a log.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn conditions(&self, verifier_key: &str) -> Result<Vec<Condition>, StoreError> {
        self.run(
            |connection| match super::log_id(connection, verifier_key)? {
                Some(log) => conditions(connection, log),
                None => Ok(Vec::new()),
            },
        )
    }
}

fn conditions(connection: &Connection, log: i64) -> rusqlite::Result<Vec<Condition>> {
    connection
        .prepare(
            "SELECT name, since, kind, summary, detail FROM conditions
             WHERE log_id = ? ORDER BY since, name",
        )?
        .query_map([log], |row| {
            Ok(Condition {
                name: row.get(0)?,
                since: row.get(1)?,
                event: NewEvent {
                    kind: row.get(2)?,
                    severity: Severity::Warning,
                    resolved: false,
                    summary: row.get(3)?,
                    detail: row.get(4)?,
                },
            })
        })?
        .collect()
}
