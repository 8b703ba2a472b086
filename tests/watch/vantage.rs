//! Other places that show the log's heads.

use sumcheck::io::store::RunOutcome;
use sumcheck::status::State;
use sumcheck::watch::vantage::PlaceKind;
use sumcheck::watch::{Round, Watch};

use crate::support::log::TestLog;
use crate::support::response::Response;
use crate::world::{DAY, HOUR, Stage, World};

fn status<'r>(round: &'r Round, name: &str) -> &'r str {
    let point = round.points.iter().find(|point| point.name == name);
    &point.unwrap_or_else(|| panic!("{name}: {round:?}")).status
}

fn watch_with(world: &World, place: &Stage, kind: PlaceKind, path: &str) -> Watch {
    let place = place.place("other", kind, path);
    world.watch_by(|plan| plan.places = vec![place])
}

/// A place that shows one checkpoint, and nothing else.
fn checkpoint(note: Vec<u8>) -> Stage {
    Stage::new(move |request| match request.path.as_str() {
        "/witnessed" => Response::ok(note.clone()),
        _ => Response::not_found("no"),
    })
}

#[test]
fn whoever_shows_the_same_tree_agrees_however_it_is_asked() {
    let world = World::new(700);
    let heads = format!(
        "{{\"schema\":\"sumcheck.heads/1\",\"heads\":[{}]}}",
        [300, 700]
            .map(|size| {
                let note = String::from_utf8(world.log.head_at(size)).unwrap();
                serde_json::json!({ "note": note }).to_string()
            })
            .join(",")
    );
    let peer = Stage::new(move |request| {
        assert!(
            request
                .target
                .starts_with("/api/v1/heads?log=sum.example.com")
        );
        Response::ok(heads.clone())
    });
    let witness = checkpoint(world.log.head());
    let mirror = Stage::of(&world.log);
    let places = vec![
        mirror.place("mirror", PlaceKind::Log, ""),
        mirror.place("proxy", PlaceKind::Proxy, ""),
        witness.place("witness", PlaceKind::Checkpoint, "/witnessed"),
        peer.place("peer", PlaceKind::Sumcheck, ""),
    ];
    let watch = world.watch_by(|plan| plan.places = places);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    for name in ["log", "mirror", "proxy", "witness", "peer"] {
        assert_eq!(status(&round, name), "agrees", "{round:?}");
    }
    // A head that only the peer had seen is of the timeline now.
    let sizes = world.store().head_times(&world.log.verifier_key()).unwrap();
    assert_eq!(sizes.len(), 2);
}

#[test]
fn whoever_is_behind_is_no_liar() {
    let world = World::new(700);
    let place = Stage::of(&world.log.prefix(300));
    let watch = watch_with(&world, &place, PlaceKind::Log, "");
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Ok, "{round:?}");
    assert_eq!(status(&round, "other"), "behind");
    // For so long that somebody should look at it.
    world.wait(DAY);
    world.round(&watch);
    assert_eq!(
        world.receiver.kinds(),
        ["head-not-growing", "vantage-stale"]
    );
    place.show(&world.log);
    world.round(&watch);
    assert_eq!(world.receiver.kinds().last().unwrap(), "-vantage-stale");
}

#[test]
fn whoever_is_down_is_reported_and_the_log_is_verified_all_the_same() {
    let world = World::new(700);
    let place = Stage::of(&world.log);
    place.fail(404);
    let watch = watch_with(&world, &place, PlaceKind::Log, "");
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified);
    assert_eq!(status(&round, "other"), "down");
    assert_eq!(round.audited.unwrap().to, 700, "the log itself is audited");
    for _ in 0..20 {
        world.wait(HOUR);
        assert!(world.round(&watch).is_verified);
    }
    assert!(world.receiver.kinds().is_empty(), "it is no failed audit");
    let known = world.known();
    assert_eq!(known.state, State::Unusual);
    assert!(known.logs[0].is_ready);
}

