//! What can be seen of a watch: pages, JSON, feed and metrics.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use sumcheck::golang::pattern::PatternList;
use sumcheck::io::serve::Server;
use sumcheck::io::store::{Decided, Rows, RunOutcome};
use sumcheck::status::{Hosts, State, StatusSite, View};
use sumcheck::watch::vantage::PlaceKind;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::client::{self, Got};
use crate::support::log::TestLog;
use crate::support::response::Response;
use crate::support::skipped;
use crate::world::{HOUR, Stage, World, block_on};

const HOSTILE: &str = "<script>alert(1)<'\"&x";

const PAGES: [&str; 9] = [
    "/",
    "/heads",
    "/findings",
    "/modules",
    "/rounds",
    "/events",
    "/decisions",
    "/module",
    "/module/example.com/m1@v1.0.1",
];

/// A site, for as long as this lives.
pub(crate) struct Served {
    _runtime: Runtime,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) fn new(view: View) -> Self {
        Self::of(StatusSite::new(view))
    }

    fn of(site: StatusSite) -> Self {
        let runtime = Runtime::new().unwrap();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = Server::new(listener, Arc::new(site));
            let address = server.address().unwrap();
            tokio::spawn(server.run(std::future::pending(), std::future::pending()));
            address
        });
        Self {
            _runtime: runtime,
            address,
        }
    }

    fn get(&self, path: &str) -> Got {
        client::get(self.address, path)
    }

    fn json(&self, path: &str) -> Value {
        let got = self.get(path);
        assert_eq!(got.status, 200, "{path}: {got:?}");
        assert_eq!(got.header("content-type"), Some("application/json"));
        serde_json::from_slice(&got.body).unwrap()
    }
}

/// A home in which everything has happened.
pub(crate) fn eventful() -> World {
    let mut world = World::new(600);
    let place = Stage::of(&world.log);
    let text = format!("{HOSTILE} v1.0.0 h1:x\n");
    let wrong = world.file(
        "go.sum",
        &crate::support::log::go_sum_lines("example.com/m601", "v1.0.601", 3),
    );
    let watch = world.watch_by(|plan| {
        plan.modules = PatternList::parse("<*,example.com/m60[0-9]");
        plan.go_sums = vec![wrong];
        plan.places = vec![
            place.place("a mirror", PlaceKind::Log, ""),
            place.place("<b>bold</b>", PlaceKind::Proxy, ""),
        ];
    });
    for _ in 0..20 {
        world.round(&watch);
        world.wait(HOUR);
        world.grow(50);
    }
    world
        .log
        .append_text("example.com/hostile", "v1.0.0", &text);
    world.grow(1);
    place.play(|_| Response::new(404, HOSTILE));
    world.round(&watch);
    world.stage.show(&world.log.fork_at(700).grow(10));
    world.round(&watch);
    world.stage.show(&world.log);
    world.round(&watch);
    // Proven, so that it has a page.
    let modules = BTreeSet::from([module("example.com/m1@v1.0.1")]);
    let key = sumcheck::tlog::note::VerifierKey::parse(&world.log.verifier_key()).unwrap();
    let proofs = block_on(async {
        let home = sumcheck::io::home::Home::open(&world.home()).unwrap();
        let store = sumcheck::io::store::Store::open(&home).unwrap();
        let prover = sumcheck::prover::Prover {
            address: watch.plan().logs[0].address.clone(),
            key,
            route: Default::default(),
            http: sumcheck::io::http::HttpClient::new(Default::default()),
            home,
            store: store.into(),
            go_cache: None,
            offline: false,
            refresh: false,
            latest_with_lookups: true,
            progress: Default::default(),
        };
        prover.prove(&modules).await.unwrap()
    });
    assert!(proofs.faults.is_empty(), "{proofs:?}");
    let decisions = [
        decided("example.com/m1", "released"),
        decided("example.com/other", "refused"),
        decided("corp.example/secret", "private"),
    ];
    world.store().keep_decisions(&decisions, 100).unwrap();
    world
}

fn decided(module: &str, verdict: &'static str) -> Decided {
    Decided {
        decided_at: "2026-11-23T12:00:00Z".to_owned(),
        client: HOSTILE.to_owned(),
        module: module.to_owned(),
        version: "v1.0.1".to_owned(),
        file: "zip".into(),
        verdict: verdict.into(),
        hash: None,
        record_index: (verdict == "released").then_some(1),
        head_size: None,
        upstream: None,
        reason: Some(HOSTILE.to_owned()),
        is_private: verdict == "private",
    }
}

