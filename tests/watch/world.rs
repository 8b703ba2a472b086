//! A watch with a clock that the test sets, a log that it can change, and somebody who is told.

// Each test binary compiles all of this and uses a part.
#![allow(dead_code)]

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sumcheck::golang::base_url::BaseUrl;
use sumcheck::golang::goproxy::ProxyList;
use sumcheck::golang::pattern::PatternList;
use sumcheck::io::clock::Clock;
use sumcheck::io::database::DatabaseAddress;
use sumcheck::io::goenv::{Environment, GoEnv};
use sumcheck::io::home::Home;
use sumcheck::io::http::HttpSettings;
use sumcheck::io::store::Store;
use sumcheck::prover::Progress;
use sumcheck::status::{Counts, Known, View};
use sumcheck::tlog::note::VerifierKey;
use sumcheck::watch::plan::{Begin, Depth, LogPlan, Plan, Thresholds};
use sumcheck::watch::schedule::Schedule;
use sumcheck::watch::sink::{Secret, Sink, SinkKind};
use sumcheck::watch::vantage::{Place, PlaceKind};
use sumcheck::watch::{Outside, Round, Watch, WatchError};
use tempfile::TempDir;

use crate::support::log::TestLog;
use crate::support::response::{Request, Response};
use crate::support::server::{Handler, Server, Serving};

/// When the tests begin: a Monday at noon.
pub(crate) const BEGIN: &str = "2026-11-23T12:00:00Z";

/// A secret of the receiver's.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server whose answers can be changed while it runs.
pub(crate) struct Stage {
    handler: Arc<RwLock<Handler>>,
    pub(crate) server: Server,
}

impl Stage {
    pub(crate) fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let handler: Arc<RwLock<Handler>> = Arc::new(RwLock::new(Arc::new(handler)));
        let shown = Arc::clone(&handler);
        let server = Serving::new(move |request| {
            let handler = Arc::clone(&shown.read().unwrap());
            handler(request)
        });
        Self {
            handler,
            server: server.below("/sumdb/sum.example.com").start(),
        }
    }

    pub(crate) fn of(log: &TestLog) -> Self {
        let log = log.clone();
        Self::new(move |request| log.answer(request))
    }

    pub(crate) fn show(&self, log: &TestLog) {
        let log = log.clone();
        self.play(move |request| log.answer(request));
    }

    pub(crate) fn play(&self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        *self.handler.write().unwrap() = Arc::new(handler);
    }

    /// Whatever is asked, this is the answer.
    pub(crate) fn fail(&self, status: u16) {
        self.play(move |_| Response::new(status, "no"));
    }

    pub(crate) fn place(&self, name: &str, kind: PlaceKind, path: &str) -> Place {
        Place {
            name: name.to_owned(),
            kind,
            url: BaseUrl::parse(&format!("{}{path}", self.server.url())).unwrap(),
        }
    }
}

/// Somebody who is told.
pub(crate) struct Receiver {
    stage: Stage,
    heard: Arc<Mutex<Vec<Request>>>,
    takes: Arc<AtomicBool>,
}

impl Receiver {
    fn new() -> Self {
        let (heard, takes) = (Arc::default(), Arc::new(AtomicBool::new(true)));
        let (inbox, open): (Arc<Mutex<Vec<Request>>>, _) = (Arc::clone(&heard), Arc::clone(&takes));
        let stage = Stage::new(move |request| {
            if !open.load(Ordering::SeqCst) {
                return Response::new(503, "not now");
            }
            inbox.lock().unwrap().push(request.clone());
            Response::new(204, "")
        });
        Self {
            stage,
            heard,
            takes,
        }
    }

    pub(crate) fn takes(&self, takes: bool) {
        self.takes.store(takes, Ordering::SeqCst);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }

    /// The events in the order in which they came.
    pub(crate) fn events(&self) -> Vec<Value> {
        let requests = self.requests().into_iter();
        requests
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    /// Their kinds, with a `-` before those that are over.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let kind = |event: Value| {
            let over = if event["resolved"] == true { "-" } else { "" };
            format!("{over}{}", event["kind"].as_str().unwrap())
        };
        self.events().into_iter().map(kind).collect()
    }

    /// From now on it answers so.
    pub(crate) fn play(&self, handler: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        self.stage.play(handler);
    }

    pub(crate) fn tried(&self) -> usize {
        self.stage.server.requests().len()
    }
}

