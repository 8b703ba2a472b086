//! The gate: a module proxy that releases no byte of a module before its hash is proven in the log.
//!
//! A request becomes a [`Target`]; the [`Gate`] fetches the file from the proxies
//! behind it into a place from which nothing is served, while the [`Notary`] proves
//! the module's record; and only if the hash of what came equals the log's does the file get its
//! name in the [`Cache`] and an answer begin.

mod account;
mod arriving;
pub mod cache;
pub mod client;
pub mod direct;
pub mod export;
mod facts;
mod file;
mod hashing;
mod hints;
mod interest;
pub mod ledger;
pub mod metrics;
pub mod modcache;
pub mod notary;
pub mod policy;
pub mod prefetch;
pub mod private;
pub mod recheck;
pub mod refusal;
pub mod server;
pub mod standing;
mod sumdb;
pub mod target;
mod tending;
mod told;
pub mod trace;
pub mod upstream;
mod wanted;
pub mod wrapper;

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::Semaphore;

pub use self::account::{Account, Decision, Judgement, LISTED, Subject, Unlisted, Verdict};
use self::cache::Cache;
use self::client::Client;
use self::direct::DirectError;
use self::file::InFlight;
use self::hints::Hints;
use self::ledger::Ledger;
use self::metrics::Metrics;
use self::modcache::{Inspection, ModuleCache};
use self::notary::{Notary, Unproven};
use self::policy::{Dates, Policy};
use self::prefetch::Prefetching;
use self::private::{Private, PrivateRules, Sums};
use self::refusal::Refusal;
use self::standing::{Closed, Standing};
use self::target::{ModuleFile, Target};
use self::told::Told;
use self::upstream::{Upstream, UpstreamError};
use crate::golang::module::ModulePath;
use crate::io::clock;
use crate::io::home::Home;
use crate::io::store::Decided;
use crate::sumdb::target::SumdbTarget;

/// Zips that are fetched at the same time, unless it is set.
pub const DEFAULT_DOWNLOADS: usize = 16;

/// Everything that answers need; one for all connections.
#[derive(Debug)]
pub struct Gate {
    notary: Notary,
    upstream: Upstream,
    cache: Cache,
    observed: Cache,
    sumdb_name: String,
    private: Private,
    in_flight: InFlight,
    told: Told,
    downloads: Semaphore,
    prefetching: Prefetching,
    hints: Hints,
    account: Account,
    metrics: Arc<Metrics>,
    ledger: Option<Ledger>,
    policy: RwLock<Arc<Policy>>,
    dates: Option<Dates>,
}

/// An answer of which the body may be given out.
#[derive(Debug)]
pub enum Reply {
    /// A file of the cache that was proven.
    File(Released),
    /// Something small.
    Text {
        /// Its media type.
        media_type: &'static str,
        /// The body.
        body: Bytes,
    },
}

/// A proven file, open, as it was when it was hashed.
#[derive(Debug)]
pub struct Released {
    /// The file.
    pub file: std::fs::File,
    /// Its state.
    pub stamp: cache::Stamp,
    /// What it is a file of.
    pub kind: ModuleFile,
    /// Why it may be given out.
    pub judgement: Arc<Judgement>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// What was asked for must not be used: 403.
    #[error("{0}")]
    Refused(Refusal),
    /// It is given to those alone who show a token: 401.
    #[error(
        "sumcheck: {0} is private here, and given to those alone who show a token of this gate\n\
         put it into your netrc, as the password for this host"
    )]
    Unauthenticated(ModulePath),
    /// It showed a token that the gate does not know: 401.
    #[error("sumcheck: this gate does not know that token: look at your netrc or GOAUTH")]
    UnknownToken,
    /// There is no such thing: 404, in the upstream's words.
    #[error("{0}")]
    Absent(String),
    /// Nobody here speaks that name or path: 404.
    #[error("sumcheck: {0}")]
    Unknown(String),
    /// A proxy behind the gate failed: 502.
    #[error("sumcheck: the proxies behind this gate failed\n{0}")]
    BadGateway(String),
    /// A proxy behind the gate is silent: 504.
    #[error("sumcheck: the proxies behind this gate are silent\n{0}")]
    Silent(String),
    /// It cannot be proven now: 503.
    #[error(
        "sumcheck: {what} cannot be proven now, and what is not proven is not given out\n{why}"
    )]
    Unproven {
        /// What was asked for.
        what: String,
        /// Why not.
        why: String,
    },
    /// The log misbehaved, and nothing is given out: 503.
    #[error(
        "sumcheck: THE LOG MISBEHAVED: {what}\nthis gate is closed: {closed}", what = .0.what, closed = .0
    )]
    Misbehaviour(Closed),
    /// The gate's own disk failed: 500.
    #[error("sumcheck: this gate cannot keep files\n{0}")]
    Disk(String),
}

