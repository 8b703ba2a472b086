//! The three flaws that the go command had in 2026, rebuilt.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use crate::attack::{Case, Ended, for_each};
use crate::support::layers::*;
use crate::support::log::{TestLog, go_sum_lines, synthetic_module, synthetic_version};
use crate::support::server::Handler;

/// Where the right edge of the tree changes its shape.
const SIZES: [u64; 13] = [
    1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_791, 65_792,
];

/// The same above a full tile of level 1, where every case costs more.
const LARGE_SIZES: [u64; 5] = [
    (1 << 17) + (1 << 8) + 1,
    (1 << 20) - (1 << 16),
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
];

fn lookup(index: u64) -> String {
    let (module, version) = (synthetic_module(index), synthetic_version(index));
    format!("/lookup/{module}@{version}")
}

/// What an attacker would like to be believed of a record.
fn forged_lines(index: u64) -> String {
    go_sum_lines(&synthetic_module(index), &synthetic_version(index), 666)
}

/// CVE-2026-42501.
mod an_empty_answer {
    use super::*;

    #[test]
    fn an_authentic_record_of_another_module_is_no_answer() {
        let log = TestLog::with_records(300);
        for (asked, answered) in [(0, 1), (299, 0), (5, 298)] {
            let other = lookup(answered);
            let swap =
                on(&lookup(asked)).instead(move |request, inner| inner(&request.to_path(&other)));
            Case::new(&log, asked..asked + 1)
                .attack(swap)
                .expect(3)
                .says("of another module version")
                .then_honest();
        }
    }

    #[test]
    fn a_record_without_a_line_for_the_module_is_no_answer() {
        let log = TestLog::with_records(3);
        for (module, text) in [
            ("example.com/none", "nothing at all\n".to_owned()),
            (
                "example.com/longer",
                go_sum_lines("example.com/longer/v2", "v1.0.0", 0),
            ),
            (
                "example.com/older",
                go_sum_lines("example.com/older", "v1.0.0-rc.1", 0),
            ),
            (
                "example.com/capital",
                go_sum_lines("example.com/Capital", "v1.0.0", 0),
            ),
            (
                "example.com/h2",
                go_sum_lines("example.com/h2", "v1.0.0", 0).replace("h1:", "h2:"),
            ),
        ] {
            log.append_text(module, "v1.0.0", &text);
            let case = Case::new(&log, 0..1).asking(go_sum_lines(module, "v1.0.0", 0));
            let ended = case.attack(|honest: Handler| honest).expect(3);
            assert_eq!(ended.verdicts(), ["unavailable", "unavailable"], "{module}");
            ended.then_honest();
        }
    }

    #[test]
    fn a_record_that_contradicts_itself_confirms_neither_hash() {
        let log = TestLog::with_records(1);
        let lines = |branch| go_sum_lines("example.com/two", "v1.0.0", branch);
        log.append_text("example.com/two", "v1.0.0", &(lines(0) + &lines(1)));
        for branch in [0, 1] {
            let case = Case::new(&log, 0..1).asking(lines(branch));
            let ended = case.attack(|honest: Handler| honest);
            assert_ne!(ended.outcome.code, 0);
            assert!(!ended.verdicts().contains(&"verified".to_owned()));
            ended.then_honest();
        }
    }

    #[test]
    fn a_record_with_one_hash_says_nothing_of_the_other() {
        let log = TestLog::with_records(1);
        let lines = go_sum_lines("example.com/half", "v1.0.0", 0);
        let only_go_mod = lines.lines().nth(1).unwrap().to_owned() + "\n";
        log.append_text("example.com/half", "v1.0.0", &only_go_mod);
        let ended = Case::new(&log, 0..1)
            .asking(lines)
            .attack(|honest: Handler| honest);
        assert_ne!(ended.outcome.code, 0);
        assert_ne!(ended.verdicts()[0], "verified");
        assert_eq!(ended.verdicts()[1], "verified");
        ended.then_honest();
    }
}

