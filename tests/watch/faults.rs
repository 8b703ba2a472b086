//! What a watch lives through.

use std::time::Duration;

use sumcheck::io::store::{Rows, RunOutcome};
use sumcheck::status::State;

use crate::support::log::{go_sum_lines, synthetic_module, synthetic_version};
use crate::support::response::Response;
use crate::world::{DAY, HOUR, World};

#[test]
fn a_log_that_is_down_for_days_is_told_once_and_once_when_it_is_back() {
    let mut world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.fail(404);
    for hour in 1..=60 {
        world.wait(HOUR);
        let round = world.round(&watch);
        assert_eq!(round.outcome, RunOutcome::Unverified);
        if hour == 5 {
            assert_eq!(world.known().state, State::Unverified);
        }
    }
    assert_eq!(world.receiver.kinds(), ["audit-failed", "head-not-growing"]);
    world.grow(100);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    let told = &world.receiver.kinds()[2..];
    assert_eq!(told, ["-audit-failed", "-head-not-growing"]);
    assert_eq!(world.known().state, State::Well);
}

#[test]
fn a_go_sum_that_is_contradicted_does_not_hide_that_the_log_is_down() {
    let world = World::new(300);
    let (module, version) = (synthetic_module(7), synthetic_version(7));
    let path = world.file("go.sum", &go_sum_lines(&module, &version, 9));
    let watch = world.watch_by(|plan| plan.go_sums = vec![path]);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Negative);
    assert!(world.known().logs[0].is_ready);
    world.stage.fail(404);
    for _ in 0..5 {
        world.wait(HOUR);
        assert_eq!(world.round(&watch).outcome, RunOutcome::Negative);
    }
    assert_eq!(
        world.receiver.kinds(),
        ["go-sum-conflict", "audit-failed"],
        "both hold"
    );
    assert!(!world.known().logs[0].is_ready);
}

#[test]
fn a_log_that_answers_500_is_unverified_and_nothing_more() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.fail(500);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified);
    assert!(round.faults[0].contains("500"), "{round:?}");
    assert_eq!(round.head.unwrap().size(), 700, "what was verified stays");
    assert!(world.store().findings().unwrap().is_empty());
}

#[test]
fn a_log_that_is_rolled_back_is_no_fork_and_the_head_does_not_move() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    let (log, older) = (world.log.clone(), world.log.prefix(300));
    world
        .stage
        .play(move |request| match request.path.as_str() {
            "/latest" => older.answer(request),
            _ => log.answer(request),
        });
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    assert_eq!(round.head.unwrap().size(), 700);
    assert_eq!(round.points[0].status, "behind");
    // Where the tiles went with it, nobody can say that it is the same log.
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.show(&world.log.prefix(300));
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified, "{round:?}");
    assert_eq!(round.head.unwrap().size(), 700);
    assert!(world.store().findings().unwrap().is_empty());
}

#[test]
fn a_log_that_forked_and_healed_stays_alarmed_until_somebody_acknowledges_it() {
    let mut world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.show(&world.log.fork_at(500).grow(200));
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
    assert_eq!(world.receiver.kinds(), ["misbehaviour"]);
    world.grow(300);
    for _ in 0..3 {
        world.wait(HOUR);
        let round = world.round(&watch);
        assert_eq!(round.outcome, RunOutcome::Misbehaviour);
        assert!(round.faults.is_empty(), "it is healed: {round:?}");
        assert_eq!(round.audited.unwrap().to, 1000);
    }
    assert_eq!(world.receiver.kinds(), ["misbehaviour"], "told once");
    assert!(world.store().acknowledge(1).unwrap());
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    assert_eq!(world.known().state, State::Well);
}

#[test]
fn a_clock_that_jumps_neither_stops_telling_nor_raises_alarms() {
    let mut world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.receiver.takes(false);
    world.set_clock("2036-11-23T12:00:00Z");
    world.stage.fail(404);
    world.round(&watch);
    let kinds = world.receiver.kinds();
    assert!(kinds.is_empty(), "nobody took it: {kinds:?}");
    // Ten years back: what was put off until then is due now.
    world.set_clock("2026-11-23T13:00:00Z");
    world.receiver.takes(true);
    world.grow(1);
    world.round(&watch);
    world.wait(Duration::from_secs(10));
    world.tell(&watch);
    let kinds = world.receiver.kinds();
    assert_eq!(kinds, ["head-not-growing", "-head-not-growing"]);
    assert_eq!(world.known().state, State::Well);
}

#[test]
fn a_database_that_somebody_holds_fails_the_round_and_the_next_one_is_right() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    let connection = rusqlite::Connection::open(world.home().join("sumcheck.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = world.try_round(&watch).unwrap_err().to_string();
    assert!(error.contains("another process"), "{error}");
    connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
}

#[test]
fn records_that_contradict_each_other_are_told_with_evidence() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    let (hash, other) = (
        world
            .log
            .text(20)
            .split_whitespace()
            .nth(2)
            .unwrap()
            .to_owned(),
        world
            .log
            .text(30)
            .split_whitespace()
            .nth(2)
            .unwrap()
            .to_owned(),
    );
    let text = world.log.text(20).replacen(&hash, &other, 1);
    world.log.append_text("example.com/again", "v1.0.0", &text);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
    assert_eq!(world.receiver.kinds(), ["duplicate"]);
    let evidence = &world.receiver.events()[0]["detail"]["evidence"];
    assert!(std::fs::metadata(evidence.as_str().unwrap()).is_ok());
}

