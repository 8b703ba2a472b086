//! `sumcheck watch`: rounds when they are due, until it is told to stop.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{plan, told, view};
use crate::cli::args::GlobalArgs;
use crate::cli::args::watch::{ListenArg, WatchArgs};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::io::clock;
use crate::io::serve::{Server, raise_file_limit};
use crate::io::shutdown::{HangUps, Signal, Signals, hang_ups, signals};
use crate::status::{Counts, Hosts, StatusSite};
use crate::watch::Watch;

/// How often it looks whether anything is to be done. A machine that has slept is caught up with within
/// this time.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How often what was found is told.
const TELLS_EVERY: Duration = Duration::from_secs(2);

/// So long after the state could not be written it is tried again.
const TELLS_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// So long somebody is told before the end.
const TELLS_AT_THE_END: Duration = Duration::from_secs(2);

/// So long what was asked to stop has for it.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// Where it listens if nobody says otherwise.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9480);

struct Daemon<'a> {
    global: &'a GlobalArgs,
    args: &'a WatchArgs,
    watch: Watch,
    site: Arc<StatusSite>,
    listens_at: Option<IpAddr>,
    /// Where it was to listen when it began.
    wanted: Option<SocketAddr>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    /// When the last round began.
    last: Cell<Option<Timestamp>>,
    due: Cell<Timestamp>,
}

pub(super) fn run(
    global: &GlobalArgs,
    args: &WatchArgs,
    settings: &Settings,
    watch: Watch,
    counts: Arc<Counts>,
) -> anyhow::Result<Exit> {
    raise_file_limit();
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // Each thread that hashes holds on to memory.
        .max_blocking_threads(processors + 4)
        .build()
        .context("cannot start")?;
    let site = Arc::new(StatusSite::new(view::of(
        settings,
        &watch.plan().logs,
        &counts,
    )));
    runtime.block_on(serve(global, args, settings, watch, site, counts))
}

async fn serve(
    global: &GlobalArgs,
    args: &WatchArgs,
    settings: &Settings,
    watch: Watch,
    site: Arc<StatusSite>,
    counts: Arc<Counts>,
) -> anyhow::Result<Exit> {
    // From here on a hang-up ends nothing, and no signal is missed.
    let (mut hang_ups, mut signals) = (hang_ups(), signals());
    let wanted = listens_at(args, settings);
    let mut listens_at = None;
    if let Some(address) = wanted {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address}: choose another address with --listen, or off")
        })?;
        let server = Server::new(listener, Arc::clone(&site));
        let address = server.address()?;
        listens_at = Some(address.ip());
        site.set_hosts(Hosts::at(address.ip(), &settings.watch.hosts));
        anstream::eprintln!("sumcheck watch: http://{address}/");
        view::warn_of_others(address.ip());
        tokio::spawn(server.run(std::future::pending(), std::future::pending()));
    }
    let daemon = Daemon::new(global, args, watch, (site, wanted, listens_at), counts)?;
    notify(&[NotifyState::Ready]);
    let by = tokio::select! {
        by = daemon.work(&mut hang_ups, &mut signals) => by,
        never = daemon.tend() => match never {},
        never = feed_watchdog() => match never {},
    };
    notify(&[NotifyState::Stopping]);
    daemon.tell_once().await;
    Ok(match by {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    })
}

/// Where the page is to be served, if anywhere.
fn listens_at(args: &WatchArgs, settings: &Settings) -> Option<SocketAddr> {
    match args.listen.or(settings.watch.listen) {
        Some(ListenArg::Off) => None,
        Some(ListenArg::Address(address)) => Some(address),
        None => Some(DEFAULT_ADDRESS),
    }
}

/// What a daemon is woken for.
enum Woken {
    Due,
    HungUp,
    Signal(Signal),
}

impl<'a> Daemon<'a> {
    fn new(
        global: &'a GlobalArgs,
        args: &'a WatchArgs,
        watch: Watch,
        (site, wanted, listens_at): (Arc<StatusSite>, Option<SocketAddr>, Option<IpAddr>),
        counts: Arc<Counts>,
    ) -> anyhow::Result<Self> {
        let now = watch.now();
        // Whoever is started again and again does not ask again and again.
        let last = watch.last_begin()?.filter(|last| *last <= now);
        let due = match last {
            Some(last) => watch.plan().schedule.next(last, fastrand::f64()),
            None => now,
        };
        Ok(Self {
            global,
            args,
            watch,
            site,
            listens_at,
            wanted,
            counts,
            stop: Arc::new(AtomicBool::new(false)),
            last: Cell::new(last),
            due: Cell::new(due),
        })
    }

    async fn work(&self, hang_ups: &mut HangUps, signals: &mut Signals) -> Signal {
        loop {
            self.tell_when();
            let woken = tokio::select! {
                () = self.wait() => Woken::Due,
                () = hang_ups.next() => Woken::HungUp,
                by = signals.next() => Woken::Signal(by),
            };
            match woken {
                Woken::Due => {}
                Woken::HungUp => {
                    self.reload();
                    continue;
                }
                Woken::Signal(by) => return by,
            }
            self.last.set(Some(self.watch.now()));
            if let Some(by) = self.rounds_until(signals).await {
                return by;
            }
            self.set_due();
        }
    }

