//! Killed at any write, and whatever was found is told all the same.

use std::collections::BTreeSet;

use crate::support::log::TestLog;
use crate::support::server::Server;
use crate::support::sumcheck::{Home, Outcome, Run};

const ABORTED: i32 = 128 + 6;

/// A watch that is told of by a file in its home.
pub(crate) fn configured(home: &Home, config: &str) -> String {
    let told = home.path().join("told");
    let script = format!("#!/bin/sh\n/bin/cat >> {0}\necho >> {0}\n", told.display());
    let hook = home.path().join("hook");
    std::fs::write(&hook, script).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let path = home.path().join("watch.toml");
    let program = format!(
        "[[watch.program]]\nname = \"hook\"\ncommand = [\"{}\"]\n",
        hook.display()
    );
    std::fs::write(&path, format!("{config}\n{program}")).unwrap();
    path.display().to_string()
}

pub(crate) fn told(home: &Home) -> Vec<serde_json::Value> {
    let told = std::fs::read_to_string(home.path().join("told")).unwrap_or_default();
    let lines = told.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(home: &Home, log: &TestLog, server: &Server, config: &str) -> Run {
    home.sumcheck(["watch", "--once", "--config", config])
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
}

fn places(outcome: &Outcome) -> usize {
    let lines = outcome.stderr.lines();
    lines.filter(|line| line.starts_with("failpoint ")).count()
}

#[cfg(unix)]
#[test]
fn killed_at_any_write_everything_is_told_at_least_once() {
    let log = TestLog::with_records(300);
    for number in 0..3 {
        log.append("example.org/watched", &format!("v1.0.{number}"));
    }
    log.append_text("example.org/odd", "v1.0.0", "strange\n");
    // The same key, and another record: whoever has seen the first is shown a fork.
    let (fork, server) = (log.fork_at(200), log.serve().start());
    let forked = fork.serve().start();
    let table = "[watch]\nstandard-error = false\n[[watch.log]]\nbegin = \"start\"\n\
                 modules = [\"example.org/watched\"]\n";
    let expected = BTreeSet::from(["anomaly", "misbehaviour", "module-version"]);
    let mut number = 0;
    loop {
        number += 1;
        let home = Home::new();
        let config = configured(&home, table);
        let clean = run(&home, &log, &server, &config);
        let first = clean.env("SUMCHECK_FAILPOINT", number.to_string()).run();
        if first.code == 0 {
            assert!(number > 20, "only {number} places");
            break;
        }
        assert_eq!(first.code, ABORTED, "{number}: {first:?}");
        // Again at the same place, now on what the first left behind.
        run(&home, &log, &server, &config)
            .env("SUMCHECK_FAILPOINT", number.to_string())
            .run();
        run(&home, &log, &server, &config).run().expect_code(0);
        run(&home, &log, &forked, &config).run().expect_code(4);
        let told = told(&home);
        let kinds: BTreeSet<&str> = told
            .iter()
            .map(|event| event["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, expected, "{number}");
        let versions: BTreeSet<&str> = told
            .iter()
            .filter_map(|event| event["detail"]["version"].as_str())
            .collect();
        assert_eq!(versions.len(), 3, "{number}: {told:?}");
        // A repetition has the name of what it repeats.
        let ids: BTreeSet<&str> = told
            .iter()
            .map(|event| event["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 5, "{number}: {told:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_fork_is_told_though_the_round_that_found_it_was_killed_anywhere() {
    let log = TestLog::with_records(300);
    let (fork, server) = (log.fork_at(200), log.serve().start());
    let forked = fork.serve().start();
    let list = {
        let home = Home::new();
        let config = configured(&home, "[watch]\n");
        run(&home, &log, &server, &config).run().expect_code(0);
        let run = run(&home, &fork, &forked, &config).env("SUMCHECK_FAILPOINT", "list");
        places(&run.run().expect_code(4))
    };
    assert!(list > 5, "{list}");
    for number in 1..=list {
        let home = Home::new();
        let config = configured(&home, "[watch]\n");
        run(&home, &log, &server, &config).run().expect_code(0);
        let killed = run(&home, &fork, &forked, &config);
        killed.env("SUMCHECK_FAILPOINT", number.to_string()).run();
        // It is healed, and yet.
        let after = run(&home, &log, &server, &config).run();
        let evidence = std::fs::read_dir(home.state().join("evidence"));
        let found = evidence.is_ok_and(|files| {
            files
                .filter(|file| {
                    file.as_ref()
                        .unwrap()
                        .path()
                        .extension()
                        .is_some_and(|it| it == "json")
                })
                .count()
                > 0
        });
        let kinds: Vec<_> = told(&home)
            .iter()
            .map(|event| event["kind"].clone())
            .collect();
        if found {
            assert_eq!(after.code, 4, "{number}: {after:?}");
            assert!(
                kinds.contains(&"misbehaviour".into()),
                "{number}: {kinds:?}"
            );
        } else {
            assert_eq!(after.code, 0, "{number}: {after:?}");
        }
    }
}

/// No file may be larger than so many blocks of 512 bytes.
#[cfg(unix)]
#[test]
fn wherever_the_disk_is_full_nothing_is_lost() {
    let log = TestLog::with_records(300);
    log.append("example.org/watched", "v1.0.0");
    let server = log.serve().start();
    let table = "[watch]\nstandard-error = false\n[[watch.log]]\nbegin = \"start\"\n\
                 modules = [\"example.org/watched\"]\n";
    let script = r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#;
    let mut was_full = 0;
    for blocks in (0..1024).step_by(32) {
        let home = Home::new();
        let config = configured(&home, table);
        let limited = run(&home, &log, &server, &config);
        let limited = limited.through(&["/bin/sh", "-c", script, &blocks.to_string()]);
        let first = limited.run();
        assert!(matches!(first.code, 0 | 2 | 3), "{blocks}: {first:?}");
        assert!(!first.stderr.contains("panicked"), "{blocks}: {first:?}");
        was_full += usize::from(first.code != 0);
        run(&home, &log, &server, &config).run().expect_code(0);
        let told = told(&home);
        let kinds: BTreeSet<&str> = told
            .iter()
            .map(|event| event["kind"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            BTreeSet::from(["module-version"]),
            "{blocks}: {told:?}"
        );
    }
    assert!((3..30).contains(&was_full), "{was_full}");
}
