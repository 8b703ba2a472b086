//! Rounds of a watch, what each place had to say, and heads that are not tied yet.

use rusqlite::{OptionalExtension as _, Row, params};

use super::row::Count;
use super::{Rows, Store, StoreError, create_log, log_id};
use crate::io::failpoint;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunOutcome {
    /// All that was asked for was verified.
    Ok,
    /// It was stopped before its end, by whoever runs it.
    Stopped,
    /// Something could not be verified.
    Unverified,
    /// A record contradicts a go.sum.
    Negative,
    /// The log misbehaved, or has and nobody has acknowledged it.
    Misbehaviour,
}

impl RunOutcome {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stopped => "stopped",
            Self::Unverified => "unverified",
            Self::Negative => "negative",
            Self::Misbehaviour => "misbehaviour",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Ok,
            Self::Stopped,
            Self::Unverified,
            Self::Negative,
            Self::Misbehaviour,
        ];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// What is noted of a round at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedRun {
    /// When: UTC, RFC 3339.
    pub ended_at: String,
    /// Until when it may be relied on, if it was good.
    pub good_until: String,
    /// How.
    pub outcome: RunOutcome,
    /// The log itself was verified, whatever its records say and whoever else was silent.
    pub is_verified: bool,
    /// `records` or `hashes`, and the sizes from and to which they were replayed.
    pub audited: Option<(&'static str, u64, u64)>,
    /// Size of the newest head.
    pub head_size: Option<u64>,
    /// Why not all was verified, not escaped.
    pub faults: Vec<String>,
}

/// A round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRun {
    /// In the order of rounds.
    pub id: i64,
    /// When it began: UTC, RFC 3339.
    pub began_at: String,
    /// When it ended, if it has.
    pub ended_at: Option<String>,
    /// Until when it may be relied on, if it was good.
    pub good_until: Option<String>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// The log itself was verified, whatever its records say and whoever else was silent.
    pub is_verified: bool,
    /// `records` or `hashes`, if anything was replayed.
    pub audited: Option<String>,
    /// The size from which.
    pub from_size: Option<u64>,
    /// The size to which.
    pub to_size: Option<u64>,
    /// Size of the newest head.
    pub head_size: Option<u64>,
    /// Why not all was verified, not escaped.
    pub faults: Vec<String>,
}

/// What a place had to say the last time that it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VantagePoint {
    /// Its name.
    pub name: String,
    /// Where it is, without a password.
    pub place: String,
    /// What of it: one of a few fixed words.
    pub status: String,
    /// When it was asked: UTC, RFC 3339.
    pub checked_at: String,
    /// When it last answered.
    pub answered_at: Option<String>,
    /// The tree that it last showed: size and root.
    pub head: Option<(u64, [u8; 32])>,
    /// When its tree last was a larger one than before.
    pub grown_at: Option<String>,
    /// One line for people, not escaped.
    pub detail: String,
}

/// A head that the log's key has signed and that is not tied yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntiedHead {
    /// Tree size in records.
    pub size: u64,
    /// Root of the tree.
    pub root: [u8; 32],
    /// The signed note.
    pub note: Vec<u8>,
    /// Who shows it.
    pub source: String,
    /// Since when: UTC, RFC 3339.
    pub seen_at: String,
}

