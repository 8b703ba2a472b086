//! The record of what was decided: rows in SQLite and lines in an audit log, for whoever asks later.
//! Nobody waits for it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;

use crate::io::store::{Decided, Store, StoreError};

/// So many decisions may wait for the disk; what comes then is left off and counted.
const QUEUE: usize = 16_384;

/// For so long decisions are gathered.
const GATHERED_FOR: Duration = Duration::from_millis(20);

/// So many are kept in one transaction.
const BATCH: usize = 1024;

/// An audit log of this size is rotated.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// Rotated ones that are kept.
const KEPT_LOGS: u32 = 8;

/// Rows that are kept; the oldest go first.
const KEPT_ROWS: u64 = 1_000_000;

/// Writes decisions, soon.
#[derive(Debug)]
pub struct Ledger {
    decisions: Mutex<Option<SyncSender<Decided>>>,
    left_off: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Takes what goes wrong with the ledger.
type Complaint = Box<dyn Fn(&str) + Send>;

impl Ledger {
    /// Writes to this database, and to `audit.jsonl` in this folder. What fails is told to
    /// `complain`, and the gate goes on: what it gives out does not hang on it.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub fn start(
        store: Store,
        folder: &Path,
        complain: impl Fn(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let (decisions, inbox) = sync_channel(QUEUE);
        let mut desk = Desk {
            store,
            log: AuditLog::new(folder),
            complain: Box::new(complain),
            is_failing: false,
        };
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || desk.serve(&inbox))?;
        Ok(Self {
            decisions: Mutex::new(Some(decisions)),
            left_off: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Writes a decision, soon; never waits for the disk.
    pub fn record(&self, decision: Decided) {
        let decisions = self
            .decisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_sent = decisions
            .as_ref()
            .is_some_and(|decisions| decisions.try_send(decision).is_ok());
        if !is_sent {
            self.left_off.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many decisions were left off since the disk was too slow for them.
    #[must_use]
    pub fn left_off(&self) -> u64 {
        self.left_off.load(Ordering::Relaxed)
    }

    /// Waits until all is written.
    pub fn close(&self) {
        let mut decisions = self
            .decisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drop(decisions.take());
        drop(decisions);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ = thread.join();
        }
    }
}

struct Desk {
    store: Store,
    log: AuditLog,
    complain: Complaint,
    is_failing: bool,
}

impl Desk {
    fn serve(&mut self, inbox: &Receiver<Decided>) {
        while let Ok(first) = inbox.recv() {
            // Each batch is forced onto the disk: better a few large ones.
            thread::sleep(GATHERED_FOR);
            let more = inbox.try_iter().take(BATCH);
            let batch: Vec<Decided> = std::iter::once(first).chain(more).collect();
            let logged = self.log.write(&batch);
            let logged = logged.map_err(|error| format!("{}: {error}", self.log.path.display()));
            let kept = self.keep(&batch).map_err(|error| error.to_string());
            self.tell_change(logged.and(kept));
        }
    }

    fn keep(&mut self, batch: &[Decided]) -> Result<(), StoreError> {
        self.store.keep_decisions(batch, KEPT_ROWS)
    }

    /// Once when it begins to fail, and once when it works again.
    fn tell_change(&mut self, outcome: Result<(), String>) {
        let has_failed = outcome.is_err();
        match outcome {
            Err(what) if !self.is_failing => {
                (self.complain)(&format!(
                    "the record of decisions has gaps from now on: {what}"
                ));
            }
            Ok(()) if self.is_failing => {
                (self.complain)("the record of decisions is kept again");
            }
            _ => {}
        }
        self.is_failing = has_failed;
    }
}

/// One JSON object in a line; the newest file is `audit.jsonl`, the one before `audit.jsonl.1`.
struct AuditLog {
    path: PathBuf,
    max_bytes: u64,
    open: Option<(File, u64)>,
}

#[derive(Serialize)]
struct Line<'d> {
    time: &'d str,
    client: &'d str,
    module: &'d str,
    version: &'d str,
    file: &'d str,
    verdict: &'d str,
    hash: Option<&'d str>,
    record: Option<u64>,
    head: Option<u64>,
    upstream: Option<&'d str>,
    reason: Option<&'d str>,
}

impl AuditLog {
    fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("audit.jsonl"),
            max_bytes: MAX_LOG_BYTES,
            open: None,
        }
    }

    fn write(&mut self, batch: &[Decided]) -> io::Result<()> {
        let mut lines = String::new();
        for decision in batch {
            lines.push_str(&ascii(&serde_json::to_string(&Line::new(decision))?));
            lines.push('\n');
        }
        let (mut file, length) = self.file()?;
        // In one piece: another gate in the same home writes to the same file.
        file.write_all(lines.as_bytes())?;
        file.sync_data()?;
        let length = length.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        self.open = Some((file, length));
        Ok(())
    }

