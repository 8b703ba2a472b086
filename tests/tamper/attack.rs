//! One attack from its beginning to its end:
//!
//! ```ignore
//! Case::new(&log, 0..3).attack(flip_bit("/latest", 17)).expect(3).then_honest();
//! ```

#![allow(unreachable_pub)]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::Value;

use crate::support::log::TestLog;
use crate::support::server::{Handler, Server, Serving};
use crate::support::sumcheck::{Home, Outcome, Run};
use crate::support::tile_path::TilePath;

/// A go.sum, the log that it is honest under, and a home.
#[derive(Clone)]
pub struct Case {
    pub log: TestLog,
    pub go_sum: String,
    /// What is verified after the attack, with success.
    pub honest_go_sum: String,
    pub home: Home,
}

impl Case {
    /// A go.sum of these records and a new home.
    pub fn new(log: &TestLog, records: Range<u64>) -> Self {
        let go_sum = log.go_sum(records);
        Self {
            log: log.clone(),
            honest_go_sum: go_sum.clone(),
            go_sum,
            home: Home::new(),
        }
    }

    /// During the attack, a go.sum that says something else.
    pub fn asking(mut self, go_sum: impl Into<String>) -> Self {
        self.go_sum = go_sum.into();
        self
    }

    /// The home has seen this log before, honestly, and proven the first record of it.
    pub fn after(self, older: &TestLog) -> Self {
        let server = older.serve().start();
        verify(&self.home, &self.log, &server, &older.go_sum(0..1))
            .run()
            .expect_code(0);
        self
    }

    /// Runs `verify go.sum --refresh` against the log as this layer makes it.
    pub fn attack(self, layer: impl FnOnce(Handler) -> Handler) -> Ended {
        let serving = self.log.serve().layer(layer);
        self.attack_with(serving)
    }

    /// Runs `verify go.sum --refresh` against this server.
    pub fn attack_with(self, serving: Serving) -> Ended {
        let server = serving.start();
        let outcome = verify(&self.home, &self.log, &server, &self.go_sum).run();
        Ended {
            case: self,
            outcome,
            server,
        }
    }
}

/// A run that asks the log even where the home knows.
pub fn verify(home: &Home, log: &TestLog, server: &Server, go_sum: &str) -> Run {
    let run = home
        .sumcheck(["verify", "--refresh", "--format", "json", "go.sum"])
        .sumdb(&log.verifier_key())
        .goproxy(&server.url());
    // Another process may just be reading the file.
    let written = std::fs::read(home.work().join("go.sum"));
    if written.is_ok_and(|written| written == go_sum.as_bytes()) {
        return run;
    }
    run.file("go.sum", go_sum)
}

/// An attack that is over.
pub struct Ended {
    pub case: Case,
    pub outcome: Outcome,
    pub server: Server,
}

impl Ended {
    /// The exit code must be this one; and whatever it is, a refused byte is nowhere.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self {
            case,
            outcome,
            server,
        } = self;
        let outcome = outcome.expect_code(code);
        only_honest_tiles(&case.home, &case.log);
        Self {
            case,
            outcome,
            server,
        }
    }

    /// It must have said this, on standard output or standard error.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let said = format!("{}\n{}", self.outcome.stdout, self.outcome.stderr);
        assert!(
            said.contains(words),
            "{words:?} is not in {:?}",
            self.outcome
        );
        self
    }

    /// The verdict for each line.
    pub fn verdicts(&self) -> Vec<String> {
        verdicts(&self.outcome.json())
    }

    /// The evidence file that the run names.
    #[track_caller]
    pub fn evidence(&self) -> Value {
        let mut files = files_below(&self.case.home.state().join("evidence"));
        assert_eq!(files.len(), 1, "{files:?}");
        let path = files.remove(0);
        let name = path.display().to_string();
        assert!(
            self.outcome.stderr.contains(&name),
            "{name} in {:?}",
            self.outcome
        );
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// The same home against the honest log: everything is proven, and nothing else is kept.
    #[track_caller]
    pub fn then_honest(self) -> Outcome {
        then_honest(&self.case)
    }
}

/// The same home against the honest log.
#[track_caller]
pub fn then_honest(case: &Case) -> Outcome {
    let server = case.log.serve().start();
    let outcome = verify(&case.home, &case.log, &server, &case.honest_go_sum)
        .run()
        .expect_code(0);
    let all_verified = verdicts(&outcome.json())
        .iter()
        .all(|verdict| verdict == "verified");
    assert!(all_verified, "{outcome:?}");
    only_honest_tiles(&case.home, &case.log);
    outcome
}

/// The verdict for each line.
pub fn verdicts(document: &Value) -> Vec<String> {
    let results = document["results"].as_array().expect("results");
    let verdict = |result: &Value| result["verdict"].as_str().expect("a verdict").to_owned();
    results.iter().map(verdict).collect()
}

/// No tile below a home differs from the log's own.
#[track_caller]
pub fn only_honest_tiles(home: &Home, log: &TestLog) {
    let folder = home.state().join("tiles").join(log.name());
    for file in files_below(&folder) {
        let path = format!("/{}", file.strip_prefix(&folder).unwrap().display());
        if left_by_a_kill(&file) {
            continue;
        }
        let tile = TilePath::parse(&path).unwrap_or_else(|| panic!("{path} is no tile"));
        let honest = log.tile_at(tile);
        assert!(
            honest.is_some_and(|honest| honest == std::fs::read(&file).unwrap()),
            "{path} is not the log's"
        );
    }
}

/// A temporary file, or a file in a temporary folder, which nobody ever reads.
fn left_by_a_kill(file: &Path) -> bool {
    file.iter().any(|name| {
        let name = name.to_string_lossy();
        name.starts_with(".batch.") && name.ends_with(".tmp")
    })
}

/// All files below a folder, which need not be there.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .flat_map(|path| {
            if path.is_dir() {
                files_below(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    files.sort();
    files
}

/// Runs the cases on a few threads: most of a run is waiting.
pub fn for_each<T: Sync>(cases: &[T], test: impl Fn(&T) + Sync) {
    const THREADS: usize = 4;
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, SeqCst)) {
            test(case);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(cases.len()) {
            scope.spawn(work);
        }
    });
}

/// Runs the cases all at once: each of them mostly waits, and some for a minute.
pub fn for_each_at_once<T: Send>(cases: Vec<T>, test: impl Fn(T) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}
