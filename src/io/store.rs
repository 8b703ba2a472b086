//! The state that must be atomic, in SQLite: verified heads, proven records, findings.
//!
//! Rows are plain data. Whoever reads them checks them again: signatures of heads, proofs of
//! records.

mod audits;
mod conditions;
mod decisions;
mod deliveries;
mod error;
mod events;
mod findings;
mod pins;
mod row;
mod runs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior,
    params,
};

pub use self::audits::{
    AuditKind, AuditState, StoredAnomaly, StoredWatched, Watched, WatchedRecord,
};
pub use self::conditions::Condition;
pub use self::decisions::{Decided, DecisionFilter, StoredDecision};
pub use self::deliveries::{Delivery, SinkState};
pub use self::error::StoreError;
use self::error::classify;
pub use self::events::{Announced, Announcement, NewEvent, Severity, StoredEvent, Unannounced};
pub use self::pins::{Pin, PinKind, Pinned};
pub use self::row::{
    Commit, CommitOutcome, Finding, HeadDate, NewHead, Rows, StoredHead, StoredRecord,
};
use self::row::{Count, stored_head, stored_record};
pub use self::runs::{EndedRun, RunOutcome, StoredRun, UntiedHead, VantagePoint};
use super::clock::{self, Clock};
use super::failpoint;
use super::home::Home;

/// The schema that this version of sumcheck writes (`PRAGMA user_version`).
const SCHEMA_VERSION: i64 = 4;

/// What leads from each version to the next, from nothing on.
const MIGRATIONS: [&str; 4] = [
    include_str!("store/schema/1.sql"),
    include_str!("store/schema/2.sql"),
    include_str!("store/schema/3.sql"),
    include_str!("store/schema/4.sql"),
];

/// Marks a database as sumcheck's own (`PRAGMA application_id`): "sumc".
const APPLICATION_ID: i64 = 0x7375_6d63;

/// How long to wait for another process that writes: commits take milliseconds, migrations less
/// than a second.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What `sqlite3_backup_step` takes for a whole database.
const ALL_PAGES: i32 = -1;

/// Pause between two tries of what SQLite does not wait for by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The database of a home.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    read_only: bool,
    clock: Clock,
}

impl Store {
    /// Opens the database of a home, and creates or migrates it where needed.
    ///
    /// # Errors
    /// [`StoreError`]; a database that is newer, damaged or foreign is left untouched.
    pub fn open(home: &Home) -> Result<Self, StoreError> {
        let path = home.database();
        if !home.is_read_only() {
            match Self::open_writable(&path) {
                // What is there can be read though nothing more fits on the disk.
                Err(error) if error.is_for_want_of_space() => {}
                opened => return opened,
            }
        }
        // Heads that are there and cannot be read are an error: a run that began without them
        // would take an older head, or another one, for the first.
        Self::open_read_only(&path)
    }

