//! What is left running for years: rounds of asking, tying, auditing and comparing, and telling of what
//! was found.
//!
//! A [`Watch`] does what it is told and keeps no time: whoever runs it calls [`Watch::round`] when a
//! round is due, and [`Watch::announce`] and [`Watch::deliver`] every few seconds. Between them there is
//! nothing but rows in SQLite, so that it can be killed anywhere: what was found is announced, and what
//! was announced is delivered, by the next process.

mod condition;
pub mod event;
pub mod plan;
mod round;
pub mod schedule;
pub mod sink;
pub mod vantage;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use self::event::EventKind;
use self::plan::{LogPlan, Plan};
pub use self::round::{Audited, Round};
use self::sink::{LONGEST_PAUSE, SinkError, again_at};
use crate::io::clock::{self, Clock};
use crate::io::database::{DatabaseAddress, Route};
use crate::io::goenv::{Environment, GoEnv};
use crate::io::home::{Home, HomeError};
use crate::io::http::{HttpClient, HttpSettings};
use crate::io::store::{Delivery, Rows, Store, StoreError};
use crate::prover::{Progress, ProveError, Prover};
use crate::status::Counts;

/// The name of the log itself among the places that show its heads.
pub const LOG_ITSELF: &str = "log";

/// So many deliveries of a sink are taken up in one go.
const DELIVERIES_AT_ONCE: u32 = 1000;

/// After so long no further one is begun in that go: what was found meanwhile is to be told to others.
const LONGEST_GO: Duration = Duration::from_secs(10);

/// Everything that a watch needs of the outside.
#[derive(Debug)]
pub struct Outside {
    /// The folder of all state.
    pub home: Home,
    /// How servers are asked.
    pub http: HttpSettings,
    /// Where relative paths begin.
    pub environment: Environment,
    /// Go's settings.
    pub go: GoEnv,
    /// Never send a packet.
    pub offline: bool,
    /// By which everything is dated.
    pub clock: Clock,
    /// Counts of replayed records for whoever shows them.
    pub progress: Arc<Progress>,
    /// What is counted for metrics.
    pub counts: Arc<Counts>,
}

/// A watch over logs.
#[derive(Debug)]
pub struct Watch {
    plan: RefCell<Rc<Plan>>,
    outside: Outside,
    store: RefCell<Store>,
    http: HttpClient,
    /// What was told to whom, and could not be noted: it is, as soon as the disk takes it.
    unnoted: RefCell<BTreeSet<(i64, String)>>,
}

