//! What a round does when all goes well.

use std::sync::atomic::Ordering;

use sumcheck::golang::pattern::PatternList;
use sumcheck::io::store::{AuditKind, RunOutcome};
use sumcheck::status::State;
use sumcheck::watch::Audited;
use sumcheck::watch::plan::{Begin, Depth};

use crate::support::log::{go_sum_lines, synthetic_module, synthetic_version};
use crate::support::response::Response;
use crate::world::{HOUR, World, block_on};

#[test]
fn what_is_new_is_audited_and_nothing_else() {
    let mut world = World::new(700);
    let watch = world.watch();
    let audited = |from, to| {
        Some(Audited {
            records: true,
            from,
            to,
            since: 0,
        })
    };
    let first = world.round(&watch);
    assert_eq!(first.outcome, RunOutcome::Ok, "{first:?}");
    assert_eq!(first.audited, audited(0, 700));
    world.wait(HOUR);
    world.grow(1000);
    world.stage.server.forget();
    assert_eq!(world.round(&watch).audited, audited(700, 1700));
    // The first of them has records that were there before.
    assert_eq!(world.stage.server.count("/tile/8/data/"), 5);
    world.stage.server.forget();
    assert_eq!(world.round(&watch).audited, audited(1700, 1700));
    assert_eq!(world.stage.server.paths(), ["/latest"]);
    assert_eq!(world.known().state, State::Well);
    assert!(world.receiver.kinds().is_empty());
}

#[test]
fn where_records_are_refused_hashes_are_audited_and_that_is_said() {
    let mut world = World::new(700);
    let log = world.log.clone();
    world.stage.play(move |request| {
        if request.path.starts_with("/tile/8/data/") {
            Response::new(403, "no")
        } else {
            log.answer(request)
        }
    });
    let watch = world.watch_by(|plan| plan.modules = PatternList::parse("example.com"));
    let round = world.round(&watch);
    assert_eq!(
        (round.outcome, round.is_verified),
        (RunOutcome::Unverified, true)
    );
    assert!(!round.audited.unwrap().records);
    assert_eq!(round.audited.unwrap().to, 700);
    let said = round.warnings.join("\n");
    assert!(said.contains("is refused here (403)"), "{said}");
    let said = round.faults.join("\n");
    assert!(
        said.contains("new versions of modules are not seen"),
        "{said}"
    );
    // Whoever waits for none is told all the same, and no more.
    let round = world.round(&world.watch());
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    assert_eq!(round.warnings.len(), 1, "{round:?}");
    // When they are given out one day, all of them are read.
    world.grow(10);
    let round = world.round(&watch);
    assert_eq!(
        (round.audited.unwrap().from, round.audited.unwrap().to),
        (0, 710)
    );
    assert!(round.audited.unwrap().records);
}

#[test]
fn whoever_begins_now_reads_what_comes_after() {
    let mut world = World::new(100_000);
    let watch = world.watch_by(|plan| plan.begin = Begin::Now);
    let round = world.round(&watch);
    assert_eq!(round.audited.unwrap().since, 100_000);
    assert_eq!(world.stage.server.count("/tile/8/data/"), 0);
    world.grow(500);
    let round = world.round(&watch);
    let audited = round.audited.unwrap();
    assert_eq!((audited.from, audited.to), (100_000, 100_500));
    assert_eq!((audited.records, audited.since), (true, 100_000));
    assert_eq!(world.stage.server.count("/tile/8/data/"), 3);
    // Nobody is told that the records before were audited.
    let store = world.store();
    let key = world.log.verifier_key();
    assert_eq!(store.audit_state(&key, AuditKind::Records).unwrap(), None);
    let audits = world.known().logs.remove(0).audits;
    assert_eq!((audits[0].since, audits[0].size), (100_000, 100_500));
    // A record twice with two hashes is found among those that were read.
}

#[test]
fn whoever_has_audited_it_before_goes_on_there() {
    let mut world = World::new(300);
    world.round(&world.watch());
    world.grow(300);
    let watch = world.watch_by(|plan| plan.begin = Begin::Now);
    let audited = world.round(&watch).audited.unwrap();
    assert_eq!((audited.from, audited.to, audited.since), (300, 600, 0));
}

#[test]
fn heads_alone_are_tied_and_no_tile_of_records_is_asked_for() {
    let mut world = World::new(700);
    let watch = world.watch_by(|plan| plan.depth = Depth::Heads);
    world.round(&watch);
    world.grow(700);
    let round = world.round(&watch);
    assert_eq!((round.outcome, round.audited), (RunOutcome::Ok, None));
    assert_eq!(round.head.unwrap().size(), 1400);
    assert_eq!(world.stage.server.count("/tile/8/data/"), 0);
}

#[test]
fn a_round_that_is_stopped_keeps_what_it_has_done() {
    let world = World::new(5000);
    let watch = world.watch();
    let stop = std::sync::Arc::clone(&world.stop);
    let log = world.log.clone();
    world.stage.play(move |request| {
        if request.path.starts_with("/tile/8/data/x") || request.path == "/tile/8/data/010" {
            stop.store(true, Ordering::SeqCst);
        }
        log.answer(request)
    });
    let round = world.try_round(&watch).unwrap();
    assert_eq!(round.outcome, RunOutcome::Stopped, "{round:?}");
    world.stop.store(false, Ordering::SeqCst);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok);
    assert_eq!(round.audited.unwrap().to, 5000);
}