fn module(text: &str) -> sumcheck::golang::module::ModuleVersion {
    sumcheck::golang::module::ModuleVersion::parse(text).unwrap()
}

#[test]
fn pages_say_what_is_known_and_nothing_hostile_is_markup() {
    let world = eventful();
    let served = Served::new(world.view());
    for path in PAGES {
        let got = served.get(path);
        assert_eq!(got.status, 200, "{path}");
        let policy = got.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(got.header(name), Some(value), "{path}");
        }
        let html = got.text();
        for markup in [
            "<script",
            "<b>",
            "onerror",
            "style=",
            "javascript:",
            "http-equiv",
        ] {
            assert!(!html.contains(markup), "{path} has {markup}");
        }
        // Nothing is loaded from elsewhere.
        for source in html.split("src=\"").skip(1) {
            assert!(source.starts_with('/'), "{path}: {source}");
        }
    }
    for (path, words) in [
        ("/", "A log misbehaved"),
        ("/", "&lt;b&gt;bold&lt;/b&gt;"),
        ("/", "polyline"),
        ("/heads", "a continuation of"),
        ("/findings", "/findings/1/evidence"),
        ("/modules", "&lt;script&gt;alert(1)"),
        ("/modules", "Contradicts"),
        ("/rounds", "misbehaviour"),
        ("/events", "go-sum-conflict"),
        ("/decisions", "example.com/other"),
        ("/findings", "Finding 1, sum.example.com: two tree heads"),
        ("/events", "<details>"),
        (
            "/module/example.com/m1@v1.0.1",
            "sumcheck lookup --proof example.com/m1@v1.0.1",
        ),
    ] {
        let html = served.get(path).text();
        assert!(html.contains(words), "{path} lacks {words}: {html}");
    }
}

#[test]
fn what_is_not_there_is_404_and_nobody_is_asked() {
    let world = eventful();
    let served = Served::new(world.view());
    world.stage.server.forget();
    for path in [
        "/nothing",
        "/module/example.com/m2@v1.0.2",
        "/module/example.com",
        "/findings/99/evidence",
        "/findings/-1/evidence",
        "/api/v1/nothing",
        "/api/v1/heads?log=other",
        "/api/v1/module?m=example.com/m2@v1.0.2",
        "/api/v1/module%2fx",
        "/api/v2/status",
        "/../etc/passwd",
        "/%2e%2e/x",
        "//",
    ] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    let post = client::request(served.address, "POST", "/", &[]);
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD"))
    );
    let head = client::request(served.address, "HEAD", "/", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let asked = served.get("/module?m=example.com%2Fm1%40v1.0.1");
    let to = "/module/example.com/m1@v1.0.1";
    assert_eq!((asked.status, asked.header("location")), (303, Some(to)));
    let asked = served.get("/module?m=%3Cscript%3E").text();
    assert!(asked.contains("&lt;script&gt;") && asked.contains("is no module version"));
    assert!(world.stage.server.requests().is_empty());
}

#[test]
fn evidence_can_be_downloaded_and_is_what_was_found() {
    let world = eventful();
    let served = Served::new(world.view());
    let got = served.get("/findings/1/evidence");
    let disposition = got.header("content-disposition").unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"sum.example.com-"),
        "{disposition}"
    );
    let finding = world.store().findings().unwrap().remove(0);
    assert_eq!(got.body, std::fs::read(finding.evidence_path).unwrap());
}

fn text_of(site: &StatusSite, uri: &str) -> String {
    let reply = block_on(site.get(&uri.parse().unwrap()));
    String::from_utf8(reply.body.to_vec()).unwrap()
}

