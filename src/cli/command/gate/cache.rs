//! `sumcheck gate cache`

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::args::{CacheAction, Format};
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, grouped, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::gate::cache::Cache;
use crate::gate::cache::holdings::{Entry, Holdings, Keep};
use crate::gate::recheck::{Checked, State};
use crate::gate::{Denial, Gate};
use crate::golang::module::ModuleVersion;
use crate::io::home::Home;

const SCHEMA: &str = "sumcheck.gate-cache/1";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    bytes: u64,
    modules: usize,
    strangers: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<Row<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Vec<Row<'a>>>,
}

#[derive(Serialize)]
struct Row<'a> {
    module: &'a str,
    version: &'a str,
    files: Vec<&'static str>,
    bytes: u64,
    last_used: String,
}

impl<'a> From<&'a Entry> for Row<'a> {
    fn from(entry: &'a Entry) -> Self {
        let files = entry.files.iter();
        Self {
            module: entry.module.path().as_str(),
            version: entry.module.version().as_str(),
            files: files.map(|file| file.extension()).collect(),
            bytes: entry.bytes,
            last_used: shown(entry.last_used),
        }
    }
}

fn shown(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// All but `verify`, which needs the log: `None`.
pub(super) fn run(settings: &Settings, action: &CacheAction) -> Option<anyhow::Result<Exit>> {
    let ended = match action {
        CacheAction::List => open(settings).and_then(|cache| list(&cache, settings.format, true)),
        CacheAction::Size => open(settings).and_then(|cache| list(&cache, settings.format, false)),
        CacheAction::Prune {
            cache_size,
            unused_for,
        } => {
            let age = unused_for.map(|days| DAY.saturating_mul(days));
            let keep = Keep {
                limit_bytes: cache_size.map(|size| size.0),
                used_since: age.and_then(|age| SystemTime::now().checked_sub(age)),
                spare_after: None,
            };
            open(settings).and_then(|cache| prune(&cache, keep, settings.format))
        }
        CacheAction::Verify => return None,
    };
    Some(ended.map(|()| Exit::Ok))
}

fn open(settings: &Settings) -> anyhow::Result<Cache> {
    Ok(Cache::new(&Home::open(&settings.home)?))
}

fn look(cache: &Cache) -> anyhow::Result<Holdings> {
    cache.holdings().context("cannot read the cache")
}

fn list(cache: &Cache, format: Format, with_entries: bool) -> anyhow::Result<()> {
    let holdings = look(cache)?;
    if let Format::Json = format {
        let entries = || holdings.entries.iter().map(Row::from).collect();
        write_json(
            plain_out(),
            &Document {
                schema: SCHEMA,
                bytes: holdings.bytes(),
                modules: holdings.entries.len(),
                strangers: holdings.strangers.len(),
                entries: with_entries.then(entries),
                removed: None,
            },
        )?;
        return Ok(());
    }
    let mut out = out();
    if with_entries {
        write_rows(&mut out, &holdings.entries)?;
    }
    tell_size(&mut out, &holdings)?;
    Ok(())
}

fn prune(cache: &Cache, keep: Keep, format: Format) -> anyhow::Result<()> {
    let removed = cache.prune(keep).context("cannot remove from the cache")?;
    let holdings = look(cache)?;
    if let Format::Json = format {
        write_json(
            plain_out(),
            &Document {
                schema: SCHEMA,
                bytes: holdings.bytes(),
                modules: holdings.entries.len(),
                strangers: holdings.strangers.len(),
                entries: None,
                removed: Some(removed.iter().map(Row::from).collect()),
            },
        )?;
        return Ok(());
    }
    let mut out = out();
    write_rows(&mut out, &removed)?;
    let bytes = removed.iter().map(|entry| entry.bytes).sum();
    writeln!(
        out,
        "removed {} in {}",
        bytes_of(bytes),
        count_of(removed.len(), "module version")
    )?;
    tell_size(&mut out, &holdings)?;
    Ok(())
}

fn write_rows(out: &mut impl std::io::Write, entries: &[Entry]) -> std::io::Result<()> {
    for entry in entries {
        let files: Vec<&str> = entry.files.iter().map(|file| file.extension()).collect();
        let line = format!(
            "{:>15}  {}  {}  {}",
            grouped(entry.bytes),
            shown(entry.last_used),
            entry.module,
            files.join(" ")
        );
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(())
}

fn tell_size(out: &mut impl std::io::Write, holdings: &Holdings) -> std::io::Result<()> {
    writeln!(
        out,
        "{} in {}",
        bytes_of(holdings.bytes()),
        count_of(holdings.entries.len(), "module version")
    )?;
    if !holdings.strangers.is_empty() {
        render::warning(&format!(
            "{} of no module, which the gate never gives out",
            count_of(holdings.strangers.len(), "file")
        ));
    }
    Ok(())
}

fn bytes_of(bytes: u64) -> String {
    format!("{} bytes", grouped(bytes))
}

#[derive(Serialize)]
struct Verified<'a> {
    schema: &'static str,
    sound: usize,
    damaged: Vec<Damaged<'a>>,
    unpinned: Vec<Unsure<'a>>,
    unproven: Vec<Unsure<'a>>,
    strangers: usize,
}

#[derive(Serialize)]
struct Damaged<'a> {
    module: &'a str,
    version: &'a str,
    file: &'static str,
    set_aside: String,
}

