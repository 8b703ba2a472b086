//! What is said of a round.

use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, grouped, visible};
use crate::io::store::{RunOutcome, VantagePoint};
use crate::tlog::hash::Hash;
use crate::watch::Round;

/// The exit code of a round.
pub(super) const fn exit_of(outcome: RunOutcome) -> Exit {
    match outcome {
        RunOutcome::Ok | RunOutcome::Stopped => Exit::Ok,
        RunOutcome::Unverified => Exit::Unverified,
        RunOutcome::Negative => Exit::Negative,
        RunOutcome::Misbehaviour => Exit::Misbehaviour,
    }
}

/// A line or two for people.
pub(super) fn lines(round: &Round) -> Vec<String> {
    let name = visible(&round.log);
    let head = match &round.head {
        Some(head) => format!("{} records", grouped(head.size())),
        None => "no tree head".to_owned(),
    };
    let audited = match round.audited {
        None => String::new(),
        Some(audited) => {
            let what = if audited.records { "records" } else { "hashes" };
            let new = grouped(audited.to.saturating_sub(audited.from));
            let since = match audited.since {
                0 => String::new(),
                since => format!(", since {}", grouped(since)),
            };
            format!("; {new} new {what} audited{since}")
        }
    };
    let others: Vec<&VantagePoint> = round.points.iter().skip(1).collect();
    let agreeing = others
        .iter()
        .filter(|point| point.status == "agrees")
        .count();
    let places = match others.len() {
        0 => String::new(),
        all => format!("; {agreeing} of {all} vantage points agree"),
    };
    let word = match round.outcome {
        RunOutcome::Ok => "all is well",
        RunOutcome::Stopped => "stopped",
        RunOutcome::Unverified => "COULD NOT VERIFY ALL",
        RunOutcome::Negative => "THE LOG CONTRADICTS A GO.SUM",
        RunOutcome::Misbehaviour => "THE LOG MISBEHAVED",
    };
    let seconds = round.elapsed.as_secs_f64();
    let mut lines = vec![format!(
        "{name}: {word}; {head}{audited}{places} ({seconds:.1} s)"
    )];
    for point in others.iter().filter(|point| point.status != "agrees") {
        lines.push(format!(
            "  {}: {}: {}",
            visible(&point.name),
            point.status,
            visible(&point.detail)
        ));
    }
    lines
}

/// What went wrong and what should be known, on standard error.
pub(super) fn faults(round: &Round) {
    for warning in &round.warnings {
        render::warning(warning);
    }
    for what in &round.contradictions {
        render::error_line(what);
    }
    for place in round.absent.iter().flatten() {
        render::error_line(&format!("{place}: {} has no record of it", round.log));
    }
    for fault in &round.faults {
        render::error_line(fault);
    }
    for evidence in &round.unwritten {
        render::error_line("the evidence could not be written; here it is:");
        render::error_lines(evidence);
    }
    if round.open_findings > 0 {
        let count = count_of(round.open_findings, "finding");
        render::error_line(&format!(
            "{count} of misbehaviour of {} that nobody has acknowledged: see sumcheck findings",
            round.log
        ));
    }
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: &'static str,
    rounds: Vec<Row<'a>>,
    /// Those who were told something.
    told: usize,
    /// Why somebody could not be told: it is tried again.
    not_told: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    log: &'a str,
    outcome: &'static str,
    head: Option<Head>,
    audited: Option<AuditedRow>,
    vantage_points: Vec<Point<'a>>,
    open_findings: usize,
    contradictions: &'a [String],
    absent: &'a [String],
    warnings: &'a [String],
    faults: &'a [String],
    seconds: f64,
}

#[derive(Serialize)]
struct Head {
    size: u64,
    root: String,
}

#[derive(Serialize)]
struct AuditedRow {
    what: &'static str,
    from: u64,
    to: u64,
    since: u64,
}

#[derive(Serialize)]
struct Point<'a> {
    name: &'a str,
    place: &'a str,
    status: &'a str,
    size: Option<u64>,
    root: Option<String>,
    detail: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn new(rounds: &'a [Round], told: usize, not_told: &'a [String]) -> Self {
        Self {
            schema: "sumcheck.watch/1",
            rounds: rounds.iter().map(Into::into).collect(),
            told,
            not_told,
        }
    }
}

impl<'a> From<&'a Round> for Row<'a> {
    fn from(round: &'a Round) -> Self {
        Self {
            log: &round.log,
            outcome: round.outcome.as_str(),
            head: round.head.map(|head| Head {
                size: head.size(),
                root: head.root().to_string(),
            }),
            audited: round.audited.map(|audited| AuditedRow {
                what: if audited.records { "records" } else { "hashes" },
                from: audited.from,
                to: audited.to,
                since: audited.since,
            }),
            vantage_points: round
                .points
                .iter()
                .map(|point| Point {
                    name: &point.name,
                    place: &point.place,
                    status: &point.status,
                    size: point.head.map(|(size, _)| size),
                    root: point
                        .head
                        .map(|(_, root)| Hash::from_bytes(root).to_string()),
                    detail: &point.detail,
                })
                .collect(),
            open_findings: round.open_findings,
            contradictions: &round.contradictions,
            absent: round.absent.as_deref().unwrap_or_default(),
            warnings: &round.warnings,
            faults: &round.faults,
            seconds: round.elapsed.as_secs_f64(),
        }
    }
}