    fn open_writable(path: &Path) -> Result<Self, StoreError> {
        // Not SQLITE_OPEN_URI: a folder may be called "file:something".
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|cause| classify(path, cause))?;
        let mut store = Self {
            connection,
            path: path.to_owned(),
            read_only: false,
            clock: Clock::System,
        };
        store.prepare()?;
        Ok(store)
    }

    /// The database as it is, or an empty one where none was made yet.
    fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        if let Ok(false) = path.try_exists() {
            return Self::open_in_memory(path.to_owned());
        }
        let connection = read_only_connection(path).map_err(|cause| classify(path, cause))?;
        let store = Self {
            connection,
            path: path.to_owned(),
            read_only: true,
            clock: Clock::System,
        };
        match store.check_version()? {
            0 => Self::open_in_memory(path.to_owned()),
            SCHEMA_VERSION => Ok(store),
            // It cannot be migrated where it is.
            _ => store.migrated_in_memory(),
        }
    }

    fn migrated_in_memory(self) -> Result<Self, StoreError> {
        let mut copy = Connection::open_in_memory().map_err(|cause| classify(&self.path, cause))?;
        let copied =
            Backup::new(&self.connection, &mut copy).and_then(|backup| backup.step(ALL_PAGES));
        copied.map_err(|cause| classify(&self.path, cause))?;
        let mut store = Self {
            connection: copy,
            path: self.path,
            read_only: true,
            clock: Clock::System,
        };
        store.migrate()?;
        Ok(store)
    }

    fn open_in_memory(path: PathBuf) -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory().map_err(|cause| classify(&path, cause))?;
        let mut store = Self {
            connection,
            path,
            read_only: true,
            clock: Clock::System,
        };
        store.migrate()?;
        Ok(store)
    }

    /// From now on rows are dated by this clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Whether nothing can be kept: the home is read-only, or its disk is full.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn prepare(&mut self) -> Result<(), StoreError> {
        self.run(|connection| connection.busy_timeout(BUSY_TIMEOUT))?;
        if self.check_version()? == SCHEMA_VERSION {
            return self.run(|connection| connection.pragma_update(None, "synchronous", "FULL"));
        }
        failpoint::pass("schema: the database is there");
        self.switch_to_wal()?;
        failpoint::pass("schema: the journal is a write-ahead log");
        self.run(|connection| connection.pragma_update(None, "synchronous", "FULL"))?;
        self.migrate()
    }

    /// The schema version; 0 for a new database.
    fn check_version(&self) -> Result<i64, StoreError> {
        let checked = self.check_owner_and_version();
        if checked.is_err() {
            // Closing the last connection would move the write-ahead log of whoever owns this
            // database into it. Where even this fails there is no log that could be read.
            let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let _ = self.connection.set_db_config(no_checkpoint, true);
        }
        checked
    }

    fn check_owner_and_version(&self) -> Result<i64, StoreError> {
        // In one transaction: another process may just be making the schema.
        let (version, application, tables): (i64, i64, i64) = self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get(0));
            let tables = "SELECT count(*) FROM sqlite_schema";
            Ok((
                pragma("user_version")?,
                pragma("application_id")?,
                transaction.query_row(tables, [], |row| row.get(0))?,
            ))
        })?;
        if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
            return Err(StoreError::Foreign {
                path: self.path.clone(),
            });
        }
        if version > SCHEMA_VERSION {
            return Err(StoreError::Newer {
                path: self.path.clone(),
                found: version,
            });
        }
        Ok(version)
    }

    /// Two processes on a new home may do this at once, and SQLite does not wait here by itself.
    fn switch_to_wal(&self) -> Result<(), StoreError> {
        let tries = BUSY_TIMEOUT.as_millis() / BUSY_PAUSE.as_millis();
        for _ in 0..tries {
            match self.connection.pragma_update(None, "journal_mode", "WAL") {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    std::thread::sleep(BUSY_PAUSE);
                }
                other => return other.map_err(|cause| classify(&self.path, cause)),
            }
        }
        Err(StoreError::Busy {
            path: self.path.clone(),
        })
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|cause| classify(&self.path, cause))?;
        let migrated = (|| {
            // Another process may have been first.
            let version: i64 =
                transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version < SCHEMA_VERSION {
                failpoint::pass("schema: the transaction has begun");
                let done = usize::try_from(version).unwrap_or(0);
                for migration in MIGRATIONS.iter().skip(done) {
                    transaction.execute_batch(migration)?;
                    failpoint::pass("schema: the tables are made");
                }
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                failpoint::pass("schema: it is not committed");
            }
            transaction.commit()?;
            failpoint::pass("schema: it is committed");
            Ok(())
        })();
        migrated.map_err(|cause| classify(&self.path, cause))
    }

    /// A database in memory would take a write and lose it in silence.
    fn check_writable(&self) -> Result<(), StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly {
                path: self.path.clone(),
            });
        }
        Ok(())
    }

    fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(&self.connection).map_err(|cause| classify(&self.path, cause))
    }

    /// The logs of which anything is kept, as pairs of name and verifier key.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn logs(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.run(|connection| {
            connection
                .prepare("SELECT name, verifier_key FROM logs ORDER BY log_id")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    /// 32 hexadecimal digits by which this home is told from others.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn identity(&self) -> Result<String, StoreError> {
        self.run(|connection| {
            connection.query_row("SELECT uid FROM identity", [], |row| row.get(0))
        })
    }

    /// All verified heads of a log, smallest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn heads(&self, verifier_key: &str) -> Result<Vec<StoredHead>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT size, root, note, seen_at, source, tied_to_size, tie
                     FROM heads JOIN logs USING (log_id) WHERE verifier_key = ? ORDER BY size",
                )?
                .query_map([verifier_key], stored_head)?
                .collect()
        })
    }

    /// The verified head of a log of this size.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn head_at(&self, verifier_key: &str, size: u64) -> Result<Option<StoredHead>, StoreError> {
        let Some(before) = size.checked_add(1) else {
            return Ok(None);
        };
        let rows = Rows {
            limit: 1,
            before: Some(before),
        };
        let newest = self.newest_heads(verifier_key, rows)?.pop();
        Ok(newest.filter(|head| head.size == size))
    }

    /// When each verified head was first seen, by size, smallest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn head_times(&self, verifier_key: &str) -> Result<Vec<(u64, String)>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT size, seen_at FROM heads JOIN logs USING (log_id)
                     WHERE verifier_key = ? ORDER BY size",
                )?
                .query_map([verifier_key], |row| {
                    let Count(size) = row.get(0)?;
                    Ok((size, row.get(1)?))
                })?
                .collect()
        })
    }

    /// The verified heads of a log with the most records, smallest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn newest_heads(
        &self,
        verifier_key: &str,
        rows: Rows,
    ) -> Result<Vec<StoredHead>, StoreError> {
        let heads: Vec<StoredHead> = self.run(|connection| {
            connection
                .prepare(
                    "SELECT size, root, note, seen_at, source, tied_to_size, tie
                     FROM heads JOIN logs USING (log_id)
                     WHERE verifier_key = ? AND size < ? ORDER BY size DESC LIMIT ?",
                )?
                .query_map(params![verifier_key, rows.bound(), rows.limit], stored_head)?
                .collect()
        })?;
        Ok(heads.into_iter().rev().collect())
    }

    /// When a head that contains the record at this index was first seen: UTC, RFC 3339.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn first_seen(
        &self,
        verifier_key: &str,
        record_index: u64,
    ) -> Result<Option<String>, StoreError> {
        self.run(|connection| {
            connection.query_row(
                "SELECT min(seen_at) FROM heads JOIN logs USING (log_id)
                 WHERE verifier_key = ? AND size > ?",
                params![verifier_key, Count(record_index)],
                |row| row.get(0),
            )
        })
    }

    /// Dates heads that this home has: for each, by size and root, when it was seen by somebody else,
    /// who is named in `source`. An earlier date stays. Gives back how many have another date now.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn date_heads(
        &self,
        verifier_key: &str,
        dates: &[HeadDate],
        source: &str,
    ) -> Result<usize, StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut update = transaction.prepare(
                "UPDATE heads SET seen_at = ?1, source = ?2
                 WHERE log_id = (SELECT log_id FROM logs WHERE verifier_key = ?3)
                     AND size = ?4 AND root = ?5 AND seen_at > ?1",
            )?;
            let mut dated = 0;
            for date in dates {
                let size = Count(date.size);
                let row = params![date.seen_at, source, verifier_key, size, date.root];
                dated += update.execute(row)?;
            }
            drop(update);
            failpoint::pass("dates: all are written and not committed");
            transaction.commit()?;
            failpoint::pass("dates: all are committed");
            Ok(dated)
        })
    }

    /// Those of the wanted records that are kept, as pairs of module path and version.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn records(
        &self,
        verifier_key: &str,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.run(|connection| {
            // One read transaction, so that all rows are of one state.
            let transaction = connection.unchecked_transaction()?;
            let Some(log) = log_id(&transaction, verifier_key)? else {
                return Ok(Vec::new());
            };
            let mut select = transaction.prepare(
                "SELECT module, version, record_index, text, proof, proof_head_size
                 FROM records WHERE log_id = ? AND module = ? AND version = ?",
            )?;
            let mut records = Vec::new();
            for (module, version) in wanted {
                records.extend(
                    select
                        .query_row(params![log, module, version], stored_record)
                        .optional()?,
                );
            }
            Ok(records)
        })
    }

    /// Keeps what a run has proven, in one transaction: records and heads, the newest head last,
    /// and all of it only if the newest stored head is still the one that the run started from.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub fn commit(&mut self, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        self.check_writable()?;
        failpoint::pass("commit: nothing is written");
        let path = self.path.clone();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|cause| classify(&path, cause))?;
        let now = clock::at(self.clock.now());
        let written = write(&transaction, commit, &now).map_err(|cause| classify(&path, cause))?;
        match written {
            Written::All => {
                failpoint::pass("commit: all is written and not committed");
                transaction
                    .commit()
                    .map_err(|cause| classify(&path, cause))?;
                failpoint::pass("commit: all is committed");
                Ok(CommitOutcome::Committed)
            }
            Written::HeadMoved => Ok(CommitOutcome::HeadMoved),
            Written::Conflict(size) => Err(StoreError::ConflictingHead { path, size }),
        }
    }
}

