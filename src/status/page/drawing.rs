//! How a log grows, drawn as SVG. The same stands in words beside each drawing.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::growth::{Band, Growth, Stretch, in_words, slot_of};
use super::super::known::KnownLog;
use super::grouped;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 200.0;

/// Room for the words at the edges.
const LEFT: f64 = 8.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 30.0;

/// So many points are drawn at most: more are closer than a pixel.
const MOST_POINTS: usize = 600;

/// So far back rates are drawn.
const RATES_OF: SignedDuration = SignedDuration::from_hours(14 * 24);

/// From values to places on the drawing.
struct Scale {
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn x(&self, value: f64) -> f64 {
        let part = (value - self.from) / (self.to - self.from).max(1.0);
        LEFT + part.clamp(0.0, 1.0) * (WIDTH - 2.0 * LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let part = (value - self.low) / (self.high - self.low).max(1e-9);
        HEIGHT - BOTTOM - part.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.as_second() as f64
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// As few of them as are drawn. Of those in one place the lowest and the highest are, so that nothing that
/// stands out is left out.
fn thinned<T: Copy>(points: &[T], value: impl Fn(&T) -> f64) -> Vec<T> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let mut thinned = Vec::with_capacity(MOST_POINTS);
    for part in points.chunks(points.len().div_ceil(MOST_POINTS / 2)) {
        let order = |a: &&T, b: &&T| value(a).total_cmp(&value(b));
        let places = part.iter().enumerate();
        let low = places.clone().min_by(|(_, a), (_, b)| order(a, b));
        let high = places.max_by(|(_, a), (_, b)| order(a, b));
        let (Some(low), Some(high)) = (low, high) else {
            continue;
        };
        let (first, second) = if low.0 <= high.0 {
            (low, high)
        } else {
            (high, low)
        };
        thinned.push(*first.1);
        if first.0 != second.0 {
            thinned.push(*second.1);
        }
    }
    thinned
}

/// The size of the tree over time.
pub(super) fn growth(log: &KnownLog, now: Timestamp, number: usize) -> Markup {
    let seen = &log.seen;
    let (Some(first), Some(last)) = (seen.first().copied(), seen.last().copied()) else {
        return html! {};
    };
    let (smallest, largest) = (first.1, last.1.max(first.1));
    let scale = Scale {
        from: seconds(first.0),
        to: seconds(now),
        low: smallest as f64,
        high: largest as f64,
    };
    let mut line = String::new();
    // Up to now it has stayed as large.
    let until_now = [(now, last.1)];
    let points = thinned(seen, |(_, size)| *size as f64);
    for (at, size) in points.iter().chain(&until_now) {
        let (x, y) = (scale.x(seconds(*at)), scale.y(*size as f64));
        let _ = write!(line, "{x:.1},{y:.1} ");
    }
    let words = format!(
        "From {} records on {} to {} on {}, in {} verified tree heads.",
        grouped(smallest),
        day(first.0),
        grouped(largest),
        day(last.0),
        grouped(log.head_count as u64)
    );
    let (title, description) = (format!("growth-{number}"), format!("growth-words-{number}"));
    html! {
        figure {
            svg.drawing viewBox="0 0 600 200" role="img" aria-labelledby=(title) aria-describedby=(description) {
                title id=(title) { "Growth of the log" }
                (frame())
                polyline.line points=(line.trim_end()) {}
                text.label x="8" y="21" { (grouped(largest)) " records" }
                text.label x="8" y="192" { (day(first.0)) }
                text.label.end x="592" y="192" { (day(now)) }
            }
            figcaption id=(description) { (words) }
        }
    }
}

/// Records an hour over time, with what is usual at each hour of the week.
pub(super) fn rates(log: &KnownLog, now: Timestamp, number: usize) -> Markup {
    let begin = now.checked_sub(RATES_OF).unwrap_or(Timestamp::MIN);
    let stretches = log.growth.stretches().iter();
    let stretches: Vec<Stretch> = stretches
        .filter(|stretch| stretch.middle >= begin)
        .copied()
        .collect();
    let Some(first) = stretches.first() else {
        return html! {};
    };
    let band = bands(&log.growth, first.middle, now);
    let highest = stretches.iter().map(|stretch| stretch.rate);
    let highest = highest
        .chain(band.iter().map(|(_, band)| band.high))
        .fold(1.0, f64::max);
    let scale = Scale {
        from: seconds(first.middle),
        to: seconds(now),
        low: 0.0,
        high: highest,
    };
    let place = |at: Timestamp, rate: f64| {
        let (x, y) = (scale.x(seconds(at)), scale.y(rate));
        format!("{x:.1},{y:.1}")
    };
    let upper = band.iter().map(|(at, band)| place(*at, band.high));
    let lower = band.iter().rev().map(|(at, band)| place(*at, band.low));
    let outline: Vec<String> = upper.chain(lower).collect();
    let line = thinned(&stretches, |stretch| stretch.rate);
    let line: Vec<String> = line
        .iter()
        .map(|stretch| place(stretch.middle, stretch.rate))
        .collect();
    let (title, description) = (format!("rates-{number}"), format!("rates-words-{number}"));
    html! {
        figure {
            svg.drawing viewBox="0 0 600 200" role="img" aria-labelledby=(title) aria-describedby=(description) {
                title id=(title) { "Records an hour" }
                (frame())
                @if band.len() > 1 { polygon.band points=(outline.join(" ")) {} }
                polyline.line points=(line.join(" ")) {}
                text.label x="8" y="21" { (in_words(highest)) " records an hour" }
                text.label x="8" y="192" { (day(first.middle)) }
                text.label.end x="592" y="192" { (day(now)) }
            }
            figcaption id=(description) { (rate_in_words(&log.growth, now)) }
        }
    }
}

/// What is usual, hour by hour.
fn bands(growth: &Growth, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Band)> {
    let hour = SignedDuration::from_hours(1);
    let hours = std::iter::successors(Some(from), |at| at.checked_add(hour).ok());
    let hours = hours.take_while(|at| *at <= to);
    hours
        .filter_map(|at| Some((at, growth.band(slot_of(at))?)))
        .collect()
}

fn rate_in_words(growth: &Growth, now: Timestamp) -> String {
    if let Some((rate, band)) = growth.judged(now) {
        let what = if band.excludes(rate) {
            "far from what is usual"
        } else {
            "as usual"
        };
        return format!(
            "Last: {} records an hour, {what}: {} to {} at this hour of the week, the band in the drawing.",
            in_words(rate),
            in_words(band.low),
            in_words(band.high)
        );
    }
    match (growth.newest(now), growth.stretches().last()) {
        (Some(newest), _) => format!(
            "Last: {} records an hour. There is too little history to say what is usual.",
            in_words(newest.rate)
        ),
        (None, Some(last)) => format!(
            "No growth was seen since {}: the rates are of before.",
            day(last.middle)
        ),
        (None, None) => String::new(),
    }
}

fn frame() -> Markup {
    html! { rect.frame x="8" y="30" width="584" height="140" {} }
}