#[test]
fn decisions_are_filtered_and_no_private_name_can_be_spelled_out() {
    let world = eventful();
    // As the gate held them for private, whatever the patterns of whoever shows them are.
    let site = StatusSite::new(world.view());
    let absent = Decided {
        is_private: true,
        ..decided("corp.example/absent", "absent")
    };
    world.store().keep_decisions(&[absent], 100).unwrap();
    let refused = text_of(&site, "/decisions?verdict=refused&module=example.com%2F");
    assert!(refused.contains("example.com/other") && !refused.contains("example.com/m1"));
    assert!(text_of(&site, "/decisions?client=nobody").contains("There is none such"));
    assert!(!text_of(&site, "/decisions").contains("corp.example"));
    // By the patterns, whatever the verdict was; and what is hidden takes no room.
    let refused = decided("corp.example/other", "refused");
    let many = vec![refused; 150];
    world.store().keep_decisions(&many, 1000).unwrap();
    let mut view = world.view();
    view.private = PatternList::parse("corp.example");
    let site = StatusSite::new(view);
    let shown = text_of(&site, "/decisions");
    assert!(!shown.contains("corp.example"), "{shown}");
    assert!(shown.contains("example.com/m1"), "{shown}");
    // A beginning that is right and one that is wrong look the same.
    let right = text_of(&site, "/decisions?module=corp.example%2Fs");
    let wrong = text_of(&site, "/decisions?module=corp.example%2Fx");
    assert_eq!(
        right.replace("corp.example/s", ""),
        wrong.replace("corp.example/x", "")
    );
}

#[test]
fn older_rows_can_be_seen_and_what_is_no_number_is_refused() {
    let world = eventful();
    let watch = world.watch();
    for _ in 0..100 {
        world.round(&watch);
        world.wait(HOUR);
    }
    for _ in 0..100 {
        watch.test_alarm().unwrap();
    }
    let many = vec![decided("example.com/many", "released"); 100];
    world.store().keep_decisions(&many, 1000).unwrap();
    let served = Served::new(world.view());
    for (path, words) in [
        ("/rounds", "2026-11-23T12:00:00Z"),
        ("/events", "THE LOG MISBEHAVED"),
        ("/decisions?client=&module=example.com", "example.com/other"),
    ] {
        let newest = served.get(path).text();
        assert!(!newest.contains(words), "{path}");
        let (_, older) = newest.split_once("<p><a href=\"").unwrap();
        let (older, _) = older.split_once("\" rel=\"next\"").unwrap();
        let older = served.get(&older.replace("&amp;", "&")).text();
        assert!(older.contains(words), "{path}: {older}");
        assert!(!older.contains("rel=\"next\""), "{path}: {older}");
    }
    let runs = served.json("/api/v1/runs?limit=1");
    let newest = runs["runs"][0]["id"].as_u64().unwrap();
    let before = served.json(&format!("/api/v1/runs?limit=1&before={newest}"));
    assert_eq!(before["runs"][0]["id"].as_u64(), Some(newest - 1));
    let long = format!("/decisions?module={}", "x".repeat(3000));
    for bad in [
        "/rounds?before=x",
        "/rounds?before=0",
        "/decisions?before=99999999999999999999",
        "/api/v1/runs?limit=-1",
        "/api/v1/heads?limit=1001",
        &long,
    ] {
        assert_eq!(served.get(bad).status, 400, "{bad}");
    }
}

#[test]
fn a_line_that_was_corrected_is_no_contradiction_any_more() {
    let world = World::new(300);
    let lines = |salt| crate::support::log::go_sum_lines("example.com/m7", "v1.0.7", salt);
    let path = world.file("go.sum", &lines(3));
    let watch = world.watch_by(|plan| plan.go_sums = vec![path.clone()]);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Negative);
    let site = StatusSite::new(world.view());
    assert!(text_of(&site, "/").contains("Records that contradict a go.sum"));
    // Nobody knows what stands in a file that cannot be read.
    std::fs::remove_file(&path).unwrap();
    world.wait(HOUR);
    let round = world.round(&watch);
    assert_eq!(
        (round.outcome, round.is_verified),
        (RunOutcome::Negative, false)
    );
    assert_eq!(world.known().state, State::Negative);
    assert!(text_of(&site, "/metrics").contains("go_sum_contradicted{log=\"sum.example.com\"} 1"));
    assert!(!text_of(&site, "/modules").contains("the line is gone"));
    world.file("go.sum", &lines(0));
    world.wait(HOUR);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    assert!(!text_of(&site, "/").contains("Records that contradict a go.sum"));
    let gone = "the line is gone since <time datetime=\"2026-11-23T14:00:00Z\">";
    assert!(text_of(&site, "/modules").contains(gone));
    let api = text_of(&site, "/api/v1/modules");
    assert!(
        api.contains("\"gone_at\": \"2026-11-23T14:00:00Z\""),
        "{api}"
    );
}

