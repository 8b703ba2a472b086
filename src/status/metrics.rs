//! What is known, for Prometheus. Labels are names out of the settings and a few fixed words.

use std::sync::atomic::{AtomicI64, AtomicU64};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::Counts;
use super::known::{Known, KnownLog};

/// The media type of OpenMetrics.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge<i64, AtomicI64>>;
type Times = Family<Labels, Gauge<f64, AtomicU64>>;

/// All of it in OpenMetrics' text form.
pub(super) fn text(known: &Known, counts: &Counts) -> String {
    let mut registry = Registry::with_prefix("sumcheck");
    of_logs(&mut registry, known);
    of_rounds(&mut registry, known);
    of_places(&mut registry, known);
    of_deliveries(&mut registry, known);
    let build: Gauges = Family::default();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    build.get_or_create(&vec![("version", version)]).set(1);
    registry.register("build_info", "Always 1; the version is a label", build);
    counts.register(&mut registry);
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

fn of(log: &KnownLog) -> Labels {
    vec![("log", log.name.clone())]
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn seconds(time: Option<&str>) -> Option<f64> {
    let time: Timestamp = time?.parse().ok()?;
    Some(time.as_second() as f64)
}

fn of_logs(registry: &mut Registry, known: &Known) {
    let (sizes, audited, open, anomalies): (Gauges, Gauges, Gauges, Gauges) = Default::default();
    let seen: Times = Family::default();
    for log in &known.logs {
        if let Some(head) = log.heads.last() {
            sizes.get_or_create(&of(log)).set(count(head.size));
            if let Some(at) = seconds(Some(&head.seen_at)) {
                seen.get_or_create(&of(log)).set(at);
            }
        }
        for audit in &log.audits {
            let mut labels = of(log);
            labels.push(("what", audit.what.to_owned()));
            let gauge = audited.get_or_create(&labels);
            gauge.set(gauge.get().max(count(audit.size)));
        }
        open.get_or_create(&of(log)).set(0);
        anomalies.get_or_create(&of(log)).set(count(log.anomalies));
    }
    // Also of logs that are watched no more.
    for finding in &known.findings {
        let gauge = open.get_or_create(&vec![("log", finding.log.clone())]);
        gauge.inc_by(i64::from(finding.acknowledged_at.is_none()));
    }
    registry.register(
        "head_size_records",
        "Records below the newest verified tree head",
        sizes,
    );
    registry.register_with_unit(
        "head_seen_timestamp",
        "When the newest verified tree head was first seen",
        Unit::Seconds,
        seen,
    );
    registry.register(
        "audited_size_records",
        "Up to which size the log was audited, by its records or by their hashes alone",
        audited,
    );
    registry.register(
        "open_findings",
        "Misbehaviour of the log that nobody has acknowledged",
        open,
    );
    registry.register(
        "anomalies",
        "Records that are strange and no misbehaviour",
        anomalies,
    );
}

fn of_rounds(registry: &mut Registry, known: &Known) {
    let (last, last_good, good_until): (Times, Times, Times) = Default::default();
    let (conditions, contradicted): (Gauges, Gauges) = Default::default();
    for log in &known.logs {
        contradicted
            .get_or_create(&of(log))
            .set(i64::from(log.is_contradicted));
        let ended = log.runs.iter().find_map(|run| run.ended_at.as_deref());
        if let Some(at) = seconds(ended) {
            last.get_or_create(&of(log)).set(at);
        }
        let good = log.last_good.as_ref();
        if let Some(at) = seconds(good.and_then(|run| run.ended_at.as_deref())) {
            last_good.get_or_create(&of(log)).set(at);
        }
        if let Some(at) = seconds(good.and_then(|run| run.good_until.as_deref())) {
            good_until.get_or_create(&of(log)).set(at);
        }
        for condition in &log.conditions {
            let mut labels = of(log);
            labels.push(("kind", condition.event.kind.clone()));
            conditions.get_or_create(&labels).set(1);
        }
    }
    registry.register_with_unit(
        "watch_last_round_timestamp",
        "When the last round of the log ended",
        Unit::Seconds,
        last,
    );
    registry.register_with_unit(
        "watch_last_good_round_timestamp",
        "When the last round ended that verified the log",
        Unit::Seconds,
        last_good,
    );
    registry.register_with_unit(
        "watch_good_until_timestamp",
        "Until when that round may be relied on: by then three others should have come",
        Unit::Seconds,
        good_until,
    );
    registry.register(
        "go_sum_contradicted",
        "Whether a record of the log contradicts a line of a watched go.sum",
        contradicted,
    );
    registry.register(
        "watch_conditions",
        "1 for each kind of condition that holds",
        conditions,
    );
}

fn of_places(registry: &mut Registry, known: &Known) {
    let (up, split, sizes): (Gauges, Gauges, Gauges) = Default::default();
    for log in &known.logs {
        for point in &log.points {
            let mut labels = of(log);
            labels.push(("vantage_point", point.name.clone()));
            let is_up = !matches!(point.status.as_str(), "down" | "invalid");
            up.get_or_create(&labels).set(i64::from(is_up));
            let is_split = point.status == "split";
            split.get_or_create(&labels).set(i64::from(is_split));
            if let Some((size, _)) = point.head {
                sizes.get_or_create(&labels).set(count(size));
            }
        }
    }
    registry.register(
        "vantage_point_up",
        "Whether the place showed a signed tree head the last time that it was asked",
        up,
    );
    registry.register(
        "vantage_point_split",
        "Whether the place showed another tree than others are shown",
        split,
    );
    registry.register(
        "vantage_point_head_size_records",
        "Records of the tree that the place showed last",
        sizes,
    );
}

fn of_deliveries(registry: &mut Registry, known: &Known) {
    let pending: Gauges = Family::default();
    let oldest: Times = Family::default();
    for sink in &known.sinks {
        let labels = vec![("sink", sink.sink.clone())];
        pending.get_or_create(&labels).set(count(sink.pending));
        if let Some(at) = seconds(sink.oldest.as_deref()) {
            oldest.get_or_create(&labels).set(at);
        }
    }
    registry.register(
        "deliveries_pending",
        "Events that somebody is still to be told of",
        pending,
    );
    registry.register_with_unit(
        "delivery_oldest_timestamp",
        "When the oldest of them was found",
        Unit::Seconds,
        oldest,
    );
}