impl Denial {
    /// The HTTP status. Never 404 or 410 for what is refused or has failed: the go command would
    /// go on to the next proxy in its list, or to version control.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unauthenticated(_) | Self::UnknownToken => 401,
            Self::Refused(_) => 403,
            Self::Absent(_) | Self::Unknown(_) => 404,
            Self::BadGateway(_) => 502,
            Self::Unproven { .. } | Self::Misbehaviour(_) => 503,
            Self::Silent(_) => 504,
            Self::Disk(_) => 500,
        }
    }
}

impl From<UpstreamError> for Denial {
    fn from(error: UpstreamError) -> Self {
        let text = error.to_string();
        match error {
            UpstreamError::Failed { cause } if cause.is_timeout() => Self::Silent(text),
            UpstreamError::Direct(DirectError::Silent) => Self::Silent(text),
            UpstreamError::Off => Self::Absent(text),
            UpstreamError::Failed { .. }
            | UpstreamError::NoGoCommand
            | UpstreamError::Offline
            | UpstreamError::Direct(_)
            | UpstreamError::Stopped { .. }
            | UpstreamError::Url { .. } => Self::BadGateway(text),
        }
    }
}

impl From<std::io::Error> for Denial {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

impl Denial {
    /// An upstream that has nothing to say still has no such thing.
    fn absent(what: &(impl ToString + ?Sized), words: String) -> Self {
        if words.trim().is_empty() {
            let what = what.to_string();
            return Self::Absent(format!(
                "sumcheck: {what}: no proxy behind this gate has it"
            ));
        }
        Self::Absent(words)
    }

    fn unproven(what: &(impl ToString + ?Sized), unproven: Unproven) -> Self {
        match unproven {
            Unproven::Absent { words, .. } => Self::Absent(words),
            Unproven::Unavailable(why) => Self::Unproven {
                what: what.to_string(),
                why,
            },
            Unproven::Misbehaviour(evidence) => Self::Misbehaviour(Closed {
                what: standing::FORKED,
                evidence: match evidence {
                    Ok(path) => path.display().to_string(),
                    Err(error) => error,
                },
                finding: None,
            }),
        }
    }
}

impl Gate {
    /// A gate before these proxies. `sumdb_name` is the one checksum database that is proven
    /// against and served; modules that are private are none of its business. Files are kept below
    /// the home.
    #[must_use]
    pub fn new(
        notary: Notary,
        upstream: Upstream,
        home: &Home,
        sumdb_name: String,
        private: Private,
    ) -> Self {
        Self {
            notary,
            upstream,
            cache: Cache::new(home),
            observed: Cache::of_observed(home),
            sumdb_name,
            private,
            in_flight: InFlight::default(),
            told: Told::default(),
            downloads: Semaphore::new(DEFAULT_DOWNLOADS),
            prefetching: Prefetching::default(),
            hints: Hints::default(),
            account: Account::default(),
            metrics: Arc::default(),
            ledger: None,
            policy: RwLock::default(),
            dates: None,
        }
    }

    /// The same gate, fetching at most so many zips at the same time.
    #[must_use]
    pub fn with_downloads(self, downloads: usize) -> Self {
        Self {
            downloads: Semaphore::new(downloads.clamp(1, Semaphore::MAX_PERMITS)),
            ..self
        }
    }

    /// The same gate, which can tell afterwards what it decided.
    #[must_use]
    pub fn with_account(self, account: Account) -> Self {
        Self { account, ..self }
    }

    /// The same gate, counting here.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// The same gate, writing down what it decides.
    #[must_use]
    pub fn with_ledger(self, ledger: Ledger) -> Self {
        Self {
            ledger: Some(ledger),
            ..self
        }
    }

    /// The same gate, which can tell how old records are.
    #[must_use]
    pub fn with_dates(self, dates: Dates) -> Self {
        Self {
            dates: Some(dates),
            ..self
        }
    }

    /// From now on this policy is in force.
    pub fn set_policy(&self, policy: Policy) {
        let mut known = self.policy.write().unwrap_or_else(PoisonError::into_inner);
        *known = Arc::new(policy);
        drop(known);
        // What the last one let through is judged again.
        self.cache.begin_era();
        self.observed.begin_era();
    }

