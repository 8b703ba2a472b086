//! `sumcheck gate`

mod cache;
mod export;
mod modcache;
mod policy;
mod report;
mod serve;
mod sums;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::modcache::{OwnModuleCache, Prepared};
use self::report::Report;
use self::serve::serve;
use crate::cli::args::{GateAction, GateArgs, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, visible};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::gate::cache::Cache;
use crate::gate::direct::{GoCommand, find_go};
use crate::gate::ledger::Ledger;
use crate::gate::metrics::{Behind, Metrics};
use crate::gate::modcache::Inspection;
use crate::gate::notary::Notary;
use crate::gate::policy::Dates;
use crate::gate::private::{Checked, Private, Sums};
use crate::gate::server::{Server, Site};
use crate::gate::trace::{Entry, Trace};
use crate::gate::upstream::Upstream;
use crate::gate::wrapper::{self, Ended};
use crate::gate::{Gate, Verdict};
use crate::golang::pattern::PatternList;
use crate::io::home::Home;
use crate::io::http::Observer;
use crate::io::store::Store;

/// What is still at work at the end, a file that is being hashed, is given up after so long.
const LAST_WORK: Duration = Duration::from_secs(2);

pub(in crate::cli) fn run(global: &GlobalArgs, args: &GateArgs) -> anyhow::Result<Exit> {
    match work(global, args) {
        // Any other code could be the command's own.
        Err(error) if !args.command.is_empty() => {
            render::error(&error);
            Ok(Exit::GateFailed)
        }
        ended => ended,
    }
}

