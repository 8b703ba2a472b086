//! `sumcheck gate`

mod cache;
mod export;
mod modcache;
mod policy;
mod prefetch;
mod reload;
mod report;
mod serve;
mod sums;
mod wrap;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use self::report::Report;
use self::serve::serve;
use self::wrap::wrap;
use crate::cli::args::{GateAction, GateArgs, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::gate::cache::Cache;
use crate::gate::direct::{GoCommand, find_go};
use crate::gate::ledger::Ledger;
use crate::gate::metrics::{Behind, Metrics};
use crate::gate::notary::Notary;
use crate::gate::policy::{Dates, Policy};
use crate::gate::private::{Private, PrivateRules, Sums};
use crate::gate::trace::{Entry, Trace};
use crate::gate::upstream::Upstream;
use crate::gate::{Account, Gate, LISTED};
use crate::golang::pattern::PatternList;
use crate::io::home::Home;
use crate::io::http::Observer;
use crate::io::store::Store;

/// What is still at work at the end, a file that is being hashed, is given up after so long.
const LAST_WORK: Duration = Duration::from_secs(2);

/// A turn may hash half a megabyte: new requests must not wait for many of these.
const TURNS_BETWEEN_LOOKS: u32 = 8;

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
    let ended = work_with(
        global,
        &settings,
        args,
        rules,
        &sums,
        trace,
        report.as_ref(),
    );
    if let (Some(report), Err(error)) = (&report, &ended) {
        report
            .write_failure(&format!("{error:#}"))
            .context("cannot write the report")?;
    }
    ended
}

fn work_with(
    global: &GlobalArgs,
    settings: &Settings,
    args: &GateArgs,
    rules: Policy,
    sums: &Sums,
    trace: Option<Arc<Trace>>,
    report: Option<&Report>,
) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(TURNS_BETWEEN_LOOKS)
        .global_queue_interval(TURNS_BETWEEN_LOOKS)
        .build()
        .context("cannot start")?;
    let mut inspection = None;
    let gate = Arc::new(open(global, settings, args, sums.clone(), trace.as_ref())?);
    gate.set_policy(rules);
    world::show_warnings(&settings.told);
    let ended = runtime.block_on(async {
        let ended = match args.listen {
            Some(address) => {
                serve(
                    Arc::clone(&gate),
                    address,
                    global,
                    settings,
                    args,
                    trace.clone(),
                )
                .await
            }
            None if let Some(action) = &args.action => match action {
                GateAction::Export { folder, paths } => {
                    export::run(&gate, settings, folder, paths).await
                }
                GateAction::Cache { .. } => cache::verify(&gate, settings.format).await,
            },
            None => {
                let gate = Arc::clone(&gate);
                wrap(
                    gate,
                    global,
                    settings,
                    args,
                    sums,
                    &mut inspection,
                    trace.clone(),
                )
                .await
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
    Cache::new(&home).sweep();
    let prover = world::prover_without_end(global, settings, Some(observer(Behind::Database)))?;
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
                .map(|program| GoCommand::new(program, home.path()))
                .map(|go| match trace.cloned() {
                    Some(trace) => go.with_observer(Arc::new(move |question| {
                        trace.record(Entry::direct(question));
                    })),
                    None => go,
                }),
            PatternList::parse(settings.go.gonoproxy().value()),
        ),
        &home,
        settings.key.name().to_owned(),
        Private::new(
            settings.private_patterns(),
            PrivateRules {
                mode: policy::private(settings, args).into(),
                sums,
            },
            Store::open(&home)?,
        ),
    )
    .with_downloads(policy::downloads(settings, args))
    .with_account(Account::listing(match args.listen {
        Some(_) => 0,
        None => LISTED,
    }))
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
