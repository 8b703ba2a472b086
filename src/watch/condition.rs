//! What holds for a while and is told of once when it begins, and once when it is over.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::LOG_ITSELF;
use super::event::EventKind;
use super::plan::Thresholds;
use crate::io::store::{Condition, NewEvent, RunOutcome, StoredRun, UntiedHead, VantagePoint};
use crate::status::growth::{Growth, Seen, in_words};

/// Name of the condition that lines of a go.sum are of no version in the log.
pub(super) const ABSENT: &str = "go-sum-absent";

/// So many lines are listed in an event.
const MAX_LISTED: usize = 1000;

/// What is looked at.
pub(super) struct Observed<'a> {
    pub(super) log: &'a str,
    pub(super) now: Timestamp,
    /// Rounds, newest first.
    pub(super) runs: &'a [StoredRun],
    /// When it was seen to have grown.
    pub(super) heads: &'a [Seen],
    pub(super) points: &'a [VantagePoint],
    pub(super) untied: &'a [UntiedHead],
    /// Places of lines of a go.sum that are of no version in the log.
    pub(super) absent: &'a [String],
}

/// All that holds now.
pub(super) fn conditions(observed: &Observed<'_>, thresholds: &Thresholds) -> Vec<Condition> {
    let mut conditions = Vec::new();
    conditions.extend(failing(observed, thresholds));
    conditions.extend(still(observed, thresholds));
    conditions.extend(unusual(observed));
    conditions.extend(stale(observed, thresholds));
    conditions.extend(untied(observed, thresholds));
    conditions.extend(absent(observed));
    conditions
}

fn condition(name: impl Into<String>, event: NewEvent) -> Condition {
    Condition {
        name: name.into(),
        since: String::new(),
        event,
    }
}

fn failing(observed: &Observed<'_>, thresholds: &Thresholds) -> Option<Condition> {
    // A round that was stopped or killed says nothing of the log.
    let ended = observed.runs.iter().filter(|run| {
        let outcome = run.outcome;
        outcome.is_some_and(|outcome| outcome != RunOutcome::Stopped)
    });
    let failed: Vec<&StoredRun> = ended.take_while(|run| !run.is_verified).collect();
    if failed.len() < usize::try_from(thresholds.failures).unwrap_or(usize::MAX) {
        return None;
    }
    let faults = &failed.first()?.faults;
    let fault = faults.first().map_or("", String::as_str);
    let (log, count) = (observed.log, failed.len());
    let summary = format!("{count} rounds in a row could not verify {log}: {fault}");
    let detail = json!({ "rounds": count, "faults": faults });
    Some(condition(
        "audit-failed",
        EventKind::AuditFailed.event(summary, &detail),
    ))
}

fn still(observed: &Observed<'_>, thresholds: &Thresholds) -> Option<Condition> {
    let (seen_at, size) = observed.heads.last()?;
    let still = observed.now.duration_since(*seen_at);
    if still < SignedDuration::try_from(thresholds.still).ok()? {
        return None;
    }
    let (log, hours) = (observed.log, still.as_hours());
    let summary = format!("{log} has not grown for {hours} hours: it still has {size} records");
    let detail = json!({ "size": size, "since": seen_at.to_string() });
    Some(condition(
        "head-not-growing",
        EventKind::HeadNotGrowing.event(summary, &detail),
    ))
}

fn unusual(observed: &Observed<'_>) -> Option<Condition> {
    let growth = Growth::of(observed.heads);
    let (rate, band) = growth.judged(observed.now)?;
    if !band.excludes(rate) {
        return None;
    }
    let log = observed.log;
    let summary = format!(
        "{log} grows by {} records an hour, where {} to {} are usual at this hour of the week",
        in_words(rate),
        in_words(band.low),
        in_words(band.high)
    );
    let detail = json!({
        "records_per_hour": rate,
        "low": band.low,
        "median": band.median,
        "high": band.high,
    });
    Some(condition(
        "growth",
        EventKind::Growth.event(summary, &detail),
    ))
}

