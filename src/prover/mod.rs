//! The one way from module versions to authentic records: state, caches and network around the
//! pure [`Session`].
//!
//! A run under one head takes seven steps; the comments below number them. It costs one `/latest`
//! (after one `/supported` for each proxy tried), one lookup for each unknown module version and
//! one request for each distinct missing tile, in two dependent rounds; a run in which everything
//! is known costs nothing.

mod evidence;
mod keep;
mod outcome;
mod progress;
mod tiles;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

pub use self::evidence::EvidenceError;
use self::keep::Kept;
pub use self::outcome::{Fault, Outcome, Proofs, ProveError};
pub use self::progress::Progress;
use self::tiles::TileSet;
use crate::golang::module::ModuleVersion;
use crate::io::database::{Database, DatabaseAddress};
use crate::io::go_cache::GoCache;
use crate::io::home::Home;
use crate::io::http::{Answer, HttpClient};
use crate::io::store::Store;
use crate::sumdb::fork::Fork;
use crate::sumdb::session::{Conclusion, Plan, Session, Unproven};
use crate::sumdb::timeline::OrderError;
use crate::tlog::note::VerifierKey;
use crate::tlog::tile::TileHeight;
use crate::tlog::tile_auth::AuthenticTiles;

/// Everything that proving needs of the outside.
#[derive(Debug)]
pub struct Prover {
    /// The log's key.
    pub key: VerifierKey,
    /// Where the log is.
    pub address: DatabaseAddress,
    /// The HTTP client.
    pub http: HttpClient,
    /// The folder of all state.
    pub home: Home,
    /// The database in it.
    pub store: RefCell<Store>,
    /// The go command's own files.
    pub go_cache: Option<GoCache>,
    /// Never send a packet.
    pub offline: bool,
    /// Ask for the newest head even if everything is known.
    pub refresh: bool,
    /// Counts for whoever shows them.
    pub progress: Arc<Progress>,
}

/// The checksum database's tiles have this height, and no other is served.
const HEIGHT: TileHeight = TileHeight::EIGHT;

/// Another process can move the head between our start and our commit; each time we prove both
/// consistent and try again. So many processes in a row do not commit within one run.
const MAX_COMMIT_ATTEMPTS: usize = 20;

impl Prover {
    /// Proves each module version, under one head, or says why not.
    ///
    /// # Errors
    /// [`ProveError`] if the log misbehaved or the state cannot be used; all that is merely
    /// unavailable stands in the [`Proofs`].
    pub async fn prove(&self, modules: &BTreeSet<ModuleVersion>) -> Result<Proofs, ProveError> {
        // 3. What is already proven, then what the go command has, then the network.
        let mut proofs = Proofs::default();
        let timeline = self.restore(modules, &mut proofs)?;
        let unknown: Vec<&ModuleVersion> = modules
            .iter()
            .filter(|module| !proofs.outcomes.contains_key(*module))
            .collect();
        if unknown.is_empty() && !self.refresh {
            return Ok(proofs);
        }

        let mut run = Run {
            prover: self,
            session: Session::new(timeline, HEIGHT),
            database: None,
            tiles: TileSet::new(self),
            from_go_cache: BTreeSet::new(),
            proofs,
        };
        run.take_from_go_cache(&unknown);
        if !self.refresh || self.offline {
            let all_on_disk = run.from_go_cache.len() == unknown.len();
            if (self.offline || all_on_disk) && run.prove_from_disk().await? {
                return Ok(run.proofs);
            }
        }
        if self.offline {
            return Ok(run.give_up_offline(&unknown));
        }
        run.prove_from_network(&unknown).await?;
        Ok(run.proofs)
    }
}

/// Whether a conclusion that leaves something unproven is worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Always,
    /// The network is asked next, and then all is kept at once.
    IfComplete,
}

/// One run, while it lasts.
struct Run<'a> {
    prover: &'a Prover,
    session: Session,
    database: Option<Database<'a>>,
    tiles: TileSet,
    from_go_cache: BTreeSet<ModuleVersion>,
    proofs: Proofs,
}