#[test]
fn what_the_log_has_not_signed_is_the_places_fault() {
    let world = World::new(700);
    let other =
        TestLog::with_key(crate::support::key::Key::new("sum.example.com", "other")).grow(9);
    let place = Stage::of(&other);
    let watch = watch_with(&world, &place, PlaceKind::Log, "");
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified, "{round:?}");
    assert_eq!(status(&round, "other"), "invalid");
    assert!(world.receiver.kinds().is_empty());
}

#[test]
fn a_split_view_is_found_whatever_the_sizes_are_and_evidence_names_who_showed_it() {
    for (own, shown) in [(700, 700), (700, 1400), (1400, 700)] {
        let world = World::new(own);
        let fork = TestLog::with_records(own.max(shown))
            .fork_at(400)
            .prefix(shown);
        let place = Stage::of(&fork);
        let watch = watch_with(&world, &place, PlaceKind::Log, "");
        let round = world.round(&watch);
        assert_eq!(
            round.outcome,
            RunOutcome::Misbehaviour,
            "{own} {shown}: {round:?}"
        );
        assert_eq!(status(&round, "other"), "split");
        assert_eq!(world.receiver.kinds(), ["misbehaviour"]);
        let findings = world.store().findings().unwrap();
        assert_eq!(findings.len(), 1);
        let evidence = std::fs::read_to_string(&findings[0].evidence_path).unwrap();
        assert!(evidence.contains(&place.server.url()), "{evidence}");
        assert!(evidence.contains(&world.stage.server.url()), "{evidence}");
        assert_eq!(world.known().state, State::Misbehaved);
    }
}

