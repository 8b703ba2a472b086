//! Two signed heads that cannot both be of one log are told with evidence, wherever they are seen;
//! what an honest log and its proxies do is never called misbehaviour.

use crate::attack::{Case, Ended, files_below, then_honest, verify};
use crate::support::layers::*;
use crate::support::log::TestLog;
use crate::support::response::Response;
use crate::support::server::Handler;

/// A log, and another that parts from it at record 300: the same key signs both.
fn log_and_fork(size: u64) -> (TestLog, TestLog) {
    let log = TestLog::with_records(size);
    let fork = log.fork_at(300);
    (log, fork)
}

fn note(head: Vec<u8>) -> String {
    String::from_utf8(head).unwrap()
}

/// Exit 4, an evidence file with both notes, no verdict, no tile of the fork; and afterwards the
/// honest log is good for 0, with a warning that the evidence stands.
#[track_caller]
fn caught(ended: Ended, smaller: Vec<u8>, larger: Vec<u8>) {
    let ended = ended.expect(4).says("THE LOG MISBEHAVED");
    let evidence = ended.evidence();
    assert_eq!(evidence["schema"], "sumcheck.evidence/1");
    assert_eq!(
        evidence["log"]["verifier_key"],
        ended.case.log.verifier_key()
    );
    let notes = [&evidence["smaller"]["note"], &evidence["larger"]["note"]];
    assert_eq!(notes, [&note(smaller), &note(larger)]);
    assert!(
        ended
            .verdicts()
            .iter()
            .all(|verdict| verdict == "unavailable")
    );
    let outcome = ended.then_honest();
    assert!(
        outcome.stderr.contains("this log has misbehaved before"),
        "{outcome:?}"
    );
}

mod misbehaviour {
    use super::*;

    #[test]
    fn a_fork_at_a_larger_size_is_caught() {
        let (log, fork) = log_and_fork(700);
        let fork = fork.grow(100);
        let case = Case::new(&log, 0..2).after(&log);
        caught(case.attack(serve_fork(&fork)), log.head(), fork.head());
    }

    #[test]
    fn a_fork_at_the_same_size_is_caught() {
        let (log, fork) = log_and_fork(700);
        let case = Case::new(&log, 0..2).after(&log);
        caught(case.attack(serve_fork(&fork)), log.head(), fork.head());
    }

    #[test]
    fn a_fork_at_the_same_size_needs_no_tile() {
        let (log, fork) = log_and_fork(700);
        let case = Case::new(&log, 0..2).after(&log);
        let ended = case.attack(|honest| on("/tile/*").status(404)(serve_fork(&fork)(honest)));
        caught(ended, log.head(), fork.head());
    }

    #[test]
    fn a_fork_at_a_smaller_size_is_caught() {
        let (log, fork) = log_and_fork(700);
        let older = fork.head_at(500);
        let case = Case::new(&log, 0..2).after(&log);
        let ended = case.attack(replace("/latest", older.clone()));
        caught(ended, older, log.head());
    }

    #[test]
    fn a_fork_that_only_a_lookup_shows_is_caught() {
        let (log, fork) = log_and_fork(700);
        for size in [301, 512, 700] {
            let older = fork.head_at(size);
            let ended = Case::new(&log, 0..2).attack(head_in_lookups(older.clone()));
            let ended = ended.expect(4);
            let evidence = ended.evidence();
            let notes = [&evidence["smaller"]["note"], &evidence["larger"]["note"]];
            // Of one size, none is the smaller.
            assert!(notes.contains(&&note(older).into()), "{evidence}");
            assert!(notes.contains(&&note(log.head()).into()), "{evidence}");
            ended.then_honest();
        }
    }

    #[test]
    fn a_fork_between_two_lookups_is_caught() {
        let (log, fork) = log_and_fork(700);
        let older = fork.head_at(650);
        let case = Case::new(&log, 0..5);
        let head = older.clone();
        let lookup =
            on("/lookup/example.com/m3@v1.0.3").edit(move |reply| set_head(&mut reply.body, &head));
        caught(case.attack(lookup), older, log.head());
    }

    #[test]
    fn a_second_process_on_the_same_home_catches_what_the_first_was_shown() {
        let (log, fork) = log_and_fork(700);
        let fork = fork.grow(1);
        let victim = Case::new(&fork, 0..2);
        // The first is shown the fork alone, and can know nothing.
        let shown = victim.attack(|honest: Handler| honest).expect(0);
        let case = Case {
            log: log.clone(),
            ..shown.case
        };
        let server = log.serve().start();
        let outcome = verify(&case.home, &log, &server, &log.go_sum(0..2))
            .run()
            .expect_code(4);
        assert_eq!(
            files_below(&case.home.state().join("evidence")).len(),
            1,
            "{outcome:?}"
        );
    }

