//! Whether all is well, in one glance, and below that why.

use maud::{Markup, html};

use super::super::known::{Known, KnownLog};
use super::{
    count_of, drawing, grouped, layout, mark, module_link, scrolled, time, time_or, words,
};
use crate::io::store::{RunOutcome, StoredRun, StoredWatched};
use crate::tlog::hash::Hash;

/// So many new versions are shown of each log.
const SHOWN_MODULES: usize = 5;

/// So many events are shown.
const SHOWN_EVENTS: usize = 10;

pub(in crate::status) fn overview(known: &Known) -> Markup {
    let content = html! {
        section.banner.(known.state.as_str()) aria-label="State" {
            h1 { (mark(known.state)) " " (words(known.state)) }
            @if !known.reasons.is_empty() {
                ul { @for reason in &known.reasons { li { (reason) } } }
            }
            p.small { "As of " (time(&crate::io::clock::at(known.now))) "." }
        }
        @if known.logs.is_empty() {
            p { "This home knows no log yet: run " code { "sumcheck watch" } " or " code { "sumcheck verify" } "." }
        }
        @for (number, log) in known.logs.iter().enumerate() { (one_log(log, known, number)) }
        @if !known.events.is_empty() {
            section aria-labelledby="events" {
                h2 id="events" { "Newest events" }
                ul.events {
                    @for event in known.events.iter().take(SHOWN_EVENTS) {
                        li.(event.severity) { (time(&event.at)) " " strong { (event.severity) @if event.resolved { ", over" } } ": " (event.summary) }
                    }
                }
                p { a href="/events" { "All events" } }
            }
        }
        @if !known.sinks.is_empty() {
            section aria-labelledby="sinks" {
                h2 id="sinks" { "Not told yet" }
                ul {
                    @for sink in &known.sinks {
                        li {
                            (sink.sink) ": " (count_of(sink.pending, "event waits", "events wait"))
                            @if let Some(error) = &sink.error { ", after: " (error) }
                        }
                    }
                }
            }
        }
    };
    layout("Overview", "/", known.state, &content)
}

fn one_log(log: &KnownLog, known: &Known, number: usize) -> Markup {
    let id = format!("log-{number}");
    html! {
        section.log aria-labelledby=(id) {
            h2 id=(id) { (log.name) }
            @if known.logs.len() > 1 {
                p { span.state.(log.state.as_str()) { (mark(log.state)) " " (words(log.state)) } }
            }
            (facts(log))
            @if log.seen.len() > 1 {
                div.drawings {
                    (drawing::growth(log, known.now, number))
                    (drawing::rates(log, known.now, number))
                }
            }
            @if !log.points.is_empty() { (points(log)) }
            (watched(log))
        }
    }
}

/// What was found that somebody watches for.
fn watched(log: &KnownLog) -> Markup {
    let standing = log.conflicts.iter().filter(|found| found.gone_at.is_none());
    let standing: Vec<_> = standing.take(SHOWN_MODULES).collect();
    let link = |found: &StoredWatched| {
        let record = &found.record;
        html! {
            a href=(module_link(&record.module, &record.version)) { (record.module) " " (record.version) }
            ", record " (grouped(record.record_index)) ", seen " (time(&found.seen_at))
        }
    };
    html! {
        @if !standing.is_empty() {
            h3.critical { "Records that contradict a go.sum" }
            ul { @for found in &standing { li { (link(found)) ", against " (found.record.because) } } }
        }
        @if !log.modules.is_empty() {
            h3 { "Newest versions of watched modules" }
            ul { @for found in log.modules.iter().take(SHOWN_MODULES) { li { (link(found)) } } }
        }
        @if !log.modules.is_empty() || !log.conflicts.is_empty() {
            p { a href="/modules" { "All of them" } }
        }
    }
}

fn facts(log: &KnownLog) -> Markup {
    html! {
        dl.facts {
            @match log.heads.last() {
                Some(head) => {
                    div { dt { "Records" } dd.number { (grouped(head.size)) } }
                    div { dt { "Root" } dd { code { (Hash::from_bytes(head.root).to_string()) } } }
                    div { dt { "First seen" } dd { (time(&head.seen_at)) " from " (head.source) } }
                }
                None => { div { dt { "Records" } dd { "no tree head yet" } } }
            }
            @if log.audits.is_empty() && !log.runs.is_empty() {
                div { dt { "Records audited" } dd { "none: tree heads alone are compared" } }
            }
            @for audit in &log.audits {
                div {
                    dt { @if audit.what == "records" { "Records audited" } @else { "Hashes audited" } }
                    dd {
                        @if audit.since == audit.size && audit.since > 0 {
                            "none yet since " (grouped(audit.since))
                        } @else {
                            @if audit.since > 0 { (grouped(audit.since)) " to " }
                            (grouped(audit.size))
                        }
                        @if let Some(at) = &audit.at { ", " (time(at)) }
                    }
                }
            }
            @if let Some(run) = log.runs.first() {
                div { dt { "Last round" } dd { (round(run)) } }
                div {
                    dt { "Last good round" }
                    dd { (time_or(log.last_good.as_ref().and_then(|run| run.ended_at.as_deref()), "none yet")) }
                }
            }
            div {
                dt { "Findings" }
                dd {
                    @if log.open_findings > 0 { strong { (log.open_findings) " open" } } @else { "none open" }
                    ", " (count_of(log.anomalies, "anomaly", "anomalies"))
                }
            }
        }
    }
}

fn round(run: &StoredRun) -> Markup {
    html! {
        @match &run.ended_at {
            Some(at) => { (time(at)) " · " (outcome(run.outcome)) }
            None => { "began " (time(&run.began_at)) ", under way or killed" }
        }
        @if let Some(fault) = run.faults.first() { ": " (fault) }
    }
}

/// How a round ended, in a word.
pub(super) const fn outcome(outcome: Option<RunOutcome>) -> &'static str {
    match outcome {
        Some(RunOutcome::Ok) => "all verified",
        Some(RunOutcome::Stopped) => "stopped",
        Some(RunOutcome::Unverified) => "not all verified",
        Some(RunOutcome::Negative) => "contradicts a go.sum",
        Some(RunOutcome::Misbehaviour) => "misbehaviour",
        None => "not ended",
    }
}

fn points(log: &KnownLog) -> Markup {
    let table = html! {
        table {
            caption { "What each place showed when it was asked last" }
            thead { tr {
                th scope="col" { "Place" } th scope="col" { "State" } th.number scope="col" { "Records" }
                th scope="col" { "Root" } th scope="col" { "Asked" }
            } }
            tbody {
                @for point in &log.points {
                    tr {
                        th scope="row" { (point.name) br; span.small { (point.place) } }
                        td { span.point.(point.status) { (point.status) } @if !point.detail.is_empty() { br; span.small { (point.detail) } } }
                        td.number { @if let Some((size, _)) = point.head { (grouped(size)) } }
                        td { @if let Some((_, root)) = point.head { code { (short(&Hash::from_bytes(root))) } } }
                        td { (time(&point.checked_at)) }
                    }
                }
            }
        }
    };
    html! {
        h3 { "Vantage points" }
        (scrolled(&format!("Vantage points of {}", log.name), &table))
    }
}

/// The first characters of a hash.
pub(super) fn short(hash: &Hash) -> String {
    let text = hash.to_string();
    format!("{}…", text.get(..12).unwrap_or(&text))
}