#[test]
fn characters_that_nobody_sees_are_written_out() {
    let world = World::new(300);
    let place = Stage::of(&world.log);
    let watch = world.watch_by(|plan| {
        plan.places = vec![place.place("a\u{202e}b\u{1b}[31m", PlaceKind::Log, "")];
    });
    world.round(&watch);
    let page = text_of(&StatusSite::new(world.view()), "/");
    assert!(page.contains("a\\u{202e}b\\u{1b}[31m"), "{page}");
    assert!(!page.contains(['\u{202e}', '\u{1b}']));
}

#[test]
fn whoever_does_not_wait_for_the_answer_is_counted_all_the_same() {
    let world = World::new(300);
    let site = StatusSite::new(world.view());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let uri = "/".parse().unwrap();
    runtime.block_on(async {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        for _ in 0..10 {
            let moment = std::time::Duration::from_millis(10);
            let given_up = tokio::time::timeout(moment, site.get(&uri)).await;
            assert!(given_up.is_err());
        }
        let refused = site.get(&uri).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        drop(done);
        assert!(busy.await.unwrap().is_err());
        assert_eq!(site.get(&uri).await.status, 200);
    });
}

/// Whether a document is what a schema of the description says. No field is left undescribed.
fn conforms(value: &Value, schema: &Value, all: &Value, at: &str) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap();
        return conforms(value, &all["components"]["schemas"][name], all, at);
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let is_null = |choice: &&Value| choice["type"] == "null";
        let choice = choices
            .iter()
            .find(|choice| is_null(choice) == value.is_null());
        return conforms(value, choice.unwrap(), all, at);
    }
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{at}");
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        assert!(words.contains(value), "{at}: {value}");
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(|of| of.as_str().unwrap()).collect(),
        _ => return,
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(
        types.contains(&found) || types == ["number"] && found == "integer",
        "{at}: {value}"
    );
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        conforms(item, &schema["items"], all, &format!("{at}[{number}]"));
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    for (name, field) in fields {
        let described = schema["properties"].get(name);
        let described = described.unwrap_or_else(|| panic!("{at}.{name} is not described"));
        conforms(field, described, all, &format!("{at}.{name}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            fields.contains_key(name.as_str().unwrap()),
            "{at} lacks {name}"
        );
    }
}

