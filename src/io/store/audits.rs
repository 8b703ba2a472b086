//! How far a log was audited, and what was strange in it.

use rusqlite::{OptionalExtension as _, params};

use super::row::Count;
use super::{Store, StoreError, create_log};
use crate::io::clock;
use crate::io::failpoint;

/// Everything below this size was read and hashed up to a signed root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditState {
    /// Number of records.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first: 32 bytes for each.
    pub subtree_roots: Vec<u8>,
    /// The key of the fingerprints.
    pub seen_key: [u8; 16],
    /// What counts of the files with fingerprints.
    pub seen_extent: Vec<u8>,
}

/// A record that is strange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnomaly {
    /// Index of the record.
    pub record_index: u64,
    /// The word for what it is.
    pub kind: String,
    /// The whole record.
    pub text: String,
}

impl Store {
    /// How far a log was audited.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn audit_state(&self, verifier_key: &str) -> Result<Option<AuditState>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT size, subtree_roots, seen_key, seen_extent
                     FROM audits JOIN logs USING (log_id) WHERE verifier_key = ?",
                    [verifier_key],
                    |row| {
                        let Count(size) = row.get(0)?;
                        Ok(AuditState {
                            size,
                            subtree_roots: row.get(1)?,
                            seen_key: row.get(2)?,
                            seen_extent: row.get(3)?,
                        })
                    },
                )
                .optional()
        })
    }

    /// Keeps how far a log was audited, and what was strange since the last time, all or nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_audit(
        &self,
        log_name: &str,
        verifier_key: &str,
        state: &AuditState,
        anomalies: &[StoredAnomaly],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            let mut insert = transaction.prepare(
                "INSERT OR IGNORE INTO anomalies (log_id, record_index, kind, text)
                 VALUES (?, ?, ?, ?)",
            )?;
            for anomaly in anomalies {
                let index = Count(anomaly.record_index);
                insert.execute(params![log, index, anomaly.kind, anomaly.text])?;
            }
            drop(insert);
            transaction.execute(
                "INSERT OR REPLACE INTO audits
                     (log_id, size, subtree_roots, seen_key, seen_extent, audited_at)
                 VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    log,
                    Count(state.size),
                    state.subtree_roots,
                    state.seen_key,
                    state.seen_extent,
                    clock::now(),
                ],
            )?;
            failpoint::pass("audit: all is written and not committed");
            transaction.commit()?;
            failpoint::pass("audit: all is committed");
            Ok(())
        })
    }

    /// What is strange in a log, as far as it was audited, by record.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn anomalies(&self, verifier_key: &str) -> Result<Vec<StoredAnomaly>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT record_index, kind, text FROM anomalies JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY record_index, kind",
                )?
                .query_map([verifier_key], |row| {
                    let Count(record_index) = row.get(0)?;
                    Ok(StoredAnomaly {
                        record_index,
                        kind: row.get(1)?,
                        text: row.get(2)?,
                    })
                })?
                .collect()
        })
    }
}
