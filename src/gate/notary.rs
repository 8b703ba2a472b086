//! The one place where things are proven: a thread with the home's database, which takes what waits
//! and proves it together, under one head and with one plan of tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::standing::{Closed, DUPLICATED, FORKED, Standing};
use crate::golang::module::ModuleVersion;
use crate::prover::{Outcome, ProveError, Prover, TileOutcome};
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::tile::Tile;

/// More at once would only split what can be proven together; fewer would let one slow lookup hold
/// up all others.
const MAX_BATCHES_AT_ONCE: usize = 4;

/// What comes while a batch is running waits for its end, that it may be proven together, and no
/// longer than this.
const WAITS_FOR_BATCH: Duration = Duration::from_millis(20);

/// So many questions may wait; whoever comes then waits at the door.
const QUEUE: usize = 1024;

/// So long the newest head is given out again without asking: the log makes one every few seconds,
/// and many clients that begin at once all ask for it.
const HEAD_IS_FRESH: Duration = Duration::from_secs(15);

/// How often to look for what other processes found out about the log, and whether somebody has
/// acknowledged what closed the gate.
const LOOK_AT_FINDINGS: Duration = Duration::from_secs(2);

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
    Head(Answer<ConsistentHead>),
    /// No question: it is over.
    End,
}

/// Asks the thread that proves. It ends when the last of these is gone, or with
/// [`Notary::close`].
#[derive(Debug, Clone)]
pub struct Notary {
    questions: mpsc::Sender<Question>,
    standing: Arc<Standing>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Notary {
    /// Starts the thread.
    ///
    /// # Errors
    /// What cannot be read of the home's state, or the system's words if there is no thread to be
    /// had.
    pub fn start(prover: Prover) -> Result<Self, StartError> {
        let standing = Arc::new(Standing::default());
        if let Some(head) = prover.verified_head()? {
            standing.set_head(&head);
        }
        standing.set_closed(first_finding(&prover)?);
        let (questions, inbox) = mpsc::channel(QUEUE);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let desk = Desk {
            prover,
            standing: Arc::clone(&standing),
        };
        let thread = thread::Builder::new()
            .name("notary".to_owned())
            .spawn(move || runtime.block_on(desk.serve(inbox)))?;
        Ok(Self {
            questions,
            standing,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// What is known of the log without asking.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
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

    /// The newest verified head; `refresh` asks for a newer one, unless that was done just now.
    ///
    /// # Errors
    /// [`Unproven`]
    pub async fn head(&self, refresh: bool) -> Result<ConsistentHead, Unproven> {
        match self.standing.head() {
            Some(head) if !refresh => Ok(head),
            _ => self.ask(Question::Head).await,
        }
    }

    /// Ends the thread, whatever it is waiting for, and closes the database. Questions that come
    /// later are answered with that.
    pub async fn close(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else { return };
        // It may have ended already.
        let _ = self.questions.send(Question::End).await;
        let _ = tokio::task::spawn_blocking(|| thread.join()).await;
    }

    async fn ask<T>(&self, question: impl FnOnce(Answer<T>) -> Question) -> Result<T, Unproven> {
        let gone = || Unproven::Unavailable("the thread that proves has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        let sent = self.questions.send(question(answer)).await;
        sent.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Why nothing can be proven.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The home's state cannot be used.
    #[error(transparent)]
    State(#[from] ProveError),
    /// The system has no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Where the thread works.
struct Desk {
    prover: Prover,
    standing: Arc<Standing>,
}

type Waiting = BTreeMap<ModuleVersion, Vec<Answer<Arc<AuthenticRecord>>>>;

/// What waits, and what is under way.
struct Work<'d> {
    records: Waiting,
    /// Those of the batches that are running. Whoever asks for one of them gets its answer too.
    proving: Waiting,
    heads: Vec<Answer<ConsistentHead>>,
    batches_running: usize,
    last_batch: Instant,
    head_running: bool,
    fresh_until: Option<Instant>,
    running: FuturesUnordered<LocalBoxFuture<'d, Done>>,
}

enum Done {
    Batch(Vec<(ModuleVersion, Proof)>),
    Tile,
    Head {
        outcome: Box<Result<ConsistentHead, Unproven>>,
        is_newest: bool,
    },
}

impl Desk {
    async fn serve(self, mut inbox: mpsc::Receiver<Question>) {
        let mut work = Work {
            records: BTreeMap::new(),
            proving: BTreeMap::new(),
            heads: Vec::new(),
            batches_running: 0,
            last_batch: Instant::now(),
            head_running: false,
            fresh_until: None,
            running: FuturesUnordered::new(),
        };
        let mut next_look = Instant::now() + LOOK_AT_FINDINGS;
        loop {
            // What came meanwhile is proven together.
            while work.has_room()
                && let Ok(question) = inbox.try_recv()
            {
                if !work.take(&self, question) {
                    return;
                }
            }
            work.begin(&self);
            tokio::select! {
                question = inbox.recv(), if work.has_room() => {
                    if !question.is_some_and(|question| work.take(&self, question)) {
                        return;
                    }
                }
                Some(done) = work.running.next() => work.end(&self, done),
                () = sleep_until(work.last_batch + WAITS_FOR_BATCH), if work.waits() => {}
                () = sleep_until(next_look) => {
                    self.look_at_findings();
                    next_look = Instant::now() + LOOK_AT_FINDINGS;
                }
            }
        }
    }

    /// What cannot be recorded closes the gate for as long as this process lives.
    fn look_at_findings(&self) {
        let is_recorded = |closed: &Closed| closed.finding.is_some();
        if self.standing.closed().as_ref().is_none_or(is_recorded)
            && let Ok(finding) = first_finding(&self.prover)
        {
            self.standing.set_closed(finding);
        }
    }

    /// Closes the gate at once if the log misbehaved.
    fn unproven(&self, error: ProveError) -> Unproven {
        let ProveError::Misbehaviour { evidence, .. } = error else {
            return Unproven::Unavailable(error.to_string());
        };
        let evidence = evidence.map_err(|error| error.to_string());
        let finding = first_finding(&self.prover).ok().flatten();
        self.standing.set_closed(Some(finding.unwrap_or(Closed {
            what: FORKED,
            evidence: match &evidence {
                Ok(path) => path.display().to_string(),
                Err(error) => error.clone(),
            },
            finding: None,
        })));
        Unproven::Misbehaviour(evidence)
    }

    async fn prove(&self, modules: BTreeSet<ModuleVersion>) -> Done {
        let mut proofs = match self.prover.prove(&modules).await {
            Ok(proofs) => proofs,
            Err(error) => {
                let unproven = self.unproven(error);
                let proof = |module| (module, Err(unproven.clone()));
                return Done::Batch(modules.into_iter().map(proof).collect());
            }
        };
        if let Some(head) = &proofs.head {
            self.standing.set_head(head);
        }
        let proof = |module: ModuleVersion| {
            let proof = match proofs.outcomes.remove(&module) {
                Some(Outcome::Proven(record)) => Ok(Arc::from(record)),
                Some(Outcome::Absent { status, message }) => Err(Unproven::Absent {
                    status,
                    words: message,
                }),
                Some(Outcome::NotRecorded { size }) => Err(Unproven::Absent {
                    status: 404,
                    words: format!("not in the first {size} records, by the mirror of this home"),
                }),
                Some(Outcome::Unavailable(reason)) => Err(Unproven::Unavailable(reason)),
                None => Err(Unproven::Unavailable("it was not asked for".to_owned())),
            };
            (module, proof)
        };
        Done::Batch(modules.into_iter().map(proof).collect())
    }

    async fn newest_head(&self) -> Done {
        let mut is_newest = false;
        let outcome = match self.prover.newest_head().await {
            Err(error) => Err(self.unproven(error)),
            Ok(proofs) => {
                is_newest = proofs.faults.is_empty();
                // An older head that is verified is better than none: the database may be down.
                let head = proofs.head.or_else(|| self.standing.head());
                head.ok_or_else(|| {
                    let fault = proofs.faults.first();
                    let reason = fault.map_or("the log has no tree head", |fault| fault.message());
                    Unproven::Unavailable(reason.to_owned())
                })
            }
        };
        Done::Head {
            outcome: Box::new(outcome),
            is_newest,
        }
    }
}

impl<'d> Work<'d> {
    /// `false` if it is over.
    fn take(&mut self, desk: &'d Desk, question: Question) -> bool {
        match question {
            Question::Record(module, answer) => match self.proving.get_mut(&module) {
                Some(answers) => answers.push(answer),
                None => self.records.entry(module).or_default().push(answer),
            },
            // Whoever asked may have gone, and then there is nobody to tell.
            Question::Tile(tile, answer) => self.running.push(Box::pin(async move {
                let tile = desk.prover.tile(&tile).await;
                let _ = answer.send(tile.map_err(|error| desk.unproven(error)));
                Done::Tile
            })),
            Question::Head(answer) => self.heads.push(answer),
            Question::End => return false,
        }
        true
    }

    /// More questions than this wait at the door.
    fn has_room(&self) -> bool {
        self.records.len() < QUEUE
    }

    /// Whether there is a batch that only waits for its time.
    fn waits(&self) -> bool {
        !self.records.is_empty() && self.batches_running < MAX_BATCHES_AT_ONCE
    }

    fn begin(&mut self, desk: &'d Desk) {
        let is_due = self.batches_running == 0 || self.last_batch.elapsed() >= WAITS_FOR_BATCH;
        if is_due && self.batches_running < MAX_BATCHES_AT_ONCE {
            // Whoever has gone is not answered.
            self.records
                .retain(|_, answers| answers.iter().any(|answer| !answer.is_closed()));
        }
        if is_due && !self.records.is_empty() && self.batches_running < MAX_BATCHES_AT_ONCE {
            self.last_batch = Instant::now();
            let modules = self.records.keys().cloned().collect();
            self.proving.append(&mut self.records);
            self.running.push(Box::pin(desk.prove(modules)));
            self.batches_running += 1;
        }
        if self.heads.is_empty() || self.head_running {
            return;
        }
        let is_fresh = self.fresh_until.is_some_and(|until| Instant::now() < until);
        match desk.standing.head() {
            Some(head) if is_fresh => tell(std::mem::take(&mut self.heads), &Ok(head)),
            _ => {
                self.running.push(Box::pin(desk.newest_head()));
                self.head_running = true;
            }
        }
    }

    fn end(&mut self, desk: &Desk, done: Done) {
        match done {
            Done::Tile => {}
            Done::Batch(proofs) => {
                self.batches_running -= 1;
                for (module, proof) in proofs {
                    tell(self.proving.remove(&module).unwrap_or_default(), &proof);
                }
            }
            Done::Head { outcome, is_newest } => {
                self.head_running = false;
                if let Ok(head) = &*outcome {
                    desk.standing.set_head(head);
                }
                if is_newest {
                    self.fresh_until = Some(Instant::now() + HEAD_IS_FRESH);
                }
                tell(std::mem::take(&mut self.heads), &outcome);
            }
        }
    }
}

fn tell<T: Clone>(answers: Vec<Answer<T>>, outcome: &Result<T, Unproven>) {
    for answer in answers {
        let _ = answer.send(outcome.clone());
    }
}

fn first_finding(prover: &Prover) -> Result<Option<Closed>, ProveError> {
    let finding = prover.open_findings()?.into_iter().next();
    Ok(finding.map(|finding| Closed {
        what: match finding.kind.as_str() {
            "duplicate" => DUPLICATED,
            _ => FORKED,
        },
        evidence: finding.evidence_path,
        finding: Some(finding.id),
    }))
}
