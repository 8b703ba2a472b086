//! How fast a log grows, and how fast it usually does at this hour of the week.
//!
//! The usual is the median of what was seen in the same hour of other weeks, and how far it commonly is
//! from that: the median absolute deviation, which a few strange hours do not move (P. J. Huber, Robust
//! Statistics, section 1.2). There is nothing to train: whoever has the heads can reckon it again.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Hours of a week.
pub const SLOTS: usize = 7 * 24;

/// Fewer hours than this say nothing of what is usual.
const LEAST_SAMPLES: usize = 8;

/// Heads that were seen in a shorter time than this are taken together: their number is chance.
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);

/// A stretch of this length is always one; where the log is asked more seldom, so is one of twice the usual
/// length. What is longer is a time in which nobody looked.
const LONG: SignedDuration = SignedDuration::from_hours(6);

/// What is older says nothing of what is usual now.
const HISTORY: SignedDuration = SignedDuration::from_hours(26 * 7 * 24);

/// The median absolute deviation of a normal distribution is this part of its standard deviation.
const DEVIATIONS_OF_NORMAL: f64 = 1.4826;

/// So many standard deviations are far: with an hourly round, once in many lifetimes of a daemon.
const FAR: f64 = 8.0;

/// However even the growth was, this part of the usual more or less is not far.
const LEAST_BAND: f64 = 0.75;

/// A head that was seen: when, and how many records its tree has.
pub type Seen = (Timestamp, u64);

/// When the log was first seen to have grown, in the order of time: heads that were shown later than larger
/// ones say nothing of that, and neither do those of the future, dated by a clock that was wrong.
#[must_use]
pub fn seen(times: &[(u64, String)], now: Timestamp) -> Vec<Seen> {
    let dated = times
        .iter()
        .filter_map(|(size, seen_at)| Some((seen_at.parse().ok()?, *size)));
    let mut heads: Vec<Seen> = dated.filter(|(seen_at, _)| *seen_at <= now).collect();
    heads.sort_unstable();
    let mut largest = 0;
    heads.retain(|(_, size)| {
        let has_grown = *size > largest;
        largest = largest.max(*size);
        has_grown
    });
    // Of what was seen in one second the last one counts.
    let mut seen: Vec<Seen> = Vec::with_capacity(heads.len());
    for head in heads {
        match seen.last_mut() {
            Some(last) if last.0 == head.0 => *last = head,
            _ => seen.push(head),
        }
    }
    seen
}

/// What is usual, in records an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Less is unusual.
    pub low: f64,
    /// The usual.
    pub median: f64,
    /// More is unusual.
    pub high: f64,
}

/// A time in which the log grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Its middle.
    pub middle: Timestamp,
    /// Its length.
    pub hours: f64,
    /// Records an hour.
    pub rate: f64,
}

/// Rates by the hour of the week.
type BySlot = Vec<Vec<f64>>;

/// How fast a log has grown.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    /// In the order of time.
    stretches: Vec<Stretch>,
    by_slot: BySlot,
    /// For each hour of the week, of a stretch of the usual length.
    bands: Vec<Option<Band>>,
    longest: SignedDuration,
}

impl Growth {
    /// From what [`seen`] gives.
    #[must_use]
    pub fn of(heads: &[Seen]) -> Self {
        let mut pairs = Vec::new();
        let mut last: Option<Seen> = None;
        for &head in heads {
            match last {
                Some(before) if head.0.duration_since(before.0) < SHORTEST => continue,
                Some(before) => pairs.push((before, head)),
                None => {}
            }
            last = Some(head);
        }
        let elapsed = |pair: &(Seen, Seen)| pair.1.0.duration_since(pair.0.0);
        let lengths = pairs.iter().map(|pair| elapsed(pair).as_secs_f64());
        let usual_length = median(&mut lengths.collect::<Vec<_>>());
        let longest = SignedDuration::try_from_secs_f64(2.0 * usual_length).unwrap_or(LONG);
        let longest = longest.max(LONG);
        pairs.retain(|pair| elapsed(pair) <= longest);
        let stretches: Vec<Stretch> = pairs.iter().map(stretch).collect();
        let begin = stretches.last().map(|last| last.middle);
        let begin = begin.and_then(|last| last.checked_sub(HISTORY).ok());
        let mut by_slot = vec![Vec::new(); SLOTS];
        for stretch in &stretches {
            let of_slot = by_slot.get_mut(slot_of(stretch.middle));
            if let Some(rates) = of_slot.filter(|_| begin.is_some_and(|it| stretch.middle >= it)) {
                rates.push(stretch.rate);
            }
        }
        let hours = (usual_length / 3600.0).max(1.0 / 60.0);
        let bands = (0..SLOTS).map(|slot| band(&by_slot, slot, hours));
        Self {
            bands: bands.collect(),
            by_slot,
            stretches,
            longest,
        }
    }

