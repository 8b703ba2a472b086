//! A home that cannot be written, wholly or from some byte on: what can be proven is proven, what
//! could not be kept is said, and no verified head is lost.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::attack::{Case, files_below, for_each, then_honest, verdicts, verify};
use crate::company::timeline;
use crate::support::left_out;
use crate::support::log::{TestLog, go_sum_lines, synthetic_module, synthetic_version};
use crate::support::sumcheck::{Home, Outcome, Run};

const RECORDS: std::ops::Range<u64> = 0..10;
const NOTHING_KEPT: &str = "nothing was kept for the next run";

/// The log, and as it was when a used home saw it.
fn logs() -> (TestLog, TestLog) {
    let log = TestLog::with_records(600);
    let older = log.prefix(260);
    (log, older)
}

fn forged() -> String {
    RECORDS
        .map(|n| go_sum_lines(&synthetic_module(n), &synthetic_version(n), 666))
        .collect()
}

/// The right verdicts with and without room; without any, it says so.
#[track_caller]
fn is_right(outcome: &Outcome, honest: bool, what: &str) {
    let (code, verdict) = if honest {
        (0, "verified")
    } else {
        (1, "mismatch")
    };
    assert_eq!(outcome.code, code, "{what}: {outcome:?}");
    let all = verdicts(&outcome.json());
    assert_eq!(all.len(), 20, "{what}");
    assert!(all.iter().all(|found| found == verdict), "{what}: {all:?}");
}

fn says_nothing_kept(outcome: &Outcome) -> bool {
    outcome.stderr.contains(NOTHING_KEPT)
}

/// What is tried on each small disk: a new home and a used one, with a right and a forged go.sum.
fn on_each(mut run_there: impl FnMut(&Case, &str) -> Outcome, what: &str) -> bool {
    let (log, older) = logs();
    let mut kept = true;
    for used in [false, true] {
        let mut case = Case::new(&log, RECORDS);
        if used {
            case = case.after(&older);
        }
        for go_sum in [forged(), case.go_sum.clone()] {
            let honest = go_sum == case.go_sum;
            let outcome = run_there(&case, &go_sum);
            is_right(&outcome, honest, what);
            kept &= !says_nothing_kept(&outcome);
            let heads = timeline(&case.home, &log);
            assert!(!used || heads.contains(&260), "{what}: {heads:?}");
            if !says_nothing_kept(&outcome) {
                assert!(heads.contains(&600), "{what}: {heads:?} and {outcome:?}");
            }
        }
        then_honest(&case);
        assert!(timeline(&case.home, &log).contains(&600), "{what}");
    }
    kept
}

mod a_full_disk {
    use super::*;

    /// No file may be larger than so many blocks of 512 bytes: writes fail from there on.
    fn with_file_limit(run: Run, blocks: usize) -> Run {
        let script = r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#;
        run.through(&["/bin/sh", "-c", script, &blocks.to_string()])
    }

    /// Pages have 8 blocks and write-ahead log frames a little more: a step of 3 comes by each
    /// place within one.
    #[test]
    fn wherever_it_is_full_verdicts_are_right_and_no_head_is_lost() {
        const MORE_THAN_NEEDED: usize = 480;
        let sizes: Vec<usize> = (0..8).chain((8..MORE_THAN_NEEDED).step_by(3)).collect();
        for_each(&sizes, |&blocks| {
            let run = |case: &Case, go_sum: &str| {
                let server = case.log.serve().start();
                with_file_limit(verify(&case.home, &case.log, &server, go_sum), blocks).run()
            };
            let kept = on_each(run, &format!("{blocks} blocks"));
            assert!(!kept || blocks > 8, "{blocks} blocks are nothing");
            assert!(
                kept || blocks < MORE_THAN_NEEDED - 20,
                "{blocks} are plenty"
            );
        });
    }

    /// Mounts a file system of so many KiB, copies the home there, runs, and brings it back.
    const ON_SMALL_DISK: &str = r#"
        state=$1 small=$2 size=$3 path=$PATH
        shift 3
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        mount -t tmpfs -o size="$size" tmpfs "$small" || exit 99
        if test -d "$state"; then cp -a "$state/." "$small" || exit 98; fi
        PATH=$path "$@"
        code=$?
        rm -rf "$state"
        cp -a "$small" "$state" || exit 97
        exit $code
    "#;

    fn on_small_disk(run: Run, home: &Home, kib: u64) -> Outcome {
        let small = home.path().join("small");
        fs::create_dir_all(&small).unwrap();
        let (state, size) = (home.state(), format!("{kib}k"));
        let paths = [state.to_str().unwrap(), small.to_str().unwrap(), &size];
        let shell = [
            "/usr/bin/unshare",
            "-rm",
            "/bin/sh",
            "-c",
            ON_SMALL_DISK,
            "sh",
        ];
        run.env("SUMCHECK_HOME", &small)
            .through(&[&shell[..], &paths].concat())
            .run()
    }

