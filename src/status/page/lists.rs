//! Pages with a list each.

use std::path::Path;

use maud::{Markup, html};

use super::super::known::{Known, KnownLog, ROWS};
use super::overview::{outcome, short};
use super::{grouped, in_query, layout, module_link, scrolled, time, time_or};
use crate::io::store::{DecisionFilter, Finding, StoredDecision, StoredHead, StoredWatched};
use crate::tlog::hash::Hash;

fn each_log(known: &Known, of: impl Fn(&KnownLog) -> Markup) -> Markup {
    html! {
        @if known.logs.is_empty() { p { "This home knows no such log." } }
        @for log in &known.logs { section { h2 { (log.name) } (of(log)) } }
    }
}

/// Leads to what is older than the last row, if there is any.
fn older(path: &str, rows: usize, last: Option<u64>, wanted: &[(&str, Option<&str>)]) -> Markup {
    let Some(last) = last.filter(|_| rows >= ROWS as usize) else {
        return html! {};
    };
    let mut link = format!("{path}?before={last}");
    for (name, value) in wanted {
        if let Some(value) = value {
            link.push_str(&format!("&{name}={}", in_query(value)));
        }
    }
    html! { p { a href=(link) rel="next" { "Older" } } }
}

/// The number of a row, which is never negative.
fn number(id: i64) -> Option<u64> {
    u64::try_from(id).ok()
}

/// The timeline of verified heads, newest first.
pub(in crate::status) fn heads(known: &Known) -> Markup {
    let of = |log: &KnownLog| {
        let table = html! {
            table {
                caption { "The newest of " (grouped(log.head_count as u64)) " tree heads, each proven to be of one timeline with all others" }
                thead { tr {
                    th.number scope="col" { "Records" } th scope="col" { "Root" } th scope="col" { "First seen" }
                    th scope="col" { "From" } th scope="col" { "Proven to be" }
                } }
                tbody {
                    @for head in log.heads.iter().rev() {
                        tr {
                            th.number scope="row" { (grouped(head.size)) }
                            td { code { (short(&Hash::from_bytes(head.root))) } }
                            td { (time(&head.seen_at)) }
                            td.words { (head.source) }
                            td { (tie(head)) }
                        }
                    }
                }
            }
        };
        html! {
            @if log.heads.is_empty() && log.damaged_heads == 0 { p { "No tree head was verified yet." } }
            @else { (scrolled(&format!("Tree heads of {}", log.name), &table)) }
            (older("/heads", log.heads.len() + log.damaged_heads, log.smallest_head, &[("log", Some(&log.name))]))
            @if log.damaged_heads > 0 {
                p { strong { (log.damaged_heads) " rows are not what was signed: the home is damaged." } }
            }
        }
    };
    let content = html! { h1 { "Verified tree heads" } (each_log(known, of)) };
    layout("Tree heads", "/heads", known.state, &content)
}

fn tie(head: &StoredHead) -> String {
    match (head.tie.as_str(), head.tied_to_size) {
        ("extension", Some(size)) => format!("a continuation of {}", grouped(size)),
        ("prefix", Some(size)) => format!("a beginning of {}", grouped(size)),
        _ => "the first that was seen".to_owned(),
    }
}

/// Misbehaviour, with its evidence to download.
pub(in crate::status) fn findings(known: &Known) -> Markup {
    let content = html! {
        h1 { "Findings" }
        @if known.findings.is_empty() {
            p { "No log has misbehaved, as far as this home knows." }
        } @else {
            @for finding in known.findings.iter().rev() {
                article.finding.open[finding.acknowledged_at.is_none()] {
                    h2 { "Finding " (finding.id) ", " (finding.log) ": " @if finding.kind == "duplicate" { "two records of one module version" } @else { "two tree heads that contradict each other" } }
                    dl.facts {
                        div { dt { "Found" } dd { (time(&finding.found_at)) } }
                        div { dt { "State" } dd { @match &finding.acknowledged_at {
                            Some(at) => { "acknowledged " (time(at)) }
                            None => { strong { "open" } ": until somebody says " code { "sumcheck findings ack " (finding.id) } }
                        } } }
                        div { dt { "Evidence" } dd {
                            @if has_evidence(known, finding) {
                                a href={ "/findings/" (finding.id) "/evidence" } download { "Download" }
                                ", and check it anywhere with " code { "sumcheck evidence verify FILE" }
                            } @else { strong { "The file is not in this home any more." } }
                            br; span.small { (finding.evidence_path) }
                        } }
                    }
                }
            }
        }
    };
    layout("Findings", "/findings", known.state, &content)
}

fn has_evidence(known: &Known, finding: &Finding) -> bool {
    let name = Path::new(&finding.evidence_path).file_name();
    name.is_some_and(|name| known.evidence.contains(name))
}

/// Records that somebody watches for.
pub(in crate::status) fn modules(known: &Known) -> Markup {
    let of = |log: &KnownLog| {
        let rows = |records: &[StoredWatched], because: &str| {
            html! {
                table {
                    thead { tr {
                        th scope="col" { "Module" } th scope="col" { (because) } th.number scope="col" { "Record" }
                        th scope="col" { "Seen" }
                    } }
                    tbody {
                        @for found in records {
                            @let record = &found.record;
                            tr {
                                th.words scope="row" { a href=(module_link(&record.module, &record.version)) { (record.module) " " (record.version) } }
                                td.words {
                                    (record.because)
                                    @if let Some(at) = &found.gone_at { br; span.small { "the line is gone since " (time(at)) } }
                                }
                                td.number { (grouped(record.record_index)) }
                                td { (time(&found.seen_at)) }
                            }
                        }
                    }
                }
            }
        };
        html! {
            @if !log.conflicts.is_empty() {
                h3 { "Records that contradict a go.sum" }
                (scrolled(&format!("Records of {} that contradict a go.sum", log.name), &rows(&log.conflicts, "Contradicts")))
            }
            @if log.modules.is_empty() {
                p { "No new version of a watched module was seen." }
            } @else {
                h3 { "New versions of watched modules" }
                (scrolled(&format!("New versions of watched modules in {}", log.name), &rows(&log.modules, "Pattern")))
            }
            (older("/modules", log.modules.len(), log.modules.last().and_then(|found| number(found.id)), &[("log", Some(&log.name))]))
        }
    };
    let content = html! {
        h1 { "Modules" }
        (super::module::form(""))
        (each_log(known, of))
    };
    layout("Modules", "/modules", known.state, &content)
}

