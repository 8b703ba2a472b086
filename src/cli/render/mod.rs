//! How results are written: for people and as JSON.

mod count;
pub(super) mod human;
pub(super) mod json;
mod out;
mod safe;
pub(super) mod style;

pub(super) use self::count::{count_of, grouped};
pub(super) use self::out::{out, plain_out};
pub(super) use self::safe::{visible, write_json};

use self::style::{ERROR, WARNING};

/// Tells what went wrong with the whole run, on standard error.
pub(super) fn error(error: &anyhow::Error) {
    error_line(&format!("{error:#}"));
}

/// One line of an error, escaped.
pub(super) fn error_line(message: &str) {
    anstream::eprintln!("{ERROR}error:{ERROR:#} {}", visible(message));
}

/// One line of a warning, escaped.
pub(super) fn warning(message: &str) {
    anstream::eprintln!("{WARNING}warning:{WARNING:#} {}", visible(message));
}

/// An error of several lines, each of them escaped: somebody else's words may be in it.
pub(super) fn error_lines(message: &str) {
    anstream::eprintln!("{ERROR}error:{ERROR:#} {}", indented(message));
}

/// A warning of several lines, each of them escaped.
pub(super) fn warning_lines(message: &str) {
    anstream::eprintln!("{WARNING}warning:{WARNING:#} {}", indented(message));
}

fn indented(message: &str) -> String {
    message
        .lines()
        .map(visible)
        .collect::<Vec<_>>()
        .join("\n  ")
}