#[test]
fn a_tile_that_is_not_the_logs_is_the_servers_fault() {
    let world = World::new(700);
    let watch = world.watch();
    let log = world.log.clone();
    world.stage.play(move |request| {
        let mut response = log.answer(request);
        if request.path == "/tile/8/data/001" {
            response.body[10] ^= 1;
        }
        response
    });
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified, "{round:?}");
    assert!(round.faults[0].contains("the server's fault"), "{round:?}");
    world.stage.show(&world.log);
    assert_eq!(world.round(&watch).audited.unwrap().to, 700);
}

#[test]
fn strange_records_are_told_together_and_once() {
    let mut world = World::new(300);
    for number in 0..3 {
        let text = format!("strange-{number}\n");
        world
            .log
            .append_text("example.com/x", &format!("v1.0.{number}"), &text);
    }
    world.grow(1);
    let watch = world.watch();
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    world.round(&watch);
    let events = world.receiver.events();
    assert_eq!(world.receiver.kinds(), ["anomaly"]);
    assert_eq!(events[0]["detail"]["count"], 3);
}

#[test]
fn growth_that_is_far_from_usual_is_told() {
    let mut world = World::new(256);
    let watch = world.watch_by(|plan| plan.depth = sumcheck::watch::plan::Depth::Heads);
    for _ in 0..30 {
        world.round(&watch);
        world.wait(HOUR);
        world.grow(100);
    }
    assert!(world.receiver.kinds().is_empty());
    world.grow(20_000);
    world.round(&watch);
    assert_eq!(world.receiver.kinds(), ["growth"]);
    let detail = &world.receiver.events()[0]["detail"];
    assert!(detail["records_per_hour"].as_f64().unwrap() > detail["high"].as_f64().unwrap());
}

#[test]
fn old_rounds_and_events_go_and_heads_and_findings_stay() {
    let mut world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.show(&world.log.fork_at(500).grow(200));
    world.round(&watch);
    world.receiver.takes(false);
    watch.test_alarm().unwrap();
    world.wait(91 * DAY);
    world.stage.show(&world.log);
    world.grow(10);
    watch.prune().unwrap();
    let store = world.store();
    let key = world.log.verifier_key();
    let runs = store.runs(&key, Rows::newest(10)).unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [Some(RunOutcome::Ok)], "the last good one");
    let events = store.events(Rows::newest(10), |_| true).unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["test"], "somebody still waits for it");
    assert_eq!(store.findings().unwrap().len(), 1);
    assert_eq!(store.head_times(&key).unwrap().len(), 1);
    // What was told is not told again for being forgotten.
    world.receiver.takes(true);
    world.round(&watch);
    let kinds = world.receiver.kinds();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "misbehaviour").count(),
        1,
        "{kinds:?}"
    );
}

#[test]
fn answers_that_are_none_change_nothing() {
    let world = World::new(700);
    let watch = world.watch();
    world.stage.play(|_| Response::captive_portal());
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified);
    assert_eq!(round.head, None);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Unverified);
}

#[test]
fn a_fork_that_is_still_shown_is_one_finding_until_it_is_acknowledged() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    world.stage.show(&world.log.fork_at(500).grow(200));
    for _ in 0..2 {
        assert_eq!(world.round(&watch).outcome, RunOutcome::Misbehaviour);
        world.wait(HOUR);
    }
    assert_eq!(world.receiver.kinds(), ["misbehaviour"]);
    assert!(world.store().acknowledge(1).unwrap());
    assert_eq!(world.round(&watch).outcome, RunOutcome::Misbehaviour);
    assert_eq!(world.store().findings().unwrap().len(), 2);
}

#[test]
fn rounds_that_cannot_even_be_done_are_failures() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    let connection = rusqlite::Connection::open(world.home().join("sumcheck.db")).unwrap();
    connection
        .execute("UPDATE heads SET note = x'00'", [])
        .unwrap();
    for _ in 0..3 {
        world.wait(HOUR);
        world.try_round(&watch).unwrap_err();
        world.tell(&watch);
    }
    assert_eq!(world.receiver.kinds(), ["audit-failed"]);
    let runs = world
        .store()
        .runs(&world.log.verifier_key(), Rows::newest(1));
    assert_eq!(runs.unwrap()[0].outcome, Some(RunOutcome::Unverified));
}

#[test]
fn what_was_good_in_the_future_is_good_for_nothing() {
    let world = World::new(700);
    let watch = world.watch();
    world.set_clock("2027-11-23T12:00:00Z");
    world.round(&watch);
    world.set_clock("2026-11-23T12:00:00Z");
    world.stage.fail(404);
    world.round(&watch);
    assert_eq!(world.known().state, State::Unverified);
    assert!(!world.known().logs[0].is_ready);
}
