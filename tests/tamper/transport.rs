//! Servers that hang, drip, lie about lengths and send people elsewhere. Whatever they do, a run
//! ends within 60 s, asks for no path more than 30 times, and stays below 200 MB.

use std::collections::HashMap;
use std::time::Duration;

use crate::attack::{Case, Ended, for_each_at_once};
use crate::support::layers::*;
use crate::support::log::TestLog;
use crate::support::response::{Fault, Response};
use crate::support::server::{Handler, Server, Serving};

/// What the design promises of any run on small input.
const LONGEST_RUN: Duration = Duration::from_secs(60);
const MOST_REQUESTS_FOR_ONE_PATH: usize = 30;
const MOST_MEMORY_KIB: u64 = 200_000;

type Layer = Box<dyn FnOnce(Handler) -> Handler + Send>;

fn layer(layer: impl FnOnce(Handler) -> Handler + Send + 'static) -> Layer {
    Box::new(layer)
}

#[track_caller]
fn is_bounded(what: &str, ended: &Ended) {
    let outcome = &ended.outcome;
    assert!(outcome.took < LONGEST_RUN, "{what}: {outcome:?}");
    let mut requests: HashMap<String, usize> = HashMap::new();
    for path in ended.server.paths() {
        *requests.entry(path).or_default() += 1;
    }
    let most = requests.values().max().copied().unwrap_or(0);
    assert!(most <= MOST_REQUESTS_FOR_ONE_PATH, "{what}: {requests:?}");
    assert!(
        outcome.peak_kib < MOST_MEMORY_KIB,
        "{what}: {} KiB",
        outcome.peak_kib
    );
}

/// Each attack at each kind of path: it cannot be verified, in bounded time; and then it can.
#[test]
fn no_transport_makes_a_run_hang_or_pass() {
    let every = Duration::from_secs(1);
    let faults = [
        ("hang before headers", Fault::HangBeforeHeaders),
        ("hang in body", Fault::HangInBody { after_bytes: 10 }),
        ("a byte a second", Fault::Trickle { every }),
        ("headers, a byte a second", Fault::TrickleHeaders { every }),
        ("endless headers", Fault::EndlessHeaders),
        ("endless body", Fault::EndlessBody),
        (
            "content-length too long",
            Fault::ContentLengthTooLong { by_bytes: 10 },
        ),
        (
            "content-length too short",
            Fault::ContentLengthTooShort { by_bytes: 10 },
        ),
        ("close", Fault::Close),
        ("reset", Fault::Reset),
        ("reset in body", Fault::ResetInBody { after_bytes: 10 }),
        ("gibberish", Fault::Gibberish),
    ];
    let elsewhere = Serving::new(|_| Response::ok("elsewhere")).start();
    let answers = [
        ("gzip bomb", Response::gzip_bomb(1 << 30)),
        ("busy with Retry-After", Response::busy(429, "3600")),
        ("busy with a short Retry-After", Response::busy(503, "1")),
        ("busy for ever", Response::new(503, "busy")),
        ("too many requests", Response::new(429, "slow down")),
        ("an error", Response::new(500, "error")),
        ("no content", Response::new(204, "")),
        ("created", Response::new(201, "x")),
        ("a proxy that wants a login", Response::new(407, "")),
        ("forbidden", Response::new(403, "")),
        ("captive portal", Response::captive_portal()),
        ("empty", Response::ok("")),
        ("not UTF-8", Response::ok(vec![0xff; 300])),
        (
            "redirect to another host",
            Response::redirect(&format!("{}/x", elsewhere.url())),
        ),
        (
            "redirect to a file",
            Response::redirect("file:///etc/passwd"),
        ),
        (
            "redirect to another scheme",
            Response::redirect("ftp://127.0.0.1/x"),
        ),
        (
            "redirect to nowhere",
            Response::redirect("http://127.0.0.1:1/"),
        ),
        ("redirect without a place", Response::new(302, "")),
    ];
    let paths = ["/latest", "/lookup/*", "/tile/*", "*"];
    let mut attacks: Vec<(String, Layer)> = Vec::new();
    for path in paths {
        for (what, kind) in faults {
            // An empty answer has no bytes to hang in.
            attacks.push((format!("{what} at {path}"), layer(fault(path, kind))));
        }
        for (what, response) in &answers {
            attacks.push((
                format!("{what} at {path}"),
                layer(on(path).answer(response.clone())),
            ));
        }
    }
    for path in paths {
        let to_itself = on(path).instead(|request, _| Response::redirect(&request.target));
        attacks.push((format!("redirect to itself at {path}"), layer(to_itself)));
    }
    let log = TestLog::with_records(300);
    for_each_at_once(attacks, |(what, attack)| {
        let ended = Case::new(&log, 0..2).attack(attack);
        is_bounded(&what, &ended);
        assert_eq!(ended.outcome.code, 3, "{what}: {:?}", ended.outcome);
        assert!(
            !ended.outcome.stderr.contains("panicked"),
            "{what}: {:?}",
            ended.outcome
        );
        ended.expect(3).then_honest();
    });
    assert!(elsewhere.paths().iter().all(|path| path == "/x"));
}

