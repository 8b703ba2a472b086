//! One run: what the disk can prove, what the network can, and what is drawn from it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::keep::Kept;
use super::tiles::TileSet;
use super::{Fault, HEIGHT, Outcome, Proofs, ProveError, Prover};
use crate::golang::module::ModuleVersion;
use crate::io::database::Database;
use crate::io::go_cache::GoCache;
use crate::io::http::Answer;
use crate::sumdb::fork::Fork;
use crate::sumdb::session::{Conclusion, Plan, Session, Unproven};
use crate::sumdb::timeline::{OrderError, Timeline};
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::tile_auth::AuthenticTiles;

/// Another process can move the head between our start and our commit; each time we prove both
/// consistent and try again. So many processes in a row do not commit within one run.
const MAX_COMMIT_ATTEMPTS: usize = 20;

/// Whether a conclusion that leaves something unproven is worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Always,
    /// The network is asked next, and then all is kept at once.
    IfComplete,
}

/// Replies that the go command has kept: as untrusted as the network.
pub(super) type CachedReplies<'a> = BTreeMap<&'a ModuleVersion, Vec<u8>>;

/// What became of the go command's replies.
#[derive(Debug, Default)]
struct Adopted<'a> {
    taken: Vec<&'a ModuleVersion>,
    refused: Vec<&'a ModuleVersion>,
}