fn read_only_connection(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    // With nothing in its write-ahead log a database in WAL mode can be read as immutable, and
    // where no file can be made beside it, only so.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log_is_empty = Path::new(&log)
        .metadata()
        .map_or(true, |metadata| metadata.len() == 0);
    let immutable = if log_is_empty { "?immutable=1" } else { "" };
    // An absolute path follows an empty authority; otherwise "//x" would be taken for a host.
    let mut uri = String::from(if path.is_absolute() {
        "file://"
    } else {
        "file:"
    });
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' => uri.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            _ => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    Connection::open_with_flags(uri + immutable, flags)
}

enum Written {
    All,
    HeadMoved,
    Conflict(u64),
}

fn write(transaction: &Transaction<'_>, commit: &Commit, now: &str) -> rusqlite::Result<Written> {
    let log = create_log(transaction, &commit.log_name, &commit.verifier_key)?;
    let newest: Option<Count> = transaction.query_row(
        "SELECT max(size) FROM heads WHERE log_id = ?",
        [log],
        |row| row.get(0),
    )?;
    let newest = newest.map(|Count(size)| size);
    if newest != commit.started_from {
        return Ok(Written::HeadMoved);
    }
    let mut insert = transaction.prepare(
        "INSERT OR REPLACE INTO records
             (log_id, module, version, record_index, text, proof, proof_head_size)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for record in &commit.records {
        insert.execute(params![
            log,
            record.module,
            record.version,
            Count(record.record_index),
            record.text,
            record.proof,
            Count(record.proof_head_size),
        ])?;
        failpoint::pass("commit: a record is written");
    }
    for head in &commit.heads {
        let known: Option<[u8; 32]> = transaction
            .query_row(
                "SELECT root FROM heads WHERE log_id = ? AND size = ?",
                params![log, Count(head.size)],
                |row| row.get(0),
            )
            .optional()?;
        match known {
            Some(root) if root != head.root => return Ok(Written::Conflict(head.size)),
            Some(_) => continue,
            None => {}
        }
        transaction.execute(
            "INSERT INTO heads (log_id, size, root, note, seen_at, source, tied_to_size, tie)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                log,
                Count(head.size),
                head.root,
                head.note,
                now,
                head.source,
                head.tied_to_size.map(Count),
                head.tie,
            ],
        )?;
        failpoint::pass("commit: a head is written");
    }
    Ok(Written::All)
}

fn log_id(connection: &Connection, verifier_key: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .query_row(
            "SELECT log_id FROM logs WHERE verifier_key = ?",
            [verifier_key],
            |row| row.get(0),
        )
        .optional()
}

fn create_log(connection: &Connection, name: &str, verifier_key: &str) -> rusqlite::Result<i64> {
    connection.execute(
        "INSERT INTO logs (name, verifier_key) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [name, verifier_key],
    )?;
    connection.query_row(
        "SELECT log_id FROM logs WHERE verifier_key = ?",
        [verifier_key],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests;
