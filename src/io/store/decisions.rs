//! What the gate decided, for whoever asks later.

use std::borrow::Cow;

use rusqlite::params;

use super::row::Count;
use super::{Rows, Store, StoreError};

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// When: UTC, RFC 3339.
    pub decided_at: String,
    /// Who asked: an address, or the name of a token.
    pub client: String,
    /// Module path.
    pub module: String,
    /// Module version.
    pub version: String,
    /// `info`, `mod` or `zip`.
    pub file: Cow<'static, str>,
    /// `released`, `refused`, …
    pub verdict: Cow<'static, str>,
    /// The hash of what came.
    pub hash: Option<String>,
    /// Index of the log's record.
    pub record_index: Option<u64>,
    /// Size of the tree under which the record was proven.
    pub head_size: Option<u64>,
    /// Where it came from, without credentials.
    pub upstream: Option<String>,
    /// Why, if it was not released.
    pub reason: Option<String>,
    /// Its name may not leave this machine.
    pub is_private: bool,
}

/// A decision as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDecision {
    /// In the order of decisions.
    pub id: i64,
    /// What was decided.
    pub decided: Decided,
}

/// Which decisions are wanted; what is `None` is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    /// This verdict.
    pub verdict: Option<String>,
    /// Modules whose path begins so.
    pub module: Option<String>,
    /// This client.
    pub client: Option<String>,
}

impl Store {
    /// Decisions that somebody may see, newest first; of private modules there are none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn decisions(
        &self,
        filter: &DecisionFilter,
        rows: Rows,
        may_be_seen: impl Fn(&Decided) -> bool,
    ) -> Result<Vec<StoredDecision>, StoreError> {
        self.run(|connection| {
            let mut statement = connection.prepare(
                "SELECT decided_at, client, module, version, file, verdict, hash, record_index,
                     head_size, upstream, reason, decision_id
                 FROM decisions
                 WHERE NOT private AND (?1 IS NULL OR verdict = ?1)
                     AND (?2 IS NULL OR substr(module, 1, length(?2)) = ?2)
                     AND (?3 IS NULL OR client = ?3)
                     AND decision_id < ?4
                 ORDER BY decision_id DESC",
            )?;
            let wanted = params![filter.verdict, filter.module, filter.client, rows.bound()];
            let found = statement.query_map(wanted, |row| {
                Ok(StoredDecision {
                    decided: decided(row)?,
                    id: row.get(11)?,
                })
            })?;
            rows.seen(found, |row: &StoredDecision| may_be_seen(&row.decided))
        })
    }

    /// Keeps decisions, all or none, and at most `rows` of them: the oldest go.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn keep_decisions(&mut self, decisions: &[Decided], rows: u64) -> Result<(), StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut insert = transaction.prepare(
                "INSERT INTO decisions
                     (decided_at, client, module, version, file, verdict, hash, record_index,
                      head_size, upstream, reason, private)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            for decision in decisions {
                insert.execute(params![
                    decision.decided_at,
                    decision.client,
                    decision.module,
                    decision.version,
                    decision.file,
                    decision.verdict,
                    decision.hash,
                    decision.record_index.map(Count),
                    decision.head_size.map(Count),
                    decision.upstream,
                    decision.reason,
                    decision.is_private,
                ])?;
            }
            drop(insert);
            transaction.execute(
                "DELETE FROM decisions
                 WHERE decision_id <= (SELECT max(decision_id) FROM decisions) - ?",
                [Count(rows)],
            )?;
            transaction.commit()
        })
    }
}

fn decided(row: &rusqlite::Row<'_>) -> rusqlite::Result<Decided> {
    let (file, verdict): (String, String) = (row.get(4)?, row.get(5)?);
    let (index, head): (Option<Count>, Option<Count>) = (row.get(7)?, row.get(8)?);
    Ok(Decided {
        decided_at: row.get(0)?,
        client: row.get(1)?,
        module: row.get(2)?,
        version: row.get(3)?,
        file: file.into(),
        verdict: verdict.into(),
        hash: row.get(6)?,
        record_index: index.map(|Count(index)| index),
        head_size: head.map(|Count(size)| size),
        upstream: row.get(9)?,
        reason: row.get(10)?,
        is_private: false,
    })
}
