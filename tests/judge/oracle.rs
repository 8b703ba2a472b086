//! The oracle as a process that answers a line with a line, and what it is asked.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use sumcheck::tlog::hash::{Hash, record_hash};

use super::support::interop::interop;

/// golang.org/x/mod, ready to be asked.
pub struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start() -> Option<Self> {
        let mut child = Command::new(interop()?)
            .arg("oracle")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Some(Self {
            child,
            questions,
            answers,
        })
    }

    pub fn ask(&mut self, question: Value) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("refused").is_none(), "{question}: {answer}");
        assert!(answer.get("panic").is_none(), "{question}: {answer}");
        answer
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same numbers in every run: xorshift64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }

    /// A proof with a hash dropped, doubled, swapped, replaced or added; or as it was.
    pub fn alter(&mut self, proof: &[Hash]) -> Vec<Hash> {
        let mut proof = proof.to_vec();
        let at = self.index(proof.len() + 1);
        match self.below(6) {
            0 if at < proof.len() => drop(proof.remove(at)),
            1 if at < proof.len() => proof.insert(at, proof[at]),
            2 if at + 1 < proof.len() => proof.swap(at, at + 1),
            3 if at < proof.len() => proof[at] = record_hash(b"stranger"),
            4 => proof.insert(at, record_hash(b"stranger")),
            _ => {}
        }
        proof
    }
}

/// Texts as they are, and then with up to three small changes each.
pub struct Mutations {
    seeds: Vec<Vec<char>>,
    random: Random,
    number: usize,
    count: usize,
}

/// Characters that mean something somewhere.
const SPECIAL: &str = "/.-_~!+@*?[]\\^,: \t\r\n0129azAZ|'\"=é\u{2014}\u{0}%$&";

impl Mutations {
    pub fn of(seeds: &[impl AsRef<str>], count: usize) -> Self {
        let seeds = seeds
            .iter()
            .map(|seed| seed.as_ref().chars().collect())
            .collect();
        Self {
            seeds,
            random: Random::new(count as u64),
            number: 0,
            count,
        }
    }
}

impl Iterator for Mutations {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.number >= self.count {
            return None;
        }
        let mut text = self.seeds[self.number % self.seeds.len()].clone();
        let changes = if self.number < self.seeds.len() {
            0
        } else {
            1 + self.random.below(3)
        };
        self.number += 1;
        for _ in 0..changes {
            let at = self.random.index(text.len() + 1);
            let special: Vec<char> = SPECIAL.chars().collect();
            let other = special[self.random.index(special.len())];
            match self.random.below(5) {
                0 if at < text.len() => drop(text.remove(at)),
                1 if at < text.len() => text[at] = other,
                2 if at < text.len() => text.insert(at, text[at]),
                3 if at + 1 < text.len() => text.swap(at, at + 1),
                _ => text.insert(at, other),
            }
        }
        Some(text.into_iter().collect())
    }
}
