//! How far a log was audited, and what was strange in it.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::row::Count;
use super::{Rows, Store, StoreError, create_log};
use crate::io::clock;
use crate::io::failpoint;

/// What was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditKind {
    /// Every record.
    Records,
    /// The tiles of hashes; no record was read.
    Hashes,
    /// Every record, into a mirror.
    Mirror,
    /// The tiles of hashes, into a mirror.
    MirrorHashes,
    /// What was asked for, into a mirror.
    MirrorSparse,
    /// Every record since a size at which somebody began to watch.
    RecordsSince,
    /// The tiles of hashes since such a size.
    HashesSince,
}

impl AuditKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Hashes => "hashes",
            Self::Mirror => "mirror",
            Self::MirrorHashes => "mirror-hashes",
            Self::MirrorSparse => "mirror-sparse",
            Self::RecordsSince => "records-since",
            Self::HashesSince => "hashes-since",
        }
    }
}

/// Everything below this size was read and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditState {
    /// Number of records.
    pub size: u64,
    /// The roots of the perfect subtrees, largest first: 32 bytes for each.
    pub subtree_roots: Vec<u8>,
    /// Size of the newest signed head up to which all is done; 0 for none.
    pub head_size: u64,
    /// Which of the files beside the database count.
    pub files: Vec<u8>,
    /// The size that it began at: what is below was not read.
    pub since: u64,
}

/// Why a record is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// Its module's path matches a pattern.
    Module,
    /// It has another hash than a line of a go.sum.
    GoSum,
}

impl Watched {
    /// The word for it in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::GoSum => "go.sum",
        }
    }
}

/// A record that somebody watches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedRecord {
    /// Index of the record.
    pub record_index: u64,
    /// Module path.
    pub module: String,
    /// Module version.
    pub version: String,
    /// Why it is watched for.
    pub why: Watched,
    /// The pattern that matches, or the place of the line that differs.
    pub because: String,
    /// The whole record.
    pub text: String,
}

/// A record that somebody watches for, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWatched {
    /// In the order in which they were seen.
    pub id: i64,
    /// Which.
    pub record: WatchedRecord,
    /// When it was seen: UTC, RFC 3339.
    pub seen_at: String,
    /// When the line of a go.sum that it contradicts was seen to stand no more.
    pub gone_at: Option<String>,
}

/// A record that is strange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnomaly {
    /// Index of the record.
    pub record_index: u64,
    /// The word for what it is.
    pub kind: String,
    /// Index of the record that it repeats.
    pub earlier: Option<u64>,
    /// The whole record.
    pub text: String,
}