fn work(global: &GlobalArgs, args: &GateArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    if let Some(GateAction::Cache { action }) = &args.action
        && let Some(ended) = cache::run(&settings, action)
    {
        return ended;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let trace = match &args.trace {
        Some(path) => Some(Arc::new(Trace::create(path).with_context(|| {
            format!("cannot write the trace to {}", path.display())
        })?)),
        None => None,
    };
    let rules = policy::read(&settings, args)?;
    let sums = sums::read(&settings, &args.go_sum)?;
    if args.check_config {
        policy::show(&settings, args, &rules)?;
        return Ok(Exit::Ok);
    }
    let report = match &args.report {
        Some(path) => Some(
            Report::create(path)
                .with_context(|| format!("cannot write the report to {}", path.display()))?,
        ),
        None => None,
    };
    let mut inspection = None;
    let gate = Arc::new(open(global, &settings, args, sums.clone(), trace.as_ref())?);
    gate.set_policy(rules);
    world::show_warnings(&settings.told);
    let ended = runtime.block_on(async {
        let ended = match args.listen {
            Some(address) => {
                serve(
                    Arc::clone(&gate),
                    address,
                    global,
                    &settings,
                    args,
                    trace.clone(),
                )
                .await
            }
            None if let Some(action) = &args.action => match action {
                GateAction::Export { folder, paths } => {
                    export::run(&gate, &settings, folder, paths).await
                }
                GateAction::Cache { .. } => cache::verify(&gate, settings.format).await,
            },
            None => {
                let gate = Arc::clone(&gate);
                wrap(gate, &settings, args, &sums, &mut inspection, trace.clone()).await
            }
        };
        gate.close().await;
        ended
    });
    // What is still under way is given up, and its temporary files go with it.
    runtime.shutdown_timeout(LAST_WORK);
    if let Some(trace) = trace {
        trace.close();
    }
    match gate.decisions_left_off() {
        0 => {}
        count => render::warning(&format!(
            "the disk was too slow to write down {count} decisions"
        )),
    }
    if let (Some(report), Ok(exit)) = (report, &ended) {
        report
            .write(&gate, inspection.as_ref(), *exit)
            .context("cannot write the report")?;
    }
    ended
}

fn open(
    global: &GlobalArgs,
    settings: &Settings,
    args: &GateArgs,
    sums: Sums,
    trace: Option<&Arc<Trace>>,
) -> anyhow::Result<Gate> {
    let metrics = Arc::new(Metrics::default());
    let observer = |behind| observer(behind, &metrics, trace);
    let home = Home::open(&settings.home)?;
    let cache = Cache::new(&home);
    cache.sweep();
    let prover = world::prover_without_end(global, settings, observer(Behind::Database))?;
    let notary = Notary::start(prover)?;
    Ok(Gate::new(
        notary,
        Upstream::new(
            world::http_client(global, settings, None, Some(observer(Behind::Modules))),
            settings.address.proxies.clone(),
        )
        .only_on_disk(settings.offline)
        .with_direct(
            find_go(settings.environment.variable("PATH"))
                .map(|program| GoCommand::new(program, home.path())),
            PatternList::parse(settings.go.gonoproxy().value()),
        ),
        cache,
        settings.key.name().to_owned(),
        Private::new(
            settings.private_patterns(),
            args.private.into(),
            sums,
            Store::open(&home)?,
        ),
    )
    .with_metrics(metrics)
    .with_dates(Dates::new(Store::open(&home)?, settings.key.to_string()))
    .with_ledger(
        Ledger::start(
            Store::open(&home)?,
            &home.path().join("gate"),
            render::warning,
        )
        .context("cannot start a thread")?,
    ))
}

/// Counts the requests to the servers behind the gate, and traces them.
fn observer(behind: Behind, metrics: &Arc<Metrics>, trace: Option<&Arc<Trace>>) -> Observer {
    let (metrics, trace) = (Arc::clone(metrics), trace.cloned());
    Arc::new(move |request| {
        metrics.observe(behind, request);
        if let Some(trace) = &trace {
            trace.record(Entry::upstream(behind, request));
        }
    })
}

async fn wrap(
    gate: Arc<Gate>,
    settings: &Settings,
    args: &GateArgs,
    sums: &Sums,
    inspection: &mut Option<Inspection>,
    trace: Option<Arc<Trace>>,
) -> anyhow::Result<Exit> {
    let module_cache = match modcache::prepare(&gate, settings, args.modcache, sums).await? {
        Prepared::AsItIs => None,
        Prepared::Own(own) => Some(own),
        Prepared::Inspected(found, exit) => {
            *inspection = Some(found);
            match exit {
                Some(exit) => return Ok(exit),
                None => None,
            }
        }
    };
    let prefix = wrapper::secret_prefix().context("no randomness")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on 127.0.0.1")?;
    let site = Site::modules(Arc::clone(&gate), &prefix, trace);
    let server = Server::new(listener, Arc::new(site));
    let goproxy = format!(
        "http://{}{}",
        server.address()?,
        prefix.trim_end_matches('/')
    );
    let (stop, stopped) = oneshot::channel::<()>();
    // With the command's end there is nobody left to finish anything for.
    let stopped = async {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(server.run(stopped, std::future::ready(())));
    let environment = wrapper::Environment {
        goproxy: &goproxy,
        gosumdb: &settings.gosumdb,
        gomodcache: module_cache.as_ref().map(OwnModuleCache::folder),
    };
    let ended = wrapper::run(&environment, &args.command).await;
    drop(stop);
    let _ = serving.await;
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            render::error_line(&format!("the command could not be run: {error}"));
            return Ok(Exit::GateFailed);
        }
    };
    let refused = tell(&gate);
    let program = args
        .command
        .first()
        .map(|program| program.to_string_lossy());
    match ended {
        Ended::NotFound => render::error_line(&visible(&format!(
            "{}: command not found",
            program.unwrap_or_default()
        ))),
        Ended::NotExecutable => render::error_line(&visible(&format!(
            "{}: cannot be run",
            program.unwrap_or_default()
        ))),
        Ended::Code(_) => {}
    }
    let closed = gate.standing().closed();
    if let Some(closed) = &closed {
        render::error_line(&visible(&format!("THE LOG MISBEHAVED: {closed}")));
    }
    Ok(match ended {
        Ended::Code(0) if closed.is_some() => Exit::Misbehaviour,
        Ended::Code(0) if refused > 0 => Exit::Negative,
        ended => Exit::Command(ended.code()),
    })
}

/// Text of several lines, each of them escaped: a proxy's words are in it.
fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

/// The account at the end; how many files were refused.
fn tell(gate: &Gate) -> usize {
    let decisions = gate.account().decisions();
    let (mut released, mut observed, mut refused) = (0, 0, 0);
    let mut private: BTreeMap<Checked, usize> = BTreeMap::new();
    for decision in &decisions {
        match &decision.verdict {
            Verdict::Released => released += 1,
            Verdict::Private(checked) => *private.entry(*checked).or_insert(0) += 1,
            Verdict::Absent => {}
            Verdict::Observed(refusal) => {
                observed += 1;
                let refusal = visible_lines(&refusal.to_string());
                render::warning(&format!(
                    "let through, since rules are only observed: {refusal}"
                ));
            }
            Verdict::Refused(refusal) => {
                refused += 1;
                render::error_line(&visible_lines(&refusal.to_string()));
            }
            Verdict::Failed(why) => render::warning(&visible_lines(why)),
        }
    }
    let private: String = private
        .iter()
        .map(|(checked, count)| format!("{count} private {}, ", checked.as_str()))
        .collect();
    let observed = match observed {
        0 => String::new(),
        count => format!("{count} that the rules would refuse, "),
    };
    anstream::eprintln!(
        "sumcheck gate: {released} files proven and let through, {private}{observed}{refused} refused"
    );
    refused
}