    #[test]
    fn two_processes_at_once_that_are_shown_two_trees_do_not_both_pass() {
        let (log, fork) = log_and_fork(700);
        for grown in [0, 50] {
            let fork = fork.clone().grow(grown);
            let case = Case::new(&log, 0..2);
            let (one, other) = (log.serve().start(), fork.serve().start());
            let go_sum = log.go_sum(0..2);
            let running =
                [&one, &other].map(|server| verify(&case.home, &log, server, &go_sum).spawn());
            let mut codes = running.map(|running| running.wait().code);
            codes.sort_unstable();
            // The server of the smaller tree has not the tiles that would prove the fork.
            assert!(
                codes == [0, 4] || (grown > 0 && codes == [0, 3]),
                "{codes:?}"
            );
            let evidence = files_below(&case.home.state().join("evidence"));
            assert_eq!(evidence.len(), usize::from(codes[1] == 4), "{codes:?}");
        }
    }

    #[test]
    fn a_tree_that_is_rewound_and_grows_another_way_is_caught() {
        let log = TestLog::with_records(700);
        let case = Case::new(&log, 0..2).after(&log);
        // Going back alone is no crime.
        let ended = case.attack(replace("/latest", log.head_at(400))).expect(0);
        let regrown = log.fork_at(400).grow(200);
        caught(
            ended.case.attack(serve_fork(&regrown)),
            log.head(),
            regrown.head(),
        );
    }

    #[test]
    fn a_rewritten_record_is_caught() {
        let log = TestLog::with_records(700);
        for index in [0, 255, 256, 511, 512, 699] {
            let rewritten = log.with_text(index, "example.com/x v1.0.0 h1:x\n").grow(40);
            let case = Case::new(&log, 1..3).after(&log);
            caught(
                case.attack(serve_fork(&rewritten)),
                log.head(),
                rewritten.head(),
            );
        }
    }

    #[test]
    fn offline_the_fork_stays_told_and_the_verified_record_stays_verified() {
        let (log, fork) = log_and_fork(700);
        let case = Case::new(&log, 0..1).after(&log);
        let ended = case.attack(serve_fork(&fork)).expect(4);
        let again = ended.case.home.sumcheck(["verify", "--offline", "go.sum"]);
        let again = again.sumdb(&log.verifier_key()).run().expect_code(0);
        assert!(
            again.stderr.contains("this log has misbehaved before"),
            "{again:?}"
        );
    }
}

/// Could not verify, and no accusation: nothing is proven against the log.
mod no_proof_of_misbehaviour {
    use super::*;

    #[test]
    fn a_forked_head_whose_tiles_are_withheld() {
        let (log, fork) = log_and_fork(700);
        let fork = fork.grow(100);
        let case = Case::new(&log, 0..2).after(&log);
        case.attack(|honest| on("/tile/*").status(404)(serve_fork(&fork)(honest)))
            .expect(3)
            .then_honest();
    }

    /// Every head that is shown must be proven a beginning of the working head.
    #[test]
    fn an_older_head_that_the_tiles_at_hand_do_not_tie() {
        let (log, fork) = log_and_fork(700);
        for latest in [fork.head_at(400), log.head_at(400)] {
            for known in [false, true] {
                let mut case = Case::new(&log, 0..2);
                if known {
                    case = case.after(&log);
                }
                // This tile is needed for the head of 400 alone.
                let ended = case.attack(|honest| {
                    withhold_tile("/tile/8/0/001")(replace("/latest", latest.clone())(honest))
                });
                ended
                    .expect(3)
                    .says("a signed tree head of 400 records could not be tied to the newest: tile/8/0/001")
                    .then_honest();
            }
        }
    }

    #[test]
    fn a_reply_whose_own_head_is_not_tied_proves_nothing() {
        let (log, fork) = log_and_fork(700);
        let ended = Case::new(&log, 0..1).attack(|honest| {
            withhold_tile("/tile/8/0/001")(head_in_lookups(fork.head_at(400))(honest))
        });
        assert_eq!(ended.verdicts(), ["unavailable", "unavailable"]);
        ended.expect(3).then_honest();
    }

    #[test]
    fn a_forked_head_behind_the_tiles_of_the_honest_tree() {
        let (log, fork) = log_and_fork(700);
        let (log, fork) = (log.grow(100), fork.grow(100));
        let case = Case::new(&log, 0..2).after(&TestLog::with_records(700));
        let old_heads = |honest| head_in_lookups(log.head_at(700))(honest);
        let forked = replace("/latest", fork.head());
        case.attack(|honest| forked(old_heads(honest)))
            .expect(3)
            .then_honest();
    }