impl Store {
    /// How far a log was audited.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn audit_state(
        &self,
        verifier_key: &str,
        kind: AuditKind,
    ) -> Result<Option<AuditState>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT size, subtree_roots, head_size, files, since
                     FROM audits JOIN logs USING (log_id) WHERE verifier_key = ? AND kind = ?",
                    [verifier_key, kind.as_str()],
                    |row| {
                        let (Count(size), Count(head_size)) = (row.get(0)?, row.get(2)?);
                        let Count(since) = row.get(4)?;
                        Ok(AuditState {
                            size,
                            subtree_roots: row.get(1)?,
                            head_size,
                            files: row.get(3)?,
                            since,
                        })
                    },
                )
                .optional()
        })
    }

    /// When the state of an audit was last kept: UTC, RFC 3339.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn audited_at(
        &self,
        verifier_key: &str,
        kind: AuditKind,
    ) -> Result<Option<String>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT audited_at FROM audits JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND kind = ?",
                    [verifier_key, kind.as_str()],
                    |row| row.get(0),
                )
                .optional()
        })
    }

    /// Keeps how far a log was audited, and what was strange or watched for since the last time, all
    /// or nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_audit(
        &self,
        log_name: &str,
        verifier_key: &str,
        states: &[(AuditKind, AuditState)],
        anomalies: &[StoredAnomaly],
        watched: &[WatchedRecord],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        let now = clock::at(self.clock.now());
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            let mut insert = transaction.prepare(
                "INSERT OR IGNORE INTO anomalies (log_id, record_index, kind, earlier, text)
                 VALUES (?, ?, ?, ?, ?)",
            )?;
            for anomaly in anomalies {
                let (index, earlier) = (Count(anomaly.record_index), anomaly.earlier.map(Count));
                insert.execute(params![log, index, anomaly.kind, earlier, anomaly.text])?;
            }
            drop(insert);
            insert_watched(&transaction, log, watched, &now)?;
            for (kind, state) in states {
                transaction.execute(
                    "INSERT OR REPLACE INTO audits
                         (log_id, kind, size, subtree_roots, head_size, files, audited_at, since)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    params![
                        log,
                        kind.as_str(),
                        Count(state.size),
                        state.subtree_roots,
                        Count(state.head_size),
                        state.files,
                        now,
                        Count(state.since),
                    ],
                )?;
            }
            failpoint::pass("audit: all is written and not committed");
            transaction.commit()?;
            failpoint::pass("audit: all is committed");
            Ok(())
        })
    }

    /// Keeps a record that somebody watches for and that was found in another way than by an audit.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_watched(
        &self,
        log_name: &str,
        verifier_key: &str,
        watched: &[WatchedRecord],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        let now = clock::at(self.clock.now());
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            insert_watched(&transaction, log, watched, &now)?;
            failpoint::pass("watched: all are written and not committed");
            transaction.commit()
        })
    }

    /// Notes which of the records that contradict a go.sum still do: the lines of the others are gone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_standing(
        &self,
        verifier_key: &str,
        standing: &[i64],
        now: &str,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        let standing = serde_json::to_string(standing).unwrap_or_default();
        self.run(|connection| {
            connection.execute(
                "UPDATE watched_records
                 SET event_id = iif(rowid IN (SELECT value FROM json_each(?1)) AND gone_at IS NOT NULL,
                                    NULL, event_id),
                     gone_at = iif(rowid IN (SELECT value FROM json_each(?1)), NULL,
                                   coalesce(gone_at, ?2))
                 WHERE log_id = (SELECT log_id FROM logs WHERE verifier_key = ?3) AND why = 'go.sum'",
                params![standing, now, verifier_key],
            )?;
            failpoint::pass("watched: what stands is noted");
            Ok(())
        })
    }

    /// Up to which size of a log somebody has looked for watched records.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn watched_size(&self, verifier_key: &str) -> Result<Option<u64>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT size FROM watched_sizes JOIN logs USING (log_id) WHERE verifier_key = ?",
                    [verifier_key],
                    |row| row.get(0).map(|Count(size)| size),
                )
                .optional()
        })
    }

    /// Somebody has looked for watched records up to this size; it never goes back.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn set_watched_size(&self, verifier_key: &str, size: u64) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "INSERT INTO watched_sizes (log_id, size)
                 SELECT log_id, ?1 FROM logs WHERE verifier_key = ?2
                 ON CONFLICT (log_id) DO UPDATE SET size = max(size, excluded.size)",
                params![Count(size), verifier_key],
            )?;
            failpoint::pass("watched: the size is noted");
            Ok(())
        })
    }

    /// Whether a record is known that contradicts a line of a go.sum which was not seen to be gone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn has_standing_conflict(&self, verifier_key: &str) -> Result<bool, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT 1 FROM watched_records JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND why = 'go.sum' AND gone_at IS NULL",
                )?
                .exists([verifier_key])
        })
    }

    /// Records that somebody watches for and may see, in the order in which they were seen, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn watched_records(
        &self,
        verifier_key: &str,
        why: Watched,
        rows: Rows,
        may_be_seen: impl Fn(&WatchedRecord) -> bool,
    ) -> Result<Vec<StoredWatched>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT record_index, module, version, why, because, text, watched_records.rowid,
                     seen_at, gone_at
                 FROM watched_records JOIN logs USING (log_id)
                 WHERE verifier_key = ?1 AND why = ?2 AND watched_records.rowid < ?3
                 ORDER BY watched_records.rowid DESC",
            )?;
            let wanted = params![verifier_key, why.as_str(), rows.bound()];
            let found = statement.query_map(wanted, |row| {
                Ok(StoredWatched {
                    record: watched_record(row)?,
                    id: row.get(6)?,
                    seen_at: row.get(7)?,
                    gone_at: row.get(8)?,
                })
            })?;
            rows.seen(found, |row: &StoredWatched| may_be_seen(&row.record))
        })
    }

    /// Paths and versions of all records of a log that are kept as proven.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn record_names(&self, verifier_key: &str) -> Result<Vec<(String, String)>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT module, version FROM records JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY module, version",
                )?
                .query_map([verifier_key], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// Forgets how far a log was replayed in one way.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn forget_audit(&self, verifier_key: &str, kind: AuditKind) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "DELETE FROM audits WHERE kind = ?
                     AND log_id = (SELECT log_id FROM logs WHERE verifier_key = ?)",
                [kind.as_str(), verifier_key],
            )?;
            Ok(())
        })
    }

    /// How many records of a log are strange, as far as it was audited.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn anomaly_count(&self, verifier_key: &str) -> Result<u64, StoreError> {
        self.run(|connection| {
            connection.query_row(
                "SELECT count(*) FROM anomalies JOIN logs USING (log_id) WHERE verifier_key = ?",
                [verifier_key],
                |row| {
                    let Count(count) = row.get(0)?;
                    Ok(count)
                },
            )
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
                    "SELECT record_index, kind, earlier, text FROM anomalies JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY record_index, kind",
                )?
                .query_map([verifier_key], |row| {
                    let Count(record_index) = row.get(0)?;
                    let earlier: Option<Count> = row.get(2)?;
                    Ok(StoredAnomaly {
                        record_index,
                        kind: row.get(1)?,
                        earlier: earlier.map(|Count(index)| index),
                        text: row.get(3)?,
                    })
                })?
                .collect()
        })
    }
}

/// A row that begins with index, module, version, why, because and text.
pub(super) fn watched_record(row: &rusqlite::Row<'_>) -> rusqlite::Result<WatchedRecord> {
    let Count(record_index) = row.get(0)?;
    let why: String = row.get(3)?;
    Ok(WatchedRecord {
        record_index,
        module: row.get(1)?,
        version: row.get(2)?,
        why: if why == Watched::GoSum.as_str() {
            Watched::GoSum
        } else {
            Watched::Module
        },
        because: row.get(4)?,
        text: row.get(5)?,
    })
}

fn insert_watched(
    transaction: &Transaction<'_>,
    log: i64,
    watched: &[WatchedRecord],
    now: &str,
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT OR IGNORE INTO watched_records
             (log_id, record_index, module, version, why, because, text, seen_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for record in watched {
        insert.execute(params![
            log,
            Count(record.record_index),
            record.module,
            record.version,
            record.why.as_str(),
            record.because,
            record.text,
            now,
        ])?;
    }
    Ok(())
}
