//! `--trace FILE.har`: every request on both sides, for a browser's network panel.
//!
//! Source: the HTTP Archive format 1.2. What is not in it begins with `_`: `_side`, `_verdict`,
//! `_reason`, `_client`. Names of headers are taken from a list, so that no credential gets in by a
//! name that nobody thought of; URLs have no login and no query, which signs the URLs of some
//! download services.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::direct::{DirectError, DirectTrace};
use super::metrics::{Behind, outcome};
use crate::io::http::RequestTrace;

/// So many entries may wait for the disk; what comes then is left off and counted.
const QUEUE: usize = 4096;

/// No panel opens a larger file; what comes then is left off and counted.
const MAX_BYTES: u64 = 256 << 20;

/// A header or a reason that is longer is cut.
const MAX_TEXT_BYTES: usize = 1024;

/// A file of which every state on the disk is a whole HAR document.
#[derive(Debug)]
pub struct Trace {
    entries: Mutex<Option<SyncSender<Entry>>>,
    left_off: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// On which side of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client asks the gate.
    Client,
    /// The gate asks a server behind it.
    Upstream,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// On which side.
    pub side: Side,
    /// When it began.
    pub started_at: Timestamp,
    /// GET or HEAD, or whatever a client wrote.
    pub method: String,
    /// Without login and query.
    pub url: String,
    /// `HTTP/1.1`
    pub http_version: String,
    /// Those of [`SHOWN_HEADERS`](crate::io::http::SHOWN_HEADERS).
    pub request_headers: Vec<(String, String)>,
    /// 0 if there was no answer.
    pub status: u16,
    /// Those of [`SHOWN_HEADERS`](crate::io::http::SHOWN_HEADERS).
    pub response_headers: Vec<(String, String)>,
    /// Of the answer.
    pub body_bytes: u64,
    /// From the request to the head of the answer.
    pub wait: Duration,
    /// From there to the end of the body.
    pub receive: Duration,
    /// What became of it, as in the metrics.
    pub verdict: String,
    /// Why.
    pub reason: Option<String>,
    /// Who asked.
    pub client: Option<String>,
}

impl Entry {
    /// A request of which nothing is known yet.
    #[must_use]
    pub fn new(side: Side, started_at: Timestamp) -> Self {
        Self {
            side,
            started_at,
            method: "GET".to_owned(),
            url: String::new(),
            http_version: String::new(),
            request_headers: Vec::new(),
            status: 0,
            response_headers: Vec::new(),
            body_bytes: 0,
            wait: Duration::ZERO,
            receive: Duration::ZERO,
            verdict: String::new(),
            reason: None,
            client: None,
        }
    }

    /// A request to a server behind the gate.
    #[must_use]
    pub fn upstream(behind: Behind, trace: &RequestTrace) -> Self {
        let wait = trace.time_to_head.unwrap_or(trace.elapsed);
        let range = trace.resumed_at.map(|from| format!("bytes={from}-"));
        Self {
            url: without_queries(&trace.url.to_string()),
            http_version: trace
                .status
                .map(|(_, version)| format!("{version:?}"))
                .unwrap_or_default(),
            request_headers: range
                .map(|range| ("range".to_owned(), range))
                .into_iter()
                .collect(),
            status: trace.status.map_or(0, |(status, _)| status),
            response_headers: trace.headers.clone(),
            body_bytes: u64::try_from(trace.body_bytes).unwrap_or(u64::MAX),
            wait,
            receive: trace.elapsed.saturating_sub(wait),
            verdict: outcome(trace).to_owned(),
            reason: trace.error.as_ref().map(ToString::to_string),
            client: Some(format!("gate, for {}", behind.label())),
            ..Self::new(Side::Upstream, trace.started_at)
        }
    }

    /// A question to version control, which is none of HTTP.
    #[must_use]
    pub fn direct(trace: &DirectTrace) -> Self {
        let (status, verdict) = match &trace.error {
            None => (200, "ok"),
            Some(DirectError::Absent(_)) => (404, "absent"),
            Some(DirectError::Silent) => (504, "silent"),
            Some(DirectError::Failed(_)) => (502, "failed"),
        };
        Self {
            url: format!("https://direct.invalid/{}", trace.path),
            status,
            wait: trace.elapsed,
            verdict: verdict.to_owned(),
            reason: trace.error.as_ref().map(ToString::to_string),
            client: Some("gate, for version control".to_owned()),
            ..Self::new(Side::Upstream, trace.started_at)
        }
    }

    fn to_har(&self) -> Value {
        let headers = |headers: &[(String, String)]| -> Value {
            let shown = headers.iter();
            shown
                .map(|(name, value)| json!({ "name": name, "value": shown_text(value) }))
                .collect()
        };
        let response_header = |name: &str| {
            let mut headers = self.response_headers.iter();
            let found = headers.find(|(found, _)| found == name);
            shown_text(found.map_or("", |(_, value)| value))
        };
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let mut har = json!({
            "startedDateTime": self.started_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "time": ms(self.wait + self.receive),
            "request": {
                "method": shown_text(&self.method),
                "url": shown_text(&self.url),
                "httpVersion": self.http_version,
                "cookies": [],
                "headers": headers(&self.request_headers),
                "queryString": [],
                "headersSize": -1,
                "bodySize": 0,
            },
            "response": {
                "status": self.status,
                "statusText": "",
                "httpVersion": self.http_version,
                "cookies": [],
                "headers": headers(&self.response_headers),
                "content": {
                    "size": self.body_bytes,
                    "mimeType": response_header("content-type"),
                },
                "redirectURL": response_header("location"),
                "headersSize": -1,
                "bodySize": self.body_bytes,
            },
            "cache": {},
            "timings": {
                "blocked": -1, "dns": -1, "connect": -1, "ssl": -1,
                "send": 0,
                "wait": ms(self.wait),
                "receive": ms(self.receive),
            },
            "_side": match self.side {
                Side::Client => "client",
                Side::Upstream => "upstream",
            },
            "_verdict": self.verdict,
        });
        if let Some(reason) = &self.reason {
            har["_reason"] = json!(shown_text(reason));
        }
        if let Some(client) = &self.client {
            har["_client"] = json!(client);
        }
        har
    }
}