/// Each stage of a run uses up as much time as one request may: their sum is bounded as well.
#[test]
fn slow_stages_one_after_the_other_end_in_time() {
    let log = TestLog::with_records(700);
    let drip = |bytes: usize| Fault::Trickle {
        every: Duration::from_millis(14_000 / bytes as u64),
    };
    let attacks: Vec<(String, Layer)> = vec![
        (
            "all drip".into(),
            layer(move |honest: Handler| {
                let heads = fault("/latest", drip(200))(honest);
                let lookups = on("/lookup/*")
                    .edit(move |response| response.fault = Some(drip(response.body.len())))(
                    heads
                );
                on("/tile/*").edit(move |response| response.fault = Some(drip(response.body.len())))(
                    lookups,
                )
            }),
        ),
        (
            "partial tiles are slowly not there".into(),
            layer(move |honest: Handler| {
                let partial = on_tiles(|tile| tile.is_partial())
                    .answer(Response::not_found("gone for good").fault(drip(13)))(
                    honest
                );
                let lookups = on("/lookup/*")
                    .edit(move |response| response.fault = Some(drip(response.body.len())))(
                    partial,
                );
                let first_try = on("/supported").first(3).status(503)(lookups);
                on_tiles(|tile| !tile.is_partial()).fault(Fault::HangBeforeHeaders)(first_try)
            }),
        ),
    ];
    for_each_at_once(attacks, |(what, attack)| {
        let ended = Case::new(&log, 0..2).attack(attack);
        is_bounded(&what, &ended);
        let code = ended.outcome.code;
        assert!([0, 3].contains(&code), "{what}: {:?}", ended.outcome);
        ended.expect(code).then_honest();
    });
}

/// What is only slow, or fails for a moment, is no failure.
#[test]
fn a_short_trouble_is_overcome() {
    let log = TestLog::with_records(300);
    let attacks: Vec<(String, Layer)> = vec![
        (
            "two resets".into(),
            layer(on("/lookup/*").first(2).fault(Fault::Reset)),
        ),
        (
            "a second of silence".into(),
            layer(on("/latest").first(1).fault(Fault::HangBeforeHeaders)),
        ),
        ("a 503".into(), layer(on("/tile/*").first(1).status(503))),
        (
            "a 429 and when to come back".into(),
            layer(on("/latest").first(1).answer(Response::busy(429, "1"))),
        ),
    ];
    for_each_at_once(attacks, |(what, attack)| {
        let ended = Case::new(&log, 0..1).attack(attack);
        is_bounded(&what, &ended);
        assert_eq!(ended.outcome.code, 0, "{what}: {:?}", ended.outcome);
    });
}

#[test]
fn a_second_for_each_answer_is_no_time_out() {
    let log = TestLog::with_records(300);
    let serving = log.serve().delay(Duration::from_secs(1));
    let ended = Case::new(&log, 0..5).attack_with(serving);
    is_bounded("a second", &ended);
    ended.expect(0);
}

/// 404 is a verdict on lookups alone; a portal that says 404 to everything is none.
#[test]
fn only_a_lookup_can_be_absent() {
    let log = TestLog::with_records(300);
    for status in [404, 410] {
        for (path, code) in [("/lookup/*", 1), ("/latest", 3), ("/tile/*", 3)] {
            let ended = Case::new(&log, 0..1).attack(on(path).status(status));
            ended.expect(code).then_honest();
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_exit_3() {
    let log = TestLog::with_records(3);
    let case = Case::new(&log, 0..1);
    let gone: String = Server::url(&log.serve().start());
    let run = case
        .home
        .sumcheck(["verify", "go.sum"])
        .file("go.sum", &case.go_sum);
    let outcome = run
        .sumdb(&log.verifier_key())
        .goproxy(&gone)
        .run()
        .expect_code(3);
    assert!(outcome.took < LONGEST_RUN);
    crate::attack::then_honest(&case);
}
