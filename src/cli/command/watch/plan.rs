//! From settings to what is watched.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Url;

use crate::cli::args::watch::{DurationArg, WatchArgs};
use crate::cli::settings::{Settings, parse_sumdb};
use crate::cli::watch_table::{
    BeginInFile, DepthInFile, KindInFile, LogTable, PlaceTable, ProgramTable, WebhookTable,
};
use crate::golang::base_url::BaseUrl;
use crate::golang::goproxy::ProxyList;
use crate::golang::pattern::PatternList;
use crate::io::database::DatabaseAddress;
use crate::watch::LOG_ITSELF;
use crate::watch::plan::{Begin, Depth, LogPlan, Plan, Thresholds};
use crate::watch::schedule::Schedule;
use crate::watch::sink::{Program, Secret, Sink, SinkKind};
use crate::watch::vantage::{Place, PlaceKind};

/// The log publishes more often, but nobody has to know within the minute.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(3600);

/// All watches of the world do not ask at the same second.
const DEFAULT_JITTER: Duration = Duration::from_secs(300);

/// A season of runs and events.
const DEFAULT_KEEP: Duration = Duration::from_secs(90 * 24 * 3600);

/// The name of the sink that is there if nobody says otherwise.
const STANDARD_ERROR: &str = "standard-error";

pub(in crate::cli) fn of(settings: &Settings, args: &WatchArgs) -> anyhow::Result<Plan> {
    let table = &settings.watch;
    let time = |value: Option<DurationArg>, default| value.map_or(default, |DurationArg(it)| it);
    let cron = match (&args.schedule, args.every) {
        (Some(schedule), _) => Some(schedule),
        (None, Some(_)) => None,
        (None, None) => table.schedule.as_ref(),
    };
    if table.schedule.is_some() && table.every.is_some() {
        bail!("[watch] has both every and schedule: leave one of them");
    }
    let every = time(args.every.or(table.every), DEFAULT_INTERVAL);
    let schedule = match cron {
        Some(cron) => Schedule::cron(cron, time(table.jitter, DEFAULT_JITTER))?,
        // A short interval has a short jitter, if nothing else is said.
        None => Schedule::every(every, time(table.jitter, DEFAULT_JITTER.min(every / 10)))?,
    };
    let mut logs = named_logs(settings)?;
    if logs.is_empty() {
        logs.push(log(settings, &LogTable::default())?);
    }
    Ok(Plan {
        schedule,
        logs,
        sinks: sinks(settings)?,
        keep: time(table.keep, DEFAULT_KEEP),
    })
}

/// The logs that the settings name.
pub(in crate::cli) fn named_logs(settings: &Settings) -> anyhow::Result<Vec<LogPlan>> {
    let mut logs = Vec::new();
    for (number, of) in settings.watch.log.iter().enumerate() {
        logs.push(log(settings, of).with_context(|| format!("[[watch.log]] {}", number + 1))?);
    }
    let keys: BTreeSet<String> = logs.iter().map(|log| log.key.to_string()).collect();
    if keys.len() < logs.len() {
        bail!("two [[watch.log]] are of the same log");
    }
    Ok(logs)
}

fn log(settings: &Settings, table: &LogTable) -> anyhow::Result<LogPlan> {
    let usual = &settings.address;
    let (key, url) = match &table.sumdb {
        Some(sumdb) => parse_sumdb(sumdb, "[[watch.log]]")?,
        None => (settings.key.clone(), usual.url.clone()),
    };
    let proxies = match &table.goproxy {
        Some(proxies) => ProxyList::parse(proxies).context("goproxy")?,
        None => usual.proxies.clone(),
    };
    let modules = PatternList::parse(&table.modules.join(","));
    if let Some(pattern) = modules.first_malformed() {
        bail!("modules: {pattern:?} is no pattern: write them as in GOPRIVATE");
    }
    let mut places = Vec::new();
    for of in &table.vantage_point {
        places.push(place(of)?);
    }
    let names: BTreeSet<&str> = places
        .iter()
        .map(|place: &Place| place.name.as_str())
        .collect();
    if names.len() < places.len() || names.contains(LOG_ITSELF) {
        bail!("each vantage point needs a name of its own, and \"log\" is that of the log itself");
    }
    let default = Thresholds::default();
    let time = |value: Option<DurationArg>, default| value.map_or(default, |DurationArg(it)| it);
    Ok(LogPlan {
        address: DatabaseAddress {
            name: key.name().to_owned(),
            url,
            proxies,
            only_on_disk: usual.only_on_disk,
        },
        key,
        places,
        depth: match table.audit {
            None | Some(DepthInFile::Records) => Depth::Records,
            Some(DepthInFile::Hashes) => Depth::Hashes,
            Some(DepthInFile::Heads) => Depth::Heads,
        },
        begin: match table.begin {
            None | Some(BeginInFile::Now) => Begin::Now,
            Some(BeginInFile::Start) => Begin::Start,
        },
        modules,
        go_sums: table.go_sums.clone(),
        private: settings.private_patterns(),
        thresholds: Thresholds {
            failures: table.failures.unwrap_or(default.failures).max(1),
            still: time(table.still_after, default.still),
            stale: time(table.stale_after, default.stale),
        },
    })
}

fn place(table: &PlaceTable) -> anyhow::Result<Place> {
    let url = BaseUrl::parse(&table.url).context("vantage-point")?;
    Ok(Place {
        name: table.name.clone().unwrap_or_else(|| url.redacted()),
        url,
        kind: match table.kind {
            KindInFile::Log => PlaceKind::Log,
            KindInFile::Proxy => PlaceKind::Proxy,
            KindInFile::Checkpoint => PlaceKind::Checkpoint,
            KindInFile::Sumcheck => PlaceKind::Sumcheck,
        },
    })
}

fn sinks(settings: &Settings) -> anyhow::Result<Vec<Sink>> {
    let table = &settings.watch;
    let mut sinks = Vec::new();
    if table.standard_error.unwrap_or(true) {
        sinks.push(Sink {
            name: STANDARD_ERROR.to_owned(),
            kind: SinkKind::StandardError,
        });
    }
    for of in &table.program {
        sinks.push(program(of)?);
    }
    for of in &table.webhook {
        sinks.push(webhook(of)?);
    }
    let names: BTreeSet<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    if names.len() < sinks.len() {
        bail!("two of those who are told have the same name: give each a name of its own");
    }
    Ok(sinks)
}

fn program(table: &ProgramTable) -> anyhow::Result<Sink> {
    let Some((path, arguments)) = table.command.split_first() else {
        bail!("[[watch.program]]: the command is empty");
    };
    Ok(Sink {
        name: table.name.clone().unwrap_or_else(|| path.clone()),
        kind: SinkKind::Program(Program {
            path: PathBuf::from(path),
            arguments: arguments.to_vec(),
        }),
    })
}

fn webhook(table: &WebhookTable) -> anyhow::Result<Sink> {
    let base = BaseUrl::parse(&table.url).context("[[watch.webhook]]")?;
    let url = Url::parse(&table.url).context("[[watch.webhook]]")?;
    if !matches!(url.scheme(), "https" | "http") {
        bail!(
            "[[watch.webhook]]: {} is neither https nor http",
            base.redacted()
        );
    }
    let secret = match &table.secret_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            Some(Secret::parse(&text).with_context(|| path.display().to_string())?)
        }
    };
    Ok(Sink {
        // The path of a webhook is often its password.
        name: table.name.clone().unwrap_or_else(|| {
            let host = url.host_str().unwrap_or_default();
            format!("webhook {host}")
        }),
        kind: SinkKind::Webhook { url, secret },
    })
}