fn stale<'a>(
    observed: &'a Observed<'_>,
    thresholds: &Thresholds,
) -> impl Iterator<Item = Condition> + use<'a> {
    let patience = SignedDuration::try_from(thresholds.stale).unwrap_or(SignedDuration::MAX);
    observed.points.iter().filter_map(move |point| {
        let time = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
        // Of a log that is down the failed rounds tell.
        let is_log = point.name == LOG_ITSELF;
        let is_silent = !is_log && matches!(point.status.as_str(), "down" | "invalid");
        let since = if is_silent {
            time(&point.answered_at)?
        } else if point.status == "behind" {
            time(&point.grown_at)?
        } else {
            return None;
        };
        let waited = observed.now.duration_since(since);
        if waited < patience {
            return None;
        }
        let (log, name, hours) = (observed.log, &point.name, waited.as_hours());
        let what = if is_silent {
            format!("has shown no head of {log}")
        } else {
            format!("has shown no new head of {log}")
        };
        let summary = format!("{name} {what} for {hours} hours: {}", point.detail);
        let detail = json!({
            "vantage_point": name,
            "place": point.place,
            "status": point.status,
            "since": since.to_string(),
        });
        Some(condition(
            format!("vantage-stale:{name}"),
            EventKind::VantageStale.event(summary, &detail),
        ))
    })
}

/// A head within the known tree could be tied, if only its tiles were given out; and a log that is so much larger
/// for others would have grown so far for us as well.
fn untied<'a>(
    observed: &'a Observed<'_>,
    thresholds: &Thresholds,
) -> impl Iterator<Item = Condition> + use<'a> {
    let newest = observed.heads.last().map_or(0, |(_, size)| *size);
    let patience = SignedDuration::try_from(thresholds.stale).unwrap_or(SignedDuration::MAX);
    observed.untied.iter().filter_map(move |head| {
        let waited = head.seen_at.parse().ok();
        let waited = waited.map_or(SignedDuration::ZERO, |since: Timestamp| {
            observed.now.duration_since(since)
        });
        let is_within = head.size <= newest;
        if !is_within && waited < patience {
            return None;
        }
        let (log, size, source) = (observed.log, head.size, &head.source);
        let why = if is_within {
            "the tiles that would tell are withheld".to_owned()
        } else {
            format!(
                "it is larger than what the log has shown here for {} hours",
                waited.as_hours()
            )
        };
        let summary = format!(
            "{source} shows a signed head of {log} with {size} records that cannot be tied to the \
             others: {why}"
        );
        let root = crate::tlog::hash::Hash::from_bytes(head.root).to_string();
        let detail = json!({
            "size": size,
            "root": root,
            "source": source,
            "note": String::from_utf8_lossy(&head.note),
        });
        Some(condition(
            format!("untied-head:{size}:{root}"),
            EventKind::UntiedHead.event(summary, &detail),
        ))
    })
}