#[test]
fn a_witnessed_checkpoint_of_another_tree_convicts_the_log_when_it_has_grown_so_far() {
    let mut world = World::new(700);
    let fork = TestLog::with_records(1000).fork_at(600);
    let place = checkpoint(fork.head());
    let watch = watch_with(&world, &place, PlaceKind::Checkpoint, "/witnessed");
    let round = world.round(&watch);
    // Its tiles are nowhere, and so it may be what is to come.
    assert_eq!(status(&round, "other"), "ahead", "{round:?}");
    assert_eq!(round.outcome, RunOutcome::Ok);
    // The place forgets it; we do not.
    place.fail(404);
    world.wait(HOUR);
    world.grow(500);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
    let kinds = world.receiver.kinds();
    assert!(kinds.contains(&"misbehaviour".to_owned()), "{kinds:?}");
    assert!(
        world
            .store()
            .untied_heads(&world.log.verifier_key())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_honest_checkpoint_that_was_ahead_is_tied_later() {
    let mut world = World::new(700);
    let place = checkpoint(world.log.clone().grow(300).head_at(1000));
    world.log = world.log.prefix(700);
    world.stage.show(&world.log);
    let watch = watch_with(&world, &place, PlaceKind::Checkpoint, "/witnessed");
    assert_eq!(status(&world.round(&watch), "other"), "ahead");
    world.grow(500);
    let round = world.round(&watch);
    assert_eq!(
        (round.outcome, status(&round, "other")),
        (RunOutcome::Ok, "behind")
    );
    assert!(
        world
            .store()
            .untied_heads(&world.log.verifier_key())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_head_whose_tiles_are_withheld_is_told_and_not_forgotten() {
    let world = World::new(70_000);
    let fork = TestLog::with_records(70_000).fork_at(1000).prefix(65_000);
    let place = checkpoint(fork.head());
    let watch = watch_with(&world, &place, PlaceKind::Checkpoint, "/witnessed");
    let log = world.log.clone();
    // What would tie a tree of this size is not given out.
    world.stage.play(move |request| {
        if request.path.starts_with("/tile/8/0/253") {
            Response::new(404, "no")
        } else {
            log.answer(request)
        }
    });
    let plan_of_heads = |world: &World| {
        let place = place.place("other", PlaceKind::Checkpoint, "/witnessed");
        world.watch_by(|plan| {
            plan.places = vec![place];
            plan.depth = sumcheck::watch::plan::Depth::Heads;
        })
    };
    drop(watch);
    let watch = plan_of_heads(&world);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified, "{round:?}");
    assert_eq!(status(&round, "other"), "untied");
    assert_eq!(world.receiver.kinds(), ["untied-head"]);
    world.stage.show(&world.log);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
}

/// Places that show one checkpoint each, of trees of this size that part at 600.
fn two_trees(size: u64) -> [Stage; 2] {
    let honest = TestLog::with_records(size);
    let fork = honest.fork_at(600);
    [checkpoint(honest.head()), checkpoint(fork.head())]
}

#[test]
fn two_heads_of_one_size_convict_the_log_that_never_shows_us_such_a_tree() {
    let world = World::new(700);
    let [one, other] = two_trees(1000);
    let watch = world.watch_by(|plan| {
        plan.places = vec![
            one.place("one", PlaceKind::Checkpoint, "/witnessed"),
            other.place("other", PlaceKind::Checkpoint, "/witnessed"),
        ];
    });
    for _ in 0..2 {
        let round = world.round(&watch);
        assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
        world.wait(HOUR);
    }
    assert_eq!(world.receiver.kinds(), ["misbehaviour"], "told once");
    assert_eq!(world.store().findings().unwrap().len(), 1);
}

#[test]
fn a_log_that_is_larger_elsewhere_for_long_is_told() {
    let world = World::new(700);
    let place = checkpoint(TestLog::with_records(1000).head());
    let watch = watch_with(&world, &place, PlaceKind::Checkpoint, "/witnessed");
    assert_eq!(status(&world.round(&watch), "other"), "ahead");
    assert!(world.receiver.kinds().is_empty());
    world.wait(DAY);
    world.round(&watch);
    assert_eq!(world.receiver.kinds(), ["head-not-growing", "untied-head"]);
}

#[test]
fn a_head_of_the_log_itself_that_could_not_be_tied_convicts_it_after_it_healed() {
    let world = World::new(700);
    let watch = world.watch();
    world.round(&watch);
    let (fork, log) = (world.log.fork_at(300).prefix(500), world.log.clone());
    world
        .stage
        .play(move |request| match request.path.as_str() {
            "/latest" => fork.answer(request),
            path if path.starts_with("/tile/8/0/") => Response::new(404, "no"),
            _ => log.answer(request),
        });
    // The tiles of the home are gone as well: nothing can be said yet.
    std::fs::remove_dir_all(world.home().join("tiles")).unwrap();
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Unverified, "{round:?}");
    assert_eq!(status(&round, "log"), "untied");
    world.stage.show(&world.log);
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
}

#[test]
fn a_note_that_is_none_hides_no_other_one_of_the_same_place() {
    let world = World::new(700);
    let fork = TestLog::with_records(1000).fork_at(300).prefix(600);
    let heads = serde_json::json!({ "heads": [
        { "note": String::from_utf8(fork.head()).unwrap() }, { "note": "rubbish" },
    ] });
    let peer = Stage::new(move |_| Response::ok(heads.to_string()));
    let watch = watch_with(&world, &peer, PlaceKind::Sumcheck, "");
    let round = world.round(&watch);
    assert_eq!(round.outcome, RunOutcome::Misbehaviour, "{round:?}");
    // Whoever has no head at all was not compared.
    let empty = Stage::new(|_| Response::ok("{\"heads\":[]}"));
    let world = World::new(700);
    let round = world.round(&watch_with(&world, &empty, PlaceKind::Sumcheck, ""));
    assert_eq!(status(&round, "other"), "down");
    assert_eq!(
        (round.outcome, round.is_verified),
        (RunOutcome::Unverified, true)
    );
}

#[test]
fn a_log_that_stands_still_for_us_alone_is_told() {
    let world = World::new(300);
    let mut grown = TestLog::with_records(300);
    let place = Stage::of(&grown);
    let watch = watch_with(&world, &place, PlaceKind::Log, "");
    for _ in 0..30 {
        world.round(&watch);
        world.wait(HOUR);
        grown = grown.grow(5);
        place.show(&grown);
    }
    // It has no tiles of what others are shown either.
    assert_eq!(world.receiver.kinds(), ["audit-failed", "vantage-stale"]);
    assert_eq!(world.receiver.events()[1]["detail"]["vantage_point"], "log");
}
