//! A report of `sumcheck verify` for people: one line when all is well, and otherwise each line
//! of the go.sum that is not, with what to do.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::style::{DIM, ERROR, OK, WARNING};
use super::{count_of, grouped, visible};
use crate::golang::gosum::line_text;
use crate::sumdb::verdict::Verdict;
use crate::tlog::note::VerifierKey;
use crate::verify::{Document, LineResult, Report};

/// So many lines are shown one by one; the rest of a kind is summed up, and `-v` shows them all.
const LINES_SHOWN: usize = 10;

/// A longer line of a go.sum is cut where it is shown: it is hostile.
const SHOWN_LINE_CHARS: usize = 400;

/// What there is to tell.
pub(in crate::cli) struct Summary<'a> {
    pub(in crate::cli) key: &'a VerifierKey,
    pub(in crate::cli) documents: &'a [Document],
    pub(in crate::cli) report: &'a Report,
    /// Whether the run ends with 0.
    pub(in crate::cli) succeeded: bool,
    pub(in crate::cli) elapsed: Duration,
    pub(in crate::cli) quiet: bool,
    pub(in crate::cli) verbose: bool,
}

impl Summary<'_> {
    /// Writes the problems, most serious first, and the sum of it all.
    pub(in crate::cli) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut all_is_well = self.succeeded;
        for verdict in Verdict::BY_SEVERITY {
            if matches!(
                verdict,
                Verdict::Verified | Verdict::Pinned | Verdict::Private
            ) {
                continue;
            }
            all_is_well &= !self.write_problems(out, verdict)?;
        }
        for fault in &self.report.proofs.faults {
            writeln!(out, "{ERROR}error:{ERROR:#} {}", visible(fault.message()))?;
        }
        if !(all_is_well && self.quiet) {
            self.write_sum(out, all_is_well)?;
        }
        out.flush()
    }

    fn write_problems(&self, out: &mut impl Write, verdict: Verdict) -> io::Result<bool> {
        let problems: Vec<&LineResult> = self
            .report
            .results
            .iter()
            .filter(|result| result.verdict == verdict)
            .collect();
        let shown = if self.verbose {
            problems.clone()
        } else {
            one_for_each_reason(&problems)
                .into_iter()
                .take(LINES_SHOWN)
                .collect()
        };
        for result in &shown {
            writeln!(out, "{}\n", self.snippet(result))?;
        }
        let more = problems.len() - shown.len();
        if more > 0 {
            writeln!(
                out,
                "{ERROR}error:{ERROR:#} and {more} more: {} (-v shows them all)\n",
                headline(verdict)
            )?;
        }
        Ok(!problems.is_empty())
    }

    /// The line of the go.sum with a caret, what is wrong with it, and what to do.
    fn snippet(&self, result: &LineResult) -> String {
        let name = self
            .documents
            .get(result.document)
            .map_or("", Document::name);
        let bytes = self
            .documents
            .get(result.document)
            .map(|document| line_text(document.bytes(), result.line))
            .unwrap_or_default();
        let shown = ShownLine::new(bytes, result.column);
        let title = match &result.module {
            Some(module) => format!("{module}: {}", headline(result.verdict)),
            None => headline(result.verdict).to_owned(),
        };
        let title = visible(&title);
        let path = visible(name);
        let label = visible(&label(result)).into_owned();
        let mut group = Level::ERROR.primary_title(title.as_ref()).element(
            Snippet::source(shown.text.as_str())
                .line_start(result.line)
                .path(path.as_ref())
                .annotation(
                    AnnotationKind::Primary
                        .span(shown.span)
                        .label(label.as_str()),
                ),
        );
        if let Some(record) = result.record {
            group = group.element(Level::NOTE.message(self.place_in_log(record)));
        }
        group = group.element(Level::HELP.message(advice(result.verdict)));
        Renderer::styled().render(&[group])
    }

    fn place_in_log(&self, record: u64) -> String {
        let head = match &self.report.proofs.head {
            Some(head) => {
                format!(
                    ", under the tree head of {} records",
                    grouped(head.tree_head().size())
                )
            }
            None => String::new(),
        };
        format!("record {} of {}{head}", grouped(record), self.key.name())
    }

    fn write_sum(&self, out: &mut impl Write, all_is_well: bool) -> io::Result<()> {
        let total = self.report.results.len();
        let count = |verdict| self.report.count(verdict);
        let (verified, private) = (count(Verdict::Verified), count(Verdict::Private));
        let seconds = self.elapsed.as_secs_f64();
        if total == 0 {
            let nothing = "nothing to check: no go.sum lines";
            return if all_is_well {
                writeln!(out, "{OK}ok:{OK:#} {nothing}")
            } else {
                writeln!(out, "{ERROR}not verified:{ERROR:#} {nothing}")
            };
        }
        let log = visible(self.key.name());
        if all_is_well && verified == 0 && count(Verdict::Pinned) > 0 {
            // The line about them says it all.
        } else if all_is_well && verified > 0 {
            let head = match &self.report.proofs.head {
                Some(head) => {
                    format!(
                        " under its tree head of {} records",
                        grouped(head.tree_head().size())
                    )
                }
                None => String::new(),
            };
            writeln!(
                out,
                "{OK}ok:{OK:#} {} of {} proven in {log}{head} {DIM}({seconds:.2} s){DIM:#}",
                count_of(verified, "line"),
                count_of(
                    self.report.module_count(Verdict::Verified),
                    "module version"
                ),
            )?;
        } else {
            let parts: Vec<String> = Verdict::BY_SEVERITY
                .into_iter()
                .filter(|verdict| *verdict != Verdict::Private && count(*verdict) > 0)
                .map(|verdict| format!("{} {}", count(verdict), verdict.as_str()))
                .collect();
            let parts = if parts.is_empty() {
                "nothing checked".to_owned()
            } else {
                parts.join(", ")
            };
            writeln!(
                out,
                "{ERROR}not verified:{ERROR:#} of {}: {parts} {DIM}({seconds:.2} s){DIM:#}",
                count_of(total, "line")
            )?;
        }
        let pinned = count(Verdict::Pinned);
        if all_is_well && pinned > 0 {
            writeln!(
                out,
                "{OK}pinned:{OK:#} {} of private modules as they were when first seen",
                count_of(pinned, "line"),
            )?;
        }
        if private > 0 {
            writeln!(
                out,
                "{WARNING}private:{WARNING:#} {} not checked, by GONOSUMDB or GOPRIVATE",
                count_of(private, "line"),
            )?;
        }
        Ok(())
    }
}