impl Trace {
    /// Begins a new file, for its owner alone.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let left_off = Arc::new(AtomicU64::new(0));
        let mut archive = Archive::begin(options.open(path)?, Arc::clone(&left_off))?;
        let (entries, waiting) = sync_channel(QUEUE);
        let thread = thread::Builder::new()
            .name("trace".to_owned())
            .spawn(move || archive.write_all(&waiting))?;
        Ok(Self {
            entries: Mutex::new(Some(entries)),
            left_off,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Writes an entry, soon; never waits for the disk.
    pub fn record(&self, entry: Entry) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sent = entries
            .as_ref()
            .is_some_and(|entries| entries.try_send(entry).is_ok());
        if !is_sent {
            self.left_off.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all is written.
    pub fn close(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        drop(entries.take());
        drop(entries);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ = thread.join();
        }
    }
}

/// The file: each write replaces the end of the document with an entry and a new end.
struct Archive {
    file: File,
    /// Where the end of the document begins.
    end: u64,
    is_empty: bool,
    left_off: Arc<AtomicU64>,
}

impl Archive {
    fn begin(mut file: File, left_off: Arc<AtomicU64>) -> io::Result<Self> {
        let creator = json!({ "name": "sumcheck gate", "version": env!("CARGO_PKG_VERSION") });
        let start =
            format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[\n");
        file.write_all(start.as_bytes())?;
        let end = file.stream_position()?;
        let mut archive = Self {
            file,
            end,
            is_empty: true,
            left_off,
        };
        archive.append("")?;
        Ok(archive)
    }

    fn write_all(&mut self, entries: &Receiver<Entry>) {
        while let Ok(entry) = entries.recv() {
            let mut text = String::new();
            // What waits goes with one write.
            for entry in std::iter::once(entry).chain(entries.try_iter().take(QUEUE)) {
                let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
                if self.end.saturating_add(length) > MAX_BYTES {
                    self.left_off.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                if !self.is_empty {
                    text.push_str(",\n");
                }
                text.push_str(&entry.to_har().to_string());
                self.is_empty = false;
            }
            // A disk that is full does not stop the gate.
            let _ = self.append(&text);
        }
        let _ = self.append("");
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        let left_off = self.left_off.load(Ordering::Relaxed);
        let comment = json!(format!("{left_off} requests were left off"));
        let whole = format!("{text}\n],\"comment\":{comment}}}}}\n");
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(whole.as_bytes())?;
        let end = self.file.stream_position()?;
        self.file.set_len(end)?;
        self.end += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn shown_text(text: &str) -> String {
    let mut shown = without_queries(text);
    if shown.len() > MAX_TEXT_BYTES {
        shown.truncate(shown.floor_char_boundary(MAX_TEXT_BYTES));
        shown.push('…');
    }
    shown
}

/// The queries and logins of URLs in a text are left off: some are credentials.
fn without_queries(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ',');
        let (url, next) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = plain.split_at(plain.find('/').unwrap_or(plain.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        shown.push_str(host);
        shown.push_str(path);
        if url.contains('?') {
            shown.push_str("?…");
        }
        rest = next;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str) -> Entry {
        Entry {
            url: url.to_owned(),
            reason: Some("https://me:secret@host/x?Signature=secret, sent it".to_owned()),
            verdict: "ok".to_owned(),
            ..Entry::new(Side::Upstream, Timestamp::UNIX_EPOCH)
        }
    }

    fn read(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn every_state_of_the_file_is_a_whole_document() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.har");
        let left_off = Arc::new(AtomicU64::new(0));
        let mut archive = Archive::begin(File::create(&path).unwrap(), left_off).unwrap();
        assert_eq!(read(&path)["log"]["entries"], json!([]));
        for count in 1..4 {
            let (send, receive) = sync_channel(8);
            send.send(entry("https://a.example/x")).unwrap();
            drop(send);
            archive.write_all(&receive);
            let har = read(&path);
            assert_eq!(har["log"]["entries"].as_array().unwrap().len(), count);
            assert_eq!(har["log"]["version"], "1.2");
        }
    }

    #[test]
    fn what_is_left_off_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.har");
        let trace = Trace::create(&path).unwrap();
        trace.record(entry("https://a.example/x"));
        trace.left_off.fetch_add(3, Ordering::Relaxed);
        trace.close();
        trace.record(entry("https://a.example/x"));
        let har = read(&path);
        assert_eq!(har["log"]["comment"], "3 requests were left off");
        assert_eq!(har["log"]["entries"][0]["_side"], "upstream");
        assert_eq!(
            har["log"]["entries"][0]["startedDateTime"],
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn no_login_and_no_signature_gets_in() {
        let har = entry("https://a.example/x?X-Amz-Signature=secret")
            .to_har()
            .to_string();
        assert!(!har.contains("secret"), "{har}");
        assert!(har.contains("https://a.example/x?…"), "{har}");
        assert!(har.contains("https://host/x?…, sent it"), "{har}");
    }
}