/// Somebody wrote down hashes of a version that the log has no record of.
fn absent(observed: &Observed<'_>) -> Option<Condition> {
    let first = observed.absent.first()?;
    let (log, count) = (observed.log, observed.absent.len());
    let lines = if count == 1 { "line" } else { "lines" };
    let summary =
        format!("{log} has no record of what {count} {lines} of go.sum files name: {first}");
    let listed: Vec<&String> = observed.absent.iter().take(MAX_LISTED).collect();
    let detail = json!({ "count": count, "lines": listed });
    Some(condition(
        ABSENT,
        EventKind::GoSumConflict.event(summary, &detail),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn run(outcome: Option<RunOutcome>) -> StoredRun {
        StoredRun {
            id: 1,
            began_at: String::new(),
            ended_at: None,
            good_until: None,
            outcome,
            is_verified: matches!(outcome, Some(RunOutcome::Ok | RunOutcome::Negative)),
            audited: None,
            from_size: None,
            to_size: None,
            head_size: None,
            faults: vec!["it is down".to_owned()],
        }
    }

    fn point(status: &str) -> VantagePoint {
        VantagePoint {
            name: "mirror".to_owned(),
            place: "https://mirror.example".to_owned(),
            status: status.to_owned(),
            checked_at: "2026-11-23T10:00:00Z".to_owned(),
            answered_at: Some("2026-11-23T09:00:00Z".to_owned()),
            head: None,
            grown_at: Some("2026-11-23T08:00:00Z".to_owned()),
            detail: "words".to_owned(),
        }
    }

    fn names(observed: &Observed<'_>) -> Vec<String> {
        let conditions = conditions(observed, &Thresholds::default()).into_iter();
        conditions.map(|condition| condition.name).collect()
    }

    const NOTHING: Observed<'static> = Observed {
        log: "log.example",
        now: Timestamp::UNIX_EPOCH,
        runs: &[],
        heads: &[],
        points: &[],
        untied: &[],
        absent: &[],
    };

    #[test]
    fn of_nothing_nothing_is_said() {
        assert!(names(&NOTHING).is_empty());
    }

    #[test]
    fn rounds_in_a_row_are_counted_and_those_that_were_stopped_are_not() {
        use RunOutcome::{Ok, Stopped, Unverified};
        for (outcomes, is_told) in [
            (vec![Some(Unverified); 2], false),
            (vec![Some(Unverified); 3], true),
            (
                vec![
                    Some(Unverified),
                    Some(Stopped),
                    None,
                    Some(Unverified),
                    Some(Unverified),
                ],
                true,
            ),
            (
                vec![
                    Some(Unverified),
                    Some(Unverified),
                    Some(Ok),
                    Some(Unverified),
                ],
                false,
            ),
            (
                vec![
                    Some(Ok),
                    Some(Unverified),
                    Some(Unverified),
                    Some(Unverified),
                ],
                false,
            ),
        ] {
            let runs: Vec<_> = outcomes.iter().copied().map(run).collect();
            let observed = Observed {
                runs: &runs,
                ..NOTHING
            };
            assert_eq!(!names(&observed).is_empty(), is_told, "{outcomes:?}");
        }
    }

    #[test]
    fn a_log_that_does_not_grow_is_told_of_after_its_time() {
        let heads = [(at("2026-11-23T10:00:00Z"), 100)];
        for (now, is_told) in [
            ("2026-11-24T09:59:59Z", false),
            ("2026-11-24T10:00:00Z", true),
            // The clock was set back.
            ("2026-11-20T10:00:00Z", false),
        ] {
            let observed = Observed {
                now: at(now),
                heads: &heads,
                ..NOTHING
            };
            assert_eq!(!names(&observed).is_empty(), is_told, "{now}");
        }
    }

    #[test]
    fn a_place_is_stale_when_it_was_silent_or_behind_for_long() {
        for (status, now, is_told) in [
            ("down", "2026-11-24T08:59:00Z", false),
            ("down", "2026-11-24T09:00:00Z", true),
            ("invalid", "2026-11-24T09:00:00Z", true),
            ("behind", "2026-11-24T07:59:00Z", false),
            ("behind", "2026-11-24T08:00:00Z", true),
            ("agrees", "2027-11-24T09:00:00Z", false),
        ] {
            let points = [point(status)];
            let observed = Observed {
                now: at(now),
                points: &points,
                ..NOTHING
            };
            assert_eq!(!names(&observed).is_empty(), is_told, "{status} {now}");
        }
    }

    #[test]
    fn a_head_that_could_be_tied_and_is_not_is_told_of() {
        let untied = [UntiedHead {
            size: 50,
            root: [0; 32],
            note: Vec::new(),
            source: "https://mirror.example".to_owned(),
            seen_at: "1970-01-01T00:00:00Z".to_owned(),
        }];
        for (size, is_told) in [(49, false), (50, true)] {
            let heads = [(Timestamp::UNIX_EPOCH, size)];
            let observed = Observed {
                heads: &heads,
                untied: &untied,
                ..NOTHING
            };
            assert_eq!(!names(&observed).is_empty(), is_told, "{size}");
        }
    }
}