    fn bytes_in(home: &Home) -> u64 {
        let pages =
            |file: &std::path::PathBuf| fs::metadata(file).unwrap().len().div_ceil(4096) * 4096;
        files_below(&home.state()).iter().map(pages).sum()
    }

    #[test]
    fn a_file_system_that_is_full_loses_no_head() {
        if !may_mount() {
            return left_out("user and mount namespaces are forbidden here");
        }
        let room: Vec<u64> = (4..=400).step_by(12).collect();
        for_each(&room, |&room_kib| {
            let run = |case: &Case, go_sum: &str| {
                let server = case.log.serve().start();
                let run = verify(&case.home, &case.log, &server, go_sum);
                let kib = bytes_in(&case.home) / 1024 + room_kib;
                on_small_disk(run, &case.home, kib)
            };
            let kept = on_each(run, &format!("{room_kib} KiB of room"));
            assert!(!kept || room_kib > 8, "{room_kib} KiB are nothing");
            assert!(kept || room_kib < 390, "{room_kib} KiB are plenty");
        });
    }

    #[test]
    fn the_evidence_is_printed_where_no_file_of_it_can_be_written() {
        let (log, older) = logs();
        let fork = log.fork_at(200);
        let case = Case::new(&log, RECORDS).after(&older);
        let server = fork.serve().start();
        let run = verify(&case.home, &log, &server, &case.go_sum);
        let outcome = with_file_limit(run, 0).run().expect_code(4);
        assert!(outcome.stderr.contains("THE LOG MISBEHAVED"), "{outcome:?}");
        let (_, printed) = outcome
            .stderr
            .split_once("the evidence could not be written: ")
            .unwrap_or_else(|| panic!("{outcome:?}"));
        let (_, printed) = printed.split_once("here it is:\n").unwrap();
        let (printed, _) = printed.rsplit_once('}').unwrap();
        let evidence: serde_json::Value = serde_json::from_str(&format!("{printed}}}")).unwrap();
        assert_eq!(evidence["schema"], "sumcheck.evidence/1");
        assert_eq!(verdicts(&outcome.json()), ["unavailable"; 20]);
        then_honest(&case);
    }
}

/// Whether this machine lets us make file systems of our own.
fn may_mount() -> bool {
    let script = "mount -t tmpfs tmpfs /mnt || mount -t tmpfs tmpfs /tmp";
    let mut unshare = Command::new("unshare");
    let unshare = unshare.args(["-rm", "sh", "-c", script]);
    unshare.output().is_ok_and(|output| output.status.success())
}

mod a_read_only_home {
    use super::*;

    /// The home of `case` as it is, where nobody can write: everything is proven and nothing kept.
    fn is_used_and_left_alone(read_only: impl Fn(&Home, Run) -> Run) {
        let (log, older) = logs();
        let server = log.serve().start();
        for used in [false, true] {
            let case = Case::new(&log, RECORDS);
            let case = if used { case.after(&older) } else { case };
            fs::create_dir_all(case.home.state()).unwrap();
            let files = || {
                let files = files_below(&case.home.state()).into_iter();
                files
                    .map(|file| (file.clone(), fs::read(file).unwrap()))
                    .collect::<Vec<_>>()
            };
            let before = files();
            for go_sum in [forged(), case.go_sum.clone()] {
                let run = read_only(&case.home, verify(&case.home, &log, &server, &go_sum));
                let outcome = run.run();
                is_right(&outcome, go_sum == case.go_sum, "read-only");
                assert!(says_nothing_kept(&outcome), "{outcome:?}");
            }
            if used {
                let known = read_only(&case.home, verify(&case.home, &log, &server, ""));
                let fork = log.fork_at(100).serve().start();
                let caught = known.goproxy(&fork.url()).run().expect_code(4);
                assert!(caught.stderr.contains("here it is:"), "{caught:?}");
            }
            assert!(files() == before);
            let _ = fs::set_permissions(case.home.state(), writable());
            then_honest(&case);
        }
    }

    fn writable() -> fs::Permissions {
        std::os::unix::fs::PermissionsExt::from_mode(0o700)
    }

    #[test]
    fn by_a_mount() {
        if !may_mount() {
            return left_out("user and mount namespaces are forbidden here");
        }
        let script = r#"
            home=$1 path=$PATH
            shift
            PATH=/usr/sbin:/usr/bin:/sbin:/bin
            mount --bind "$home" "$home" && mount -o remount,bind,ro "$home" || exit 99
            PATH=$path
            exec "$@"
        "#;
        is_used_and_left_alone(|home, run| {
            let state = home.state();
            let state = state.to_str().unwrap();
            run.through(&[
                "/usr/bin/unshare",
                "-rm",
                "/bin/sh",
                "-c",
                script,
                "sh",
                state,
            ])
        });
    }

    #[test]
    fn by_its_mode() {
        let Some(plain_user) = without_roots_rights() else {
            return left_out("root may write everywhere, and setpriv(1) is not there");
        };
        is_used_and_left_alone(|home, run| {
            let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o555);
            fs::set_permissions(home.state(), read_only).unwrap();
            if plain_user.is_empty() {
                run
            } else {
                run.through(&plain_user)
            }
        });
    }
}