    /// Until a round is due.
    async fn wait(&self) {
        let mut looks = ticks(LOOKS_EVERY);
        let plan = self.watch.plan();
        while !(plan.schedule).is_due(self.due.get(), self.last.get(), self.watch.now()) {
            looks.tick().await;
        }
    }

    /// An interval is from begin to begin; a round that took longer is followed at once.
    fn set_due(&self) {
        let now = self.watch.now();
        let last = self.last.get().unwrap_or(now);
        let due = self.watch.plan().schedule.next(last, fastrand::f64());
        self.due.set(due.max(now));
    }

    /// A round of each log, and the signal that it was ended by.
    async fn rounds_until(&self, signals: &mut Signals) -> Option<Signal> {
        let rounds = self.rounds();
        tokio::pin!(rounds);
        let by = tokio::select! {
            () = &mut rounds => return None,
            by = signals.next() => by,
        };
        // What it has done until then is kept; whoever asks twice does not want to wait.
        self.stop.store(true, Ordering::Relaxed);
        tokio::select! {
            () = rounds => {}
            _ = signals.next() => {}
            () = sleep(STOPS_WITHIN) => {}
        }
        Some(by)
    }

    async fn rounds(&self) {
        for log in &self.watch.plan().logs {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            match self.watch.round(log, &self.stop).await {
                Ok(round) => {
                    told::faults(&round);
                    for line in told::lines(&round) {
                        self.say(&line);
                    }
                }
                Err(error) => {
                    let name = log.key.name();
                    render::error_line(&format!("{name}: no round could be done: {error}"));
                }
            }
        }
        if let Err(error) = self.watch.prune() {
            render::error_line(&format!(
                "old rounds and events could not be removed: {error}"
            ));
        }
    }

    /// Tells whoever is to be told, for as long as it is polled.
    async fn tend(&self) -> Infallible {
        let mut tells = ticks(TELLS_EVERY);
        let mut going = FuturesUnordered::new();
        let mut busy = BTreeSet::new();
        let mut errors = Errors::default();
        loop {
            tokio::select! {
                _ = tells.tick() => {
                    errors.say("", self.announce());
                    for sink in self.watch.sinks() {
                        // Nobody waits for somebody else who is slow.
                        if busy.insert(sink.clone()) {
                            going.push(self.tell(sink));
                        }
                    }
                }
                Some((sink, error)) = going.next() => {
                    errors.say(&sink, error);
                    busy.remove(&sink);
                }
            }
        }
    }

    /// What went wrong with noting what is to be told, if anything did.
    fn announce(&self) -> String {
        match self.watch.announce() {
            Ok(_) => String::new(),
            Err(error) => format!("what was found could not be noted: {error}"),
        }
    }

    /// Tells one of those who are told, and what went wrong with that.
    async fn tell(&self, sink: String) -> (String, String) {
        let error = match self.watch.deliver_to(&sink).await {
            Ok((_, failed)) => failed.first().cloned().unwrap_or_default(),
            Err(error) => {
                sleep(TELLS_AGAIN_AFTER).await;
                format!("{sink} was told what could not be noted, or could not be told: {error}")
            }
        };
        (sink, error)
    }

    /// Before the end. Whoever is slow is told by the next process.
    async fn tell_once(&self) {
        let error = self.announce();
        if !error.is_empty() {
            render::warning(&error);
        }
        tokio::select! {
            _ = self.watch.deliver() => {}
            () = sleep(TELLS_AT_THE_END) => {}
        }
    }

    fn tell_when(&self) {
        let when = clock::at(self.due.get().max(self.watch.now()));
        notify(&[NotifyState::Status(&format!("next round at {when}"))]);
        self.say(&format!("the next round is at {when}"));
    }

    fn say(&self, line: &str) {
        if !self.global.quiet {
            anstream::eprintln!("sumcheck watch: {line}");
        }
    }

    /// What cannot be read leaves in force what was.
    fn reload(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
        match self.read_again() {
            Ok(()) => self.say("the configuration was read again"),
            Err(error) => render::error_line(&format!(
                "{error:#}: the configuration of before stays in force"
            )),
        }
        notify(&[NotifyState::Ready]);
    }

    fn read_again(&self) -> anyhow::Result<()> {
        let config = self.args.config.config.as_deref();
        let settings = Settings::load_from(self.global, config)?;
        if listens_at(self.args, &settings) != self.wanted {
            render::warning("another address to listen at needs a restart");
        }
        let plan = plan::of(&settings, self.args)?;
        self.site
            .set_view(view::of(&settings, &plan.logs, &self.counts));
        if let Some(address) = self.listens_at {
            self.site
                .set_hosts(Hosts::at(address, &settings.watch.hosts));
        }
        self.watch.set_plan(plan);
        self.set_due();
        Ok(())
    }
}

/// What went wrong last, by whom: what goes wrong for days is said once.
#[derive(Default)]
struct Errors(BTreeMap<String, String>);

impl Errors {
    fn say(&mut self, whose: &str, error: String) {
        if error.is_empty() {
            self.0.remove(whose);
        } else if self.0.get(whose) != Some(&error) {
            render::warning(&error);
            self.0.insert(whose.to_owned(), error);
        }
    }
}

/// Tells systemd that this process gets to its work, whoever it is waiting for.
async fn feed_watchdog() -> Infallible {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut feeds = ticks(patience / 2);
    loop {
        feeds.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Tells systemd, if it is there.
fn notify(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