#[test]
fn ten_thousand_new_records_at_once_are_told_and_counted() {
    let mut world = World::new(500);
    let watch = world.watch_by(|plan| plan.modules = PatternList::parse("example.com"));
    block_on(async {});
    world.try_round(&watch).unwrap();
    world.tell(&watch);
    let before: u64 = told_versions(&world);
    assert_eq!(before, 500);
    world.grow(10_000);
    world.round(&watch);
    assert_eq!(told_versions(&world), 10_500);
    assert!(
        world.receiver.events().len() < 20,
        "one call for each of them"
    );
}

/// How many new versions somebody was told of.
fn told_versions(world: &World) -> u64 {
    let events = world.receiver.events().into_iter();
    let versions = events.filter(|event| event["kind"] == "module-version");
    let count = |event: serde_json::Value| event["detail"]["count"].as_u64().unwrap_or(1);
    versions.map(count).sum()
}

#[test]
fn each_new_version_of_a_watched_module_is_told_once() {
    let mut world = World::new(300);
    let watch = world.watch_by(|plan| {
        plan.modules = PatternList::parse("example.com/m301,example.org");
    });
    world.round(&watch);
    world.grow(5);
    world.round(&watch);
    world.round(&watch);
    let events = world.receiver.events();
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(event["schema"], "sumcheck.event/1");
    assert_eq!(event["log"], "sum.example.com");
    assert_eq!(event["detail"]["module"], synthetic_module(301));
    assert_eq!(event["detail"]["version"], synthetic_version(301));
    assert_eq!(event["detail"]["record"], 301);
    assert_eq!(event["detail"]["because"], "example.com/m301");
    assert_eq!(event["detail"]["text"], world.log.text(301));
}

#[test]
fn a_record_that_contradicts_a_go_sum_is_told_and_is_a_negative_verdict() {
    for records_are_refused in [false, true] {
        let mut world = World::new(300);
        let module = synthetic_module(302);
        let lines = go_sum_lines(&module, &synthetic_version(302), 9);
        let good = world.log.go_sum(0..2);
        let path = world.file("go.sum", &good);
        let watch = world.watch_by(|plan| plan.go_sums = vec![path]);
        if records_are_refused {
            let log = world.log.clone().grow(5);
            world.stage.play(move |request| {
                if request.path.starts_with("/tile/8/data/") {
                    Response::new(403, "no")
                } else {
                    log.answer(request)
                }
            });
        } else {
            assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
            world.grow(5);
        }
        world.file("go.sum", &format!("{good}{lines}"));
        for _ in 0..2 {
            let round = world.round(&watch);
            assert_eq!(round.outcome, RunOutcome::Negative, "{round:?}");
            assert!(round.is_verified, "{round:?}");
        }
        let events = world.receiver.events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["kind"], "go-sum-conflict");
        assert_eq!(events[0]["severity"], "critical");
        assert_eq!(events[0]["detail"]["module"], module);
        let place = events[0]["detail"]["because"].as_str().unwrap();
        assert!(place.contains("go.sum:5:"), "{place}");
        assert_eq!(world.known().state, State::Negative);
        // Whoever corrects the line is told no more.
        let right = world.log.clone().grow(5).go_sum(302..303);
        world.file("go.sum", &format!("{good}{right}"));
        assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    }
}

#[test]
fn private_lines_of_a_go_sum_are_never_asked_for() {
    let world = World::new(300);
    let log = world.log.clone();
    world.stage.play(move |request| {
        if request.path.starts_with("/tile/8/data/") {
            Response::new(403, "no")
        } else {
            log.answer(request)
        }
    });
    let lines = go_sum_lines("corp.example/secret", "v1.0.0", 0);
    let path = world.file("go.sum", &format!("{lines}{}", world.log.go_sum(0..2)));
    let watch = world.watch_by(|plan| {
        plan.go_sums = vec![path];
        plan.private = PatternList::parse("corp.example");
    });
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    let asked = world.stage.server.paths().join("\n");
    assert!(asked.contains("/lookup/example.com/m0@"), "{asked}");
    assert!(!asked.contains("corp.example"), "{asked}");
}

#[test]
fn records_that_are_refused_after_others_were_read_are_no_good_round() {
    let mut world = World::new(300);
    let watch = world.watch();
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    world.grow(10);
    let log = world.log.clone();
    world.stage.play(move |request| match &request.path {
        path if path.starts_with("/tile/8/data/") => Response::new(404, "no"),
        _ => log.answer(request),
    });
    for _ in 0..3 {
        let round = world.round(&watch);
        assert_eq!(
            (round.outcome, round.is_verified),
            (RunOutcome::Unverified, false)
        );
        assert!(
            round.faults[0].contains("records were read here before"),
            "{round:?}"
        );
        assert_eq!(round.audited.unwrap().to, 310, "their hashes are audited");
    }
    assert_eq!(world.receiver.kinds(), ["audit-failed"]);
}