#[test]
fn the_api_is_what_its_description_says() {
    let world = eventful();
    let served = Served::new(world.view());
    let all = served.json("/api/v1/openapi.json");
    let paths = all["paths"].as_object().unwrap();
    let mut seen = 0;
    for (path, methods) in paths {
        let answers = &methods["get"]["responses"]["200"]["content"]["application/json"];
        let at = path.replace("{id}", "1");
        let at = match methods["get"]["operationId"].as_str() {
            Some("module") => format!("{at}?m=example.com%2Fm1%40v1.0.1"),
            _ => at,
        };
        let document = served.json(&at);
        if let Some(schema) = answers.get("schema") {
            conforms(&document, schema, &all, path);
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
    // What stands in it is not nothing.
    let status = served.json("/api/v1/status");
    assert_eq!(status["state"], "misbehaved");
    assert_eq!(
        status["logs"][0]["vantage_points"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        served.json("/api/v1/findings")["findings"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        served.json("/api/v1/runs?limit=2")["runs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        !served.json("/api/v1/modules")["conflicts"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let heads = served.json("/api/v1/heads?limit=3");
    let sizes = heads["heads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|head| head["size"].as_u64());
    let sizes: Vec<_> = sizes.map(Option::unwrap).collect();
    assert!(sizes.len() == 3 && sizes.is_sorted(), "{sizes:?}");
    let error = served.get("/api/v1/heads?log=x");
    conforms(
        &serde_json::from_slice(&error.body).unwrap(),
        &all["components"]["schemas"]["Error"],
        &all,
        "error",
    );
}

#[test]
fn readiness_is_of_the_last_good_round_and_of_misbehaviour() {
    let world = World::new(300);
    let served = Served::new(world.view());
    assert_eq!(served.get("/healthz").text(), "ok\n");
    let not_yet = served.get("/readyz");
    assert_eq!(not_yet.status, 503);
    assert!(
        not_yet.text().contains("no round has verified"),
        "{not_yet:?}"
    );
    let watch = world.watch();
    world.round(&watch);
    assert_eq!(served.get("/readyz").text(), "ready\n");
    world.wait(3 * HOUR);
    assert_eq!(served.get("/readyz").status, 200);
    world.wait(HOUR);
    assert_eq!(served.get("/readyz").status, 503);
    world.round(&watch);
    assert_eq!(served.get("/readyz").status, 200);
    world.stage.show(&world.log.fork_at(200));
    world.round(&watch);
    assert_eq!(served.get("/readyz").status, 503);
    world.store().acknowledge(1).unwrap();
    world.stage.show(&world.log);
    world.round(&watch);
    assert_eq!(served.get("/readyz").status, 200);
    // Of several logs each counts, whatever the others are.
    let mut view = world.view();
    view.watched
        .push(TestLog::named("other.example.com").verifier_key());
    let several = StatusSite::new(view);
    assert!(text_of(&several, "/readyz").contains("other.example.com"));
    // A home that nobody watches any more is not well, whoever shows it.
    let mut view = world.view();
    view.watched.clear();
    let gate = StatusSite::new(view);
    assert!(text_of(&gate, "/").contains("All is well"));
    world.wait(crate::world::DAY);
    assert!(text_of(&gate, "/").contains("Not verified"));
    // A state that cannot be read is none to rely on.
    std::fs::remove_dir_all(world.home()).unwrap();
    std::fs::write(world.home(), "").unwrap();
    assert_eq!(served.get("/readyz").status, 503);
    assert_eq!(served.get("/").status, 500);
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn metrics_are_those_of_the_field() {
    let world = eventful();
    let served = Served::new(world.view());
    let got = served.get("/metrics");
    let kind = got.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = got.text();
    for line in [
        "sumcheck_open_findings{log=\"sum.example.com\"} 1",
        "sumcheck_audited_size_records{log=\"sum.example.com\",what=\"records\"} 1602",
        "sumcheck_head_size_records{log=\"sum.example.com\"} 1602",
        "sumcheck_vantage_point_up{log=\"sum.example.com\",vantage_point=\"a mirror\"} 0",
        "sumcheck_vantage_point_up{log=\"sum.example.com\",vantage_point=\"log\"} 1",
        // 20 hours after a Monday at noon, and three rounds of an hour.
        "sumcheck_watch_good_until_timestamp_seconds{log=\"sum.example.com\"} 1795518000.0",
        "sumcheck_watch_rounds_total{log=\"sum.example.com\",outcome=\"misbehaviour\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.ends_with("# EOF\n"));
    check_with_promtool(&text);
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_there() {
    let mut world = eventful();
    // A condition that holds, and somebody who is not told.
    world.receiver.takes(false);
    let watch = world.watch();
    world.wait(crate::world::DAY);
    world.stage.fail(404);
    world.round(&watch);
    world.grow(0);
    let served = Served::new(world.view());
    let text = served.get("/metrics").text();
    let suffixes = ["_bucket", "_sum", "_count"];
    let shown: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(|name| {
            suffixes
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name)
        })
        .collect();
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watch.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let documented: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("| `sumcheck_"))
        .filter_map(|rest| rest.split('`').next())
        .collect();
    let shown: BTreeSet<&str> = shown
        .iter()
        .filter_map(|name| name.strip_prefix("sumcheck_"))
        .collect();
    assert_eq!(shown, documented);
}

/// Prometheus' own tool has nothing to say about names and units.
fn check_with_promtool(text: &str) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        skipped("promtool is not installed: names of metrics were not checked by it");
        return;
    };
    // It reads the older text form, in which a counter's name has its suffix in the description too.
    let mut stdin = child.stdin.take().unwrap();
    let old: String = text
        .lines()
        .filter(|line| !line.starts_with("# UNIT") && *line != "# EOF")
        .map(|line| {
            let line = line.replace(
                "# TYPE sumcheck_watch_rounds ",
                "# TYPE sumcheck_watch_rounds_total ",
            );
            let line = line.replace(
                "# HELP sumcheck_watch_rounds ",
                "# HELP sumcheck_watch_rounds_total ",
            );
            let line = line.replace(
                "# TYPE sumcheck_watch_events ",
                "# TYPE sumcheck_watch_events_total ",
            );
            let line = line.replace(
                "# HELP sumcheck_watch_events ",
                "# HELP sumcheck_watch_events_total ",
            );
            let line = line.replace(
                "# TYPE sumcheck_watch_deliveries ",
                "# TYPE sumcheck_watch_deliveries_total ",
            );
            line.replace(
                "# HELP sumcheck_watch_deliveries ",
                "# HELP sumcheck_watch_deliveries_total ",
            ) + "\n"
        })
        .collect();
    stdin.write_all(old.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{old}");
}

#[test]
fn the_feed_is_well_formed_and_its_ids_do_not_change() {
    let world = eventful();
    let served = Served::new(world.view());
    let got = served.get("/feed.atom");
    assert_eq!(
        got.header("content-type"),
        Some("application/atom+xml; charset=utf-8")
    );
    let feed = got.text();
    let mut reader = quick_xml::Reader::from_str(&feed);
    let (mut depth, mut entries) = (0, 0);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(start) => {
                depth += 1;
                entries += usize::from(start.name().as_ref() == "entry");
            }
            quick_xml::events::Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    assert_eq!(
        entries,
        world
            .store()
            .events(Rows::newest(100), |_| true)
            .unwrap()
            .len()
    );
    assert!(!feed.contains("<script"), "{feed}");
    assert_eq!(feed, served.get("/feed.atom").text());
    let ids: Vec<&str> = feed
        .split("<id>urn:uuid:")
        .skip(1)
        .map(|id| &id[..36])
        .collect();
    assert_eq!(ids.len(), entries + 1, "{feed}");
    let is_random = |id: &&str| id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19]);
    assert!(ids.iter().all(is_random), "{ids:?}");
    // Another home is another feed, whatever it watches.
    let other = World::new(600);
    let other = text_of(&StatusSite::new(other.view()), "/feed.atom");
    assert!(!other.contains(ids[0]), "{other}");
}

#[test]
fn private_modules_are_shown_nowhere() {
    let world = eventful();
    let mut view = world.view();
    view.private = PatternList::parse("example.com");
    let served = Served::new(view);
    for path in PAGES.iter().chain(&[
        "/feed.atom",
        "/api/v1/modules",
        "/api/v1/status",
        "/metrics",
    ]) {
        let shown = served.get(path).text();
        // What somebody asks for, they know.
        let shown = shown
            .replace("example.com/m1@v1.0.1", "")
            .replace("example.com/m@v1.0.0", "");
        let shown = shown.replace("sum.example.com", "");
        assert!(!shown.contains("example.com/"), "{path}: {shown}");
    }
    for path in [
        "/module/example.com/m1@v1.0.1",
        "/api/v1/module?m=example.com/m1@v1.0.1",
    ] {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
}

#[test]
fn misbehaviour_by_a_key_that_is_watched_no_more_is_misbehaviour() {
    let world = World::new(300);
    world.round(&world.watch());
    let other = crate::support::key::Key::new(crate::support::log::NAME, "another key");
    let other = TestLog::with_key(other).verifier_key();
    let name = crate::support::log::NAME;
    let store = world.store();
    store
        .record_finding(name, &other, "fork", "2026-11-23T12:00:00Z", "/gone.json")
        .unwrap();
    let known = world.known();
    assert_eq!(known.state, State::Misbehaved);
    let site = StatusSite::new(world.view());
    let why = text_of(&site, "/readyz");
    assert!(
        why.contains("by a key that is not watched any more"),
        "{why}"
    );
    assert!(text_of(&site, "/findings").contains("The file is not in this home any more"));
}

#[test]
fn a_page_elsewhere_cannot_read_what_is_served_to_this_machine() {
    let world = eventful();
    let site = StatusSite::new(world.view());
    site.set_hosts(Hosts::at(std::net::Ipv4Addr::LOCALHOST.into(), &[]));
    let served = Served::of(site);
    for (host, status) in [
        ("localhost:9480", 200),
        ("127.0.0.1", 200),
        ("evil.example", 421),
    ] {
        for path in ["/", "/api/v1/status", "/decisions", "/metrics"] {
            let got = client::request(served.address, "GET", path, &[("host", host)]);
            assert_eq!(got.status, status, "{host} {path}");
            let is_json = got.header("content-type") == Some("application/json");
            assert_eq!(is_json, path.starts_with("/api/"), "{host} {path}");
        }
    }
}
