//! The one place where things are proven: a thread with the home's database, which takes what waits
//! and proves it together, under one head and with one plan of tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use futures_util::future::{Either, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::golang::module::ModuleVersion;
use crate::prover::{Outcome, ProveError, Prover, TileOutcome};
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::tile::Tile;

/// More at once would only split what can be proven together; fewer would let one slow lookup hold
/// up all others.
const MAX_BATCHES_AT_ONCE: usize = 4;

/// So many questions may wait; whoever comes then waits at the door.
const QUEUE: usize = 1024;

/// Why there is no proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unproven {
    /// The log has no record of it.
    Absent {
        /// 404 or 410.
        status: u16,
        /// The server's words, not escaped.
        words: String,
    },
    /// It could not be proven, and why; not escaped.
    Unavailable(String),
    /// The log misbehaved; where the evidence is, or why it could not be written.
    Misbehaviour(Result<PathBuf, String>),
}

/// A proof, or why there is none.
pub type Proof = Result<Arc<AuthenticRecord>, Unproven>;

type Answer<T> = oneshot::Sender<Result<T, Unproven>>;

enum Question {
    Record(ModuleVersion, Answer<Arc<AuthenticRecord>>),
    Tile(Tile, Answer<TileOutcome>),
    Head {
        refresh: bool,
        answer: Answer<ConsistentHead>,
    },
}

/// Asks the thread that proves. It ends when the last of these is gone.
#[derive(Debug, Clone)]
pub struct Notary(mpsc::Sender<Question>);

impl Notary {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says if there is no thread to be had.
    pub fn start(prover: Prover) -> Result<Self, std::io::Error> {
        let (questions, inbox) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("notary".to_owned())
            .spawn(move || runtime.block_on(serve(&prover, inbox)))?;
        Ok(Self(questions))
    }

    /// The proven record of a module version.
    ///
    /// # Errors
    /// [`Unproven`]
    pub async fn record(&self, module: &ModuleVersion) -> Proof {
        self.ask(|answer| Question::Record(module.clone(), answer))
            .await
    }

    /// An authenticated tile.
    ///
    /// # Errors
    /// [`Unproven::Misbehaviour`], or [`Unproven::Unavailable`] if the state cannot be used.
    pub async fn tile(&self, tile: &Tile) -> Result<TileOutcome, Unproven> {
        self.ask(|answer| Question::Tile(*tile, answer)).await
    }

    /// The newest verified head, after asking for a newer one if `refresh`.
    ///
    /// # Errors
    /// [`Unproven`]
    pub async fn head(&self, refresh: bool) -> Result<ConsistentHead, Unproven> {
        self.ask(|answer| Question::Head { refresh, answer }).await
    }

    async fn ask<T>(&self, question: impl FnOnce(Answer<T>) -> Question) -> Result<T, Unproven> {
        let gone = || Unproven::Unavailable("the thread that proves has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.send(question(answer)).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

type Waiting = BTreeMap<ModuleVersion, Vec<Answer<Arc<AuthenticRecord>>>>;

async fn serve(prover: &Prover, mut inbox: mpsc::Receiver<Question>) {
    let mut waiting = Waiting::new();
    let mut batches_running = 0;
    let mut running: FuturesUnordered<LocalBoxFuture<'_, Done>> = FuturesUnordered::new();
    loop {
        while let Ok(question) = inbox.try_recv() {
            take(prover, question, &mut waiting, &running);
        }
        if !waiting.is_empty() && batches_running < MAX_BATCHES_AT_ONCE {
            let batch = std::mem::take(&mut waiting);
            running.push(Box::pin(prove(prover, batch)));
            batches_running += 1;
        }
        let event = {
            let next_question = std::pin::pin!(inbox.recv());
            let next_done = std::pin::pin!(next_done(&mut running));
            match select(next_question, next_done).await {
                Either::Left((question, _)) => Event::Question(question),
                Either::Right((done, _)) => Event::Done(done),
            }
        };
        match event {
            Event::Question(None) => return,
            Event::Question(Some(question)) => take(prover, question, &mut waiting, &running),
            Event::Done(Done::Batch) => batches_running -= 1,
            Event::Done(Done::Other) => {}
        }
    }
}

enum Event {
    Question(Option<Question>),
    Done(Done),
}

async fn next_done(running: &mut FuturesUnordered<LocalBoxFuture<'_, Done>>) -> Done {
    match running.next().await {
        Some(done) => done,
        None => std::future::pending().await,
    }
}

enum Done {
    Batch,
    Other,
}

fn take<'p>(
    prover: &'p Prover,
    question: Question,
    waiting: &mut Waiting,
    running: &FuturesUnordered<LocalBoxFuture<'p, Done>>,
) {
    match question {
        Question::Record(module, answer) => waiting.entry(module).or_default().push(answer),
        // Whoever asked may have gone, and then there is nobody to tell.
        Question::Tile(tile, answer) => running.push(Box::pin(async move {
            let _ = answer.send(prover.tile(&tile).await.map_err(unproven));
            Done::Other
        })),
        Question::Head { refresh, answer } => running.push(Box::pin(async move {
            let _ = answer.send(head(prover, refresh).await);
            Done::Other
        })),
    }
}

async fn prove(prover: &Prover, batch: Waiting) -> Done {
    let modules: BTreeSet<ModuleVersion> = batch.keys().cloned().collect();
    match prover.prove(&modules).await {
        Ok(mut proofs) => {
            for (module, answers) in batch {
                let proof = match proofs.outcomes.remove(&module) {
                    Some(Outcome::Proven(record)) => Ok(Arc::from(record)),
                    Some(Outcome::Absent { status, message }) => Err(Unproven::Absent {
                        status,
                        words: message,
                    }),
                    Some(Outcome::Unavailable(reason)) => Err(Unproven::Unavailable(reason)),
                    None => Err(Unproven::Unavailable("it was not asked for".to_owned())),
                };
                tell(answers, &proof);
            }
        }
        Err(error) => {
            let proof = Err(unproven(error));
            batch
                .into_values()
                .for_each(|answers| tell(answers, &proof));
        }
    }
    Done::Batch
}

fn tell(answers: Vec<Answer<Arc<AuthenticRecord>>>, proof: &Proof) {
    for answer in answers {
        let _ = answer.send(proof.clone());
    }
}

async fn head(prover: &Prover, refresh: bool) -> Result<ConsistentHead, Unproven> {
    let verified = prover.verified_head().map_err(unproven)?;
    if let (false, Some(head)) = (refresh, &verified) {
        return Ok(head.clone());
    }
    let proofs = prover.newest_head().await.map_err(unproven)?;
    // An older head that is verified is better than none: the database may be down.
    proofs.head.or(verified).ok_or_else(|| {
        let fault = proofs.faults.first();
        let reason = fault.map_or("the log has no tree head", |fault| fault.message());
        Unproven::Unavailable(reason.to_owned())
    })
}

fn unproven(error: ProveError) -> Unproven {
    match error {
        ProveError::Misbehaviour { evidence, .. } => {
            Unproven::Misbehaviour(evidence.map_err(|error| error.to_string()))
        }
        error => Unproven::Unavailable(error.to_string()),
    }
}
