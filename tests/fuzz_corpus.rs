//! What the fuzzer has found, replayed: the kept inputs of fuzz/corpus, seeds out of testdata, and
//! small changes of both.

#[allow(dead_code)]
#[path = "oracle/dice.rs"]
mod dice;
#[path = "fuzz/seeds.rs"]
mod seeds;
mod support;
#[allow(dead_code, unreachable_pub)]
#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use dice::Dice;
use targets::{TARGETS, Target};

/// How often each input is changed.
const CHANGES: usize = 300;

/// Inputs that are changed, of each target: enough to meet every branch, few enough for a debug
/// build.
const MOST_CHANGED: usize = 100;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("corpus").join(target);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    // Sorted: the changes are the same in every run.
    let files: BTreeSet<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Runs a target, and names the input if it panics.
fn run(name: &str, target: Target, input: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| target(input)));
    assert!(outcome.is_ok(), "{name}: {}", input.escape_ascii());
}

/// One to three small changes; `other` is an input to cross with.
fn changed(dice: &mut Dice, input: &[u8], other: &[u8]) -> Vec<u8> {
    const TELLING: [&[u8]; 12] = [
        b"\n",
        b"\n\n",
        b"\r",
        b"\0",
        b"\x1b",
        b" ",
        b"/",
        b"-1",
        b"0",
        b"\xff",
        "\u{202e}".as_bytes(),
        b"9223372036854775808",
    ];
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(9)).min(bytes.len());
        match dice.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.number() as u8,
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..end, TELLING[dice.below(TELLING.len())].iter().copied())),
            4 => bytes.extend_from_within(at..end),
            5 => bytes.truncate(at),
            _ => drop(bytes.splice(
                at..end,
                other[dice.below(other.len() + 1)..].iter().copied(),
            )),
        }
    }
    bytes
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let folders = fs::read_dir(fuzz().join("corpus")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let targets = TARGETS.map(|(name, _)| name.to_owned());
    assert_eq!(folders.collect::<BTreeSet<_>>(), BTreeSet::from(targets));
    for (name, _) in TARGETS {
        let inputs = corpus(name);
        assert!(inputs.len() >= 5, "{name} has {} inputs", inputs.len());
    }
}

#[test]
fn every_target_is_built_for_the_fuzzer() {
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let path = format!("fuzz_targets/{name}.rs");
        let call = format!("sumcheck_fuzz::{name}(bytes)");
        assert!(
            fs::read_to_string(fuzz().join(&path))
                .unwrap()
                .contains(&call)
        );
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"{path}\"")));
    }
    let built = manifest.matches("[[bin]]").count();
    assert_eq!(built, TARGETS.len());
}

#[test]
fn no_kept_input_breaks_a_promise() {
    for (name, target) in TARGETS {
        for input in corpus(name).iter().chain(&seeds::of(name)) {
            run(name, target, input);
        }
    }
}

#[test]
fn no_small_change_of_a_kept_input_breaks_a_promise() {
    for (name, target) in TARGETS {
        let mut dice = Dice::new(6962);
        let mut inputs = corpus(name);
        inputs.extend(seeds::of(name));
        for number in 0..inputs.len().min(MOST_CHANGED) {
            // Spread over all when there are more.
            let input = &inputs[number * inputs.len() / inputs.len().min(MOST_CHANGED)];
            for _ in 0..CHANGES {
                let other = &inputs[dice.below(inputs.len())];
                run(name, target, &changed(&mut dice, input, other));
            }
        }
    }
}

/// The promises are worth something only if a target can break them.
#[test]
fn a_target_that_panics_is_named_with_its_input() {
    let bad: Target = |bytes| assert!(bytes.is_empty(), "not empty");
    run("bad", bad, b"");
    let failure = catch_unwind(|| run("bad", bad, b"a\n")).unwrap_err();
    assert_eq!(failure.downcast_ref::<String>().unwrap(), "bad: a\\n");
}

/// Not a test: writes the seeds where the fuzzer can start from them (fuzz/README.md).
#[test]
#[ignore = "writes fuzz/seeds"]
fn write_seeds() {
    for (name, _) in TARGETS {
        let folder = fuzz().join("seeds").join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds::of(name).iter().enumerate() {
            fs::write(folder.join(format!("{number:04}")), seed).unwrap();
        }
    }
}