#[derive(Serialize)]
struct Unsure<'a> {
    module: &'a str,
    version: &'a str,
    file: &'static str,
    reason: String,
}

/// `sumcheck gate cache verify`
pub(super) async fn verify(gate: &Gate, format: Format) -> anyhow::Result<Exit> {
    let holdings = gate.cache().holdings().context("cannot read the cache")?;
    let checked = gate.recheck(&holdings.entries).await;
    let mut document = Verified {
        schema: SCHEMA,
        sound: 0,
        damaged: Vec::new(),
        unpinned: Vec::new(),
        unproven: Vec::new(),
        strangers: holdings.strangers.len(),
    };
    let mut exit = Exit::Ok;
    for file in &checked {
        exit = exit.worst(add(&mut document, file));
    }
    match format {
        Format::Json => write_json(plain_out(), &document)?,
        Format::Human => tell(&document)?,
    }
    Ok(exit)
}

fn add<'c>(document: &mut Verified<'c>, checked: &'c Checked) -> Exit {
    let (module, version) = names(&checked.module);
    let file = checked.file.extension();
    let unsure = |reason| Unsure {
        module,
        version,
        file,
        reason,
    };
    match &checked.state {
        State::Gone => Exit::Ok,
        State::Sound => {
            document.sound += 1;
            Exit::Ok
        }
        State::Damaged(path) => {
            document.damaged.push(Damaged {
                module,
                version,
                file,
                set_aside: path.display().to_string(),
            });
            Exit::Negative
        }
        State::Unpinned => {
            let reason = "private, and nothing is pinned of it".to_owned();
            document.unpinned.push(unsure(reason));
            Exit::Unverified
        }
        State::Unproven(denial) => {
            document.unproven.push(unsure(denial.to_string()));
            match denial {
                Denial::Misbehaviour(_) => Exit::Misbehaviour,
                _ => Exit::Unverified,
            }
        }
    }
}

fn names(module: &ModuleVersion) -> (&str, &str) {
    (module.path().as_str(), module.version().as_str())
}

fn tell(document: &Verified<'_>) -> std::io::Result<()> {
    for damaged in &document.damaged {
        let text = format!(
            "{}@{} {}: not what was proven, set aside as {}",
            damaged.module, damaged.version, damaged.file, damaged.set_aside
        );
        render::error_line(&visible(&text));
    }
    for unsure in document.unpinned.iter().chain(&document.unproven) {
        let text = format!(
            "{}@{} {}: {}",
            unsure.module, unsure.version, unsure.file, unsure.reason
        );
        render::warning_lines(&text);
    }
    if document.strangers > 0 {
        render::warning(&format!(
            "{} of no module, which the gate never gives out",
            count_of(document.strangers, "file")
        ));
    }
    writeln!(
        out(),
        "{} sound, {} damaged and set aside, {} unchecked",
        count_of(document.sound, "file"),
        document.damaged.len(),
        document.unpinned.len() + document.unproven.len()
    )
}
