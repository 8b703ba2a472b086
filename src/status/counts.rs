//! What a daemon has done since it began, for metrics. Labels are names out of the settings and a few
//! fixed words, so that nobody can fill the memory with made-up ones.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::io::store::RunOutcome;

/// From a round in which nothing is new to the first audit of a large log.
const SECONDS: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 900.0, 7200.0];

type Labels<const N: usize> = [(&'static str, String); N];

/// Counts of a daemon.
#[derive(Debug)]
pub struct Counts {
    rounds: Family<Labels<2>, Counter<u64, AtomicU64>>,
    durations: Family<Labels<1>, Histogram, fn() -> Histogram>,
    events: Counter<u64, AtomicU64>,
    deliveries: Family<Labels<2>, Counter<u64, AtomicU64>>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            rounds: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            events: Counter::default(),
            deliveries: Family::default(),
        }
    }
}

impl Counts {
    /// A round of a log is over.
    pub fn ended(&self, log: &str, outcome: RunOutcome, elapsed: Duration) {
        let labels = [
            ("log", log.to_owned()),
            ("outcome", outcome.as_str().to_owned()),
        ];
        self.rounds.get_or_create(&labels).inc();
        let labels = [("log", log.to_owned())];
        self.durations
            .get_or_create(&labels)
            .observe(elapsed.as_secs_f64());
    }

    /// So many events were found.
    pub fn announced(&self, events: usize) {
        self.events
            .inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// Somebody was told, or could not be.
    pub fn delivered(&self, sink: &str, is_told: bool) {
        let outcome = if is_told { "ok" } else { "failed" };
        let labels = [("sink", sink.to_owned()), ("outcome", outcome.to_owned())];
        self.deliveries.get_or_create(&labels).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Rounds of a log, by how they ended";
        registry.register("watch_rounds", help, Family::clone(&self.rounds));
        let help = "Time that rounds of a log took";
        registry.register_with_unit(
            "watch_round_duration",
            help,
            Unit::Seconds,
            Family::clone(&self.durations),
        );
        let help = "Events that were found";
        registry.register("watch_events", help, Counter::clone(&self.events));
        let help = "Tries to tell somebody of an event";
        registry.register("watch_deliveries", help, Family::clone(&self.deliveries));
    }
}
