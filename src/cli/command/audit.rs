//! `sumcheck audit`

use std::io::Write as _;

use serde::Serialize;

use super::replay::{self, Replayed};
use crate::audit::{Contradiction, FalseTile, Options};
use crate::cli::args::{AuditArgs, Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::{ERROR, OK};
use crate::cli::render::{self, count_of, grouped, json, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::io::store::StoredAnomaly;
use crate::prover::Prover;
use crate::tlog::checkpoint::TreeHead;

/// So many anomalies are shown to people; documents have all.
const SHOWN_ANOMALIES: usize = 20;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &AuditArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let options = Options {
        to: args.replay.to,
        from: args.from,
        hashes_only: args.replay.hashes_only,
        check_tiles: args.replay.check_tiles,
        mirror: args.mirror,
        ..Options::default()
    };
    let (prover, replayed) = replay::run(global, &settings, &args.replay, &options, false)?;
    tell(global, &settings, &prover, &replayed, &options, args.strict)
}

/// Writes what an audit has found, and gives its exit code.
pub(super) fn tell(
    global: &GlobalArgs,
    settings: &Settings,
    prover: &Prover,
    replayed: &Replayed,
    options: &Options,
    is_strict: bool,
) -> anyhow::Result<Exit> {
    let anomalies = replay::anomalies(prover)?;
    let exit = replay::exit_of(replayed, is_strict, anomalies.len());
    for warning in &replayed.warnings {
        render::warning(warning);
    }
    match settings.format {
        Format::Json => {
            let document = Document::new(prover, replayed, options, &anomalies);
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            tell_people(prover, replayed, options, &anomalies, global.quiet)?;
        }
    }
    Ok(exit)
}

fn tell_people(
    prover: &Prover,
    replayed: &Replayed,
    options: &Options,
    anomalies: &[StoredAnomaly],
    quiet: bool,
) -> anyhow::Result<()> {
    let found = &replayed.found;
    for contradiction in &found.contradictions {
        tell_contradiction(prover, contradiction);
    }
    for strange in found.strange.iter().take(SHOWN_ANOMALIES) {
        let earlier = strange
            .earlier
            .map(|index| format!(", as record {}", grouped(index)));
        render::warning(&format!(
            "record {}: {}{}: {}",
            grouped(strange.index),
            strange.anomaly,
            earlier.unwrap_or_default(),
            strange.text.trim_end().replace('\n', " / ")
        ));
    }
    let untold = found.anomalies.saturating_sub(SHOWN_ANOMALIES as u64);
    if untold > 0 {
        render::warning(&format!(
            "{} anomalies more: see --format json",
            grouped(untold)
        ));
    }
    if found.untold_alike > 0 {
        render::error_line(&format!(
            "{} records are like others in the log, and too many to be compared",
            grouped(found.untold_alike)
        ));
    }
    for false_tile in &found.false_tiles {
        render::error_line(&told(false_tile));
    }
    for fault in &replayed.faults {
        render::error_line(fault);
    }
    if quiet && replayed.faults.is_empty() && found.contradictions.is_empty() {
        return Ok(());
    }
    let Some(head) = &replayed.head else {
        return Ok(());
    };
    if found.replayed == 0 && !replayed.faults.is_empty() {
        return Ok(());
    }
    let mut out = out();
    let name = visible(prover.key.name()).into_owned();
    let what = if options.hashes_only {
        "hashes of records"
    } else {
        "records"
    };
    if found.replayed == 0 && replayed.faults.is_empty() {
        writeln!(
            out,
            "nothing new: {name} is audited up to {} {what}",
            grouped(replayed.end)
        )?;
    } else {
        let seconds = replayed.elapsed.as_secs_f64();
        let rate = (found.replayed as f64 / seconds.max(1e-3)) as u64;
        let counted = match found.replayed {
            1 if !options.hashes_only => "1 record".to_owned(),
            count => format!("{} {what}", grouped(count)),
        };
        writeln!(
            out,
            "{counted} of {name} replayed, {} to {}, in {seconds:.1} s ({} a second)",
            grouped(replayed.begin),
            grouped(replayed.end),
            grouped(rate),
        )?;
    }
    if replayed.end == head.size() && replayed.faults.is_empty() {
        let heads = count_of(found.heads, "known tree head");
        writeln!(
            out,
            "{OK}as signed:{OK:#} {} records, root {}; {heads} compared",
            grouped(head.size()),
            head.root()
        )?;
    } else if replayed.end < head.size() && replayed.is_remembered {
        writeln!(
            out,
            "up to {} of {} records; the next audit goes on there",
            grouped(replayed.end),
            grouped(head.size())
        )?;
    }
    if options.hashes_only {
        writeln!(
            out,
            "{ERROR}records were not checked{ERROR:#}: only the tree of their hashes"
        )?;
    } else {
        let known = (anomalies.len() as u64).saturating_sub(found.anomalies);
        let before = if known > 0 {
            format!(", {} known before", grouped(known))
        } else {
            String::new()
        };
        let new = match found.anomalies {
            1 => "1 anomaly".to_owned(),
            count => format!("{} anomalies", grouped(count)),
        };
        let twice = match (found.compared, found.contradictions.len()) {
            (false, _) => "not compared with the records before it".to_owned(),
            (true, 0) => "no module version has two hashes".to_owned(),
            (true, count) => count_of(count, "contradiction"),
        };
        writeln!(out, "{twice}; {new}{before}")?;
    }
    if !replayed.is_remembered {
        writeln!(
            out,
            "not remembered: it does not begin where an audit has ended"
        )?;
    }
    out.flush()?;
    Ok(())
}

fn tell_contradiction(prover: &Prover, contradiction: &Contradiction) {
    let duplicate = &contradiction.duplicate;
    let file = duplicate.file();
    render::error_line(&format!(
        "THE LOG MISBEHAVED: {} has two records of {} {} with different hashes, {} and {}",
        prover.key.name(),
        file.path,
        file.version,
        grouped(duplicate.first().index),
        grouped(duplicate.second().index),
    ));
    match &contradiction.evidence {
        Ok(path) => render::error_line(&format!(
            "the evidence is kept in {}: keep this file and tell others",
            path.display()
        )),
        Err(error) => {
            render::error_line(&format!("{error}; here it is:"));
            render::error_lines(&error.text);
        }
    }
}

fn told(false_tile: &FalseTile) -> String {
    let kept = false_tile.kept.as_ref();
    let kept = kept.map(|path| format!("; what was served is kept in {}", path.display()));
    format!(
        "{false_tile}: the server's fault, and not the log's{}",
        kept.unwrap_or_default()
    )
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    log: json::Log,
    head: Option<Head>,
    /// `false` if the tree of hashes alone was replayed.
    records_checked: bool,
    from: u64,
    to: u64,
    replayed: u64,
    remembered: bool,
    heads_compared: usize,
    /// `false` if records between these and the last audit were left out.
    duplicates_checked: bool,
    contradictions: Vec<Contradicting<'a>>,
    /// In this audit; the list has those of earlier ones as well, and the first ones of very many.
    new_anomalies: u64,
    anomalies: Vec<Anomaly<'a>>,
    false_tiles: Vec<False>,
    faults: &'a [String],
    findings: Vec<String>,
    seconds: f64,
}

#[derive(Serialize)]
struct Head {
    size: u64,
    root: String,
}

impl From<&TreeHead> for Head {
    fn from(head: &TreeHead) -> Self {
        Self {
            size: head.size(),
            root: head.root().to_string(),
        }
    }
}

#[derive(Serialize)]
struct Contradicting<'a> {
    module: &'a str,
    version: &'a str,
    records: [u64; 2],
    texts: [&'a str; 2],
    evidence: Option<String>,
}

#[derive(Serialize)]
struct Anomaly<'a> {
    record: u64,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<u64>,
    text: &'a str,
}

