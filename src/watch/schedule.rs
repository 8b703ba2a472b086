//! When the next round is due.

use std::time::Duration;

use croner::Cron;
use croner::parser::CronParser;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::golang::quoted::Quoted;

/// What is far away enough to never come.
const NEVER: SignedDuration = SignedDuration::from_hours(24 * 365 * 100);

/// The shortest time between rounds: a log is not to be asked all the time.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);

/// When rounds are due. All times are UTC.
#[derive(Debug, Clone)]
pub struct Schedule {
    rule: Rule,
    jitter: Duration,
}

#[derive(Debug, Clone)]
enum Rule {
    Every(Duration),
    Cron(Box<Cron>),
}

/// Why a schedule is none.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Not in the syntax of cron.
    #[error("{text} is no schedule of five fields in the syntax of cron: {reason}")]
    Cron {
        /// What was given.
        text: Quoted,
        /// What is wrong.
        reason: Quoted,
    },
    /// Shorter than [`SHORTEST_INTERVAL`].
    #[error("rounds every {0:?} are too many: {SHORTEST_INTERVAL:?} is the shortest interval")]
    TooOften(Duration),
}

impl Schedule {
    /// A round so long after the begin of the last one.
    ///
    /// # Errors
    /// [`ScheduleError::TooOften`]
    pub fn every(interval: Duration, jitter: Duration) -> Result<Self, ScheduleError> {
        if interval < SHORTEST_INTERVAL {
            return Err(ScheduleError::TooOften(interval));
        }
        let rule = Rule::Every(interval);
        Ok(Self { rule, jitter })
    }

    /// Rounds at the times of a cron expression of five fields, in UTC.
    ///
    /// # Errors
    /// [`ScheduleError::Cron`]
    pub fn cron(text: &str, jitter: Duration) -> Result<Self, ScheduleError> {
        let parser = CronParser::builder()
            .seconds(croner::parser::Seconds::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| ScheduleError::Cron {
            text: Quoted::new(text),
            reason: Quoted::new(&error.to_string()),
        })?;
        let rule = Rule::Cron(Box::new(cron));
        Ok(Self { rule, jitter })
    }

    /// When the first round after a time is due. `lot`, from 0 to 1, says how much of the jitter is
    /// added to it.
    #[must_use]
    pub fn next(&self, after: Timestamp, lot: f64) -> Timestamp {
        let jitter = SignedDuration::try_from(self.jitter.mul_f64(lot.clamp(0.0, 1.0)));
        let due = self.due(after);
        jitter
            .ok()
            .and_then(|jitter| due.checked_add(jitter).ok())
            .unwrap_or(due)
    }

    fn due(&self, after: Timestamp) -> Timestamp {
        let due = match &self.rule {
            Rule::Every(interval) => SignedDuration::try_from(*interval)
                .ok()
                .and_then(|interval| after.checked_add(interval).ok()),
            Rule::Cron(cron) => cron
                .find_next_occurrence(&after.to_zoned(TimeZone::UTC), false)
                .ok()
                .map(|next| next.timestamp()),
        };
        due.unwrap_or_else(|| after.checked_add(NEVER).unwrap_or(Timestamp::MAX))
    }

    /// Whether a round is due: its time has come, or the clock was set back so far that its time would
    /// not come for long.
    #[must_use]
    pub fn is_due(&self, due: Timestamp, last: Option<Timestamp>, now: Timestamp) -> bool {
        now >= due || last.is_some_and(|last| now < last)
    }

    /// By when so many rounds after a time are due, with all of the jitter.
    #[must_use]
    pub fn after_rounds(&self, after: Timestamp, rounds: u32) -> Timestamp {
        let before_last = (1..rounds).fold(after, |time, _| self.due(time));
        self.next(before_last, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn an_interval_counts_from_the_last_round() {
        let schedule = Schedule::every(HOUR, Duration::from_secs(600)).unwrap();
        let after = at("2026-11-23T10:20:00Z");
        assert_eq!(schedule.next(after, 0.0), at("2026-11-23T11:20:00Z"));
        assert_eq!(schedule.next(after, 0.5), at("2026-11-23T11:25:00Z"));
        assert_eq!(schedule.next(after, 7.0), at("2026-11-23T11:30:00Z"));
        assert_eq!(schedule.after_rounds(after, 3), at("2026-11-23T13:30:00Z"));
    }

    #[test]
    fn cron_is_in_utc_and_has_five_fields() {
        let schedule = Schedule::cron("17 */6 * * *", Duration::ZERO).unwrap();
        let after = at("2026-11-23T10:20:00Z");
        assert_eq!(schedule.next(after, 1.0), at("2026-11-23T12:17:00Z"));
        assert_eq!(schedule.after_rounds(after, 3), at("2026-11-24T00:17:00Z"));
        for text in ["", "* * * *", "61 * * * *", "*/10 * * * * *", "sometimes"] {
            assert!(Schedule::cron(text, Duration::ZERO).is_err(), "{text}");
        }
        // A date that does not exist never comes, and nothing hangs.
        if let Ok(never) = Schedule::cron("0 0 30 2 *", Duration::ZERO) {
            assert!(never.next(after, 0.0) > at("2100-01-01T00:00:00Z"));
        }
    }

    #[test]
    fn rounds_that_were_slept_through_are_caught_up_with_once() {
        let schedule = Schedule::every(HOUR, Duration::ZERO).unwrap();
        let last = at("2026-11-23T10:00:00Z");
        let due = schedule.next(last, 0.0);
        assert!(!schedule.is_due(due, Some(last), at("2026-11-23T10:59:59Z")));
        let woken = at("2026-11-25T08:30:00Z");
        assert!(schedule.is_due(due, Some(last), woken));
        assert_eq!(schedule.next(woken, 0.0), at("2026-11-25T09:30:00Z"));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_rounds() {
        let schedule = Schedule::every(HOUR, Duration::ZERO).unwrap();
        let last = at("2036-11-23T10:00:00Z");
        let due = schedule.next(last, 0.0);
        assert!(schedule.is_due(due, Some(last), at("2026-11-23T10:00:00Z")));
    }

    #[test]
    fn too_many_rounds_are_refused() {
        let error = Schedule::every(Duration::from_secs(1), Duration::ZERO).unwrap_err();
        assert_eq!(
            error.to_string(),
            "rounds every 1s are too many: 10s is the shortest interval"
        );
    }
}