    /// In the order of time.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// What is usual in an hour of the week, over a stretch of the usual length; `None` if too little is
    /// known.
    #[must_use]
    pub fn band(&self, slot: usize) -> Option<Band> {
        self.bands.get(slot).copied().flatten()
    }

    /// The last stretch, if it is of this time.
    #[must_use]
    pub fn newest(&self, now: Timestamp) -> Option<Stretch> {
        let newest = self.stretches.last()?;
        (now.duration_since(newest.middle) <= self.longest).then_some(*newest)
    }

    /// The last stretch, if it is of this time, with what is usual by all before it, if enough is known.
    #[must_use]
    pub fn judged(&self, now: Timestamp) -> Option<(f64, Band)> {
        let newest = self.newest(now)?;
        let slot = slot_of(newest.middle);
        let mut before = self.by_slot.clone();
        before.get_mut(slot)?.pop();
        Some((newest.rate, band(&before, slot, newest.hours)?))
    }
}

fn stretch(&((begin, from), (end, to)): &(Seen, Seen)) -> Stretch {
    let elapsed = end.duration_since(begin);
    let hours = elapsed.as_secs_f64() / 3600.0;
    Stretch {
        middle: begin.checked_add(elapsed / 2).unwrap_or(begin),
        hours,
        rate: to.saturating_sub(from) as f64 / hours,
    }
}

/// What is usual in an hour of the week: from that hour and those beside it, or from the same hour of all
/// days, or from all hours, whichever first has enough to say. `None` if none has.
fn band(by_slot: &BySlot, slot: usize, hours: f64) -> Option<Band> {
    let of = |is_near: &dyn Fn(usize) -> bool| -> Vec<f64> {
        let slots = by_slot.iter().enumerate();
        let near = slots.filter(|(other, _)| is_near(*other));
        near.flat_map(|(_, rates)| rates).copied().collect()
    };
    let beside = |other: usize| [0, 1, SLOTS - 1].contains(&((other + SLOTS - slot) % SLOTS));
    let nearer: [&dyn Fn(usize) -> bool; 3] =
        [&beside, &|other| other % 24 == slot % 24, &|_| true];
    let mut rates = nearer
        .into_iter()
        .map(of)
        .find(|rates| rates.len() >= LEAST_SAMPLES)?;
    let usual = median(&mut rates);
    let mut deviations: Vec<f64> = rates.iter().map(|rate| (rate - usual).abs()).collect();
    // What is counted varies at least as the events of a Poisson process do, by the root of its number.
    let chance = (usual * hours).max(1.0).sqrt() / hours;
    let deviation = (DEVIATIONS_OF_NORMAL * median(&mut deviations)).max(chance);
    let far = (FAR * deviation).max(LEAST_BAND * usual);
    Some(Band {
        low: (usual - far).max(0.0),
        median: usual,
        high: usual + far,
    })
}

/// A rate as people read it.
#[must_use]
pub fn in_words(rate: f64) -> String {
    if rate < 10.0 && rate > 0.0 {
        format!("{rate:.1}")
    } else {
        format!("{rate:.0}")
    }
}

impl Band {
    /// Whether a rate is out of it.
    #[must_use]
    pub fn excludes(&self, rate: f64) -> bool {
        rate < self.low || rate > self.high
    }
}

