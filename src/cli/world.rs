//! Everything that a command needs of the outside, opened in the order in which it can fail.

use std::cell::RefCell;
use std::future::Future;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{Either, select};
use tokio::time::Instant;

use super::args::GlobalArgs;
use super::exit::Exit;
use super::progress_bar;
use super::render::{self, visible};
use super::settings::Settings;
use crate::io::database::Route;
use crate::io::go_cache::GoCache;
use crate::io::home::Home;
use crate::io::http::{HttpClient, HttpSettings, Observer, RequestTrace};
use crate::io::shutdown::{Signal, signal};
use crate::io::store::Store;
use crate::prover::{Progress, Prover};

/// Opens the home and makes a prover; no packet is sent yet.
///
/// Whatever fails here is a matter of configuration: exit 2.
pub(super) fn prover(
    global: &GlobalArgs,
    settings: &Settings,
    refresh: bool,
    requests: usize,
) -> anyhow::Result<Prover> {
    let deadline = deadline(requests, settings.concurrency);
    let http = http_client(global, settings, Some(deadline), None);
    let mut prover = open(settings, refresh, http)?;
    prover.latest_with_lookups = true;
    Ok(prover)
}

/// A prover that lasts as long as the process.
pub(super) fn prover_without_end(
    global: &GlobalArgs,
    settings: &Settings,
    observer: Option<Observer>,
) -> anyhow::Result<Prover> {
    let http = http_client(global, settings, None, observer);
    open(settings, false, http)
}

/// How servers are asked, by the user's settings, by whoever runs without an end.
pub(super) fn http_settings(global: &GlobalArgs, settings: &Settings) -> HttpSettings {
    HttpSettings {
        concurrency: settings.concurrency,
        credentials: settings.credentials.clone(),
        observer: global.verbose.then(|| Arc::new(show_request) as Observer),
        ..HttpSettings::default()
    }
}

/// A client with the user's settings; no packet is sent yet.
pub(super) fn http_client(
    global: &GlobalArgs,
    settings: &Settings,
    deadline: Option<Instant>,
    observer: Option<Observer>,
) -> HttpClient {
    let usual = http_settings(global, settings);
    HttpClient::new(HttpSettings {
        observer: match (usual.observer.clone(), observer) {
            (Some(first), Some(second)) => Some(Arc::new(move |trace: &RequestTrace| {
                first(trace);
                second(trace);
            })),
            (first, second) => first.or(second),
        },
        deadline,
        ..usual
    })
}

fn open(settings: &Settings, refresh: bool, http: HttpClient) -> anyhow::Result<Prover> {
    let home = Home::open(&settings.home)?;
    let store = Store::open(&home)?;
    let go_cache = settings
        .go
        .sumdb_cache_dir()
        .zip(settings.go.sumdb_config_dir())
        .map(|(download, config)| GoCache::new(&download, &config, settings.key.name()));
    Ok(Prover {
        key: settings.key.clone(),
        address: settings.address.clone(),
        route: Route::default(),
        http,
        home,
        store: RefCell::new(store),
        go_cache,
        offline: settings.offline,
        refresh,
        latest_with_lookups: false,
        progress: Arc::new(Progress::default()),
    })
}

/// A run on small input ends within a minute, whatever the servers do; the last seconds are for
/// what comes after the network.
const SHORTEST_TIME_LIMIT: Duration = Duration::from_secs(50);

/// What each further round of requests at once may add, where there is much to ask.
const TIME_FOR_A_ROUND: Duration = Duration::from_secs(2);

/// When the run has to end: a record needs a lookup and about one tile.
fn deadline(records: usize, concurrency: usize) -> Instant {
    let rounds = u32::try_from(records.saturating_mul(2) / concurrency.max(1)).unwrap_or(u32::MAX);
    Instant::now() + SHORTEST_TIME_LIMIT + TIME_FOR_A_ROUND.saturating_mul(rounds.min(MAX_ROUNDS))
}

/// The longest run ends after a few hours.
const MAX_ROUNDS: u32 = 5_000;

fn show_request(trace: &RequestTrace) {
    anstream::eprintln!("{}", visible(&trace.to_string()));
}

/// Runs to the end or until a signal; in between it shows progress.
pub(super) fn block_on<T>(
    global: &GlobalArgs,
    progress: &Arc<Progress>,
    work: impl Future<Output = T>,
) -> anyhow::Result<Result<T, Exit>> {
    let work = async {
        let stop = signal();
        futures_util::pin_mut!(work, stop);
        match select(work, stop).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right((signal, _)) => Err(exit_of(signal)),
        }
    };
    showing_progress(global, progress, work)
}

/// So long what was asked to stop has for it.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// As [`block_on`], for long work that can be asked to stop: what it has done until then stays. A
/// second signal ends it. Beside the result stands the signal that it came after.
pub(super) fn block_on_stoppable<T>(
    global: &GlobalArgs,
    progress: &Arc<Progress>,
    stop: &AtomicBool,
    work: impl Future<Output = T>,
) -> anyhow::Result<Result<(T, Option<Exit>), Exit>> {
    let work = async {
        let first = signal();
        futures_util::pin_mut!(work, first);
        let (asked, work) = match select(work, first).await {
            Either::Left((result, _)) => return Ok((result, None)),
            Either::Right((signal, work)) => (exit_of(signal), work),
        };
        stop.store(true, Ordering::Relaxed);
        let second = async {
            let second = signal();
            let late = tokio::time::sleep(STOPS_WITHIN);
            futures_util::pin_mut!(second, late);
            select(second, late).await;
        };
        futures_util::pin_mut!(second);
        match select(work, second).await {
            Either::Left((result, _)) => Ok((result, Some(asked))),
            Either::Right(((), _)) => Err(asked),
        }
    };
    showing_progress(global, progress, work)
}

fn showing_progress<T>(
    global: &GlobalArgs,
    progress: &Arc<Progress>,
    work: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Each thread that hashes holds on to memory, and more of them than this are no quicker.
        .max_blocking_threads(processors + 2)
        .build()
        .context("cannot start")?;
    Ok(runtime.block_on(async {
        let show = async {
            if !global.quiet && !global.verbose {
                if std::io::stderr().is_terminal() {
                    progress_bar::show(Arc::clone(progress)).await;
                } else {
                    progress_bar::tell(Arc::clone(progress)).await;
                }
            }
            std::future::pending::<()>().await;
        };
        futures_util::pin_mut!(work, show);
        match select(work, show).await {
            Either::Left((result, _)) => result,
            Either::Right(((), work)) => work.await,
        }
    }))
}

const fn exit_of(signal: Signal) -> Exit {
    match signal {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    }
}

/// Tells that a login may be missing: whatever GOAUTH names beside netrc is not run.
pub(super) fn tell_of_goauth(settings: &Settings) {
    let others = settings.credentials.unsupported_goauth();
    if !others.is_empty() {
        render::warning(&format!(
            "GOAUTH names {}, which is not run here: only netrc and off are honoured",
            others.join(" and ")
        ));
    }
}

/// Tells what the run leaves the user to know.
pub(super) fn show_warnings(warnings: &[String]) {
    for warning in warnings {
        render::warning(warning);
    }
}