/// What the daemon did.
pub(in crate::status) fn rounds(known: &Known) -> Markup {
    let of = |log: &KnownLog| {
        let table = html! {
            table {
                thead { tr {
                    th scope="col" { "Began" } th scope="col" { "Ended" } th scope="col" { "Outcome" }
                    th scope="col" { "Audited" } th.number scope="col" { "Records" }
                } }
                tbody {
                    @for run in &log.runs {
                        tr {
                            th scope="row" { (time(&run.began_at)) }
                            td { (time_or(run.ended_at.as_deref(), "")) }
                            td {
                                (outcome(run.outcome))
                                @for fault in &run.faults { br; span.small { (fault) } }
                            }
                            td {
                                @if let (Some(what), Some(from), Some(to)) = (&run.audited, run.from_size, run.to_size) {
                                    (grouped(to.saturating_sub(from))) " " (what)
                                }
                            }
                            td.number { @if let Some(size) = run.head_size { (grouped(size)) } }
                        }
                    }
                }
            }
        };
        html! {
            @if log.runs.is_empty() { p { "No round was done yet." } }
            @else { (scrolled(&format!("Rounds of {}", log.name), &table)) }
            (older("/rounds", log.runs.len(), log.runs.last().and_then(|run| number(run.id)), &[("log", Some(&log.name))]))
        }
    };
    let content = html! { h1 { "Rounds" } (each_log(known, of)) };
    layout("Rounds", "/rounds", known.state, &content)
}

/// What was told.
pub(in crate::status) fn events(known: &Known) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "At" } th scope="col" { "What" } th scope="col" { "Kind" } th scope="col" { "Log" }
            } }
            tbody {
                @for event in &known.events {
                    tr.(event.severity) {
                        th scope="row" { (time(&event.at)) }
                        td.words {
                            (event.summary)
                            details { summary { "Details" } pre { (in_lines(&event.detail)) } }
                        }
                        td { (event.severity) br; span.small { (event.kind) @if event.resolved { ", over" } } }
                        td { (event.log.as_deref().unwrap_or_default()) }
                    }
                }
            }
        }
    };
    let content = html! {
        h1 { "Events" }
        @if known.events.is_empty() { p { "Nothing has happened that was to be told." } }
        @else { (scrolled("Events", &table)) }
        (older("/events", known.events.len(), known.events.last().and_then(|event| number(event.id)), &[]))
        p { "Also as a " a href="/feed.atom" { "feed" } "." }
    };
    layout("Events", "/events", known.state, &content)
}

/// JSON as people read it.
fn in_lines(json: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json);
    value.map_or_else(|_| json.to_owned(), |value| format!("{value:#}"))
}

/// The verdicts that the gate gives of modules that are not private.
const VERDICTS: [&str; 6] = [
    "released", "refused", "absent", "observed", "failed", "hint",
];

/// What the gate decided, as far as it may be shown.
pub(in crate::status) fn decisions(
    known: &Known,
    filter: &DecisionFilter,
    decisions: &[StoredDecision],
) -> Markup {
    let value = |field: &Option<String>| field.clone().unwrap_or_default();
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "At" } th scope="col" { "Client" } th scope="col" { "Module" }
                th scope="col" { "File" } th scope="col" { "Verdict" } th.number scope="col" { "Record" }
            } }
            tbody {
                @for decided in decisions.iter().map(|decision| &decision.decided) {
                    tr {
                        th scope="row" { (time(&decided.decided_at)) }
                        td { (decided.client) }
                        td {
                            @if decided.record_index.is_some() {
                                a href=(module_link(&decided.module, &decided.version)) { (decided.module) " " (decided.version) }
                            } @else { (decided.module) " " (decided.version) }
                        }
                        td { (decided.file) }
                        td { (decided.verdict) @if let Some(reason) = &decided.reason { br; span.small { (reason) } } }
                        td.number { @if let Some(index) = decided.record_index { (grouped(index)) } }
                    }
                }
            }
        }
    };
    let content = html! {
        h1 { "Decisions of the gate" }
        form.filter method="get" action="/decisions" {
            label { "Module begins with " input type="search" name="module" value=(value(&filter.module)); }
            label { "Client " input type="search" name="client" value=(value(&filter.client)); }
            label {
                "Verdict "
                select name="verdict" {
                    option value="" selected[filter.verdict.is_none()] { "any" }
                    @for verdict in VERDICTS {
                        option value=(verdict) selected[filter.verdict.as_deref() == Some(verdict)] { (verdict) }
                    }
                }
            }
            button { "Show" }
        }
        @if decisions.is_empty() { p { "There is none such." } }
        @else { (scrolled("Decisions", &table)) }
        (older("/decisions", decisions.len(), decisions.last().and_then(|last| number(last.id)), &[
            ("module", filter.module.as_deref()), ("client", filter.client.as_deref()), ("verdict", filter.verdict.as_deref()),
        ]))
        p.small { "Private modules are never shown here: their names stay in the home's database." }
    };
    layout("Decisions", "/decisions", known.state, &content)
}