    /// The file to append to, and its length. A file that another process has rotated away is left.
    fn file(&mut self) -> io::Result<(File, u64)> {
        if let Some((file, _)) = self.open.take()
            && let Ok(length) = same_file(&file, &self.path)
            && length < self.max_bytes
        {
            return Ok((file, length));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        if self.is_full() {
            // Another gate in the same home may be about to do the same.
            let lock = File::create(self.path.with_extension("lock"))?;
            lock.lock()?;
            if self.is_full() {
                self.rotate()?;
            }
        }
        let file = File::options().create(true).append(true).open(&self.path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    fn is_full(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() >= self.max_bytes)
    }

    fn rotate(&self) -> io::Result<()> {
        let numbered = |number: u32| PathBuf::from(format!("{}.{number}", self.path.display()));
        for number in (1..KEPT_LOGS).rev() {
            match fs::rename(numbered(number), numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, numbered(1))
    }
}

/// The same JSON for eyes: no byte of it moves a cursor or turns a line around.
fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// The length of a file, if it still has this name.
fn same_file(file: &File, path: &Path) -> io::Result<u64> {
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if (open.dev(), open.ino()) != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
    }
    #[cfg(not(unix))]
    let _ = open;
    Ok(named.len())
}

impl<'d> Line<'d> {
    fn new(decision: &'d Decided) -> Self {
        Self {
            time: &decision.decided_at,
            client: &decision.client,
            module: &decision.module,
            version: &decision.version,
            file: &decision.file,
            verdict: &decision.verdict,
            hash: decision.hash.as_deref(),
            record: decision.record_index,
            head: decision.head_size,
            upstream: decision.upstream.as_deref(),
            reason: decision.reason.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(module: &str) -> Decided {
        Decided {
            decided_at: "2026-01-02T03:04:05Z".to_owned(),
            client: "ci".to_owned(),
            module: module.to_owned(),
            version: "v1.0.0".to_owned(),
            file: "zip".into(),
            verdict: "refused".into(),
            hash: Some("h1:x".to_owned()),
            record_index: Some(7),
            head_size: Some(40),
            upstream: Some("https://proxy.example".to_owned()),
            reason: Some("two\nlines, \u{1b}[31m, \u{202e} and \u{1f600}".to_owned()),
            is_private: false,
        }
    }

    #[test]
    fn a_decision_is_one_line_of_json() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AuditLog::new(folder.path());
        log.write(&[decided("a"), decided("b")]).unwrap();
        let text = fs::read_to_string(&log.path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["module"], "a");
        assert_eq!(line["record"], 7);
        assert_eq!(line["reason"], decided("a").reason.unwrap());
    }

    #[test]
    fn a_log_is_rotated_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AuditLog::new(folder.path());
        log.max_bytes = 1;
        for number in 0..20 {
            log.write(&[decided(&number.to_string())]).unwrap();
        }
        let names = fs::read_dir(folder.path()).unwrap().count();
        let lock = 1;
        assert_eq!(names, usize::try_from(KEPT_LOGS).unwrap() + 1 + lock);
        let newest = fs::read_to_string(&log.path).unwrap();
        assert!(newest.contains("\"module\":\"19\""), "{newest}");
        let before = fs::read_to_string(folder.path().join("audit.jsonl.1")).unwrap();
        assert!(before.contains("\"module\":\"18\""), "{before}");
    }

    #[test]
    fn two_gates_rotate_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut logs = [AuditLog::new(folder.path()), AuditLog::new(folder.path())];
        for log in &mut logs {
            log.max_bytes = 1000;
        }
        thread::scope(|scope| {
            for log in &mut logs {
                scope.spawn(|| {
                    for _ in 0..20 {
                        log.write(&[decided("a")]).unwrap();
                    }
                });
            }
        });
        let lines: usize = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .map(|text| text.lines().count())
            .sum();
        let lost_with_the_oldest = 40 - lines;
        assert!(lost_with_the_oldest <= 20, "{lines}");
    }

    #[test]
    fn a_failure_is_told_when_it_begins_and_when_it_ends() {
        let (told, heard) = std::sync::mpsc::channel();
        let home = tempfile::tempdir().unwrap();
        let home = crate::io::home::Home::open(home.path()).unwrap();
        let mut desk = Desk {
            store: Store::open(&home).unwrap(),
            log: AuditLog::new(home.path()),
            complain: Box::new(move |what| told.send(what.to_owned()).unwrap()),
            is_failing: false,
        };
        let full = || Err("disk full".to_owned());
        for outcome in [Ok(()), full(), full(), Ok(()), Ok(()), full()] {
            desk.tell_change(outcome);
        }
        let told: Vec<String> = heard.try_iter().collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("disk full") && told[1].contains("again"));
    }

    #[test]
    fn a_log_that_somebody_moves_away_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AuditLog::new(folder.path());
        log.write(&[decided("a")]).unwrap();
        fs::rename(&log.path, folder.path().join("elsewhere")).unwrap();
        log.write(&[decided("b")]).unwrap();
        assert!(fs::read_to_string(&log.path).unwrap().contains("\"b\""));
    }
}
