//! The pages: HTML that is read without a script, drawn on the server. Every text goes through maud, which
//! escapes it.

mod drawing;
mod lists;
mod module;
mod overview;
mod proof_path;

use maud::{DOCTYPE, Markup, html};
use percent_encoding::AsciiSet;

pub(super) use self::lists::{decisions, events, findings, heads, modules, rounds};
pub(super) use self::module::{ask as ask_module, module, unknown_module};
pub(super) use self::overview::overview;
use super::known::Known;
use super::state::State;

/// The style sheet: light and dark, for phones and for paper.
pub(super) const STYLE: &str = include_str!("page/style.css");

/// The icon.
pub(super) const ICON: &str = include_str!("page/icon.svg");

/// What is written with a percent sign in a path.
const IN_PATH: &AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+');

/// All pages, in the order of the navigation.
const PAGES: [(&str, &str); 7] = [
    ("/", "Overview"),
    ("/heads", "Tree heads"),
    ("/findings", "Findings"),
    ("/modules", "Modules"),
    ("/rounds", "Rounds"),
    ("/events", "Events"),
    ("/decisions", "Decisions"),
];

/// A page with everything around it.
fn layout(title: &str, here: &str, state: State, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · sumcheck" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="alternate" href="/feed.atom" type="application/atom+xml" title="Events";
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    a.name href="/" { "sumcheck" }
                    nav aria-label="Pages" {
                        ul {
                            @for (path, name) in PAGES {
                                li {
                                    @if path == here {
                                        a href=(path) aria-current="page" { (name) }
                                    } @else {
                                        a href=(path) { (name) }
                                    }
                                }
                            }
                        }
                    }
                    @if here != "/" {
                        a.state.(state.as_str()) href="/" { (mark(state)) " " (words(state)) }
                    }
                }
                main id="content" { (content) }
                footer {
                    p {
                        "sumcheck " (env!("CARGO_PKG_VERSION")) " · "
                        a href="/api/v1/status" { "JSON" } " · "
                        a href="/api/v1/openapi.json" { "API" } " · "
                        a href="/feed.atom" { "Feed" } " · "
                        a href="/metrics" { "Metrics" }
                    }
                }
            }
        }
    }
}

/// What a state is called.
const fn words(state: State) -> &'static str {
    match state {
        State::Unwatched => "Nothing is watched here",
        State::Well => "All is well",
        State::Unusual => "Verified, and something is unusual",
        State::Unverified => "Not verified",
        State::Negative => "The log contradicts a go.sum",
        State::Misbehaved => "A log misbehaved",
    }
}

/// The same for eyes that see no colours; words stand beside it.
fn mark(state: State) -> Markup {
    let mark = match state {
        State::Unwatched => "○",
        State::Well => "✓",
        State::Unusual => "!",
        State::Unverified => "?",
        State::Negative | State::Misbehaved => "✗",
    };
    html! { span aria-hidden="true" { (mark) } }
}

/// A page that says that there is none.
pub(super) fn not_found(known: &Known) -> Markup {
    let content = html! {
        h1 { "Nothing is here" }
        p { "See the " a href="/" { "overview" } "." }
    };
    layout("Not found", "", known.state, &content)
}

/// A time for people and programs.
fn time(at: &str) -> Markup {
    let shown = at.replacen('T', " ", 1);
    let shown = shown
        .strip_suffix('Z')
        .map_or_else(|| shown.clone(), |shown| format!("{shown} UTC"));
    html! { time datetime=(at) { (shown) } }
}

fn time_or(at: Option<&str>, otherwise: &str) -> Markup {
    match at {
        Some(at) => time(at),
        None => html! { (otherwise) },
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// So many of them, in words.
fn count_of(count: u64, one: &str, many: &str) -> String {
    let what = if count == 1 { one } else { many };
    format!("{} {what}", grouped(count))
}

/// A table that can be scrolled sideways where it is too wide, by keyboard as well.
fn scrolled(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// Where the page of a module version is.
pub(super) fn module_link(module: &str, version: &str) -> String {
    let path = format!("{module}@{version}");
    format!(
        "/module/{}",
        percent_encoding::utf8_percent_encode(&path, IN_PATH)
    )
}

/// A value as it stands in a query.
fn in_query(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The page with every character that a reader would not see written out: it could turn the order of
/// others around, or make two names look the same.
pub(super) fn visible(page: &str) -> String {
    let mut shown = String::with_capacity(page.len());
    for c in page.chars() {
        if is_unseen(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control and format characters (general categories Cc and Cf of Unicode 17), line separators, and letters that
/// are blank (fillers of Hangul, the blank of Braille, the grapheme joiner).
pub(super) const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}'
            | '\u{6dd}' | '\u{34f}' | '\u{890}' | '\u{891}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{70f}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
    )
}