/// CVE-2026-56864.
mod lines_in_the_note {
    use super::*;
    use crate::support::log::checkpoint_text;

    /// Lookups answer with an authentic record of another module and this note.
    fn other_record_and(log: &TestLog, note: Vec<u8>) -> Ended {
        let case = Case::new(log, 5..6).asking(forged_lines(5));
        let other = lookup(7);
        case.attack(on(&lookup(5)).instead(move |request, inner| {
            let mut response = inner(&request.to_path(&other));
            set_head(&mut response.body, &note);
            response
        }))
    }

    /// Lookups answer with the right record and this note, and go.sum has another hash.
    fn right_record_and(log: &TestLog, note: Vec<u8>) -> Ended {
        Case::new(log, 5..6)
            .asking(forged_lines(5))
            .attack(head_in_lookups(note))
    }

    fn notes(log: &TestLog) -> Vec<Vec<u8>> {
        let lines = forged_lines(5);
        let head = String::from_utf8(log.head()).unwrap();
        let (text, signatures) = head.split_once("\n\n").unwrap();
        [
            format!("{lines}{head}"),
            format!("{lines}\n{head}"),
            format!("{text}\n{lines}\n{signatures}"),
            format!("{text}\n\n{lines}\n{signatures}"),
            format!("{text}\n\n{lines}{signatures}"),
            format!("{head}{lines}"),
            format!("{head}\n{lines}"),
            lines,
            String::new(),
        ]
        .into_iter()
        .map(String::into_bytes)
        .collect()
    }

    #[test]
    fn unsigned_lines_around_the_head_are_refused() {
        let log = TestLog::with_records(300);
        for_each(&notes(&log), |note| {
            for ended in [
                other_record_and(&log, note.clone()),
                right_record_and(&log, note.clone()),
            ] {
                let ended = ended
                    .expect(3)
                    .says("the tree head in the lookup reply is not valid");
                assert_eq!(ended.verdicts(), ["unavailable", "unavailable"]);
                ended.then_honest();
            }
        });
    }

    #[test]
    fn lines_that_the_log_signed_in_a_head_are_no_record() {
        let log = TestLog::with_records(300);
        let text = checkpoint_text(300, &log.root_at(300));
        let note = log.key().sign(&(text + &forged_lines(5)));
        other_record_and(&log, note.clone()).expect(3).then_honest();
        let ended = right_record_and(&log, note).expect(1);
        assert_eq!(ended.verdicts(), ["mismatch", "mismatch"]);
        ended.then_honest();
    }

    #[test]
    fn lines_before_or_after_those_of_the_record_are_not_its_text() {
        let log = TestLog::with_records(300);
        let (honest, forged) = (log.text(5), forged_lines(5));
        for text in [
            format!("{forged}{honest}"),
            format!("{honest}{forged}"),
            forged.clone(),
        ] {
            let reply = [format!("5\n{text}\n").into_bytes(), log.head()].concat();
            Case::new(&log, 5..6)
                .asking(&*forged)
                .attack(replace(&lookup(5), reply))
                .expect(3)
                .says("the reply's text is not record 5 of the log")
                .then_honest();
        }
    }
}

/// CVE-2026-56865.
mod an_unchecked_tile {
    use super::*;

    /// Levels of hash tiles in a tree of this size.
    fn levels(size: u64) -> u32 {
        (0..8).take_while(|level| size >> (8 * level) > 0).count() as u32
    }

    /// The log as it was at a size of [`LARGE_SIZES`]; all tests share the making of its records.
    fn large_log(size: u64) -> TestLog {
        static LARGEST: LazyLock<TestLog> =
            LazyLock::new(|| TestLog::with_records(LARGE_SIZES.into_iter().max().unwrap()));
        LARGEST.prefix(size)
    }

    /// The ends of a large tree, and the last record below its last full tile of level 1.
    fn few_records(size: u64) -> [u64; 3] {
        [0, (size >> 16 << 16) - 1, size - 1]
    }