/// Why something could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The folder of all state.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state cannot be used.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl Watch {
    /// A watch by a plan.
    ///
    /// # Errors
    /// [`WatchError`] if the state cannot be opened.
    pub fn new(plan: Plan, outside: Outside) -> Result<Self, WatchError> {
        let mut store = Store::open(&outside.home)?;
        store.set_clock(outside.clock.clone());
        Ok(Self {
            plan: RefCell::new(Rc::new(plan)),
            store: RefCell::new(store),
            http: HttpClient::new(outside.http.clone()),
            unnoted: RefCell::default(),
            outside,
        })
    }

    /// From now on it is watched by this plan.
    pub fn set_plan(&self, plan: Plan) {
        self.plan.replace(Rc::new(plan));
    }

    /// What is watched.
    #[must_use]
    pub fn plan(&self) -> Rc<Plan> {
        Rc::clone(&self.plan.borrow())
    }

    /// What it is, by its own clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.outside.clock.now()
    }

    /// When the last round of any of its logs began, in this process or another.
    ///
    /// # Errors
    /// [`WatchError`]
    pub fn last_begin(&self) -> Result<Option<Timestamp>, WatchError> {
        let store = self.store.borrow();
        let mut last = None;
        for plan in &self.plan().logs {
            let runs = store.runs(&plan.key.to_string(), Rows::newest(1))?;
            let began = runs.first().and_then(|run| run.began_at.parse().ok());
            last = last.max(began);
        }
        Ok(last)
    }

    /// What was opened while the disk was full or read-only is opened again, until it can be written.
    fn mend_store(&self) -> Result<(), WatchError> {
        if self.store.borrow().is_read_only() {
            let mut store = Store::open(&self.outside.home)?;
            store.set_clock(self.outside.clock.clone());
            self.store.replace(store);
        }
        Ok(())
    }

    /// A prover of a log that is reached in this way.
    fn prover(&self, plan: &LogPlan, address: DatabaseAddress) -> Result<Prover, WatchError> {
        let home = Home::open(self.outside.home.path())?;
        let mut store = Store::open(&home)?;
        store.set_clock(self.outside.clock.clone());
        Ok(Prover {
            key: plan.key.clone(),
            address,
            route: Route::default(),
            http: HttpClient::new(self.outside.http.clone()),
            home,
            store: RefCell::new(store),
            go_cache: None,
            offline: self.outside.offline,
            refresh: true,
            latest_with_lookups: true,
            progress: Arc::clone(&self.outside.progress),
        })
    }

    /// Makes events of all that was found and not told of. Gives back how many.
    ///
    /// # Errors
    /// [`WatchError`]
    pub fn announce(&self) -> Result<usize, WatchError> {
        self.mend_store()?;
        let (sinks, now) = (self.sinks(), clock::at(self.now()));
        let mut announced = 0;
        for plan in &self.plan().logs {
            let (name, key) = (plan.key.name(), plan.key.to_string());
            loop {
                let mut store = self.store.borrow_mut();
                let some = store.announce(name, &key, &sinks, &now, |untold| {
                    event::announcements(name, untold)
                })?;
                if some == 0 {
                    break;
                }
                announced += some;
            }
        }
        self.outside.counts.announced(announced);
        Ok(announced)
    }

    /// Tells whoever is to be told now. Gives back how many were told and how many could not.
    ///
    /// # Errors
    /// [`WatchError`]
    pub async fn deliver(&self) -> Result<(usize, Vec<String>), WatchError> {
        self.mend_store()?;
        let sinks = self.sinks();
        let goes = sinks.iter().map(|sink| self.deliver_to(sink));
        let mut told = 0;
        let mut failed = Vec::new();
        for outcome in futures_util::future::join_all(goes).await {
            let (some, error) = outcome?;
            told += some;
            failed.extend(error);
        }
        Ok((told, failed))
    }

    /// Names of those who are told.
    #[must_use]
    pub fn sinks(&self) -> Vec<String> {
        let plan = self.plan();
        let sinks = plan.sinks.iter();
        sinks.map(|sink| sink.name.clone()).collect()
    }

    fn due(&self, sink: &str) -> Result<Vec<Delivery>, WatchError> {
        let now = self.now();
        let horizon = SignedDuration::try_from(LONGEST_PAUSE * 2).unwrap_or_default();
        let horizon = now.checked_add(horizon).unwrap_or(now);
        let between = (clock::at(now), clock::at(horizon));
        let between = (between.0.as_str(), between.1.as_str());
        let store = self.store.borrow();
        Ok(store.deliveries_due(sink, between, DELIVERIES_AT_ONCE)?)
    }

    /// Tells until nobody can be told any more now, or it is to stop.
    ///
    /// # Errors
    /// [`WatchError`]
    pub async fn deliver_all(&self, stop: &AtomicBool) -> Result<(usize, Vec<String>), WatchError> {
        let (mut told, mut failed) = (0, Vec::new());
        loop {
            let (some, errors) = self.deliver().await?;
            told += some;
            failed.extend(errors);
            if some == 0 || stop.load(Ordering::Relaxed) {
                return Ok((told, failed));
            }
        }
    }

    /// Tells one of them what it is to be told now. Gives back how much, and what could not be told.
    ///
    /// # Errors
    /// [`WatchError`]
    #[tracing::instrument(skip_all, fields(sink = name))]
    pub async fn deliver_to(&self, name: &str) -> Result<(usize, Vec<String>), WatchError> {
        let plan = self.plan();
        let Some(sink) = plan.sinks.iter().find(|sink| sink.name == name) else {
            return Ok((0, Vec::new()));
        };
        let (mut told, mut failed) = (0, Vec::new());
        let begun = Instant::now();
        for delivery in self.due(name)? {
            if begun.elapsed() > LONGEST_GO {
                break;
            }
            let event = &delivery.event;
            let key = (event.id, sink.name.clone());
            let is_told = self.unnoted.borrow().contains(&key);
            let outcome = match is_told {
                true => Ok(()),
                false => sink.tell(&self.http, event, self.now()).await,
            };
            if !is_told {
                self.outside.counts.delivered(&sink.name, outcome.is_ok());
            }
            let now = self.now();
            let store = self.store.borrow();
            let Err(error) = outcome else {
                // Where that cannot be written, it is not told again and again meanwhile.
                self.unnoted.borrow_mut().insert(key.clone());
                store.delivered(event.id, &sink.name, &clock::at(now))?;
                self.unnoted.borrow_mut().remove(&key);
                told += 1;
                continue;
            };
            let again = again_at(now, delivery.attempts, fastrand::f64());
            let (tried, again) = (clock::at(now), clock::at(again));
            store.delivery_failed(event.id, &sink.name, (&tried, &again), &error.to_string())?;
            failed.push(format!("{} could not be told: {error}", sink.name));
            if let SinkError::Away(_) = error {
                store.delay_deliveries(&sink.name, &again)?;
                break;
            }
        }
        Ok((told, failed))
    }

    /// Tells all sinks that nothing has happened, so that somebody sees whether they would be told.
    ///
    /// # Errors
    /// [`WatchError`]
    pub fn test_alarm(&self) -> Result<(), WatchError> {
        let summary = "this is a test: nothing has happened".to_owned();
        let event = EventKind::Test.event(summary, &serde_json::json!({}));
        let (sinks, now) = (self.sinks(), clock::at(self.now()));
        self.store.borrow_mut().tell(None, &sinks, &now, &event)?;
        Ok(())
    }

    /// Removes runs and events that are older than they are kept. Heads and findings stay.
    ///
    /// # Errors
    /// [`WatchError`]
    pub fn prune(&self) -> Result<usize, WatchError> {
        let keep = SignedDuration::try_from(self.plan().keep).unwrap_or(SignedDuration::MAX);
        let Ok(before) = self.now().checked_sub(keep) else {
            return Ok(0);
        };
        let pruned = self
            .store
            .borrow_mut()
            .prune(&clock::at(before), &self.sinks())?;
        Ok(pruned)
    }
}