#[test]
fn what_another_audit_of_the_home_has_read_is_looked_at_all_the_same() {
    let mut world = World::new(300);
    let watch = world.watch_by(|plan| plan.modules = PatternList::parse("example.com/m305"));
    world.round(&watch);
    world.grow(10);
    // Without the eyes of this watch.
    let audited = block_on(async {
        let home = sumcheck::io::home::Home::open(&world.home()).unwrap();
        let prover = sumcheck::prover::Prover {
            address: watch.plan().logs[0].address.clone(),
            key: sumcheck::tlog::note::VerifierKey::parse(&world.log.verifier_key()).unwrap(),
            route: sumcheck::io::database::Route::default(),
            http: sumcheck::io::http::HttpClient::new(sumcheck::io::http::HttpSettings::default()),
            store: std::cell::RefCell::new(sumcheck::io::store::Store::open(&home).unwrap()),
            home,
            go_cache: None,
            offline: false,
            refresh: true,
            latest_with_lookups: true,
            progress: std::sync::Arc::default(),
        };
        prover.newest_head().await.unwrap();
        let head = prover.newest_verified_head().unwrap().unwrap();
        let sources = sumcheck::audit::Sources {
            first: sumcheck::audit::Source::Log,
            second: None,
        };
        let options = sumcheck::audit::Options::default();
        let audit = sumcheck::audit::Audit::resume(
            &prover,
            sources,
            options,
            head,
            std::sync::Arc::default(),
        );
        let mut audit = audit.await.unwrap();
        audit.run(head, head.size()).await.unwrap();
        audit.settle(head).await.unwrap();
        audit.size()
    });
    assert_eq!(audited, 310);
    // Not even if they are refused for a while.
    let log = world.log.clone();
    world.stage.play(move |request| match &request.path {
        path if path.starts_with("/tile/8/data/") => Response::new(404, "no"),
        _ => log.answer(request),
    });
    assert!(!world.round(&watch).is_verified);
    world.stage.show(&world.log);
    world.round(&watch);
    assert_eq!(world.receiver.kinds(), ["module-version"]);
    world.round(&watch);
    assert_eq!(world.receiver.kinds(), ["module-version"], "once");
}

#[test]
fn a_line_about_a_record_that_was_read_long_ago_is_compared() {
    let world = World::new(300);
    world.round(&world.watch());
    let lines = go_sum_lines(&synthetic_module(7), &synthetic_version(7), 9);
    let path = world.file("go.sum", &lines);
    let watch = world.watch_by(|plan| plan.go_sums = vec![path]);
    let round = world.round(&watch);
    assert_eq!(
        (round.outcome, round.is_verified),
        (RunOutcome::Negative, true)
    );
    assert_eq!(world.receiver.kinds(), ["go-sum-conflict"]);
    let said = &round.contradictions[0];
    assert!(
        said.contains("go.sum:1:") && said.contains("record 7 of"),
        "{said}"
    );
    // Of two lines that are wrong one is mended: the other is wrong all the same.
    let right = world.log.go_sum(7..8);
    let (zip, _) = right.split_once('\n').unwrap();
    let (_, go_mod) = lines.split_once('\n').unwrap();
    world.file("go.sum", &format!("{zip}\n{go_mod}"));
    assert_eq!(world.round(&watch).outcome, RunOutcome::Negative);
    world.file("go.sum", &right);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    // What comes again is told again.
    world.file("go.sum", &lines);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Negative);
    assert_eq!(
        world.receiver.kinds(),
        ["go-sum-conflict", "go-sum-conflict"]
    );
}

#[test]
fn a_line_that_the_log_knows_nothing_of_is_a_negative_verdict() {
    let world = World::new(300);
    let lines = go_sum_lines("example.org/nowhere", "v1.0.0", 0);
    let good = world.log.go_sum(0..2);
    let path = world.file("go.sum", &format!("{good}{lines}"));
    let watch = world.watch_by(|plan| plan.go_sums = vec![path]);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Negative, "{round:?}");
    let events = world.receiver.events();
    assert_eq!(events[0]["kind"], "go-sum-conflict");
    assert_eq!(events[0]["detail"]["count"], 2);
    assert_eq!(world.known().state, State::Negative);
    // While nobody can say, it holds.
    world.stage.fail(500);
    world.round(&watch);
    assert_eq!(world.receiver.kinds(), ["go-sum-conflict"]);
    world.stage.show(&world.log);
    world.file("go.sum", &good);
    assert_eq!(world.round(&watch).outcome, RunOutcome::Ok);
    assert_eq!(
        world.receiver.kinds(),
        ["go-sum-conflict", "-go-sum-conflict"]
    );
    // And a line that is none is not passed over in silence.
    world.file("go.sum", &format!("{good}what is this\n"));
    let round = world.round(&watch);
    assert_eq!(
        (round.outcome, round.is_verified),
        (RunOutcome::Unverified, true)
    );
    assert!(round.faults[0].contains("go.sum:5"), "{round:?}");
}