    /// The ends of the tree, and what lies at both sides of the last full tiles' ends.
    fn records(size: u64) -> Vec<u64> {
        let edges = [size >> 8 << 8, size >> 16 << 16];
        let around = edges
            .iter()
            .flat_map(|edge| [edge.saturating_sub(1), *edge]);
        let mut records: Vec<u64> = around.chain([0, size - 1]).filter(|n| *n < size).collect();
        records.sort_unstable();
        records.dedup();
        records
    }

    /// The record is another one, and so are the tiles of these levels.
    fn forged_record_and_tiles(log: &TestLog, index: u64, levels: RangeInclusive<u32>) {
        let fork = log.with_text(index, &forged_lines(index));
        let case = Case::new(log, index..index + 1).asking(forged_lines(index));
        let forged =
            |honest: Handler| records_from(&fork)(tiles_from(&fork, levels.clone())(honest));
        let ended = case.attack(forged).expect(3);
        assert_eq!(
            ended.verdicts(),
            ["unavailable", "unavailable"],
            "record {index} of {}, levels {levels:?}",
            log.size()
        );
        ended.then_honest();
    }

    #[test]
    fn forged_tiles_prove_no_forged_record_at_any_size() {
        for size in SIZES {
            let log = TestLog::with_records(size);
            for_each(&records(size), |&index| {
                for top in 0..levels(size) {
                    for bottom in 0..=top {
                        forged_record_and_tiles(&log, index, bottom..=top);
                    }
                }
            });
        }
    }

    #[test]
    fn forged_tiles_prove_no_forged_record_in_a_tree_of_a_million() {
        for size in LARGE_SIZES {
            let log = large_log(size);
            let all = 0..=levels(size) - 1;
            for_each(&few_records(size), |&index| {
                for level in all.clone() {
                    forged_record_and_tiles(&log, index, level..=level);
                }
                forged_record_and_tiles(&log, index, all.clone());
            });
        }
    }

    /// The record is the log's own, and the tiles of this level are those of a forged one.
    fn forged_tile(log: &TestLog, index: u64, level: u32) {
        let fork = log.with_text(index, &forged_lines(index));
        let differs = tiles_on_the_way_differ(log, &fork, level, index);
        let case = Case::new(log, index..index + 1);
        let ended = case.attack(tiles_from(&fork, level..=level));
        ended.expect(if differs { 3 } else { 0 }).then_honest();
    }

    #[test]
    fn a_forged_tile_proves_not_even_an_honest_record() {
        for size in SIZES {
            let log = TestLog::with_records(size);
            for_each(&records(size), |&index| {
                for level in 0..levels(size) {
                    forged_tile(&log, index, level);
                }
            });
        }
    }

    #[test]
    fn a_forged_tile_proves_not_even_an_honest_record_in_a_tree_of_a_million() {
        for size in LARGE_SIZES {
            let log = large_log(size);
            for_each(&few_records(size), |&index| {
                for level in 0..levels(size) {
                    forged_tile(&log, index, level);
                }
            });
        }
    }

    /// Whether the record is below a hash in a tile of this level, and so the tile another.
    fn tiles_on_the_way_differ(log: &TestLog, fork: &TestLog, level: u32, index: u64) -> bool {
        let hash = |log: &TestLog| log.subtree(8 * level, index >> (8 * level));
        hash(log) != hash(fork)
    }

    #[test]
    fn a_fork_with_all_its_tiles_is_nothing_without_a_signed_head() {
        let logs = SIZES.map(TestLog::with_records).into_iter();
        for log in logs.chain(LARGE_SIZES.map(large_log)) {
            let size = log.size();
            let index = size - 1;
            let fork = log.with_text(index, &forged_lines(index));
            let case = Case::new(&log, index..size).asking(forged_lines(index));
            let honest_heads = on("/latest").from(&log);
            let ended = case.attack(|honest| {
                let forged = serve_fork(&fork)(honest);
                honest_heads(head_in_lookups(log.head())(forged))
            });
            ended.expect(3).then_honest();
        }
    }
}