impl Store {
    /// A round begins. Gives back its number.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn begin_run(
        &self,
        log_name: &str,
        verifier_key: &str,
        now: &str,
    ) -> Result<i64, StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            let insert = "INSERT INTO runs (log_id, began_at) VALUES (?, ?)";
            transaction.execute(insert, params![log, now])?;
            let run = transaction.last_insert_rowid();
            transaction.commit()?;
            failpoint::pass("run: it has begun");
            Ok(run)
        })
    }

    /// A round is over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn end_run(&self, run: i64, ended: &EndedRun) -> Result<(), StoreError> {
        self.check_writable()?;
        let faults = serde_json::to_string(&ended.faults).unwrap_or_default();
        let (audited, from, to) = match ended.audited {
            Some((kind, from, to)) => (Some(kind), Some(Count(from)), Some(Count(to))),
            None => (None, None, None),
        };
        self.run(|connection| {
            connection.execute(
                "UPDATE runs SET ended_at = ?, outcome = ?, audited = ?, from_size = ?, to_size = ?,
                     head_size = ?, faults = ?, good_until = ?, verified = ?
                 WHERE run_id = ?",
                params![
                    ended.ended_at,
                    ended.outcome.as_str(),
                    audited,
                    from,
                    to,
                    ended.head_size.map(Count),
                    faults,
                    ended.good_until,
                    ended.is_verified,
                    run
                ],
            )?;
            failpoint::pass("run: it is over");
            Ok(())
        })
    }

    /// The newest rounds of a log, newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn runs(&self, verifier_key: &str, rows: Rows) -> Result<Vec<StoredRun>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT run_id, began_at, ended_at, outcome, audited, from_size, to_size,
                         head_size, faults, good_until, verified
                     FROM runs JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND run_id < ? ORDER BY run_id DESC LIMIT ?",
                )?
                .query_map(params![verifier_key, rows.bound(), rows.limit], stored_run)?
                .collect()
        })
    }

    /// The newest round that verified the log.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn last_verified_run(&self, verifier_key: &str) -> Result<Option<StoredRun>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT run_id, began_at, ended_at, outcome, audited, from_size, to_size,
                         head_size, faults, good_until, verified
                     FROM runs JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND verified
                     ORDER BY run_id DESC LIMIT 1",
                    [verifier_key],
                    stored_run,
                )
                .optional()
        })
    }

    /// What all places had to say, in the order in which they were asked.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn vantage_points(&self, verifier_key: &str) -> Result<Vec<VantagePoint>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT vantage_points.name, place, status, checked_at, answered_at, size, root,
                         grown_at, detail
                     FROM vantage_points JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY vantage_points.rowid",
                )?
                .query_map([verifier_key], |row| {
                    let size: Option<Count> = row.get(5)?;
                    let root: Option<[u8; 32]> = row.get(6)?;
                    Ok(VantagePoint {
                        name: row.get(0)?,
                        place: row.get(1)?,
                        status: row.get(2)?,
                        checked_at: row.get(3)?,
                        answered_at: row.get(4)?,
                        head: size.map(|Count(size)| size).zip(root),
                        grown_at: row.get(7)?,
                        detail: row.get(8)?,
                    })
                })?
                .collect()
        })
    }

    /// Keeps what these places had to say; places that are not among them are forgotten.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_vantage_points(
        &self,
        log_name: &str,
        verifier_key: &str,
        points: &[VantagePoint],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            transaction.execute("DELETE FROM vantage_points WHERE log_id = ?", [log])?;
            for point in points {
                transaction.execute(
                    "INSERT OR REPLACE INTO vantage_points
                         (log_id, name, place, status, checked_at, answered_at, size, root, grown_at,
                          detail)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    params![
                        log,
                        point.name,
                        point.place,
                        point.status,
                        point.checked_at,
                        point.answered_at,
                        point.head.map(|(size, _)| Count(size)),
                        point.head.map(|(_, root)| root),
                        point.grown_at,
                        point.detail,
                    ],
                )?;
            }
            failpoint::pass("vantage points: all are written and not committed");
            transaction.commit()
        })
    }

    /// Heads that are not tied yet, smallest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn untied_heads(&self, verifier_key: &str) -> Result<Vec<UntiedHead>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT size, root, note, source, seen_at FROM untied_heads JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY size, root",
                )?
                .query_map([verifier_key], |row| {
                    let Count(size) = row.get(0)?;
                    Ok(UntiedHead {
                        size,
                        root: row.get(1)?,
                        note: row.get(2)?,
                        source: row.get(3)?,
                        seen_at: row.get(4)?,
                    })
                })?
                .collect()
        })
    }

    /// Keeps a head until it is tied.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_untied_head(
        &self,
        log_name: &str,
        verifier_key: &str,
        head: &UntiedHead,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let log = create_log(&transaction, log_name, verifier_key)?;
            transaction.execute(
                "INSERT OR IGNORE INTO untied_heads (log_id, size, root, note, source, seen_at)
                 VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    log,
                    Count(head.size),
                    head.root,
                    head.note,
                    head.source,
                    head.seen_at
                ],
            )?;
            failpoint::pass("untied head: it is written and not committed");
            transaction.commit()
        })
    }

    /// A head is tied, or has convicted the log.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn forget_untied_head(
        &self,
        verifier_key: &str,
        size: u64,
        root: &[u8; 32],
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            if let Some(log) = log_id(connection, verifier_key)? {
                connection.execute(
                    "DELETE FROM untied_heads WHERE log_id = ? AND size = ? AND root = ?",
                    params![log, Count(size), root],
                )?;
                failpoint::pass("untied head: it is forgotten");
            }
            Ok(())
        })
    }
}

fn stored_run(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    let outcome: Option<String> = row.get(3)?;
    let (from, to): (Option<Count>, Option<Count>) = (row.get(5)?, row.get(6)?);
    let head: Option<Count> = row.get(7)?;
    let faults: String = row.get(8)?;
    Ok(StoredRun {
        id: row.get(0)?,
        began_at: row.get(1)?,
        ended_at: row.get(2)?,
        outcome: outcome.as_deref().and_then(RunOutcome::parse),
        audited: row.get(4)?,
        from_size: from.map(|Count(size)| size),
        to_size: to.map(|Count(size)| size),
        head_size: head.map(|Count(size)| size),
        faults: serde_json::from_str(&faults).unwrap_or_default(),
        good_until: row.get(9)?,
        is_verified: row.get(10)?,
    })
}
