//! A request and its answer, until the last byte of it is sent or given up.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use jiff::Timestamp;
use tokio::time::Instant;

use super::body::Body;
use crate::gate::client::Client;
use crate::gate::metrics::{Counted, Metrics};
use crate::gate::trace::{Entry, Side, Trace};
use crate::io::http::shown_headers;
use crate::io::serve::Activity;

/// Counts and traces when it is dropped: with the body, however far that came.
#[derive(Debug)]
pub(super) struct Exchange {
    activity: Arc<Activity>,
    metrics: Arc<Metrics>,
    _in_flight: Counted,
    file: &'static str,
    sent_bytes: u64,
    traced: Option<Traced>,
}

#[derive(Debug)]
struct Traced {
    trace: Arc<Trace>,
    entry: Box<Entry>,
    began: Instant,
    answered: Option<Instant>,
}

impl Exchange {
    pub(super) fn begin(
        activity: Arc<Activity>,
        metrics: Arc<Metrics>,
        trace: Option<&Arc<Trace>>,
        request: &Request<Incoming>,
        prefix: &str,
    ) -> Self {
        let traced = trace.map(|trace| Traced {
            trace: Arc::clone(trace),
            entry: Box::new(entry(request, prefix)),
            began: Instant::now(),
            answered: None,
        });
        Self {
            activity,
            _in_flight: metrics.in_flight(),
            metrics,
            file: "other",
            sent_bytes: 0,
            traced,
        }
    }

    pub(super) fn set_client(&mut self, client: &Client) {
        if let Some(traced) = &mut self.traced {
            traced.entry.client = Some(client.name.clone());
        }
    }

    /// The head of the answer is known.
    pub(super) fn answered(
        &mut self,
        response: &Response<Body>,
        file: &'static str,
        verdict: &'static str,
        reason: Option<String>,
        is_counted: bool,
    ) {
        self.file = file;
        if is_counted {
            self.metrics.answered(file, verdict);
        }
        if let Some(traced) = &mut self.traced {
            let now = Instant::now();
            traced.answered = Some(now);
            let entry = &mut traced.entry;
            entry.wait = now.duration_since(traced.began);
            entry.status = response.status().as_u16();
            entry.response_headers = shown_headers(response.headers());
            entry.verdict = verdict.to_owned();
            entry.reason = reason;
        }
    }

    /// The connection took so much of the body.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.activity.progress();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.sent_bytes > 0 {
            self.metrics.sent(self.file, self.sent_bytes);
        }
        if let Some(mut traced) = self.traced.take() {
            let entry = &mut traced.entry;
            entry.body_bytes = self.sent_bytes;
            match traced.answered {
                Some(answered) => entry.receive = answered.elapsed(),
                None => {
                    entry.wait = traced.began.elapsed();
                    entry.verdict = "client-gone".to_owned();
                }
            }
            traced.trace.record(*traced.entry);
        }
    }
}

fn entry(request: &Request<Incoming>, prefix: &str) -> Entry {
    let path = request.uri().path();
    // The secret part of the path stays secret, and a query has no meaning here.
    let path = path.strip_prefix(prefix).unwrap_or("");
    Entry {
        method: request.method().to_string(),
        url: format!("http://gate.invalid/{path}"),
        http_version: format!("{:?}", request.version()),
        request_headers: shown_headers(request.headers()),
        ..Entry::new(Side::Client, Timestamp::now())
    }
}
