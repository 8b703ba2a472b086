//! What the gate decided, for whoever asks later.

use rusqlite::params;

use super::row::Count;
use super::{Store, StoreError};

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
    pub file: &'static str,
    /// `released`, `refused`, …
    pub verdict: &'static str,
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
}

impl Store {
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
                      head_size, upstream, reason)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
