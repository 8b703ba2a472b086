//! An inclusion proof as the path through the tree, from the record up to the root.

use maud::{Markup, html};

use super::overview::short;
use super::scrolled;
use crate::sumdb::record::AuthenticRecord;
use crate::tlog::proof::Step;

const ROW: usize = 44;
const MIDDLE: usize = 300;
const SIDE: usize = 190;

pub(super) fn drawing(record: &AuthenticRecord) -> Markup {
    let head = record.head();
    let steps = record
        .proof()
        .steps(record.hash(), record.index(), head.size())
        .unwrap_or_default();
    let height = ROW * (steps.len() + 1) + 20;
    // The root is at the top.
    let y = |level: usize| height - 30 - ROW * level;
    let table = html! {
        table {
            caption { "The same in a table, from the record up" }
            thead { tr { th.number scope="col" { "Step" } th scope="col" { "Hash beside it" } th scope="col" { "Side" } th scope="col" { "Hash of both" } } }
            tbody {
                @for (number, step) in steps.iter().enumerate() {
                    tr {
                        th.number scope="row" { (number + 1) }
                        td { code { (step.sibling.to_string()) } }
                        td { (side(step)) }
                        td { code { (step.parent.to_string()) } }
                    }
                }
            }
        }
    };
    html! {
        figure {
            div.scroll role="region" aria-label="Path from the record to the root" tabindex="0" { svg.drawing.proof viewBox={ "0 0 600 " (height) } role="img" aria-labelledby="proof-title" aria-describedby="proof-words" {
                title id="proof-title" { "Path from the record to the root" }
                @for (level, step) in steps.iter().enumerate() {
                    @let x = if step.sibling_is_left { MIDDLE - SIDE } else { MIDDLE + SIDE };
                    line.edge x1=(MIDDLE) y1=(y(level)) x2=(MIDDLE) y2=(y(level + 1)) {}
                    line.edge x1=(x) y1=(y(level)) x2=(MIDDLE) y2=(y(level + 1)) {}
                    rect.sibling x=(x - 62) y=(y(level) - 13) width="124" height="26" rx="4" {}
                    text.hash x=(x) y=(y(level) + 4) { (short(&step.sibling)) }
                }
                @for level in 0..=steps.len() {
                    rect.node.end[level == 0 || level == steps.len()] x=(MIDDLE - 62) y=(y(level) - 13) width="124" height="26" rx="13" {}
                    text.hash x=(MIDDLE) y=(y(level) + 4) {
                        @if level == 0 { "record " (record.index()) }
                        @else if level == steps.len() { "root" }
                        @else if let Some(step) = steps.get(level - 1) { (short(&step.parent)) }
                    }
                }
            }
            }
            figcaption id="proof-words" {
                "Record " (record.index()) " is hashed with " (steps.len()) " others up to the root of " (head.size()) " records."
            }
        }
        details { summary { "All hashes" } (scrolled("Hashes of the proof", &table)) }
    }
}

const fn side(step: &Step) -> &'static str {
    if step.sibling_is_left {
        "left"
    } else {
        "right"
    }
}