    #[test]
    fn forged_tiles_under_an_honest_head() {
        let log = TestLog::with_records(900);
        let fork = log.fork_at(300);
        let case = Case::new(&log, 0..2).after(&TestLog::with_records(700));
        case.attack(on("/tile/*").from(&fork))
            .expect(3)
            .then_honest();
    }

    #[test]
    fn heads_that_another_key_of_the_same_name_signed() {
        use crate::support::key::Key;
        use crate::support::log::NAME;
        let log = TestLog::with_records(700);
        let other = TestLog::with_key(Key::new(NAME, "another seed")).grow(800);
        let case = Case::new(&log, 0..2).after(&log);
        case.attack(serve_fork(&other))
            .expect(3)
            .says("not valid")
            .then_honest();
    }
}

/// What honest logs and proxies do.
mod honest_oddities {
    use super::*;

    fn passes(case: Case, layer: impl FnOnce(Handler) -> Handler) {
        case.attack(layer).expect(0).then_honest();
    }

    #[test]
    fn old_heads_in_lookups() {
        let log = TestLog::with_records(700);
        let old_heads = || super::old_heads_in_lookups(&log);
        passes(Case::new(&log, 250..262), old_heads());
        passes(Case::new(&log, 0..3).after(&log), old_heads());
    }

    #[test]
    fn latest_goes_back() {
        let log = TestLog::with_records(700);
        for size in [1, 255, 256, 257, 512, 699] {
            let case = Case::new(&log, 0..3).after(&log);
            passes(case, freeze_latest_at(&log, size));
        }
    }

    #[test]
    fn latest_lies_behind_the_heads_in_lookups() {
        let log = TestLog::with_records(700);
        passes(Case::new(&log, 0..3), freeze_latest_at(&log, 400));
    }

    #[test]
    fn a_mirror_at_a_smaller_size() {
        let mirror = TestLog::with_records(600);
        let log = TestLog::with_records(700);
        passes(Case::new(&log, 0..3).after(&log), serve_fork(&mirror));
    }

    #[test]
    fn a_full_tile_at_a_partial_ones_path() {
        let log = TestLog::with_records(700);
        let case = Case::new(&log, 500..515).after(&TestLog::with_records(513));
        passes(case.clone(), full_tile_for_partial());
        // Under an old head the last tiles are partial, and the log has full ones by now.
        let frozen =
            |honest| freeze_latest_at(&log, 500)(head_in_lookups(log.head_at(500))(honest));
        let case = Case::new(&log, 300..310);
        passes(case, |honest| full_tile_for_partial()(frozen(honest)));
    }

    #[test]
    fn a_partial_tile_that_is_gone() {
        let log = TestLog::with_records(700);
        let frozen =
            |honest| freeze_latest_at(&log, 500)(head_in_lookups(log.head_at(500))(honest));
        let case = Case::new(&log, 300..310);
        let ended = case
            .attack(|honest| partial_gone()(frozen(honest)))
            .expect(0);
        assert!(ended.server.paths().contains(&"/tile/8/0/001".to_owned()));
        ended.then_honest();
    }

    #[test]
    fn a_narrower_partial_tile_from_a_stale_proxy_is_no_misbehaviour() {
        let log = TestLog::with_records(700);
        let stale = log.tile(8, 0, 2, 100).unwrap();
        let case = Case::new(&log, 0..3).after(&TestLog::with_records(600));
        case.attack(replace("/tile/8/0/002.p/188", stale))
            .expect(3)
            .then_honest();
    }

    #[test]
    fn a_signature_of_a_witness_beside_the_logs_own() {
        use crate::support::key::Key;
        let log = TestLog::with_records(3);
        let head = note(log.head());
        let (text, _) = head.split_once("\n\n").unwrap();
        let witness =
            Key::new("witness.example.com", "witness").signature_line(&format!("{text}\n"));
        passes(
            Case::new(&log, 0..3),
            replace("/latest", format!("{head}{witness}")),
        );
    }

    #[test]
    fn a_lookup_that_is_not_found_at_first_and_found_later() {
        let log = TestLog::with_records(3);
        let case = Case::new(&log, 0..1);
        let absent = case
            .attack(on("/lookup/*").answer(Response::not_found("not yet")))
            .expect(1);
        assert_eq!(absent.verdicts(), ["absent", "absent"]);
        absent.says("not yet").then_honest();
    }

    #[test]
    fn then_the_log_grows_day_by_day() {
        let log = TestLog::with_records(1);
        let case = Case::new(&log, 0..1);
        for _ in 0..12 {
            log.clone().grow(67);
            then_honest(&case);
        }
    }
}
