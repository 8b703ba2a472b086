//! One round of one log: ask for heads, tie them into the timeline, audit what is new, compare, and note
//! how it ended.

mod places;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::condition::{ABSENT, Observed, conditions};
use super::event;
use super::plan::LogPlan;
use super::{Watch, WatchError};
use crate::io::clock;
use crate::io::store::{EndedRun, Rows, RunOutcome, VantagePoint};
use crate::prover::{EvidenceError, ProveError, Prover};
use crate::sumdb::fork::Fork;
use crate::tlog::checkpoint::TreeHead;

/// A good round may be relied on until so many others should have come.
const GOOD_FOR_ROUNDS: u32 = 3;

/// So many rounds are looked back at.
const LOOKED_BACK: u32 = 1000;

/// So many faults are noted of one round.
const MAX_FAULTS: usize = 20;

/// How long it may take to notice that it is to stop.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// What was replayed in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// Records were read, and not their hashes alone.
    pub records: bool,
    /// The size from which.
    pub from: u64,
    /// The size to which.
    pub to: u64,
    /// The size at which all of it began: what is before was not audited.
    pub since: u64,
}

/// How a round ended.
#[derive(Debug)]
pub struct Round {
    /// Name of the log.
    pub log: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// The log itself was verified, whatever its records say and whoever else was silent.
    pub is_verified: bool,
    /// The newest verified head.
    pub head: Option<TreeHead>,
    /// What was replayed.
    pub audited: Option<Audited>,
    /// What each place had to say.
    pub points: Vec<VantagePoint>,
    /// Why not all was verified, not escaped.
    pub faults: Vec<String>,
    /// What changes nothing and should be known.
    pub warnings: Vec<String>,
    /// Evidence that could not be written, in full: it stands nowhere else.
    pub unwritten: Vec<String>,
    /// Lines of a go.sum that the log contradicts, in words, not escaped.
    pub contradictions: Vec<String>,
    /// Places of lines of a go.sum that are of no version in the log; `None` if that is not known.
    pub absent: Option<Vec<String>>,
    /// Findings that nobody has acknowledged.
    pub open_findings: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// A round under way.
struct Going<'w> {
    watch: &'w Watch,
    plan: &'w LogPlan,
    prover: Prover,
    stop: &'w Arc<AtomicBool>,
    misbehaved: bool,
    negative: bool,
    contradictions: Vec<String>,
    /// A go.sum could not be read.
    is_unread: bool,
    /// Places of lines of a go.sum that are of no version in the log; `None` if that is not known.
    absent: Option<Vec<String>>,
    audited: Option<Audited>,
    points: Vec<VantagePoint>,
    /// Why the log itself was not verified.
    faults: Vec<String>,
    /// What else was asked for and could not be done: a place was not compared, a line is none.
    faults_beside: Vec<String>,
    warnings: Vec<String>,
    unwritten: Vec<String>,
}

impl Watch {
    /// Does a round for one of the logs of the plan. It ends soon after `stop` is set, and what was done
    /// until then stays.
    ///
    /// # Errors
    /// [`WatchError`] if the state cannot be used, so that not even a failure could be noted.
    #[tracing::instrument(skip_all, fields(log = plan.key.name(), outcome, head_size))]
    pub async fn round(&self, plan: &LogPlan, stop: &Arc<AtomicBool>) -> Result<Round, WatchError> {
        self.mend_store()?;
        let (name, key) = (plan.key.name(), plan.key.to_string());
        let began_at = clock::at(self.now());
        let run = self.store.borrow().begin_run(name, &key, &began_at)?;
        let worked = self.work(plan, stop).await;
        let round = match worked {
            Ok(round) => round,
            Err(error) => {
                self.failed(plan, run, &error)?;
                return Err(error);
            }
        };
        let now = self.now();
        let good_until = self.plan().schedule.after_rounds(now, GOOD_FOR_ROUNDS);
        let ended = EndedRun {
            ended_at: clock::at(now),
            good_until: clock::at(good_until),
            outcome: round.outcome,
            is_verified: round.is_verified,
            audited: round.audited.map(|of| {
                (
                    if of.records { "records" } else { "hashes" },
                    of.from,
                    of.to,
                )
            }),
            head_size: round.head.map(|head| head.size()),
            faults: round.faults.clone(),
        };
        let span = tracing::Span::current();
        span.record("outcome", round.outcome.as_str());
        span.record("head_size", ended.head_size);
        let store = self.store.borrow();
        if !stop.load(Ordering::Relaxed) {
            store.keep_vantage_points(name, &key, &round.points)?;
        }
        store.end_run(run, &ended)?;
        drop(store);
        self.outside
            .counts
            .ended(name, round.outcome, round.elapsed);
        self.look_at_conditions(plan, round.absent.as_deref())?;
        Ok(round)
    }

    /// A round that could not even be done is one that has verified nothing.
    fn failed(&self, plan: &LogPlan, run: i64, error: &WatchError) -> Result<(), WatchError> {
        let now = clock::at(self.now());
        let ended = EndedRun {
            ended_at: now.clone(),
            good_until: now,
            outcome: RunOutcome::Unverified,
            is_verified: false,
            audited: None,
            head_size: None,
            faults: vec![error.to_string()],
        };
        self.store.borrow().end_run(run, &ended)?;
        self.look_at_conditions(plan, None)
    }

