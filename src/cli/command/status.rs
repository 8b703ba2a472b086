//! `sumcheck status`

use std::io::Write as _;
use std::sync::Arc;

use super::watch::{plan, view};
use crate::cli::args::watch::StatusArgs;
use crate::cli::args::{Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::{ERROR, OK, WARNING};
use crate::cli::render::{self, count_of, grouped, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::status::{Counts, Known, KnownLog, State, Status};

pub(in crate::cli) fn run(global: &GlobalArgs, args: &StatusArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load_from(global, args.config.config.as_deref())?;
    world::show_warnings(&settings.told);
    let named = plan::named_logs(&settings)?;
    let known = view::of(&settings, &named, &Arc::new(Counts::default())).read()?;
    if args.json || settings.format == Format::Json {
        write_json(plain_out(), &Status::from(&known))?;
    } else {
        tell_people(&known)?;
    }
    Ok(match known.state {
        State::Well | State::Unusual => Exit::Ok,
        State::Unwatched | State::Unverified => Exit::Unverified,
        State::Negative => Exit::Negative,
        State::Misbehaved => Exit::Misbehaviour,
    })
}

fn tell_people(known: &Known) -> anyhow::Result<()> {
    let mut out = out();
    let (style, words) = match known.state {
        State::Unwatched => (WARNING, "nothing is watched here"),
        State::Well => (OK, "all is well"),
        State::Unusual => (WARNING, "verified, and something is unusual"),
        State::Unverified => (ERROR, "not verified"),
        State::Negative => (ERROR, "the log contradicts a go.sum"),
        State::Misbehaved => (ERROR, "A LOG MISBEHAVED"),
    };
    writeln!(out, "{style}{words}{style:#}")?;
    for reason in &known.reasons {
        writeln!(out, "  {}", visible(reason))?;
    }
    for log in &known.logs {
        writeln!(out)?;
        tell_log(&mut out, log)?;
    }
    for sink in &known.sinks {
        let pending = usize::try_from(sink.pending).unwrap_or(usize::MAX);
        let events = count_of(pending, "event");
        let error = sink.error.as_deref().unwrap_or("it was not tried yet");
        writeln!(
            out,
            "{events} for {} not told: {}",
            visible(&sink.sink),
            visible(error)
        )?;
    }
    out.flush()?;
    Ok(())
}

fn tell_log(out: &mut impl std::io::Write, log: &KnownLog) -> anyhow::Result<()> {
    writeln!(out, "{}", visible(&log.name))?;
    match log.heads.last() {
        Some(head) => writeln!(
            out,
            "  tree head    {} records, seen {}",
            grouped(head.size),
            visible(&head.seen_at)
        )?,
        None => writeln!(out, "  tree head    none yet")?,
    }
    for audit in &log.audits {
        let since = match audit.since {
            0 => String::new(),
            since if since == audit.size => {
                writeln!(out, "  audited      nothing yet since {}", grouped(since))?;
                continue;
            }
            since => format!("{} to ", grouped(since)),
        };
        let at = audit.at.as_deref().unwrap_or_default();
        let what = audit.what;
        let size = grouped(audit.size);
        writeln!(out, "  audited      {since}{size} {what}, {}", visible(at))?;
    }
    if let Some(run) = log.runs.first() {
        let outcome = run.outcome.map_or("not ended", |outcome| outcome.as_str());
        let at = run.ended_at.as_deref().unwrap_or(&run.began_at);
        writeln!(out, "  last round   {outcome}, {}", visible(at))?;
    }
    for point in &log.points {
        let size = match point.head {
            Some((size, _)) => grouped(size),
            None => "nothing".to_owned(),
        };
        let detail = match point.detail.as_str() {
            "" => String::new(),
            detail => format!(": {}", visible(detail)),
        };
        let name = visible(&point.name);
        writeln!(out, "  {name:<12} {}, {size}{detail}", point.status)?;
    }
    if log.open_findings > 0 {
        let findings = count_of(log.open_findings, "open finding");
        render::error_line(&format!(
            "{findings} of {}: see sumcheck findings",
            log.name
        ));
    }
    Ok(())
}