/// When the network is down each line has the same reason, and once is enough to tell it. A line
/// that is wrong by itself is always shown.
fn one_for_each_reason<'a>(problems: &[&'a LineResult]) -> Vec<&'a LineResult> {
    let mut told = HashSet::new();
    problems
        .iter()
        .copied()
        .filter(|result| match (result.verdict, &result.note) {
            (Verdict::Unavailable, Some(reason)) => told.insert(reason),
            _ => true,
        })
        .collect()
}

const fn headline(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Mismatch => "the hash is not the one in the log",
        Verdict::PinMismatch => "the hash is not the one that was pinned",
        Verdict::Absent => "not in the log",
        Verdict::Unavailable => "could not be verified",
        Verdict::Malformed => "not a go.sum line",
        Verdict::UnsupportedHash => "a hash of an unknown algorithm",
        Verdict::Pinned => "private, as pinned",
        Verdict::Private => "private, not checked",
        Verdict::Verified => "verified",
    }
}

fn label(result: &LineResult) -> String {
    match (&result.note, result.expected) {
        (Some(note), Some(expected)) => format!("the log says {expected}; {note}"),
        (None, Some(expected)) => format!("the log says {expected}"),
        (Some(note), None) => note.clone(),
        (None, None) => String::new(),
    }
}

const fn advice(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Mismatch => {
            "do not build with it: find out who changed this line (git log -p -S, git blame) or \
             which download it came from, and restore the log's hash"
        }
        Verdict::PinMismatch => {
            "find out who changed this line, or moved the tag of that version; if it is meant: \
             sumcheck pin remove MODULE@VERSION"
        }
        Verdict::Absent => {
            "if the module is private, set GOPRIVATE or GONOSUMDB; if it is public, this version \
             was never published, or its path or version is misspelt"
        }
        Verdict::Unavailable => {
            "nothing is said against the line: try again where the log can be reached; -v shows \
             each request"
        }
        Verdict::Malformed => {
            "restore the line from version control, or delete it and run go mod tidy"
        }
        Verdict::UnsupportedHash => "a newer sumcheck may know it; the other lines were checked",
        Verdict::Private | Verdict::Pinned | Verdict::Verified => "",
    }
}

/// A line of a go.sum, escaped, with the place of the caret in it.
struct ShownLine {
    text: String,
    span: std::ops::Range<usize>,
}

impl ShownLine {
    /// `column` counts characters from 1; the caret is under the field that begins there.
    fn new(bytes: &[u8], column: usize) -> Self {
        let line = String::from_utf8_lossy(bytes);
        let before = column.saturating_sub(1);
        let field: String = line
            .chars()
            .skip(before)
            .take_while(|character| !character.is_whitespace())
            .take(SHOWN_LINE_CHARS)
            .collect();
        let head: String = line.chars().take(before.min(SHOWN_LINE_CHARS)).collect();
        let tail: String = line
            .chars()
            .skip(before + field.chars().count())
            .take(SHOWN_LINE_CHARS)
            .collect();
        let (head, field, tail) = (visible(&head), visible(&field), visible(tail.trim_end()));
        let span = head.len()..head.len() + field.len();
        Self {
            text: format!("{head}{field}{tail}"),
            span,
        }
    }
}