    async fn work(&self, plan: &LogPlan, stop: &Arc<AtomicBool>) -> Result<Round, WatchError> {
        let begun = Instant::now();
        let mut going = Going {
            watch: self,
            plan,
            prover: self.prover(plan, plan.address.clone())?,
            stop,
            misbehaved: false,
            negative: false,
            contradictions: Vec::new(),
            is_unread: false,
            absent: None,
            audited: None,
            points: Vec::new(),
            faults: Vec::new(),
            faults_beside: Vec::new(),
            warnings: Vec::new(),
            unwritten: Vec::new(),
        };
        going.work().await?;
        let open_findings = going.prover.open_findings()?.len();
        going.end(open_findings, begun.elapsed())
    }

    /// Tells of what holds now, and of what holds no more.
    fn look_at_conditions(
        &self,
        plan: &LogPlan,
        absent: Option<&[String]>,
    ) -> Result<(), WatchError> {
        let (name, key) = (plan.key.name(), plan.key.to_string());
        let mut store = self.store.borrow_mut();
        let runs = store.runs(&key, Rows::newest(LOOKED_BACK))?;
        let heads = crate::status::growth::seen(&store.head_times(&key)?, self.now());
        let points = store.vantage_points(&key)?;
        let untied = store.untied_heads(&key)?;
        let observed = Observed {
            log: name,
            now: self.now(),
            runs: &runs,
            heads: &heads,
            points: &points,
            untied: &untied,
            absent: absent.unwrap_or_default(),
        };
        let mut current = conditions(&observed, &plan.thresholds);
        if absent.is_none() {
            // Nobody knows whether it still holds.
            let known = store.conditions(&key)?.into_iter();
            current.extend(known.filter(|known| known.name == ABSENT));
        }
        let (sinks, now) = (self.sinks(), clock::at(self.now()));
        let told = store.set_conditions((name, &key), &sinks, &now, &current, event::over)?;
        self.outside.counts.announced(told);
        Ok(())
    }
}

impl Going<'_> {
    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn work(&mut self) -> Result<(), WatchError> {
        let now = clock::at(self.watch.now());
        self.ask_the_log(&now).await?;
        if self.stopping() {
            return Ok(());
        }
        self.ask_the_places(&now).await?;
        self.try_untied_heads().await?;
        let documents = self.documents();
        let watchlist = Arc::new(self.watchlist(&documents));
        self.audit(&watchlist).await?;
        if documents.is_empty() && !self.is_unread {
            self.absent = Some(Vec::new());
        } else if !self.stopping() {
            self.look_up_go_sums(&documents).await?;
        }
        let is_absent = self.absent.as_ref().is_some_and(|lines| !lines.is_empty());
        self.contradictions = self.contradictions(&watchlist)?;
        self.negative = !self.contradictions.is_empty() || is_absent;
        Ok(())
    }

    fn end(mut self, open_findings: usize, elapsed: Duration) -> Result<Round, WatchError> {
        let is_verified = self.faults.is_empty() && !self.stopping();
        self.faults.append(&mut self.faults_beside);
        self.faults.truncate(MAX_FAULTS);
        let outcome = if self.misbehaved || open_findings > 0 {
            RunOutcome::Misbehaviour
        } else if self.negative {
            RunOutcome::Negative
        } else if self.stopping() {
            RunOutcome::Stopped
        } else if self.faults.is_empty() {
            RunOutcome::Ok
        } else {
            RunOutcome::Unverified
        };
        let head = self.prover.newest_verified_head()?;
        Ok(Round {
            log: self.plan.key.name().to_owned(),
            outcome,
            is_verified,
            head,
            audited: self.audited,
            points: self.points,
            faults: self.faults,
            warnings: self.warnings,
            unwritten: self.unwritten,
            contradictions: self.contradictions,
            absent: self.absent,
            open_findings,
            elapsed,
        })
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Something that waits for the network is left when it is to stop.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let stop = Arc::clone(self.stop);
        let stopped = async move {
            while !stop.load(Ordering::Relaxed) {
                sleep(LOOKS_EVERY).await;
            }
        };
        tokio::select! {
            done = work => Some(done),
            () = stopped => None,
        }
    }

    /// What became of proving. Misbehaviour is noted, and the round goes on: others are to be compared.
    fn proven<T>(&mut self, result: Result<T, ProveError>) -> Result<Option<T>, WatchError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(ProveError::Misbehaviour { fork, evidence }) => {
                self.convict(&fork, evidence);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn convict(&mut self, fork: &Fork, evidence: Result<std::path::PathBuf, EvidenceError>) {
        self.misbehaved = true;
        let (smaller, larger) = (fork.smaller().head(), fork.larger().head());
        let what = format!(
            "{} has signed two tree heads that cannot both be of one append-only log: {} records \
             with root {}, and {} records with root {}",
            self.plan.key.name(),
            smaller.size(),
            smaller.root(),
            larger.size(),
            larger.root()
        );
        match evidence {
            Ok(path) => self.fault(format!(
                "{what}; the evidence is kept in {}",
                path.display()
            )),
            Err(error) => {
                self.fault(format!("{what}; {error}"));
                self.unwritten.push(error.text);
            }
        }
    }
}
