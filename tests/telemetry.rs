//! Traces of a watch, as a collector gets them: `cargo test --features otel --test telemetry`.

#![cfg(feature = "otel")]

mod support;

use support::log::TestLog;
use support::response::Response;
use support::server::Serving;
use support::sumcheck::Home;

fn contains(bytes: &[u8], words: &str) -> bool {
    bytes
        .windows(words.len())
        .any(|part| part == words.as_bytes())
}

#[test]
fn a_collector_gets_a_round_and_its_parts() {
    let (home, log) = (Home::new(), TestLog::with_records(700));
    let server = log.serve().start();
    let collector = Serving::new(|_| Response::ok("")).start();
    let run = || {
        home.sumcheck(["watch", "--once"])
            .sumdb(&log.verifier_key())
            .goproxy(&server.url())
    };
    let traced = run().env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    traced.run().expect_code(0);
    let requests = collector.requests();
    let traces = requests.iter().find(|request| request.path == "/v1/traces");
    let traces = &traces.expect("traces were sent").body;
    for words in [
        "sumcheck",
        "round",
        "ask_the_log",
        "replay",
        "sum.example.com",
        "outcome",
    ] {
        assert!(contains(traces, words), "{words}");
    }
    // Nobody is sent anything who was not named, and a collector that is away keeps nobody.
    let sent = requests.len();
    run().run().expect_code(0);
    assert_eq!(collector.requests().len(), sent);
    let away = run().env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    away.run().expect_code(0);
}