/// A command that runs another without the right to pass over modes; empty if nobody here has it.
fn without_roots_rights() -> Option<Vec<&'static str>> {
    if !rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    let setpriv = vec![
        "/usr/bin/setpriv",
        "--bounding-set",
        "-dac_override,-dac_read_search",
    ];
    let probe = Command::new(setpriv[0])
        .args(&setpriv[1..])
        .arg("true")
        .output();
    probe
        .is_ok_and(|output| output.status.success())
        .then_some(setpriv)
}

mod a_home_that_is_none {
    use super::*;

    /// Exit 2 before any request, with the place and what to do; and then the place is as before.
    #[track_caller]
    fn is_refused(make: impl Fn(&Path), state: &str, words: &str) {
        let (log, _) = logs();
        let server = log.serve().start();
        let case = Case::new(&log, RECORDS);
        make(case.home.path());
        let state = case.home.path().join(state);
        let run = verify(&case.home, &log, &server, &case.go_sum);
        let outcome = run.env("SUMCHECK_HOME", &state).run().expect_code(2);
        let place = state.display().to_string();
        assert!(outcome.stderr.contains(&place), "{outcome:?}");
        assert!(outcome.stderr.contains(words), "{outcome:?}");
        assert!(outcome.stderr.contains("--home"), "{outcome:?}");
        assert_eq!(outcome.stdout, "");
        assert_eq!(server.requests().len(), 0);
        then_honest(&case);
    }

    #[test]
    fn a_file() {
        is_refused(
            |home| fs::write(home.join("x"), "mine").unwrap(),
            "x",
            "File exists",
        );
    }

    #[test]
    fn a_link_to_nowhere() {
        let link = |home: &Path| std::os::unix::fs::symlink("none", home.join("x")).unwrap();
        is_refused(link, "x", "File exists");
    }

    #[test]
    fn a_loop_of_links() {
        let link = |home: &Path| std::os::unix::fs::symlink("x", home.join("x")).unwrap();
        is_refused(link, "x", "cannot use");
    }

    #[test]
    fn below_a_file() {
        let file = |home: &Path| fs::write(home.join("x"), "mine").unwrap();
        is_refused(file, "x/y/z", "Not a directory");
    }

    /// Not even root makes a folder there.
    #[cfg(target_os = "linux")]
    #[test]
    fn where_no_folder_can_be_made() {
        let link = |home: &Path| std::os::unix::fs::symlink("/proc", home.join("x")).unwrap();
        is_refused(link, "x/none/state", "No such file or directory");
    }

    #[test]
    fn a_folder_in_the_place_of_the_database() {
        let folder = |home: &Path| fs::create_dir_all(home.join("x/sumcheck.db")).unwrap();
        is_refused(folder, "x", "sumcheck.db");
    }

    #[test]
    fn a_parent_that_is_missing_is_made() {
        let (log, _) = logs();
        let server = log.serve().start();
        let case = Case::new(&log, RECORDS);
        let state = case.home.path().join("a/b/c");
        let run = verify(&case.home, &log, &server, &case.go_sum);
        let outcome = run.env("SUMCHECK_HOME", &state).run().expect_code(0);
        assert!(!says_nothing_kept(&outcome), "{outcome:?}");
        assert!(state.join("sumcheck.db").is_file());
    }
}

mod tiles_that_cannot_be_written {
    use super::*;

    #[track_caller]
    fn are_said(make: impl Fn(&Path)) {
        let (log, older) = logs();
        let server = log.serve().start();
        let case = Case::new(&log, RECORDS).after(&older);
        let tiles = case.home.state().join("tiles");
        fs::remove_dir_all(&tiles).unwrap();
        make(&tiles);
        for go_sum in [forged(), case.go_sum.clone()] {
            let outcome = verify(&case.home, &log, &server, &go_sum).run();
            is_right(&outcome, go_sum == case.go_sum, "no tiles");
            let words = format!("cannot write tiles below {}", tiles.display());
            assert!(outcome.stderr.contains(&words), "{outcome:?}");
            assert_eq!(timeline(&case.home, &log), [260, 600]);
            // Another head, so that there is something to write again.
            fs::remove_file(case.home.state().join("sumcheck.db")).unwrap();
            case.clone().after(&older);
        }
        if tiles.is_dir() {
            fs::remove_dir_all(&tiles).unwrap();
        } else {
            fs::remove_file(&tiles).unwrap();
        }
        then_honest(&case);
    }

    #[test]
    fn because_of_a_file() {
        are_said(|tiles| fs::write(tiles, "mine").unwrap());
    }

    #[test]
    fn because_of_a_link_to_nowhere() {
        are_said(|tiles| std::os::unix::fs::symlink("none/at/all", tiles).unwrap());
    }

    #[test]
    fn because_of_a_file_further_down() {
        are_said(|tiles| {
            let tile = tiles.join("sum.example.com/tile");
            fs::create_dir_all(&tile).unwrap();
            fs::write(tile.join("8"), "mine").unwrap();
        });
    }
}