/// One run, while it lasts.
pub(super) struct Run<'a> {
    pub(super) prover: &'a Prover,
    pub(super) session: Session,
    pub(super) tiles: TileSet,
    pub(super) proofs: Proofs,
    database: Option<Database<'a>>,
    /// Who shows the heads, if it is not the database.
    shown_by: Option<String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(prover: &'a Prover, timeline: Timeline, proofs: Proofs) -> Self {
        Self {
            prover,
            session: Session::new(timeline, HEIGHT),
            tiles: TileSet::new(prover),
            proofs,
            database: None,
            shown_by: None,
        }
    }

    pub(super) fn end(self) -> Proofs {
        self.proofs
    }

    /// What the go command has, in a session of its own; a damaged or hostile file is as good as
    /// none.
    pub(super) fn read_go_cache<'m>(&mut self, unknown: &[&'m ModuleVersion]) -> CachedReplies<'m> {
        let Some(cache) = &self.prover.go_cache else {
            return BTreeMap::new();
        };
        unknown
            .iter()
            .filter_map(|&module| Some((module, cache.lookup(module)?)))
            .filter(|(module, reply)| self.session.see_lookup(module, reply).is_ok())
            .collect()
    }

    /// Proves what the disk alone can prove; `true` if no claim was left unproven.
    pub(super) async fn prove_from_disk(&mut self) -> Result<bool, ProveError> {
        let latest = self.prover.go_cache.as_ref().and_then(GoCache::latest);
        if let Some(latest) = latest {
            // A head that does not open is as good as none.
            let _ = self.session.see_head(&latest);
        }
        let verified = self.newest_verified()?;
        // The newest head whose right edge is on this disk; without it nothing can be proven.
        let Some(size) = self
            .session
            .seen_sizes()
            .into_iter()
            .filter(|size| *size > verified)
            .find(|size| self.tiles.has_right_edge(HEIGHT, *size))
            .or((verified > 0).then_some(verified))
        else {
            return Ok(false);
        };
        let ignored = self.session.ignore_heads_above(size);
        if ignored && self.prover.offline {
            self.proofs.warnings.push(format!(
                "the go command's cache has a newer tree head than that of {size} records, and not \
                 the tiles that would prove it: run without --offline"
            ));
        }
        let keep = if self.prover.offline {
            Keep::Always
        } else {
            Keep::IfComplete
        };
        let Some(conclusion) = self.conclude(keep).await? else {
            return Ok(false);
        };
        let complete = conclusion.head.is_some() && conclusion.is_complete();
        if complete || self.prover.offline {
            self.accept(conclusion);
        }
        Ok(complete)
    }

    pub(super) async fn prove_from_network(
        &mut self,
        unknown: &[&ModuleVersion],
        cached: CachedReplies<'_>,
    ) -> Result<(), ProveError> {
        let database = match self.prover.database().await {
            Ok(database) => database,
            Err(error) => {
                self.proofs.fail_rest(unknown, &error.to_string());
                self.proofs.faults.push(Fault::new(error.to_string()));
                return Ok(());
            }
        };
        self.proofs.source = Some(database.source());
        self.database = Some(database);

        // Nothing of the disk's session is left: its heads may be newer than what is served here.
        self.session = Session::new(self.prover.timeline()?, HEIGHT);
        let missing: Vec<&ModuleVersion> = unknown
            .iter()
            .copied()
            .filter(|module| !cached.contains_key(module))
            .collect();
        let with_latest = self.prover.latest_with_lookups || missing.is_empty();
        self.look_up(&missing, with_latest).await;
        self.doubt_absences(&missing).await;
        let mut adopted = self.adopt(cached)?;
        self.look_up(&adopted.refused, false).await;
        let mut conclusion = self.conclude(Keep::Always).await?;

        // What the go command's files claimed and nobody could prove, the log is asked for.
        let unproven = conclusion
            .iter()
            .flat_map(|conclusion| conclusion.unproven.keys());
        let unproven: BTreeSet<ModuleVersion> = unproven.cloned().collect();
        adopted.taken.retain(|module| unproven.contains(*module));
        if !adopted.taken.is_empty() {
            for module in &adopted.taken {
                self.session.forget(module);
            }
            self.look_up(&adopted.taken, false).await;
            conclusion = self.conclude(Keep::Always).await?;
        }
        if let Some(conclusion) = conclusion {
            self.accept(conclusion);
        }
        self.proofs
            .fail_rest(unknown, "no tree head was there to prove it under");
        Ok(())
    }

    /// Ties these heads, and the log's newest one, into the timeline.
    pub(super) async fn adopt_heads(&mut self, notes: &[&[u8]]) -> Result<(), ProveError> {
        match self.prover.database().await {
            Ok(database) => {
                self.proofs.source = Some(database.source());
                self.database = Some(database);
            }
            Err(error) => {
                self.proofs.faults.push(Fault::new(error.to_string()));
                return Ok(());
            }
        }
        self.look_up(&[], true).await;
        let seen = self.session.seen_sizes().first().copied().unwrap_or(0);
        let newest = seen.max(self.newest_verified()?);
        // A session beside the run's own, in which a head can be looked at and left.
        let mut aside = Session::new(Timeline::empty(self.prover.key.clone()), HEIGHT);
        for note in notes {
            let fault = match aside.see_head(note) {
                Ok(head) if head.size() <= newest => {
                    // As above.
                    let _ = self.session.see_head(note);
                    continue;
                }
                Ok(head) => format!(
                    "a tree head of {} records is newer than those that the server knows",
                    head.size()
                ),
                Err(error) => format!("a tree head is not valid: {error}"),
            };
            self.proofs.faults.push(Fault::new(fault));
        }
        if let Some(conclusion) = self.conclude(Keep::Always).await? {
            self.accept(conclusion);
        }
        Ok(())
    }

    /// Ties heads that somebody shows into the timeline, out of tiles of the database.
    pub(super) async fn tie_heads(
        &mut self,
        notes: &[&[u8]],
        shown_by: &str,
    ) -> Result<(), ProveError> {
        self.shown_by = Some(shown_by.to_owned());
        for note in notes {
            if let Err(error) = self.session.see_head(note) {
                let fault = format!("a tree head is not valid: {error}");
                self.proofs.faults.push(Fault::new(fault));
            }
        }
        // Two heads of one size convict the log without a tile.
        if let Err(OrderError::Fork(fork)) = self.session.plan() {
            return Err(self.prover.misbehaved(*fork, shown_by));
        }
        match self.prover.database().await {
            Ok(database) => self.database = Some(database),
            Err(error) => {
                self.proofs.faults.push(Fault::new(error.to_string()));
                return Ok(());
            }
        }
        if let Some(conclusion) = self.conclude(Keep::Always).await? {
            self.accept(conclusion);
        }
        Ok(())
    }

    /// Takes the go command's replies into the session, but for those whose heads are newer than
    /// what this server knows: a mirror that is behind cannot prove those, and does no wrong.
    fn adopt<'m>(&mut self, cached: CachedReplies<'m>) -> Result<Adopted<'m>, ProveError> {
        let seen = self.session.seen_sizes().first().copied().unwrap_or(0);
        let newest = seen.max(self.newest_verified()?);
        let mut adopted = Adopted::default();
        // A session beside the run's own, in which a head can be looked at and left.
        let mut aside = Session::new(Timeline::empty(self.prover.key.clone()), HEIGHT);
        for (module, reply) in cached {
            let is_known_here = aside
                .see_lookup(module, &reply)
                .is_ok_and(|head| head.size() <= newest);
            if is_known_here && self.session.see_lookup(module, &reply).is_ok() {
                adopted.taken.push(module);
            } else {
                adopted.refused.push(module);
            }
        }
        Ok(adopted)
    }

    /// A proxy that serves the database no longer has no record of anything. So where the way to it was
    /// remembered, an absence counts only after it was found again.
    async fn doubt_absences(&mut self, modules: &[&ModuleVersion]) {
        let Some(remembered) = self.database.take_if(|known| known.is_remembered()) else {
            return;
        };
        let is_absent = |module: &&&ModuleVersion| {
            matches!(
                self.proofs.outcomes.get(**module),
                Some(Outcome::Absent { .. })
            )
        };
        let absent: Vec<&ModuleVersion> = modules.iter().filter(is_absent).copied().collect();
        if absent.is_empty() {
            self.database = Some(remembered);
            return;
        }
        self.prover.route.forget();
        match self.prover.database().await {
            Ok(found) if found.source() == remembered.source() => self.database = Some(found),
            Ok(found) => {
                self.proofs.source = Some(found.source());
                self.database = Some(found);
                for module in &absent {
                    self.proofs.outcomes.remove(*module);
                }
                self.look_up(&absent, true).await;
            }
            Err(error) => {
                for module in absent {
                    let outcome = Outcome::Unavailable(error.to_string());
                    self.proofs.outcomes.insert(module.clone(), outcome);
                }
                self.database = Some(remembered);
            }
        }
    }

    fn newest_verified(&self) -> Result<u64, ProveError> {
        let newest = self.session.newest_verified();
        newest.map_err(|cause| self.prover.damaged(cause))
    }

    /// The first round of requests: `/latest` and the lookups, all at once.
    async fn look_up(&mut self, modules: &[&ModuleVersion], with_latest: bool) {
        let Some(database) = &self.database else {
            return;
        };
        let progress = &self.prover.progress;
        progress.expect_lookups(modules.len());
        let latest = async {
            if with_latest {
                Some(database.latest().await)
            } else {
                None
            }
        };
        let lookups = async {
            let mut pending: FuturesUnordered<_> = modules
                .iter()
                .map(|module| async move { (*module, database.lookup(module).await) })
                .collect();
            let mut answers = Vec::with_capacity(modules.len());
            while let Some(answer) = pending.next().await {
                progress.lookup_done();
                answers.push(answer);
            }
            answers
        };
        let (latest, answers) = futures_util::future::join(latest, lookups).await;

        match latest {
            None => {}
            Some(Ok(Answer::Found(note))) => match self.session.see_head(&note) {
                Ok(head) => self.proofs.latest = Some((head, note.to_vec())),
                Err(error) => self.proofs.faults.push(Fault::new(format!(
                    "the log's newest tree head (/latest) is not valid: {error}"
                ))),
            },
            Some(Ok(Answer::Absent { status, .. })) => {
                self.proofs.faults.push(Fault::new(format!(
                    "the log's newest tree head (/latest) is not there: the server answered {status}"
                )));
            }
            Some(Err(error)) => self.proofs.faults.push(Fault::new(format!(
                "the log's newest tree head (/latest) could not be read: {error}"
            ))),
        }
        for (module, answer) in answers {
            let outcome = match answer {
                Ok(Answer::Found(reply)) => match self.session.see_lookup(module, &reply) {
                    Ok(_) => continue,
                    Err(error) => Outcome::Unavailable(error.to_string()),
                },
                Ok(Answer::Absent { status, message }) => Outcome::Absent { status, message },
                Err(error) => Outcome::Unavailable(error.to_string()),
            };
            self.proofs.outcomes.insert(module.clone(), outcome);
        }
    }

    /// Steps 4 to 6: orders the heads, fetches and authenticates the tiles of one plan, concludes
    /// and commits. `None` if there is no head to prove anything under.
    async fn conclude(&mut self, keep: Keep) -> Result<Option<Conclusion>, ProveError> {
        for _ in 0..MAX_COMMIT_ATTEMPTS {
            // 4. The newest head is the working head; heads of one size must agree.
            let plan = match self.session.plan() {
                Ok(plan) => plan,
                Err(OrderError::Fork(fork)) => return Err(self.misbehaved(*fork)),
                Err(OrderError::Damaged(error)) => return Err(self.prover.damaged(error)),
            };
            let Some(plan) = plan else {
                return self.settled();
            };
            // 5. One plan of tiles for all records and heads, one round of requests.
            let tiles = self.authenticate(&plan).await;
            let conclusion = match self.session.conclude(plan, &tiles) {
                Ok(conclusion) => conclusion,
                Err(fork) => return Err(self.misbehaved(*fork)),
            };
            if keep == Keep::IfComplete && !conclusion.is_complete() {
                return Ok(Some(conclusion));
            }
            // 6. Records and heads in one transaction, the head last.
            match self.keep(&conclusion, &tiles)? {
                Kept::Done => return Ok(Some(conclusion)),
                Kept::HeadMoved => self.session.rebase(self.prover.timeline()?),
            }
        }
        Err(ProveError::TooManyWriters)
    }

    fn misbehaved(&self, fork: Fork) -> ProveError {
        self.prover.misbehaved(fork, &self.source())
    }

    /// Where this run's answers come from.
    pub(super) fn source(&self) -> String {
        match (&self.shown_by, &self.database) {
            (Some(source), _) => source.clone(),
            (None, Some(database)) => database.source(),
            (None, None) => "the go command's cache".to_owned(),
        }
    }

    /// Nothing to prove: the verified head is the newest.
    fn settled(&self) -> Result<Option<Conclusion>, ProveError> {
        let newest = self.session.timeline().newest();
        let head = newest.map_err(|cause| self.prover.damaged(cause))?;
        Ok(head.map(|head| Conclusion {
            head: Some(head),
            older_heads: Vec::new(),
            untied_heads: Vec::new(),
            records: BTreeMap::new(),
            unproven: BTreeMap::new(),
        }))
    }

    async fn authenticate(&mut self, plan: &Plan) -> AuthenticTiles {
        let database = self.database.as_ref();
        let (authentic, faults) = self
            .tiles
            .authenticate(plan.tiles(), plan.head(), database, &self.prover.progress)
            .await;
        self.proofs.tile_faults = faults;
        authentic
    }

    fn accept(&mut self, conclusion: Conclusion) {
        for (module, record) in conclusion.records {
            self.proofs
                .outcomes
                .insert(module, Outcome::Proven(Box::new(record)));
        }
        for (module, unproven) in conclusion.unproven {
            let reason = self.explain(unproven);
            self.proofs
                .outcomes
                .insert(module, Outcome::Unavailable(reason));
        }
        let unproven_heads = match conclusion.head {
            None => vec!["the log's newest tree head could not be proven".to_owned()],
            Some(_) => (conclusion.untied_heads.iter().map(TreeHead::size))
                .map(|size| {
                    format!("a signed tree head of {size} records could not be tied to the newest")
                })
                .collect(),
        };
        for what in unproven_heads {
            let reason = self
                .explain_tiles()
                .unwrap_or_else(|| "its tiles are missing".to_owned());
            let fault = Fault::new(format!("{what}: {reason}"));
            self.proofs.faults.push(fault);
        }
        self.proofs.head = conclusion.head.or(self.proofs.head.take());
    }

    /// What is wrong with the tiles says more than that they are missing.
    fn explain(&self, unproven: Unproven) -> String {
        let reason = unproven.to_string();
        match unproven {
            Unproven::NoTiles { .. } | Unproven::HeadNotTied { .. } => match self.explain_tiles() {
                Some(cause) => format!("{reason} ({cause})"),
                None => reason,
            },
            _ => reason,
        }
    }

    fn explain_tiles(&self) -> Option<String> {
        self.proofs.tile_faults.first().cloned()
    }

    pub(super) fn end_offline(mut self, unknown: &[&ModuleVersion]) -> Proofs {
        self.proofs.fail_rest(
            unknown,
            "not on this disk, and --offline forbids to ask the log",
        );
        if self.prover.refresh {
            self.proofs.faults.push(Fault::new(
                "--refresh needs the network, which --offline forbids".to_owned(),
            ));
        }
        self.proofs
    }
}
