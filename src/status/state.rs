//! Whether all is well with a log, and why not.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::known::{KnownLog, View};
use crate::io::store::{RunOutcome, StoredRun};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is watched, and nothing is known to be wrong.
    Unwatched,
    /// All was verified, not long ago.
    Well,
    /// All was verified, and something is unusual.
    Unusual,
    /// Something could not be verified, or not for long.
    Unverified,
    /// A log contradicts a go.sum.
    Negative,
    /// A log misbehaved, and nobody has acknowledged it.
    Misbehaved,
}

impl State {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Well => "well",
            Self::Unusual => "unusual",
            Self::Unverified => "unverified",
            Self::Negative => "negative",
            Self::Misbehaved => "misbehaved",
        }
    }
}

impl View {
    /// Judges a log by what was read of it.
    pub(super) fn judge(&self, log: &mut KnownLog, now: Timestamp, acknowledged: Option<&str>) {
        let name = &log.name;
        let mut judged: Vec<(State, String)> = Vec::new();
        if log.open_findings > 0 {
            let what = match log.open_findings {
                1 => format!("{name} misbehaved: a finding is open"),
                count => format!("{name} misbehaved: {count} findings are open"),
            };
            judged.push((State::Misbehaved, what));
        }
        if log.damaged_heads > 0 {
            let what = format!(
                "{} heads of {name} in this home are damaged",
                log.damaged_heads
            );
            judged.push((State::Unverified, what));
        }
        let is_ended = |run: &&StoredRun| {
            let outcome = run.outcome;
            outcome.is_some_and(|outcome| outcome != RunOutcome::Stopped)
        };
        if let Some(last) = log.runs.iter().find(is_ended) {
            let fault = last.faults.first().cloned().unwrap_or_default();
            let is_seen_to = acknowledged.is_some_and(|at| at >= last.began_at.as_str());
            if last.outcome == Some(RunOutcome::Misbehaviour)
                && log.open_findings == 0
                && !is_seen_to
            {
                let what =
                    format!("{name} misbehaved, and the evidence could not be kept: {fault}");
                judged.push((State::Misbehaved, what));
            }
            if last.outcome == Some(RunOutcome::Unverified) {
                let what = if last.is_verified {
                    format!("{name} was verified, and not compared with all places: {fault}")
                } else {
                    format!("the last round could not verify all of {name}: {fault}")
                };
                judged.push((State::Unusual, what));
            }
        }
        if log.is_contradicted {
            let what = format!("a record of {name} contradicts a go.sum");
            judged.push((State::Negative, what));
        }
        let time = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
        match &log.last_good {
            // One of the future is dated by a clock that was wrong.
            Some(good)
                if time(&good.good_until).is_some_and(|until| now <= until)
                    && time(&good.ended_at).is_some_and(|ended| ended <= now) =>
            {
                judged.push((State::Well, String::new()));
            }
            Some(good) => {
                let at = good.ended_at.as_deref().unwrap_or(&good.began_at);
                let what = format!("no round has verified {name} since {at}");
                judged.push((State::Unverified, what));
            }
            None if !log.runs.is_empty() || self.watched.contains(&log.verifier_key) => {
                let what = format!("no round has verified {name} yet");
                judged.push((State::Unverified, what));
            }
            None => {}
        }
        for condition in &log.conditions {
            let state = match condition.event.kind.as_str() {
                "go-sum-conflict" => State::Negative,
                _ => State::Unusual,
            };
            judged.push((state, condition.event.summary.clone()));
        }
        for point in &log.points {
            if point.status == "split" {
                let what = format!("{} shows another tree of {name}", point.name);
                judged.push((State::Unverified, what));
            }
        }
        log.is_ready = judged
            .iter()
            .all(|(state, _)| !matches!(state, State::Unverified | State::Misbehaved));
        log.state = judged
            .iter()
            .map(|(state, _)| *state)
            .max()
            .unwrap_or(State::Unwatched);
        judged.sort_by_key(|(state, _)| Reverse(*state));
        let reasons = judged.into_iter().map(|(_, reason)| reason);
        log.reasons = reasons.filter(|reason| !reason.is_empty()).collect();
    }
}