/// The hour of the week, from 0 on Monday at midnight UTC.
#[must_use]
pub fn slot_of(time: Timestamp) -> usize {
    let time = time.to_zoned(TimeZone::UTC);
    let day = time.weekday().to_monday_zero_offset();
    usize::from(day.unsigned_abs()) * 24 + usize::from(time.hour().unsigned_abs())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.get(middle.wrapping_sub(1))) {
        (Some(upper), Some(lower)) if values.len().is_multiple_of(2) => {
            f64::midpoint(*upper, *lower)
        }
        (Some(value), _) => *value,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        // A Monday.
        let begin: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        begin
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap()
    }

    /// Heads of an hour each: quiet nights, and a few records more or less by the week.
    fn weeks(count: i64) -> Vec<Seen> {
        let mut size = 1000;
        let mut heads = vec![(at(0), size)];
        for hour in 0..count * 168 {
            let by_day = if (8..20).contains(&(hour % 24)) {
                1000
            } else {
                100
            };
            size += by_day + u64::try_from(hour % 7).unwrap();
            heads.push((at(hour + 1), size));
        }
        heads
    }

    #[test]
    fn slots_begin_on_monday() {
        assert_eq!(slot_of(at(0)), 0);
        assert_eq!(slot_of(at(25)), 25);
        assert_eq!(slot_of(at(168 + 167)), 167);
    }

    #[test]
    fn the_usual_is_of_the_same_hour() {
        let growth = Growth::of(&weeks(6));
        let (noon, night) = (growth.band(12).unwrap(), growth.band(3).unwrap());
        assert!((1000.0..1010.0).contains(&noon.median), "{noon:?}");
        assert!((100.0..110.0).contains(&night.median), "{night:?}");
        assert!(night.excludes(1000.0) && !noon.excludes(1000.0));
        assert!(noon.excludes(100.0));
    }

    #[test]
    fn what_is_far_from_usual_is_found() {
        for (records, is_far) in [(1003, false), (1500, false), (9000, true), (0, true)] {
            let mut heads = weeks(6);
            let (hours, size) = (6 * 168 + 13, heads.last().unwrap().1);
            heads.push((at(hours - 1), size + 5000));
            heads.push((at(hours), size + 5000 + records));
            let growth = Growth::of(&heads);
            let (rate, band) = growth.judged(at(hours)).unwrap();
            assert_eq!(band.excludes(rate), is_far, "{records}: {rate} {band:?}");
        }
    }

    #[test]
    fn a_few_strange_hours_do_not_change_what_is_usual() {
        let mut heads = weeks(6);
        for head in heads.iter_mut().skip(300) {
            head.1 += 1_000_000;
        }
        let growth = Growth::of(&heads);
        let slot = slot_of(at(299));
        assert!(growth.band(slot).unwrap().high < 10_000.0);
    }

    #[test]
    fn without_history_nothing_is_unusual() {
        let growth = Growth::of(&[(at(0), 1), (at(1), 1_000_000)]);
        assert!(growth.judged(at(1)).is_none());
        assert!(Growth::of(&[]).judged(at(1)).is_none());
    }

    #[test]
    fn a_head_that_was_shown_late_is_no_growth() {
        let times = [(10, 5), (20, 1), (30, 2), (30, 9)];
        let times = times.map(|(size, hours)| (size, at(hours).to_string()));
        assert_eq!(seen(&times, at(10)), [(at(1), 20), (at(2), 30)]);
    }

    #[test]
    fn a_clock_that_jumped_makes_no_rate() {
        let times = [(10, 5000), (20, 0), (120, 1), (130, 9000)];
        let times = times.map(|(size, hours)| (size, at(hours).to_string()));
        let growth = Growth::of(&seen(&times, at(2)));
        let rates: Vec<f64> = growth.stretches().iter().map(|it| it.rate).collect();
        assert_eq!(rates, [100.0]);
    }

    #[test]
    fn where_little_is_counted_one_more_is_chance() {
        let mut heads: Vec<Seen> = (0..500)
            .map(|hour| (at(hour), 1000 + hour as u64))
            .collect();
        heads.push((at(500), 1501));
        let growth = Growth::of(&heads);
        let (rate, band) = growth.judged(at(500)).unwrap();
        assert!(!band.excludes(rate), "{rate} {band:?}");
        heads.push((at(501), 1601));
        let (rate, band) = Growth::of(&heads).judged(at(501)).unwrap();
        assert!(band.excludes(rate), "{rate} {band:?}");
    }

    #[test]
    fn whoever_looks_twice_a_day_has_rates_as_well() {
        let mut heads: Vec<Seen> = (0..100)
            .map(|half| (at(half * 12), 1000 * half as u64))
            .collect();
        heads.push((at(1200), 200_000));
        let growth = Growth::of(&heads);
        assert_eq!(growth.stretches().len(), 100);
        let (rate, band) = growth.judged(at(1210)).unwrap();
        assert!(band.excludes(rate), "{rate} {band:?}");
        // A month in which nobody looked is none.
        heads.push((at(2000), 300_000));
        assert_eq!(Growth::of(&heads).stretches().len(), 100);
    }

    #[test]
    fn what_was_usual_years_ago_does_not_count() {
        let mut heads: Vec<Seen> = Vec::new();
        let mut size = 0;
        for hour in 0..60 * 168 {
            size += if hour < 30 * 168 { 10_000 } else { 100 };
            heads.push((at(hour), size));
        }
        let band = Growth::of(&heads).band(12).unwrap();
        assert!(band.high < 1000.0, "{band:?}");
    }
}
