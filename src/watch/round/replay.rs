//! Auditing what is new, and looking at it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Audited, Going};
use crate::audit::{Audit, AuditError, Ended, KnownHash, Options, Source, Sources, Watchlist};
use crate::golang::gosum::{Kind, LineHash};
use crate::golang::module::ModuleVersion;
use crate::io::clock;
use crate::io::store::{AuditKind, AuditState, Rows, Watched, WatchedRecord};
use crate::prover::Outcome;
use crate::sumdb::verdict::Verdict;
use crate::tlog::checkpoint::TreeHead;
use crate::verify::input;
use crate::verify::report::modules_to_prove;
use crate::verify::{Document, Private, Report};
use crate::watch::WatchError;
use crate::watch::plan::{Begin, Depth};

/// An audit that has not come to the head by then goes on in the next round, so that a log that signs heads of
/// any size keeps nobody from looking at the others.
const LONGEST_AUDIT: Duration = Duration::from_secs(3600);

impl Going<'_> {
    /// What is looked for in new records.
    pub(super) fn watchlist(&self, documents: &[Document]) -> Watchlist {
        let mut hashes = Vec::new();
        for document in documents {
            for line in &document.go_sum().lines {
                let LineHash::H1(hash) = &line.hash else {
                    continue;
                };
                let version = match line.kind {
                    Kind::Zip => line.module.version().as_str().to_owned(),
                    Kind::GoMod => format!("{}/go.mod", line.module.version().as_str()),
                };
                let file = (line.module.path().as_str().to_owned(), version);
                let place = format!("{}:{}:{}", document.name(), line.line, line.hash_column);
                let hash = hash.to_string();
                hashes.push((file, KnownHash { hash, place }));
            }
        }
        Watchlist::new(self.plan.modules.clone(), hashes)
    }

    /// The records that contradict a line which still stands in its file, or whose file could not be read. Which
    /// do is noted if every file could be read.
    pub(super) fn contradictions(&self, watchlist: &Watchlist) -> Result<Vec<String>, WatchError> {
        let key = self.plan.key.to_string();
        let store = self.watch.store.borrow();
        let all = store.watched_records(&key, Watched::GoSum, Rows::newest(u32::MAX), |_| true)?;
        let mut standing = Vec::new();
        for known in &all {
            let (record, mut found) = (&known.record, Vec::new());
            let (module, version) = (&record.module, &record.version);
            watchlist.look(
                module,
                version,
                record.record_index,
                &record.text,
                &mut found,
            );
            if found.iter().any(|found| found.why == Watched::GoSum) {
                standing.push(known.id);
            }
        }
        if !self.is_unread && !all.is_empty() {
            store.keep_standing(&key, &standing, &clock::at(self.watch.now()))?;
        }
        let told = all.into_iter().filter(|known| match self.is_unread {
            // What was not read may say what it said before.
            true => known.gone_at.is_none(),
            false => standing.contains(&known.id),
        });
        let told = told.map(|known| {
            let (record, log) = (known.record, self.plan.key.name());
            format!(
                "{}: record {} of {log} says another hash of {} {}",
                record.because, record.record_index, record.module, record.version
            )
        });
        Ok(told.collect())
    }

    /// A file that cannot be read is a fault, and the others count.
    pub(super) fn documents(&mut self) -> Vec<Document> {
        let mut documents = Vec::new();
        for path in &self.plan.go_sums {
            let outside = &self.watch.outside;
            let read = input::read(
                std::slice::from_ref(path),
                &outside.environment,
                &outside.go,
            );
            match read {
                Ok(read) => documents.extend(read),
                Err(error) => {
                    self.is_unread = true;
                    self.fault(error.to_string());
                }
            }
        }
        documents
    }

    pub(super) async fn audit(&mut self, watchlist: &Arc<Watchlist>) -> Result<(), WatchError> {
        if self.plan.depth == Depth::Heads || self.stopping() {
            return Ok(());
        }
        let Some(head) = self.prover.newest_verified_head()? else {
            return Ok(());
        };
        if self.plan.depth == Depth::Records {
            let has_caught_up = self.catch_up(head, watchlist).await?;
            let options = self.options(false, head, Arc::clone(watchlist))?;
            let replayed = self.replay(options, head, head.size()).await?;
            if has_caught_up {
                self.note_watched()?;
            }
            match replayed {
                Some(AuditError::Refused { tile, status }) => self.refused(&tile.path(), status)?,
                Some(error) => {
                    self.fault(error.to_string());
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
        let options = self.options(true, head, Arc::clone(watchlist))?;
        if let Some(error) = self.replay(options, head, head.size()).await? {
            self.fault(error.to_string());
        }
        Ok(())
    }

    /// What another audit of this home has read since the last round, nobody has looked at with the eyes of a
    /// watch: it is read again. `false` if not all of it could be.
    async fn catch_up(
        &mut self,
        head: TreeHead,
        watchlist: &Arc<Watchlist>,
    ) -> Result<bool, WatchError> {
        let key = self.plan.key.to_string();
        let read = self.records_state()?.map(|records| records.size);
        let looked = self.watch.store.borrow().watched_size(&key)?;
        let Some(looked) = looked else {
            // It begins to look where it begins to read.
            let begin = match (read, self.plan.begin) {
                (Some(read), _) => read,
                (None, Begin::Start) => 0,
                (None, Begin::Now) => head.size(),
            };
            self.watch.store.borrow().set_watched_size(&key, begin)?;
            return Ok(true);
        };
        let Some(read) = read.filter(|read| *read > looked && !watchlist.is_empty()) else {
            return Ok(true);
        };
        let options = Options {
            from: Some(looked),
            watchlist: Some(Arc::clone(watchlist)),
            ..Options::default()
        };
        if let Some(error) = self.replay(options, head, read).await? {
            self.fault(error.to_string());
        }
        Ok(self
            .audited
            .is_some_and(|audited| audited.records && audited.to >= read))
    }

    /// Where records were read, they were looked at.
    fn note_watched(&self) -> Result<(), WatchError> {
        let Some(audited) = self.audited.filter(|audited| audited.records) else {
            return Ok(());
        };
        let (key, store) = (self.plan.key.to_string(), self.watch.store.borrow());
        Ok(store.set_watched_size(&key, audited.to)?)
    }

    /// Tiles of records are refused: the hashes are audited in their place. Where records were read before, that
    /// hides what came since.
    fn refused(&mut self, path: &str, status: u16) -> Result<(), WatchError> {
        let what = format!("{path} is refused here ({status})");
        let known = self.records_state()?;
        if known.is_some_and(|known| known.size > known.since) {
            self.fault(format!(
                "{what}, and records were read here before: those that came since are not"
            ));
            return Ok(());
        }
        self.warnings.push(format!(
            "{what}: the hashes are audited, and no record is read"
        ));
        if !self.plan.modules.is_empty() {
            self.faults_beside.push(
                "new versions of modules are not seen where no record is read: goproxy = \"direct\" \
                 in [[watch.log]] asks the log itself"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// How far records were read, from the first one on or from the first head.
    fn records_state(&self) -> Result<Option<AuditState>, WatchError> {
        let (key, store) = (self.plan.key.to_string(), self.prover.store.borrow());
        let whole = store.audit_state(&key, AuditKind::Records)?;
        Ok(match whole {
            Some(whole) => Some(whole),
            None => store.audit_state(&key, AuditKind::RecordsSince)?,
        })
    }

    /// Whoever has audited the log from its beginning goes on with that.
    fn options(
        &self,
        hashes_only: bool,
        head: TreeHead,
        watchlist: Arc<Watchlist>,
    ) -> Result<Options, WatchError> {
        let key = self.plan.key.to_string();
        let kind = if hashes_only {
            AuditKind::Hashes
        } else {
            AuditKind::Records
        };
        let store = self.prover.store.borrow();
        let whole = store.audit_state(&key, kind)?;
        let from_start = self.plan.begin == Begin::Start || whole.is_some();
        drop(store);
        // Hashes begin where records ended, so that nothing between is left out.
        let begin = match hashes_only {
            true => self.records_state()?.map(|records| records.size),
            false => None,
        };
        Ok(Options {
            hashes_only,
            since: (!from_start).then_some(begin.unwrap_or(head.size())),
            watchlist: Some(watchlist),
            ..Options::default()
        })
    }

    /// Replays all up to a size within a head. Gives back what kept it from that.
    #[tracing::instrument(skip_all, fields(hashes_only = options.hashes_only, from, to))]
    async fn replay(
        &mut self,
        options: Options,
        head: TreeHead,
        size: u64,
    ) -> Result<Option<AuditError>, WatchError> {
        let hashes_only = options.hashes_only;
        let sources = Sources {
            first: Source::Log,
            second: None,
        };
        let stop = Arc::new(AtomicBool::new(self.stopping()));
        let audit = Audit::resume(&self.prover, sources, options, head, Arc::clone(&stop)).await;
        let mut audit = match audit {
            Ok(audit) => audit,
            Err(AuditError::Prove(error)) => {
                return self.proven(Err(error)).map(|_: Option<()>| None);
            }
            Err(error) => return Ok(Some(error)),
        };
        let (begin, since) = (audit.begin(), audit.since());
        let mut ended = tokio::select! {
            ended = audit.run(head, size) => ended,
            never = ends(self.stop, &stop) => match never {},
        };
        // Whatever was replayed is compared, also if it is not all.
        let settled = audit.settle(head).await;
        if let (true, Err(error)) = (ended.is_ok(), settled) {
            ended = Err(error);
        }
        let to = audit.size();
        let span = tracing::Span::current();
        span.record("from", begin).record("to", to);
        let found = audit.into_found();
        if matches!(ended, Ok(Ended::Stopped)) && !self.stopping() {
            self.fault(format!(
                "of {size} records {to} are replayed: the next round goes on"
            ));
        }
        let replayed_nothing = matches!(ended, Err(AuditError::Refused { .. })) && to == begin;
        if !replayed_nothing {
            self.audited = Some(Audited {
                records: !hashes_only,
                from: begin,
                to,
                since,
            });
        }
        for contradiction in found.contradictions {
            self.misbehaved = true;
            let file = contradiction.duplicate.file();
            let what = format!(
                "{} has two records of {} {} with different hashes",
                self.plan.key.name(),
                file.path,
                file.version
            );
            match contradiction.evidence {
                Ok(path) => {
                    self.fault(format!(
                        "{what}; the evidence is kept in {}",
                        path.display()
                    ));
                }
                Err(error) => {
                    self.fault(format!("{what}; {error}"));
                    self.unwritten.push(error.text);
                }
            }
        }
        for false_tile in &found.false_tiles {
            self.fault(format!(
                "{false_tile}: the server's fault, and not the log's"
            ));
        }
        if found.untold_alike > 0 {
            let count = found.untold_alike;
            self.fault(format!(
                "{count} records are like others in the log, and too many to be compared"
            ));
        }
        match ended {
            Ok(Ended::Whole | Ended::Stopped) => Ok(None),
            Err(AuditError::Prove(error)) => self.proven(Err(error)).map(|_: Option<()>| None),
            Err(error) => Ok(Some(error)),
        }
    }

    /// Lines of a go.sum are of records that were read long ago, or never: each is looked up. What is proven once
    /// costs nothing more.
    #[tracing::instrument(skip_all)]
    pub(super) async fn look_up_go_sums(
        &mut self,
        documents: &[Document],
    ) -> Result<(), WatchError> {
        let private = Private::new(self.plan.private.clone(), Vec::new());
        let modules = modules_to_prove(documents, &private);
        self.prover.refresh = false;
        let proven = self.unless_stopped(self.prover.prove(&modules)).await;
        self.prover.refresh = true;
        let Some(proven) = proven else {
            return Ok(());
        };
        let Some(proofs) = self.proven(proven)? else {
            return Ok(());
        };
        let texts = proofs
            .outcomes
            .iter()
            .filter_map(|(module, outcome)| match outcome {
                Outcome::Proven(record) => {
                    Some((module.clone(), record.text().as_str().to_owned()))
                }
                _ => None,
            });
        let texts: BTreeMap<ModuleVersion, String> = texts.collect();
        let report = Report::new(documents, &private, proofs);
        let (mut conflicts, mut absent) = (Vec::new(), Vec::new());
        let (mut unavailable, mut strange) = (Vec::new(), Vec::new());
        for result in &report.results {
            let document = documents.get(result.document).map_or("", Document::name);
            let place = format!("{document}:{}:{}", result.line, result.column);
            let Some(module) = &result.module else {
                strange.push(place);
                continue;
            };
            match (result.verdict, result.record) {
                (Verdict::Mismatch, Some(record_index)) => conflicts.push(WatchedRecord {
                    record_index,
                    module: module.path().as_str().to_owned(),
                    version: module.version().as_str().to_owned(),
                    why: Watched::GoSum,
                    because: place,
                    text: texts.get(module).cloned().unwrap_or_default(),
                }),
                (Verdict::Absent, _) => absent.push(place),
                (Verdict::Unavailable, _) => {
                    let note = result.note.clone().unwrap_or_default();
                    unavailable.push(format!("{place}: {module} could not be proven: {note}"));
                }
                (Verdict::Malformed | Verdict::UnsupportedHash, _) => strange.push(place),
                _ => {}
            }
        }
        // Of those that could not be proven nobody knows whether the log has them.
        if unavailable.is_empty() && !self.is_unread {
            self.absent = Some(absent);
        }
        unavailable.into_iter().for_each(|fault| self.fault(fault));
        if let Some(first) = strange.first() {
            let count = strange.len();
            let what = if count == 1 { "line" } else { "lines" };
            self.faults_beside.push(format!(
                "{count} {what} of go.sum files cannot be compared, since they are malformed or of another kind of hash: {first}"
            ));
        }
        let (name, key) = (self.plan.key.name(), self.plan.key.to_string());
        let store = self.prover.store.borrow();
        store.keep_watched(name, &key, &conflicts)?;
        Ok(())
    }
}

/// How long it may take to end an audit, beside what that takes itself.
const ENDS_WITHIN: Duration = Duration::from_millis(20);

/// Ends an audit when the round is to end, or when it has gone on for so long that other logs and places wait.
async fn ends(asked: &AtomicBool, audit: &AtomicBool) -> Infallible {
    let begun = Instant::now();
    loop {
        if asked.load(Ordering::Relaxed) || begun.elapsed() > LONGEST_AUDIT {
            audit.store(true, Ordering::Relaxed);
        }
        sleep(ENDS_WITHIN).await;
    }
}
