//! What can be verified, and how it is found.

use super::{World, with_wrong_hash};

#[test]
fn several_paths_folders_and_standard_input_are_checked_together() {
    let world = World::new();
    let outcome = world
        .run(&["verify", "a.sum", "module", "-", "--format=json"])
        .file("a.sum", world.log.go_sum(0..2))
        .file("module/go.sum", world.log.go_sum(1..3))
        .stdin(world.log.go_sum(5..6))
        .run()
        .expect_code(0)
        .json();
    let files: Vec<&str> = outcome["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["file"].as_str().unwrap())
        .collect();
    assert_eq!(files[..4], ["a.sum"; 4]);
    assert_eq!(files[4..8], ["module/go.sum"; 4]);
    assert_eq!(files[8..], ["-"; 2]);
    assert_eq!(
        world.server.count("/lookup/"),
        4,
        "each module version is asked for once"
    );
    assert_eq!(world.server.count("/latest"), 1);
}

#[test]
fn without_a_path_it_is_the_module_around() {
    let world = World::new();
    let run = world
        .run(&["verify"])
        .file("m/go.mod", "module example.com/x\n");
    let run = run
        .file("m/go.sum", world.log.go_sum(0..2))
        .file("m/sub/x", "");
    let outcome = run
        .current_dir(world.home.work().join("m/sub"))
        .run()
        .expect_code(0);
    assert!(
        outcome.stdout.contains("4 lines of 2 module versions"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_workspace_is_its_own_sums_and_those_of_its_modules() {
    let world = World::new();
    let run = |args: &[&str]| {
        world
            .run(args)
            .file("go.work", "go 1.26\nuse (\n\t./a\n\t./b // the other\n)\n")
            .file("go.work.sum", world.log.go_sum(0..1))
            .file("a/go.mod", "module example.com/a\n")
            .file("a/go.sum", world.log.go_sum(1..2))
            .file("b/go.mod", "module example.com/b\n")
            .file("c/go.mod", "module example.com/c\n")
            .file("c/go.sum", world.log.go_sum(2..3))
    };
    let outcome = run(&["verify"]).run().expect_code(0);
    assert!(
        outcome.stdout.contains("4 lines of 2 module versions"),
        "{}",
        outcome.stdout
    );
    let outcome = run(&["verify", "."]).run().expect_code(0);
    assert!(
        outcome.stdout.contains("4 lines of 2 module versions"),
        "{}",
        outcome.stdout
    );
    let in_c = world.home.work().join("c");
    let outcome = run(&["verify"])
        .env("GOWORK", "off")
        .current_dir(in_c)
        .run()
        .expect_code(0);
    assert!(
        outcome.stdout.contains("2 lines of 1 module version"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn what_go_tolerates_is_tolerated() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..3);
    for (what, text) in [
        ("CRLF", go_sum.replace('\n', "\r\n")),
        ("no final newline", go_sum.trim_end().to_owned()),
        ("blank lines", go_sum.replace('\n', "\n\n")),
        ("repeated white space", go_sum.replace(' ', " \t ")),
        ("lines twice", format!("{go_sum}{go_sum}")),
    ] {
        let outcome = world.verify().file("go.sum", text).run();
        assert_eq!(outcome.code, 0, "{what}: {outcome:?}");
    }
    let marked = format!("\u{feff}{go_sum}");
    let outcome = world.verify().file("go.sum", marked).run().expect_code(3);
    assert!(
        outcome.stdout.contains("save it as UTF-8 without one"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_file_over_the_limit_is_2() {
    let world = World::new();
    let run = world.verify().file("go.sum", vec![b'\n'; 100_000_001]);
    let outcome = run.run().expect_code(2);
    assert!(
        outcome
            .stderr
            .contains("more than the 100000000 that a go.sum may have")
    );
}

#[test]
fn a_very_long_line_is_malformed_and_cheap() {
    let world = World::new();
    let long = format!(
        "{}example.com/{} v1.0.0 h1:x\n",
        world.log.go_sum(0..1),
        "a".repeat(10_000_000)
    );
    let outcome = world.verify().file("go.sum", long).run().expect_code(3);
    assert!(
        outcome.stdout.len() < 10_000,
        "{} bytes",
        outcome.stdout.len()
    );
    assert!(
        outcome
            .stdout
            .contains("more than the 65536 that are looked into")
    );
}

#[test]
fn a_finding_in_the_sum_of_another_modfile_names_that_file() {
    let world = World::new();
    let wrong = with_wrong_hash(&world.log.go_sum(0..1));
    let run = |folder: &str, modfile: &str| {
        let outcome = world
            .run(&["verify", "--format=json"])
            .file("go.mod", "module example.com/x\n")
            .file("go.sum", world.log.go_sum(1..2))
            .file("other.sum", &wrong)
            .file("sub/x", "")
            .env("GOFLAGS", format!("-mod=mod -modfile={modfile}"))
            .current_dir(world.home.work().join(folder))
            .run()
            .expect_code(1);
        outcome.json()["results"][0]["file"].clone()
    };
    let absolute = world.home.work().join("other.sum").display().to_string();
    assert_eq!(run("", "other.mod"), "other.sum");
    assert_eq!(run("sub", "../other.mod"), "../other.sum");
    assert_eq!(run("sub", &absolute.replace(".sum", ".mod")), absolute);

    let missing = world
        .run(&["verify"])
        .env("GOFLAGS", "-modfile=none.mod")
        .run()
        .expect_code(2);
    assert_eq!(
        missing.stderr,
        "error: there is no none.sum, the go.sum that GOFLAGS=-modfile names: give the path of one\n"
    );
}

/// As root every file can be read, but nobody can read a folder as one.
#[test]
fn a_go_sum_that_cannot_be_read_is_not_passed_over() {
    let world = World::new();
    let outcome = world
        .run(&["verify"])
        .file("go.work", "go 1.26\nuse ./a\nuse ./b\n")
        .file("a/go.sum", world.log.go_sum(0..1))
        .file("b/go.sum/x", "")
        .run()
        .expect_code(2);
    assert!(
        outcome
            .stderr
            .starts_with("error: cannot read b/go.sum: Is a directory"),
        "{}",
        outcome.stderr
    );
    assert_eq!(world.server.requests().len(), 0);
}

#[test]
fn a_module_of_the_workspace_that_is_not_there_is_not_passed_over() {
    let world = World::new();
    let run = world
        .run(&["verify"])
        .file("a/go.sum", world.log.go_sum(0..1));
    let outcome = run.file("go.work", "go 1.26\nuse ./a\nuse ./gone\n").run();
    assert_eq!(
        outcome.expect_code(2).stderr,
        "error: go.work uses gone, which is not there: take it out, or give the path of each go.sum\n"
    );
    // One without dependencies has no go.sum, and needs none.
    let run = world.run(&["verify"]).file("gone/go.mod", "module gone\n");
    let outcome = run.run().expect_code(0);
    assert!(outcome.stdout.contains("ok: 2 lines of 1 module version"));
}

#[test]
fn a_sub_folder_of_a_workspace_is_the_whole_workspace() {
    let world = World::new();
    let outcome = world
        .run(&["verify", "--format=json"])
        .file("go.work", "go 1.26\nuse ./a\n")
        .file("go.work.sum", world.log.go_sum(0..1))
        .file("a/go.mod", "module example.com/a\n")
        .file("a/go.sum", world.log.go_sum(1..2))
        .file("a/deep/x", "")
        .current_dir(world.home.work().join("a/deep"))
        .run()
        .expect_code(0)
        .json();
    let root = world.home.work();
    let files = outcome["results"].as_array().unwrap().iter();
    let files: Vec<&str> = files
        .map(|result| result["file"].as_str().unwrap())
        .collect();
    let shown = |name| root.join(name).display().to_string();
    assert_eq!(files[..2], vec![shown("go.work.sum"); 2]);
    assert_eq!(files[2..], vec![shown("a/go.sum"); 2]);

    // Another workspace that GOWORK names, and one that is not there.
    let gowork = |file: &str| {
        world
            .run(&["verify"])
            .file("other/go.work", "go 1.26\nuse ../a\n")
            .env("GOWORK", file)
            .run()
    };
    let outcome = gowork(&shown("other/go.work")).expect_code(0);
    assert!(outcome.stdout.contains("ok: 2 lines of 1 module version"));
    let outcome = gowork(&shown("none/go.work")).expect_code(2);
    assert!(
        outcome
            .stderr
            .contains("set GOWORK to another file or to off")
    );
    let outcome = gowork("other/go.work").expect_code(2);
    assert!(outcome.stderr.contains("is not an absolute path"));
}

#[test]
fn two_documents_that_disagree_are_both_named() {
    let world = World::new();
    let go_sum = world.log.go_sum(0..1);
    let outcome = world
        .run(&["verify", "--offline", "a.sum", "b.sum"])
        .file("a.sum", &go_sum)
        .file("b.sum", with_wrong_hash(&go_sum))
        .run()
        .expect_code(1);
    assert!(
        outcome.stdout.contains("--> b.sum:1:") && outcome.stdout.contains("a.sum:1 has another"),
        "{}",
        outcome.stdout
    );
}
