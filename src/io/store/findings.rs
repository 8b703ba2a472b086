//! Misbehaviour of a log, until somebody acknowledges it.

use rusqlite::params;

use super::{Finding, Store, StoreError, create_log};
use crate::io::{clock, failpoint};

impl Store {
    /// Remembers that a log misbehaved.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn record_finding(
        &self,
        log_name: &str,
        verifier_key: &str,
        kind: &str,
        found_at: &str,
        evidence_path: &str,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            transaction.execute(
                "INSERT INTO findings (log_id, kind, found_at, evidence_path) VALUES (?, ?, ?, ?)",
                params![log, kind, found_at, evidence_path],
            )?;
            failpoint::pass("finding: it is not committed");
            transaction.commit()?;
            failpoint::pass("finding: it is committed");
            Ok(())
        })
    }

    /// The evidence files of all findings about a log.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn evidence_paths(&self, verifier_key: &str) -> Result<Vec<String>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT evidence_path FROM findings JOIN logs USING (log_id)
                     WHERE verifier_key = ?",
                )?
                .query_map([verifier_key], |row| row.get(0))?
                .collect()
        })
    }

    /// The findings about a log that nobody has acknowledged, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open_findings(&self, verifier_key: &str) -> Result<Vec<Finding>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT finding_id, name, kind, found_at, evidence_path, acknowledged_at, verifier_key
                     FROM findings JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND acknowledged_at IS NULL ORDER BY finding_id",
                )?
                .query_map([verifier_key], finding)?
                .collect()
        })
    }

    /// All findings about all logs, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT finding_id, name, kind, found_at, evidence_path, acknowledged_at, verifier_key
                     FROM findings JOIN logs USING (log_id) ORDER BY finding_id",
                )?
                .query_map([], finding)?
                .collect()
        })
    }

    /// Somebody has seen to a finding; `false` if there is none with this number.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn acknowledge(&self, finding_id: i64) -> Result<bool, StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let rows = connection.execute(
                "UPDATE findings SET acknowledged_at = coalesce(acknowledged_at, ?)
                 WHERE finding_id = ?",
                params![clock::at(self.clock.now()), finding_id],
            )?;
            Ok(rows > 0)
        })
    }
}

pub(super) fn finding(row: &rusqlite::Row<'_>) -> rusqlite::Result<Finding> {
    Ok(Finding {
        id: row.get(0)?,
        log: row.get(1)?,
        kind: row.get(2)?,
        found_at: row.get(3)?,
        evidence_path: row.get(4)?,
        acknowledged_at: row.get(5)?,
        verifier_key: row.get(6)?,
    })
}
