//! The home is trusted against malice and not against damage: each file in it is flipped, cut and
//! replaced, one at a time.

use std::fs;
use std::path::Path;

use crate::attack::{Case, files_below, for_each, verdicts, verify};
use crate::support::log::{TestLog, go_sum_lines, synthetic_module, synthetic_version};
use crate::support::sumcheck::{Home, Outcome};

/// A home that has seen two heads, and proven ten records.
fn used_home(log: &TestLog) -> Home {
    let case = Case::new(log, 0..10).after(&TestLog::with_records(260));
    case.attack(|honest| honest).expect(0).case.home
}

fn copy(from: &Home) -> Home {
    let to = Home::new();
    for file in files_below(&from.state()) {
        let target = to.state().join(file.strip_prefix(from.state()).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
    to
}

/// Exit 0 with right verdicts, or 2 or 3 with a message; never a wrong verdict, never 4.
#[track_caller]
fn is_sound(outcome: &Outcome, honest: bool, what: &str) {
    match outcome.code {
        0 => {
            assert!(honest, "{what}: {outcome:?}");
            assert!(
                verdicts(&outcome.json())
                    .iter()
                    .all(|verdict| verdict == "verified"),
                "{what}"
            );
        }
        1 => assert!(!honest, "{what}: {outcome:?}"),
        2 => assert!(outcome.stderr.contains("error"), "{what}: {outcome:?}"),
        3 => {}
        _ => panic!("{what}: {outcome:?}"),
    }
    assert!(!outcome.stderr.contains("panicked"), "{what}: {outcome:?}");
}

/// What is done to a file.
type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);

fn damaged(log: &TestLog, home: &Home, file: &Path, what: &str, damage: impl Fn(&mut Vec<u8>)) {
    let home = copy(home);
    let file = home.state().join(file);
    let mut bytes = fs::read(&file).unwrap();
    damage(&mut bytes);
    fs::write(&file, &bytes).unwrap();
    let what = format!("{} {what}", file.display());
    let server = log.serve().start();
    let forged: String = (0..2)
        .map(|index| go_sum_lines(&synthetic_module(index), &synthetic_version(index), 666))
        .collect();
    // Known records first, then one that is new and needs the tiles.
    for (records, refresh) in [(0..10, false), (5..15, true)] {
        let go_sum = log.go_sum(records);
        let mut run = verify(&home, log, &server, &go_sum);
        if !refresh {
            run = home
                .sumcheck(["verify", "--format", "json", "go.sum"])
                .file("go.sum", &go_sum)
                .sumdb(&log.verifier_key())
                .goproxy(&server.url());
        }
        is_sound(&run.run(), true, &what);
    }
    is_sound(&verify(&home, log, &server, &forged).run(), false, &what);
}

fn files(home: &Home) -> Vec<std::path::PathBuf> {
    let state = home.state();
    let relative = |file: std::path::PathBuf| file.strip_prefix(&state).unwrap().to_owned();
    files_below(&state).into_iter().map(relative).collect()
}

#[test]
fn a_file_that_is_cut_or_replaced_leads_to_no_wrong_verdict() {
    let log = TestLog::with_records(600);
    let home = used_home(&log);
    let files = files(&home);
    assert!(files.len() > 4, "{files:?}");
    for_each(&files, |file| {
        let cases: [(&str, Damage); 6] = [
            ("emptied", &Vec::clear),
            ("without its last byte", &|bytes| {
                bytes.truncate(bytes.len().saturating_sub(1));
            }),
            ("cut in half", &|bytes| bytes.truncate(bytes.len() / 2)),
            ("with a byte more", &|bytes| bytes.push(0)),
            ("all zero", &|bytes| bytes.fill(0)),
            ("garbage", &|bytes| {
                bytes
                    .iter_mut()
                    .enumerate()
                    .for_each(|(n, byte)| *byte = (n * 167 + n / 256) as u8);
            }),
        ];
        for (what, damage) in cases {
            damaged(&log, &home, file, what, damage);
        }
    });
}

#[test]
fn a_flipped_byte_in_any_file_leads_to_no_wrong_verdict() {
    let log = TestLog::with_records(600);
    let home = used_home(&log);
    let mut cases = Vec::new();
    for file in files(&home) {
        let bytes = fs::read(home.state().join(&file)).unwrap();
        // Where a page has nothing, a flip says little.
        let interesting: Vec<usize> = (0..bytes.len()).filter(|&n| bytes[n] != 0).collect();
        let step = (interesting.len() / 40).max(1);
        cases.extend(
            interesting
                .into_iter()
                .step_by(step)
                .map(|at| (file.clone(), at)),
        );
    }
    for_each(&cases, |(file, at)| {
        damaged(&log, &home, file, &format!("flipped at {at}"), |bytes| {
            bytes[*at] ^= 1 << (at % 8);
        });
    });
}

#[test]
fn a_tile_that_is_damaged_is_fetched_again_and_mended() {
    let log = TestLog::with_records(600);
    let home = used_home(&log);
    let server = log.serve().start();
    for file in files_below(&home.state().join("tiles")) {
        let mut bytes = fs::read(&file).unwrap();
        let at = 40 % bytes.len();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    // A new record, so that the tiles are looked at.
    let outcome = verify(&home, &log, &server, &log.go_sum(20..21))
        .run()
        .expect_code(0);
    assert_eq!(verdicts(&outcome.json()), ["verified", "verified"]);
    assert!(server.count("/tile/") > 0);
    let read_again: Vec<String> = server.paths();
    for file in files_below(&home.state().join("tiles")) {
        let path = format!(
            "/{}",
            file.strip_prefix(home.state().join("tiles").join(log.name()))
                .unwrap()
                .display()
        );
        if read_again.contains(&path) {
            let tile = crate::support::tile_path::TilePath::parse(&path).unwrap();
            assert_eq!(
                fs::read(&file).unwrap(),
                log.tile_at(tile).unwrap(),
                "{path}"
            );
        }
    }
}