impl<'a> Run<'a> {
    fn take_from_go_cache(&mut self, unknown: &[&ModuleVersion]) {
        let Some(cache) = &self.prover.go_cache else {
            return;
        };
        for &module in unknown {
            let reply = cache.lookup(module);
            // A damaged or hostile file is as good as none.
            if reply.is_some_and(|reply| self.session.see_lookup(module, &reply).is_ok()) {
                self.from_go_cache.insert(module.clone());
            }
        }
        if let Some(latest) = cache.latest() {
            let _ = self.session.see_head(&latest);
        }
    }

    /// Proves what the disk alone can prove; `true` if that was everything.
    async fn prove_from_disk(&mut self) -> Result<bool, ProveError> {
        let mut disk = self.session.clone();
        let verified = disk
            .timeline()
            .newest()?
            .map_or(0, |head| head.tree_head().size());
        // The newest head whose right edge is on this disk; without it nothing can be proven.
        let Some(size) = disk
            .seen_sizes()
            .into_iter()
            .filter(|size| *size > verified)
            .find(|size| self.tiles.has_right_edge(HEIGHT, *size))
            .or((verified > 0).then_some(verified))
        else {
            return Ok(false);
        };
        disk.ignore_heads_above(size);
        std::mem::swap(&mut self.session, &mut disk);
        let keep = if self.prover.offline {
            Keep::Always
        } else {
            Keep::IfComplete
        };
        let conclusion = self.conclude(keep).await;
        std::mem::swap(&mut self.session, &mut disk);
        let Some(conclusion) = conclusion? else {
            return Ok(false);
        };
        let complete = conclusion.head.is_some() && conclusion.unproven.is_empty();
        if complete || self.prover.offline {
            self.accept(conclusion);
        }
        Ok(complete)
    }

    async fn prove_from_network(&mut self, unknown: &[&ModuleVersion]) -> Result<(), ProveError> {
        let database = match Database::connect(&self.prover.address, &self.prover.http).await {
            Ok(database) => database,
            Err(error) => {
                self.proofs.fail_rest(unknown, &error.to_string());
                self.proofs.faults.push(Fault::new(error.to_string()));
                return Ok(());
            }
        };
        self.proofs.source = Some(database.source());
        self.database = Some(database);

        let missing: Vec<&ModuleVersion> = unknown
            .iter()
            .copied()
            .filter(|module| !self.from_go_cache.contains(*module))
            .collect();
        self.look_up(&missing, true).await;
        let mut conclusion = self.conclude(Keep::Always).await?;

        // What the go command's files claimed and nobody could prove, the log is asked for.
        let doubtful: Vec<ModuleVersion> = conclusion
            .iter()
            .flat_map(|conclusion| conclusion.unproven.keys())
            .filter(|module| self.from_go_cache.contains(*module))
            .cloned()
            .collect();
        if !doubtful.is_empty() {
            for module in &doubtful {
                self.session.forget(module);
                self.from_go_cache.remove(module);
            }
            self.look_up(&doubtful.iter().collect::<Vec<_>>(), false)
                .await;
            conclusion = self.conclude(Keep::Always).await?;
        }
        if let Some(conclusion) = conclusion {
            self.accept(conclusion);
        }
        self.proofs
            .fail_rest(unknown, "no tree head was there to prove it under");
        Ok(())
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
            Some(Ok(Answer::Found(note))) => {
                if let Err(error) = self.session.see_head(&note) {
                    self.proofs.faults.push(Fault::new(format!(
                        "the log's newest tree head (/latest) is not valid: {error}"
                    )));
                }
            }
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
                    Ok(()) => continue,
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
                Err(OrderError::Damaged(error)) => return Err(error.into()),
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
            if keep == Keep::IfComplete && !conclusion.unproven.is_empty() {
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
    fn source(&self) -> String {
        match &self.database {
            Some(database) => database.source(),
            None => "the go command's cache".to_owned(),
        }
    }

    /// Nothing to prove: the verified head is the newest.
    fn settled(&self) -> Result<Option<Conclusion>, ProveError> {
        let head = self.session.timeline().newest()?;
        Ok(head.map(|head| Conclusion {
            head: Some(head),
            older_heads: Vec::new(),
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
        if conclusion.head.is_none() {
            let reason = self
                .explain_tiles()
                .unwrap_or_else(|| "its tiles are missing".to_owned());
            self.proofs.faults.push(Fault::new(format!(
                "the log's newest tree head could not be proven: {reason}"
            )));
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

    fn give_up_offline(mut self, unknown: &[&ModuleVersion]) -> Proofs {
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