pub(crate) struct World {
    folder: TempDir,
    clock: Arc<AtomicI64>,
    pub(crate) log: TestLog,
    pub(crate) stage: Stage,
    pub(crate) receiver: Receiver,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) counts: Arc<Counts>,
}

impl World {
    pub(crate) fn new(records: u64) -> Self {
        let log = TestLog::with_records(records);
        let begin: Timestamp = BEGIN.parse().unwrap();
        Self {
            folder: TempDir::new().unwrap(),
            clock: Arc::new(AtomicI64::new(begin.as_second())),
            stage: Stage::of(&log),
            log,
            receiver: Receiver::new(),
            stop: Arc::default(),
            counts: Arc::default(),
        }
    }

    /// The log has so many more records.
    pub(crate) fn grow(&mut self, records: u64) {
        self.log = self.log.clone().grow(records);
        self.stage.show(&self.log);
    }

    pub(crate) fn wait(&self, time: Duration) {
        let seconds = i64::try_from(time.as_secs()).unwrap();
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn set_clock(&self, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        self.clock.store(time.as_second(), Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::Set(Arc::clone(&self.clock))
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&Home::open(&self.home()).unwrap()).unwrap()
    }

    /// A watch from the first record on, without other places.
    pub(crate) fn watch(&self) -> Watch {
        self.watch_by(|_| {})
    }

    /// What is watched by default.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_by(|_| {})
    }

    fn plan_by(&self, change: impl FnOnce(&mut LogPlan)) -> Plan {
        let mut log = LogPlan {
            key: VerifierKey::parse(&self.log.verifier_key()).unwrap(),
            address: DatabaseAddress {
                name: self.log.name().to_owned(),
                url: Some(BaseUrl::parse(&self.stage.server.url()).unwrap()),
                proxies: ProxyList::parse("off").unwrap(),
                only_on_disk: false,
            },
            places: Vec::new(),
            depth: Depth::Records,
            begin: Begin::Start,
            modules: PatternList::default(),
            go_sums: Vec::new(),
            private: PatternList::default(),
            thresholds: Thresholds::default(),
        };
        change(&mut log);
        let url = self.receiver.stage.server.url();
        Plan {
            schedule: Schedule::every(Duration::from_secs(3600), Duration::ZERO).unwrap(),
            logs: vec![log],
            sinks: vec![Sink {
                name: "receiver".to_owned(),
                kind: SinkKind::Webhook {
                    url: format!("{url}/hook?of=tests").parse().unwrap(),
                    secret: Some(Secret::parse(SECRET).unwrap()),
                },
            }],
            keep: Duration::from_secs(90 * 24 * 3600),
        }
    }

    /// The same with another plan.
    pub(crate) fn watch_by(&self, change: impl FnOnce(&mut LogPlan)) -> Watch {
        let plan = self.plan_by(change);
        let none: [(&str, &str); 0] = [];
        let environment = Environment::new(none, self.folder.path());
        let outside = Outside {
            home: Home::open(&self.home()).unwrap(),
            http: HttpSettings::default(),
            go: GoEnv::read(&environment).unwrap(),
            environment,
            offline: false,
            clock: self.clock(),
            progress: Arc::new(Progress::default()),
            counts: Arc::clone(&self.counts),
        };
        Watch::new(plan, outside).unwrap()
    }

    pub(crate) fn try_round(&self, watch: &Watch) -> Result<Round, WatchError> {
        let plan = watch.plan();
        block_on(watch.round(&plan.logs[0], &self.stop))
    }

    /// A round, and telling of it.
    pub(crate) fn round(&self, watch: &Watch) -> Round {
        let round = self.try_round(watch).unwrap();
        self.tell(watch);
        round
    }

    pub(crate) fn tell(&self, watch: &Watch) -> usize {
        watch.announce().unwrap();
        block_on(watch.deliver()).unwrap().0
    }

    pub(crate) fn view(&self) -> View {
        View {
            home: self.home(),
            watched: vec![self.log.verifier_key()],
            private: PatternList::default(),
            clock: self.clock(),
            counts: Arc::clone(&self.counts),
        }
    }

    pub(crate) fn known(&self) -> Known {
        self.view().read().unwrap()
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
