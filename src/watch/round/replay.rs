//! Auditing what is new, and looking at it.

use std::sync::Arc;

use super::{Audited, Going};
use crate::audit::{Audit, AuditError, Ended, KnownHash, Options, Source, Sources, Watchlist};
use crate::golang::gosum::{Kind, LineHash};
use crate::golang::module::ModuleVersion;
use crate::io::clock;
use crate::io::store::{AuditKind, Rows, Watched, WatchedRecord};
use crate::sumdb::verdict::Verdict;
use crate::tlog::checkpoint::TreeHead;
use crate::verify::input;
use crate::verify::report::modules_to_prove;
use crate::verify::{Document, LineResult, Private, Report};
use crate::watch::WatchError;
use crate::watch::plan::{Begin, Depth};

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

    /// Whether a record is known that contradicts a line which still stands in its file. Which do is noted
    /// if every file could be read.
    pub(super) fn has_conflict(&self, watchlist: &Watchlist) -> Result<bool, WatchError> {
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
        // What was not read may say what it said before.
        Ok(store.has_standing_conflict(&key)?)
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
            let options = self.options(false, head, Arc::clone(watchlist))?;
            match self.replay(options, head).await? {
                Some(AuditError::Refused { tile, status }) => self.warnings.push(format!(
                    "{} is refused here ({status}): the hashes are audited, and no record is read",
                    tile.path()
                )),
                Some(error) => {
                    self.fault(error.to_string());
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
        if !self.plan.modules.is_empty() {
            self.warnings.push(
                "new versions of modules are not seen where no record is read: goproxy = \"direct\" \
                 in [[watch.log]] asks the log itself"
                    .to_owned(),
            );
        }
        let options = self.options(true, head, Arc::clone(watchlist))?;
        if let Some(error) = self.replay(options, head).await? {
            self.fault(error.to_string());
        }
        Ok(())
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
        Ok(Options {
            hashes_only,
            since: (!from_start).then_some(head.size()),
            watchlist: Some(watchlist),
            ..Options::default()
        })
    }

    /// Replays all up to a head. Gives back what kept it from that.
    #[tracing::instrument(skip_all, fields(hashes_only = options.hashes_only, from, to))]
    async fn replay(
        &mut self,
        options: Options,
        head: TreeHead,
    ) -> Result<Option<AuditError>, WatchError> {
        let hashes_only = options.hashes_only;
        let sources = Sources {
            first: Source::Log,
            second: None,
        };
        let stop = Arc::clone(self.stop);
        let audit = Audit::resume(&self.prover, sources, options, head, stop).await;
        let mut audit = match audit {
            Ok(audit) => audit,
            Err(AuditError::Prove(error)) => {
                return self.proven(Err(error)).map(|_: Option<()>| None);
            }
            Err(error) => return Ok(Some(error)),
        };
        let (begin, since) = (audit.begin(), audit.since());
        let mut ended = audit.run(head, head.size()).await;
        // Whatever was replayed is compared, also if it is not all.
        let settled = audit.settle(head).await;
        if let (true, Err(error)) = (ended.is_ok(), settled) {
            ended = Err(error);
        }
        let to = audit.size();
        let span = tracing::Span::current();
        span.record("from", begin).record("to", to);
        let found = audit.into_found();
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

    /// Where not every record is read, lines of a go.sum are looked up: what is proven once costs nothing more.
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
        let report = Report::new(documents, &private, proofs);
        let mut conflicts = Vec::new();
        for result in &report.results {
            let Some(module) = &result.module else {
                continue;
            };
            let document = documents.get(result.document).map_or("", Document::name);
            let place = format!("{document}:{}:{}", result.line, result.column);
            match (result.verdict, result.record) {
                (Verdict::Mismatch, Some(record_index)) => conflicts.push(WatchedRecord {
                    record_index,
                    module: module.path().as_str().to_owned(),
                    version: module.version().as_str().to_owned(),
                    why: Watched::GoSum,
                    because: place,
                    text: line_of_the_log(module, result),
                }),
                (Verdict::Unavailable, _) => {
                    let note = result.note.clone().unwrap_or_default();
                    self.fault(format!("{place}: {module} could not be proven: {note}"));
                }
                _ => {}
            }
        }
        let (name, key) = (self.plan.key.name(), self.plan.key.to_string());
        let store = self.prover.store.borrow();
        store.keep_watched(name, &key, &conflicts)?;
        Ok(())
    }
}

/// The line that the log has in place of that of a go.sum.
fn line_of_the_log(module: &ModuleVersion, result: &LineResult) -> String {
    let suffix = match result.kind {
        Some(Kind::GoMod) => "/go.mod",
        _ => "",
    };
    let (path, version) = (module.path().as_str(), module.version().as_str());
    match &result.expected {
        Some(hash) => format!("{path} {version}{suffix} {hash}\n"),
        None => String::new(),
    }
}
