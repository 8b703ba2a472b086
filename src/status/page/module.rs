//! The page of one module version: what the log says, where, and the proof.

use maud::{Markup, html};

use super::super::known::Known;
use super::super::record::ShownRecord;
use super::super::state::State;
use super::{grouped, in_query, layout, proof_path};

/// Where somebody writes down what is to be shown.
pub(super) fn form(value: &str) -> Markup {
    html! {
        form.filter method="get" action="/module" {
            label { "Module version " input type="search" name="m" placeholder="example.com/m@v1.0.0" value=(value) required; }
            button { "Show" }
        }
    }
}

/// A module version that is proven here.
pub(in crate::status) fn module(known: &Known, shown: &ShownRecord) -> Markup {
    let record = &shown.record;
    let head = record.head();
    let module = &shown.module;
    let content = html! {
        h1 { (module.path().as_str()) " " (module.version().as_str()) }
        p { span.state.well { "✓ proven" } " in " (shown.log) ", under a signed tree head that this home has verified." }
        h2 { "What the log says" }
        pre tabindex="0" { (record.text().as_str()) }
        dl.facts {
            div { dt { "Record" } dd.number { (grouped(record.index())) } }
            div { dt { "Hash of the record" } dd { code { (record.hash().to_string()) } } }
            div { dt { "Tree head" } dd { (grouped(head.size())) " records, root " code { (head.root().to_string()) } } }
        }
        h2 { "Why that is so" }
        p {
            "The record is hashed, and then with each hash beside the way up. What comes out at the top is the root "
            "that the log has signed: nobody could put another record here without another root."
        }
        (proof_path::drawing(record))
        details { summary { "The signed tree head" } pre { (shown.note) } }
        h2 { "Check it yourself" }
        pre tabindex="0" { "sumcheck lookup --proof " (module.path().as_str()) "@" (module.version().as_str()) }
        p {
            "or with Go alone: " code { "go mod download " (module.path().as_str()) "@" (module.version().as_str()) }
            ", or from this proof as " a href={ "/api/v1/module?m=" (in_query(&module.to_string())) } { "JSON" } "."
        }
        (form(""))
    };
    let title = format!("{} {}", module.path().as_str(), module.version().as_str());
    layout(&title, "/module", known.state, &content)
}

/// A module version that is not proven here. Nobody is asked for it.
pub(in crate::status) fn unknown_module(known: &Known, asked: &str) -> Markup {
    let content = html! {
        h1 { "Not known here" }
        p {
            "This home has no proof of " strong { (asked) } ", and this page asks nobody. To ask the log: "
        }
        pre tabindex="0" { "sumcheck lookup " (asked) }
        (form(asked))
    };
    layout("Not known here", "/module", known.state, &content)
}

/// Nothing is asked for yet, or nothing that is a module version.
pub(in crate::status) fn ask(state: State, asked: &str) -> Markup {
    let content = html! {
        h1 { "A module version" }
        @if !asked.is_empty() {
            p { strong { (asked) } " is no module version: write it as example.com/m@v1.0.0." }
        }
        (form(asked))
    };
    layout("A module version", "/module", state, &content)
}
