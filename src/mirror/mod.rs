//! A mirror as a checksum database of its own: what it has is answered from the disk, and what it has
//! not, if that is wanted, is asked of the log, proven, and kept.

pub mod export;
mod site;
pub mod sparse;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

pub use self::site::MirrorSite;
use crate::golang::module::ModuleVersion;
use crate::prover::mirror::Mirror;
use crate::prover::{Outcome, ProveError, Prover, TileOutcome};
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::tile::Tile;

/// Somebody else may have brought the mirror up to a newer head.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Questions that wait for the log; whoever comes then waits to ask.
const WAITING_QUESTIONS: usize = 1024;

/// What is in the mirror, for all who read it.
type Shared = Arc<RwLock<Option<Arc<Mirror>>>>;

/// What the log is asked.
#[derive(Debug)]
enum Question {
    Lookup(
        ModuleVersion,
        oneshot::Sender<Answer<Option<Box<AuthenticRecord>>>>,
    ),
    Tile(Tile, oneshot::Sender<Answer<Option<Vec<u8>>>>),
    Latest(oneshot::Sender<Answer<Box<ConsistentHead>>>),
}

/// What is proven, or why it could not be.
type Answer<T> = Result<T, String>;

/// The part that knows the log; it stays on one thread.
#[derive(Debug)]
pub struct Keeper<'p> {
    prover: &'p Prover,
    mirror: Shared,
    questions: mpsc::Receiver<Question>,
}

/// Makes a site of a mirror, and what keeps it up to date. What the mirror does not have is asked of
/// the log if `asks` is set.
///
/// # Errors
/// [`ProveError`]
pub fn open(
    prover: &Prover,
    private: crate::golang::pattern::PatternList,
    asks: bool,
) -> Result<(MirrorSite, Keeper<'_>), ProveError> {
    let (sender, questions) = mpsc::channel(WAITING_QUESTIONS);
    let mirror = Shared::default();
    let keeper = Keeper {
        prover,
        mirror: Arc::clone(&mirror),
        questions,
    };
    keeper.look()?;
    let site = MirrorSite::new(
        prover.key.name(),
        prover.mirror_folder(),
        mirror,
        private,
        asks.then_some(sender),
    );
    Ok((site, keeper))
}

impl Keeper<'_> {
    /// Whether all records up to some head are in it.
    #[must_use]
    pub fn has_records(&self) -> bool {
        let mirror = self.mirror.read().unwrap_or_else(PoisonError::into_inner);
        mirror.is_some()
    }

    /// Answers questions and takes up newer heads; never ends by itself.
    pub async fn run(mut self, complain: impl Fn(&str)) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_asked = true;
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    if let Err(error) = self.look() {
                        complain(&error.to_string());
                    }
                }
                question = self.questions.recv(), if is_asked => match question {
                    Some(question) => self.answer(question, &complain).await,
                    None => is_asked = false,
                },
            }
        }
    }

    fn look(&self) -> Result<(), ProveError> {
        let found = match self.prover.mirror()? {
            Some(Ok(mirror)) => Some(Arc::new(mirror)),
            Some(Err(_)) | None => None,
        };
        let mut mirror = self.mirror.write().unwrap_or_else(PoisonError::into_inner);
        let size = |mirror: &Option<Arc<Mirror>>| {
            let mirror = mirror.as_ref();
            mirror.map(|mirror| mirror.head().tree_head().size())
        };
        // What was read of the old one stays in memory as long as it is the same.
        if size(&mirror) != size(&found) {
            *mirror = found;
        }
        Ok(())
    }

    /// This question, and all lookups that wait as well: they share their tiles.
    async fn answer(&mut self, first: Question, complain: &impl Fn(&str)) {
        let mut lookups = Vec::new();
        let mut next = Some(first);
        while let Some(question) = next {
            match question {
                Question::Lookup(module, reply) => lookups.push((module, reply)),
                Question::Tile(tile, reply) => {
                    // Whoever asked may be gone.
                    let _ = reply.send(self.tile(&tile).await);
                }
                Question::Latest(reply) => drop(reply.send(self.latest().await)),
            }
            next = self.questions.try_recv().ok();
        }
        if lookups.is_empty() {
            return;
        }
        let modules: BTreeSet<ModuleVersion> = lookups.iter().map(|(of, _)| of.clone()).collect();
        let mut proofs = match self.prover.prove(&modules).await {
            Ok(proofs) => proofs,
            Err(error) => {
                complain(&error.to_string());
                let error = error.to_string();
                for (_, reply) in lookups {
                    let _ = reply.send(Err(error.clone()));
                }
                return;
            }
        };
        for (module, reply) in lookups {
            let outcome = proofs.outcomes.remove(&module);
            let answer = match &outcome {
                Some(Outcome::Proven(record)) => Ok(Some(record.clone())),
                Some(Outcome::Absent { .. } | Outcome::NotRecorded { .. }) => Ok(None),
                Some(Outcome::Unavailable(reason)) => Err(reason.clone()),
                None => Err("it was not asked for".to_owned()),
            };
            if let Some(outcome) = outcome {
                // For whoever asked for the same.
                proofs.outcomes.insert(module, outcome);
            }
            let _ = reply.send(answer);
        }
    }

    async fn tile(&self, tile: &Tile) -> Answer<Option<Vec<u8>>> {
        match self.prover.tile(tile).await {
            Ok(TileOutcome::Authentic(bytes)) => Ok(Some(bytes)),
            Ok(TileOutcome::Absent) => Ok(None),
            Ok(TileOutcome::Unavailable(reason)) => Err(reason),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn latest(&self) -> Answer<Box<ConsistentHead>> {
        let proofs = self.prover.newest_head().await;
        let proofs = proofs.map_err(|error| error.to_string())?;
        let head = proofs.head.map(Box::new);
        head.ok_or_else(|| match proofs.faults.first() {
            Some(fault) => fault.message().to_owned(),
            None => "no tree head is known".to_owned(),
        })
    }
}