#[derive(Serialize)]
struct False {
    tile: String,
    reason: String,
    kept: Option<String>,
}

impl<'a> Document<'a> {
    fn new(
        prover: &Prover,
        replayed: &'a Replayed,
        options: &Options,
        anomalies: &'a [StoredAnomaly],
    ) -> Self {
        let found = &replayed.found;
        let contradictions: Vec<_> = found.contradictions.iter().map(contradicting).collect();
        let evidence = contradictions.iter().filter_map(|of| of.evidence.clone());
        let false_tile = |of: &FalseTile| False {
            tile: of.tile.path(),
            reason: of.reason.clone(),
            kept: of.kept.as_ref().map(|path| path.display().to_string()),
        };
        let anomaly = |of: &'a StoredAnomaly| Anomaly {
            record: of.record_index,
            kind: &of.kind,
            earlier: of.earlier,
            text: &of.text,
        };
        Self {
            schema: "sumcheck.audit/1",
            log: (&prover.key).into(),
            head: replayed.head.as_ref().map(Into::into),
            records_checked: !options.hashes_only,
            from: replayed.begin,
            to: replayed.end,
            replayed: found.replayed,
            remembered: replayed.is_remembered,
            heads_compared: found.heads,
            duplicates_checked: found.compared,
            new_anomalies: found.anomalies,
            findings: replayed.evidence.iter().cloned().chain(evidence).collect(),
            contradictions,
            anomalies: anomalies.iter().map(anomaly).collect(),
            false_tiles: found.false_tiles.iter().map(false_tile).collect(),
            faults: &replayed.faults,
            seconds: replayed.elapsed.as_secs_f64(),
        }
    }
}

fn contradicting(contradiction: &Contradiction) -> Contradicting<'_> {
    let duplicate = &contradiction.duplicate;
    let (first, second) = (duplicate.first(), duplicate.second());
    let evidence = contradiction.evidence.as_ref().ok();
    Contradicting {
        module: &duplicate.file().path,
        version: &duplicate.file().version,
        records: [first.index, second.index],
        texts: [first.text.as_str(), second.text.as_str()],
        evidence: evidence.map(|path| path.display().to_string()),
    }
}
