//! Pins of private modules: put there, compared with, moved to another machine, taken away.

use crate::support::sumcheck::{Home, Outcome};
use crate::{World, with_wrong_hash};

const PRIVATE: &str = "GOPRIVATE";
const ALL: &str = "*";

fn pin(world: &World, args: &[&str]) -> Outcome {
    let run = world.run(&["pin"]).args_all(args).env(PRIVATE, ALL);
    run.file("go.sum", world.log.go_sum(0..3))
        .file("wrong.sum", with_wrong_hash(&world.log.go_sum(0..3)))
        .run()
}

fn verify(world: &World, file: &str) -> Outcome {
    world
        .run(&["verify", "--format", "json", file])
        .env(PRIVATE, ALL)
        .run()
}

fn verdicts(outcome: &Outcome) -> Vec<String> {
    let document = outcome.json();
    let results = document["results"].as_array().unwrap();
    let verdict = |result: &serde_json::Value| result["verdict"].as_str().unwrap().to_owned();
    results.iter().map(verdict).collect()
}

#[test]
fn private_lines_are_compared_with_what_is_pinned() {
    let world = World::new();
    let added = pin(&world, &["add", "go.sum"]).expect_code(0);
    assert_eq!(added.stdout, "pinned 6 files\n");
    let outcome = verify(&world, "go.sum").expect_code(0);
    assert_eq!(verdicts(&outcome), ["pinned"; 6]);
    let outcome = verify(&world, "wrong.sum").expect_code(1);
    let verdicts = verdicts(&outcome);
    assert_eq!(verdicts[0], "pin-mismatch");
    assert_eq!(verdicts[1..], ["pinned"; 5]);
    assert_eq!(world.server.requests().len(), 0, "nothing was asked");
    let human = world.run(&["verify", "wrong.sum"]).env(PRIVATE, ALL).run();
    let human = human.expect_code(1).stdout;
    assert!(
        human.contains("the hash is not the one that was pinned"),
        "{human}"
    );
    assert!(human.contains("sumcheck pin remove"), "{human}");
    let human = world.run(&["verify", "go.sum"]).env(PRIVATE, ALL).run();
    let human = human.expect_code(0).stdout;
    assert_eq!(
        human,
        "pinned: 6 lines of private modules as they were when first seen\n"
    );
}

#[test]
fn a_line_of_which_nothing_is_pinned_is_private_as_ever() {
    let world = World::new();
    pin(&world, &["add", "go.sum"]).expect_code(0);
    let more = world.run(&["verify", "--format", "json", "more.sum"]);
    let more = more
        .file("more.sum", world.log.go_sum(2..4))
        .env(PRIVATE, ALL);
    let outcome = more.run().expect_code(0);
    assert_eq!(
        verdicts(&outcome),
        ["pinned", "pinned", "private", "private"]
    );
    pin(&world, &["remove", "example.com/none"]).expect_code(2);
    let module = crate::support::log::synthetic_module(2);
    let removed = pin(&world, &["remove", &module]).expect_code(0);
    assert_eq!(removed.stdout, "removed 2 pins\n");
    let outcome = verify(&world, "go.sum").expect_code(0);
    assert_eq!(verdicts(&outcome)[3..], ["pinned", "private", "private"]);
    let version = crate::support::log::synthetic_version(1);
    let module = crate::support::log::synthetic_module(1);
    pin(&world, &["remove", &format!("{module}@{version}")]).expect_code(0);
    assert_eq!(verdicts(&verify(&world, "go.sum"))[2..], ["private"; 4]);
}

#[test]
fn another_hash_is_not_pinned_unless_it_is_meant() {
    let world = World::new();
    pin(&world, &["add", "go.sum"]).expect_code(0);
    let refused = pin(&world, &["add", "wrong.sum"]).expect_code(1);
    assert!(refused.stderr.contains("nothing was pinned"), "{refused:?}");
    verify(&world, "go.sum").expect_code(0);
    pin(&world, &["add", "--replace", "wrong.sum"]).expect_code(0);
    verify(&world, "wrong.sum").expect_code(0);
    verify(&world, "go.sum").expect_code(1);
}

#[test]
fn a_document_of_pins_goes_to_another_machine() {
    let world = World::new();
    pin(&world, &["add", "go.sum"]).expect_code(0);
    let exported = pin(&world, &["export"]).expect_code(0).stdout;
    let other = World {
        home: Home::new(),
        ..World::new()
    };
    let import = |document: &str, args: &[&str]| {
        let run = other.run(&["pin", "import", "-"]).args_all(args);
        run.stdin(document).run()
    };
    import(&exported, &[]).expect_code(0);
    assert_eq!(pin(&other, &["export"]).stdout, exported);
    assert_eq!(pin(&other, &["list"]).stdout.lines().count(), 6);
    // The same again is nothing new; another is refused.
    import(&exported, &[]).expect_code(0);
    let wrong = with_wrong_hash(&exported);
    import(&wrong, &[]).expect_code(1);
    assert_eq!(pin(&other, &["export"]).stdout, exported);
    import(&wrong, &["--replace"]).expect_code(0);
    assert_ne!(pin(&other, &["export"]).stdout, exported);
}

#[test]
fn what_is_no_document_of_pins_changes_nothing() {
    let world = World::new();
    pin(&world, &["add", "go.sum"]).expect_code(0);
    let exported = pin(&world, &["export"]).expect_code(0).stdout;
    for (from, to) in [
        ("sumcheck.pins/1", "sumcheck.pins/2"),
        ("\"zip\"", "\"tar\""),
        ("h1:", "h2:"),
        ("\"v1", "\"1"),
        ("{", "["),
        ("\"module\"", "\"path\""),
    ] {
        let broken = exported.replacen(from, to, 1);
        assert_ne!(broken, exported, "{from}");
        let run = world
            .run(&["pin", "import", "--replace", "-"])
            .stdin(broken);
        let outcome = run.run();
        assert_eq!(outcome.code, 2, "{from}: {outcome:?}");
        assert_eq!(pin(&world, &["export"]).stdout, exported, "{from}");
    }
    let none = world.run(&["pin", "add", "go.sum"]).run().expect_code(2);
    assert!(none.stderr.contains("GOPRIVATE"), "{none:?}");
}

#[test]
fn what_contradicts_itself_changes_nothing() {
    let world = World::new();
    pin(&world, &["add", "go.sum"]).expect_code(0);
    let exported = pin(&world, &["export"]).expect_code(0).stdout;
    let mut document: serde_json::Value = serde_json::from_str(&exported).unwrap();
    let wrong: serde_json::Value = serde_json::from_str(&with_wrong_hash(&exported)).unwrap();
    let pins = document["pins"].as_array_mut().unwrap();
    pins.extend(wrong["pins"].as_array().unwrap().clone());
    let run = world.run(&["pin", "import", "--replace", "-"]);
    let outcome = run.stdin(document.to_string()).run().expect_code(2);
    assert!(
        outcome.stderr.contains("has two hashes there"),
        "{outcome:?}"
    );
    assert_eq!(pin(&world, &["export"]).stdout, exported);
}