    /// From now on private modules are checked in this way.
    pub fn set_private(&self, rules: PrivateRules) {
        self.private.set_rules(rules);
        self.cache.begin_era();
    }

    fn policy(&self) -> Arc<Policy> {
        let policy = self.policy.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&policy)
    }

    /// The proven files on disk.
    #[must_use]
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What is counted.
    #[must_use]
    pub const fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// How many decisions were not written down, since the disk was too slow for them.
    #[must_use]
    pub fn decisions_left_off(&self) -> u64 {
        self.ledger.as_ref().map_or(0, Ledger::left_off)
    }

    /// The checksum database that is proven against.
    #[must_use]
    pub fn sumdb_name(&self) -> &str {
        &self.sumdb_name
    }

    /// What was decided so far.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`Denial`]
    pub async fn answer(
        self: &Arc<Self>,
        client: &Client,
        target: &Target,
    ) -> Result<Reply, Denial> {
        let answer = self.decide(client, target).await;
        if let Err(denial) = &answer
            && let Some(subject) = Subject::of(target)
            && (matches!(target, Target::File(..)) || matches!(denial, Denial::Refused(_)))
        {
            let judgement = denial.into();
            self.decided(client, Decision { subject, judgement });
        }
        answer
    }

    fn decided(&self, client: &Client, decision: Decision) {
        if let Some(ledger) = &self.ledger {
            let Decision { subject, judgement } = &decision;
            let Judgement { verdict, facts } = judgement;
            ledger.record(Decided {
                decided_at: clock::now(),
                client: client.name.clone(),
                module: subject.module.as_str().to_owned(),
                version: subject.version.clone(),
                file: subject.file.into(),
                verdict: verdict.as_str().into(),
                hash: facts.hash.map(|hash| hash.to_string()),
                record_index: facts.record,
                head_size: facts.tree_size,
                upstream: facts.source.clone(),
                reason: verdict.reason(),
                is_private: self.private.matches(subject.module.as_str()),
            });
        }
        self.account.record(decision);
    }

    async fn decide(self: &Arc<Self>, client: &Client, target: &Target) -> Result<Reply, Denial> {
        if let Some(closed) = self.standing().closed() {
            return Err(Denial::Misbehaviour(closed));
        }
        if let Some(path) = target.module_path()
            && !client.is_trusted()
            && self.private.matches(path.as_str())
        {
            return Err(Denial::Unauthenticated(path.clone()));
        }
        let answer = match target {
            Target::File(module, file) => {
                let released = self.file(client, module, *file).await;
                released.map(Reply::File)
            }
            Target::List(path) => self.list(path).await,
            Target::Latest(path) => self.latest(path).await,
            Target::Query(path, query) => self.query(path, query).await,
            Target::Sumdb(name, target) => self.sumdb(name, target).await,
        };
        // What closed the gate meanwhile is known better by now; and whatever was proven under a
        // head of that log is not given out either.
        match self.standing().closed() {
            Some(closed) => Err(Denial::Misbehaviour(closed)),
            None => answer,
        }
    }

    /// Compares what the go command has in its module cache already with the log.
    pub async fn inspect(&self, cache: &ModuleCache, sums: &Sums) -> Inspection {
        cache
            .inspect(&self.notary, self.private.patterns(), sums)
            .await
    }

    /// How the log stands.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        self.notary.standing()
    }

    /// Whether there is something to prove with: no open finding, and a verified head or a database
    /// that gives one.
    ///
    /// # Errors
    /// Why not.
    pub async fn readiness(&self) -> Result<(), Denial> {
        if let Some(closed) = self.standing().closed() {
            return Err(Denial::Misbehaviour(closed));
        }
        let head = self.notary.head(false).await;
        head.map_err(|why| Denial::unproven("a module", why))?;
        Ok(())
    }

    /// Ends what runs beside the answers, and closes the database.
    pub async fn close(&self) {
        self.notary.close().await;
        if let Some(ledger) = &self.ledger {
            ledger.close();
        }
    }

    async fn sumdb(&self, name: &str, target: &SumdbTarget) -> Result<Reply, Denial> {
        if name != self.sumdb_name {
            return Err(Denial::Unknown(format!(
                "this gate proves against {}, and knows no other checksum database",
                self.sumdb_name
            )));
        }
        sumdb::answer(&self.notary, self.private.patterns(), target).await
    }
}
