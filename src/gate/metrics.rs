//! Counts for Prometheus. Labels have a few fixed values each: no name of a module, a version or a
//! client is one, so that nobody can fill the memory with made-up names.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Denial;
use super::target::ModuleFile;
use crate::io::http::RequestTrace;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a small answer next door to a download of half an hour.
const SECONDS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// What is counted; see `docs/gate.md` for what each means.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter<u64, AtomicU64>>,
    bytes: Family<Labels<1>, Counter<u64, AtomicU64>>,
    in_flight: Gauge<i64, AtomicI64>,
    cache_hits: Family<Labels<1>, Counter<u64, AtomicU64>>,
    cache_misses: Family<Labels<1>, Counter<u64, AtomicU64>>,
    upstream: Family<Labels<2>, Histogram>,
    head_size: Gauge<i64, AtomicI64>,
    closed: Gauge<i64, AtomicI64>,
    connections: Gauge<i64, AtomicI64>,
}

/// Which servers behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// Module proxies.
    Modules,
    /// The checksum database.
    Database,
}

impl Behind {
    /// Its label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Modules => "modules",
            Self::Database => "database",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let upstream =
            Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let mut registry = Registry::with_prefix("sumcheck_gate");
        let (requests, bytes) = (Family::default(), Family::default());
        let (cache_hits, cache_misses) = (Family::default(), Family::default());
        let (in_flight, head_size) = (Gauge::default(), Gauge::default());
        let (closed, connections) = (Gauge::default(), Gauge::default());
        let help = "Requests that were answered, by what was asked for and what became of it";
        registry.register("requests", help, Family::clone(&requests));
        let help = "Bytes of bodies that were sent to clients";
        registry.register_with_unit("sent", help, Unit::Bytes, Family::clone(&bytes));
        let help = "Requests that are being answered";
        registry.register("requests_in_flight", help, Gauge::clone(&in_flight));
        let help = "Files that were given out of the cache without asking anybody";
        registry.register("cache_hits", help, Family::clone(&cache_hits));
        let help = "Files that had to be fetched or hashed first";
        registry.register("cache_misses", help, Family::clone(&cache_misses));
        let help = "Time that requests to the servers behind the gate took";
        registry.register_with_unit("upstream", help, Unit::Seconds, Family::clone(&upstream));
        let help = "Records below the newest verified tree head";
        registry.register("head_size_records", help, Gauge::clone(&head_size));
        let help = "1 while the gate is closed because the log misbehaved";
        registry.register("closed", help, Gauge::clone(&closed));
        let help = "Connections of clients that are open";
        registry.register("connections", help, Gauge::clone(&connections));
        Self {
            registry,
            requests,
            bytes,
            in_flight,
            cache_hits,
            cache_misses,
            upstream,
            head_size,
            closed,
            connections,
        }
    }
}

impl Metrics {
    /// A request was answered.
    pub fn answered(&self, file: &'static str, verdict: &'static str) {
        let labels = [("file", file), ("verdict", verdict)];
        self.requests.get_or_create(&labels).inc();
    }

    /// So much of a body was sent.
    pub fn sent(&self, file: &'static str, bytes: u64) {
        self.bytes.get_or_create(&[("file", file)]).inc_by(bytes);
    }

    /// Requests that are being answered, for as long as the guard lives.
    #[must_use]
    pub fn in_flight(&self) -> Counted {
        Counted::new(&self.in_flight)
    }

    /// Connections that are open, for as long as the guard lives.
    #[must_use]
    pub fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// A file was looked for in the cache.
    pub fn looked_in_cache(&self, file: ModuleFile, is_hit: bool) {
        let family = if is_hit {
            &self.cache_hits
        } else {
            &self.cache_misses
        };
        family.get_or_create(&[("file", file.extension())]).inc();
    }

    /// A request to a server behind the gate is over.
    pub fn observe(&self, behind: Behind, trace: &RequestTrace) {
        let labels = [("of", behind.label()), ("outcome", outcome(trace))];
        let histogram = self.upstream.get_or_create(&labels);
        histogram.observe(trace.elapsed.as_secs_f64());
    }

    /// All of it in OpenMetrics' text form.
    #[must_use]
    pub fn text(&self, head_size: u64, is_closed: bool) -> String {
        self.head_size
            .set(i64::try_from(head_size).unwrap_or(i64::MAX));
        self.closed.set(i64::from(is_closed));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Something is counted for as long as this lives.
#[derive(Debug)]
pub struct Counted(Gauge<i64, AtomicI64>);

impl Counted {
    fn new(gauge: &Gauge<i64, AtomicI64>) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What became of a request to a server behind the gate.
#[must_use]
pub fn outcome(trace: &RequestTrace) -> &'static str {
    match (&trace.error, trace.status) {
        (Some(error), _) if error.is_timeout() => "silent",
        (Some(_), _) | (None, None) => "failed",
        (None, Some((404 | 410, _))) => "absent",
        (None, Some((300..400, _))) => "redirect",
        (None, Some(_)) => "ok",
    }
}

/// What became of a request, as a label.
#[must_use]
pub const fn verdict_label(denial: Option<&Denial>) -> &'static str {
    match denial {
        None => "released",
        Some(Denial::Refused(_)) => "refused",
        Some(Denial::Unauthenticated(_) | Denial::UnknownToken) => "unauthenticated",
        Some(Denial::Absent(_)) => "absent",
        Some(Denial::Unknown(_)) => "unknown",
        Some(Denial::BadGateway(_) | Denial::Silent(_)) => "upstream-failed",
        Some(Denial::Unproven { .. }) => "unproven",
        Some(Denial::Misbehaviour(_)) => "closed",
        Some(Denial::Disk(_)) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use reqwest::Url;

    use super::*;
    use crate::io::http::ShownUrl;

    #[test]
    fn names_are_those_of_the_field() {
        let metrics = Metrics::default();
        metrics.answered("zip", "released");
        metrics.sent("zip", 7);
        metrics.looked_in_cache(ModuleFile::Zip, true);
        let _in_flight = metrics.in_flight();
        metrics.observe(
            Behind::Modules,
            &RequestTrace {
                url: ShownUrl::new(&Url::parse("https://proxy.example").unwrap()),
                attempt: 1,
                status: None,
                started_at: Timestamp::UNIX_EPOCH,
                time_to_head: None,
                resumed_at: None,
                headers: Vec::new(),
                body_bytes: 0,
                elapsed: Duration::from_millis(20),
                error: None,
            },
        );
        let text = metrics.text(12, true);
        for line in [
            "sumcheck_gate_requests_total{file=\"zip\",verdict=\"released\"} 1",
            "sumcheck_gate_sent_bytes_total{file=\"zip\"} 7",
            "sumcheck_gate_cache_hits_total{file=\"zip\"} 1",
            "sumcheck_gate_requests_in_flight 1",
            "sumcheck_gate_head_size_records 12",
            "sumcheck_gate_closed 1",
            "sumcheck_gate_upstream_seconds_bucket{le=\"0.025\",of=\"modules\",outcome=\"failed\"} 1",
            "sumcheck_gate_upstream_seconds_count{of=\"modules\",outcome=\"failed\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
