//! A small log of our own, and sessions with honest, forgetful and lying servers.
#![allow(clippy::arithmetic_side_effects, clippy::as_conversions)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::sumdb::fork::{Contradiction, NotAFork};
use crate::sumdb::head::ORIGIN;
use crate::sumdb::record::RecordedHash;
use crate::sumdb::verdict::{Comparison, Verdict, compare};
use crate::tlog::hash::{Hash, record_hash};
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::note::VerifierKey;
use crate::tlog::range::CompactRange;
use crate::tlog::tile::{Tile, TileLevel};

const NAME: &str = "log.example";

/// Tiles of four hashes, so that a tree of a hundred records has four levels of them.
fn height() -> TileHeight {
    TileHeight::new(2).unwrap()
}

struct Log {
    key: SigningKey,
    records: Vec<String>,
}

impl Log {
    fn new(size: usize) -> Self {
        Self::fork(size, size)
    }

    /// A log of `size` records, of which those from `common` on are not those of `Log::new`.
    fn fork(common: usize, size: usize) -> Self {
        let records = (0..size)
            .map(|number| record(number, if number < common { "honest" } else { "forked" }))
            .collect();
        Self {
            key: SigningKey::from_bytes(&[7; 32]),
            records,
        }
    }

    fn key_id(&self) -> [u8; 4] {
        let digest = Sha256::digest([NAME.as_bytes(), b"\n", &self.typed_key()].concat());
        [digest[0], digest[1], digest[2], digest[3]]
    }

    fn typed_key(&self) -> Vec<u8> {
        [&[1_u8][..], self.key.verifying_key().as_bytes()].concat()
    }

    fn verifier(&self) -> VerifierKey {
        let key = STANDARD.encode(self.typed_key());
        VerifierKey::parse(&format!("{NAME}+{}+{key}", hex::encode(self.key_id()))).unwrap()
    }

    fn head(&self, size: usize) -> TreeHead {
        let mut range = CompactRange::empty();
        for record in &self.records[..size] {
            range.append(record_hash(record.as_bytes())).unwrap();
        }
        TreeHead::new(size as u64, range.root())
    }

    fn note(&self, size: usize) -> String {
        self.sign(&format!("{ORIGIN}\n{size}\n{}\n", self.head(size).root()))
    }

    fn sign(&self, text: &str) -> String {
        let signature = [
            &self.key_id()[..],
            &self.key.sign(text.as_bytes()).to_bytes(),
        ]
        .concat();
        format!("{text}\n\u{2014} {NAME} {}\n", STANDARD.encode(signature))
    }

    fn reply(&self, number: usize, size: usize) -> String {
        format!("{number}\n{}\n{}", self.records[number], self.note(size))
    }

    fn tile(&self, tile: &Tile) -> Vec<u8> {
        let TileLevel::Hashes(level) = tile.level() else {
            panic!("a hash tile")
        };
        let width = 1_usize << (u32::from(level) * u32::from(height().levels()));
        let first = tile.index() as usize * height().full_width() as usize;
        (first..first + tile.width() as usize)
            .flat_map(|number| {
                let mut range = CompactRange::empty();
                for record in &self.records[number * width..(number + 1) * width] {
                    range.append(record_hash(record.as_bytes())).unwrap();
                }
                *range.root().as_bytes()
            })
            .collect()
    }

    fn session(&self) -> Session {
        Session::new(Timeline::empty(self.verifier()), height())
    }

    fn timeline(&self, sizes: &[usize]) -> Timeline {
        let notes = sizes
            .iter()
            .map(|&size| (size as u64, self.note(size).into_bytes()));
        Timeline::restore(self.verifier(), notes)
    }

    /// Fetches the planned tiles from this log and concludes.
    fn conclude(&self, session: &Session) -> Result<Conclusion, Box<Fork>> {
        self.conclude_without(session, &[])
    }

    fn conclude_without(
        &self,
        session: &Session,
        withheld: &[&str],
    ) -> Result<Conclusion, Box<Fork>> {
        let plan = session.plan().unwrap().expect("something to prove");
        let (tiles, _) = AuthenticTiles::authenticate(plan.tiles(), plan.head(), |tile| {
            let hashed = HashedTile::parse(tile, &self.tile(tile)).unwrap();
            (!withheld.contains(&tile.path().as_str())).then(|| Arc::new(hashed))
        });
        session.conclude(plan, &tiles)
    }
}

fn hash(number: usize, kind: &str, flavour: &str) -> String {
    format!(
        "h1:{}",
        STANDARD.encode(Sha256::digest(format!("{number} {kind} {flavour}")))
    )
}

fn record(number: usize, flavour: &str) -> String {
    let (zip, go_mod) = (hash(number, "zip", flavour), hash(number, "mod", flavour));
    format!("example.com/m{number} v1.0.0 {zip}\nexample.com/m{number} v1.0.0/go.mod {go_mod}\n")
}

fn module(number: usize) -> ModuleVersion {
    ModuleVersion::new(&format!("example.com/m{number}"), "v1.0.0").unwrap()
}

fn sizes(heads: &[ConsistentHead]) -> Vec<u64> {
    heads.iter().map(|head| head.tree_head().size()).collect()
}

#[test]
fn lookups_under_several_heads_are_proven_under_the_newest() {
    let log = Log::new(100);
    let mut session = log.session();
    session.see_head(log.note(100).as_bytes()).unwrap();
    for (number, size) in [(0, 1), (5, 17), (63, 64), (64, 99), (99, 100)] {
        session
            .see_lookup(&module(number), log.reply(number, size).as_bytes())
            .unwrap();
    }
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(conclusion.head.unwrap().tree_head(), log.head(100));
    assert_eq!(sizes(&conclusion.older_heads), [1, 17, 64, 99]);
    assert!(conclusion.unproven.is_empty());
    for (module, record) in &conclusion.records {
        let number: usize = module.path().as_str()[13..].parse().unwrap();
        assert_eq!(record.index(), number as u64);
        let line = H1::parse(&hash(number, "zip", "honest")).unwrap();
        assert_eq!(compare(record, module, Kind::Zip, &line), Comparison::Equal);
        assert!(matches!(
            compare(record, module, Kind::GoMod, &line),
            Comparison::Different { .. }
        ));
    }
}

#[test]
fn with_nothing_to_prove_nothing_is_planned() {
    let log = Log::new(9);
    let mut session = Session::new(log.timeline(&[9]), height());
    assert!(session.plan().unwrap().is_none());
    session.see_head(log.note(9).as_bytes()).unwrap();
    assert!(session.plan().unwrap().is_none());
    assert!(log.session().plan().unwrap().is_none());
}

#[test]
fn the_timeline_is_continued_and_never_goes_back() {
    let log = Log::new(50);
    let mut session = Session::new(log.timeline(&[10, 20]), height());
    session.see_head(log.note(50).as_bytes()).unwrap();
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(conclusion.head.unwrap().tree_head().size(), 50);

    let mut session = Session::new(log.timeline(&[10, 20]), height());
    session.see_head(log.note(15).as_bytes()).unwrap();
    session
        .see_lookup(&module(3), log.reply(3, 10).as_bytes())
        .unwrap();
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(conclusion.head.unwrap().tree_head().size(), 20);
    assert_eq!(sizes(&conclusion.older_heads), [15]);
    assert_eq!(conclusion.records.len(), 1);
}

#[test]
fn an_authentic_record_of_another_module_is_no_answer() {
    let log = Log::new(30);
    let mut session = log.session();
    session
        .see_lookup(&module(4), log.reply(5, 30).as_bytes())
        .unwrap();
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(conclusion.records.len(), 0);
    assert_eq!(
        conclusion.unproven[&module(4)].to_string(),
        "the reply is an authentic record, 5, of another module version"
    );
}

#[test]
fn a_made_up_record_is_not_proven() {
    let log = Log::new(30);
    let reply = log.reply(5, 30).replace("m5 v1.0.0 h1:", "m5 v1.0.0 h1:A");
    let mut session = log.session();
    session.see_lookup(&module(5), reply.as_bytes()).unwrap();
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(
        conclusion.unproven[&module(5)].to_string(),
        "the reply's text is not record 5 of the log: the proof leads to another root"
    );
    assert!(conclusion.head.is_some(), "the head is proven all the same");
}

#[test]
fn a_record_at_another_index_or_beyond_the_tree_is_not_proven() {
    let log = Log::new(30);
    for (index, message) in [
        (
            "6",
            "the reply's text is not record 6 of the log: the proof leads to another root",
        ),
        (
            "30",
            "the reply names record 30, but the log has only 30 records",
        ),
        (
            "9223372036854775807",
            "the reply names record 9223372036854775807, but the log has only 30 records",
        ),
    ] {
        let reply = log.reply(5, 30);
        let reply = reply.replacen('5', index, 1);
        let mut session = log.session();
        session.see_lookup(&module(5), reply.as_bytes()).unwrap();
        let conclusion = log.conclude(&session).unwrap();
        assert_eq!(conclusion.unproven[&module(5)].to_string(), message);
    }
}

#[test]
fn a_reply_with_an_invalid_head_is_refused_whole() {
    let log = Log::new(30);
    let mut session = log.session();
    let reply = log.reply(5, 30).replace("\n30\n", "\n31\n");
    let error = session
        .see_lookup(&module(5), reply.as_bytes())
        .unwrap_err();
    assert!(error.to_string().starts_with(
        "the tree head in the lookup reply is not valid: the note's signature by log.example"
    ));
    assert!(session.plan().unwrap().is_none());

    let other_origin = log.sign(&format!("another tree\n30\n{}\n", log.head(30).root()));
    let error = session.see_head(other_origin.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the checkpoint's first line is not \"go.sum database tree\""
    );
}

#[test]
fn two_roots_for_one_size_are_a_fork_without_any_tile() {
    let (log, forked) = (Log::new(30), Log::fork(10, 30));
    let mut session = log.session();
    session.see_head(log.note(30).as_bytes()).unwrap();
    session.see_head(forked.note(30).as_bytes()).unwrap();
    let Err(OrderError::Fork(fork)) = session.plan() else {
        panic!("no fork")
    };
    assert_eq!(*fork.contradiction(), Contradiction::TwoRoots);

    let mut session = Session::new(log.timeline(&[20, 30]), height());
    session.see_head(forked.note(20).as_bytes()).unwrap();
    assert!(matches!(session.plan(), Err(OrderError::Fork(_))));
}

#[test]
fn a_longer_tree_that_does_not_continue_the_timeline_is_a_fork() {
    let (log, forked) = (Log::new(60), Log::fork(10, 60));
    for old_size in [11, 16, 17, 32, 59] {
        let mut session = Session::new(log.timeline(&[old_size]), height());
        session.see_head(forked.note(60).as_bytes()).unwrap();
        let fork = forked.conclude(&session).unwrap_err();
        let Contradiction::OtherBeginning { root, .. } = fork.contradiction() else {
            panic!("sizes differ")
        };
        assert_eq!(*root, forked.head(old_size).root());
        // The proof stands without the session.
        let again = Fork::prove(
            fork.smaller().clone(),
            fork.larger().clone(),
            fork.contradiction().clone(),
        );
        assert_eq!(again, Ok(*fork));
    }
    let mut session = Session::new(log.timeline(&[10]), height());
    session.see_head(forked.note(60).as_bytes()).unwrap();
    assert!(
        forked.conclude(&session).is_ok(),
        "both have the first ten records"
    );
}

#[test]
fn a_fork_that_only_a_lookup_shows_is_seen() {
    let (log, forked) = (Log::new(60), Log::fork(10, 60));
    let mut session = log.session();
    session.see_head(log.note(60).as_bytes()).unwrap();
    session
        .see_lookup(&module(3), forked.reply(3, 30).as_bytes())
        .unwrap();
    assert!(log.conclude(&session).is_err());
}

#[test]
fn withheld_tiles_are_no_fork() {
    let (log, forked) = (Log::new(60), Log::fork(10, 60));
    let mut session = Session::new(log.timeline(&[17]), height());
    session.see_head(forked.note(60).as_bytes()).unwrap();
    session
        .see_lookup(&module(3), forked.reply(3, 60).as_bytes())
        .unwrap();
    let conclusion = forked
        .conclude_without(&session, &["tile/2/0/004"])
        .unwrap();
    assert_eq!(conclusion.head, None);
    assert_eq!(
        conclusion.unproven[&module(3)],
        Unproven::NoTiles { index: 3 }
    );

    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(
        conclusion.head, None,
        "tiles of another tree prove nothing and accuse nobody"
    );
}

#[test]
fn a_reply_whose_head_cannot_be_tied_proves_nothing() {
    let log = Log::new(60);
    let mut session = log.session();
    session.see_head(log.note(60).as_bytes()).unwrap();
    session
        .see_lookup(&module(3), log.reply(3, 17).as_bytes())
        .unwrap();
    session
        .see_lookup(&module(4), log.reply(4, 60).as_bytes())
        .unwrap();
    let conclusion = log.conclude_without(&session, &["tile/2/0/004"]).unwrap();
    assert_eq!(
        conclusion.unproven[&module(3)],
        Unproven::HeadNotTied { size: 17 }
    );
    assert!(conclusion.records.contains_key(&module(4)));
    assert!(conclusion.older_heads.is_empty());
}

#[test]
fn a_damaged_timeline_is_told_and_accuses_nobody() {
    let log = Log::new(30);
    let mut note = log.note(20).into_bytes();
    note[25] ^= 1;
    let mut session = Session::new(Timeline::restore(log.verifier(), [(20, note)]), height());
    session.see_head(log.note(20).as_bytes()).unwrap();
    let error = session.plan().unwrap_err().to_string();
    assert!(
        error.starts_with("the stored tree head of 20 records is damaged: "),
        "{error}"
    );

    let moved = Timeline::restore(log.verifier(), [(21, log.note(20).into_bytes())]);
    assert_eq!(
        moved.newest().unwrap_err().to_string(),
        "the stored tree head of 21 records is damaged: its note is of 20 records"
    );
}

#[test]
fn heads_of_one_log_are_never_made_a_fork() {
    let log = Log::new(60);
    let open = |size: usize| open_head(log.note(size).as_bytes(), &log.verifier()).unwrap();
    let two_roots = |smaller, larger| {
        Fork::prove(open(smaller), open(larger), Contradiction::TwoRoots).unwrap_err()
    };
    assert_eq!(two_roots(60, 60), NotAFork::HeadsAgree);
    assert_eq!(two_roots(30, 60), NotAFork::WrongKind);

    let other_beginning = |smaller, larger, root: Hash, hashes: Vec<Hash>| {
        let proof = crate::tlog::proof::ConsistencyProof::from_hashes(hashes);
        let contradiction = Contradiction::OtherBeginning { root, proof };
        Fork::prove(open(smaller), open(larger), contradiction).unwrap_err()
    };
    let (root, stranger) = (log.head(30).root(), record_hash(b"stranger"));
    assert_eq!(other_beginning(30, 60, root, vec![]), NotAFork::HeadsAgree);
    assert_eq!(
        other_beginning(60, 60, stranger, vec![]),
        NotAFork::WrongKind
    );
    assert_eq!(
        other_beginning(60, 30, stranger, vec![]),
        NotAFork::WrongKind
    );
    assert!(matches!(
        other_beginning(30, 60, stranger, vec![stranger; 6]),
        NotAFork::Unproven(_)
    ));
}

#[test]
fn a_claim_that_is_forgotten_is_not_proven_and_its_head_stays() {
    let log = Log::new(30);
    let mut session = log.session();
    for number in [3, 5] {
        session
            .see_lookup(&module(number), log.reply(number, 30).as_bytes())
            .unwrap();
    }
    session.forget(&module(3));
    let conclusion = log.conclude(&session).unwrap();
    let proven: Vec<_> = conclusion.records.keys().collect();
    assert_eq!(proven, [&module(5)]);
    assert!(conclusion.unproven.is_empty());
    assert_eq!(conclusion.head.unwrap().tree_head().size(), 30);
}

#[test]
fn heads_above_a_size_are_left_out_and_no_others() {
    let log = Log::new(50);
    let mut session = log.session();
    for size in [10, 20, 50] {
        session.see_head(log.note(size).as_bytes()).unwrap();
    }
    assert!(!session.ignore_heads_above(50));
    assert_eq!(session.seen_sizes(), [50, 20, 10]);
    assert!(session.ignore_heads_above(20));
    assert_eq!(session.seen_sizes(), [20, 10]);
}

#[test]
fn what_was_claimed_goes_on_with_a_timeline_that_has_moved() {
    let log = Log::new(50);
    let mut session = Session::new(log.timeline(&[10]), height());
    assert_eq!(session.newest_verified(), Ok(10));
    session
        .see_lookup(&module(3), log.reply(3, 20).as_bytes())
        .unwrap();
    session.rebase(log.timeline(&[10, 40]));
    assert_eq!(session.newest_verified(), Ok(40));
    let conclusion = log.conclude(&session).unwrap();
    assert_eq!(conclusion.head.unwrap().tree_head().size(), 40);
    assert_eq!(sizes(&conclusion.older_heads), [20]);
    assert_eq!(conclusion.records.len(), 1);
    assert_eq!(log.session().newest_verified(), Ok(0));
}

/// A record with these lines, alone in a log.
fn record_of(lines: &str) -> AuthenticRecord {
    let mut log = Log::new(1);
    log.records = vec![lines.to_owned()];
    let mut session = log.session();
    let name = ModuleVersion::new("example.com/m", "v1.0.0").unwrap();
    session
        .see_lookup(&name, log.reply(0, 1).as_bytes())
        .unwrap();
    let mut conclusion = log.conclude(&session).unwrap();
    conclusion.records.remove(&name).unwrap()
}

#[test]
fn of_lines_that_contradict_each_other_both_hashes_are_told() {
    let name = ModuleVersion::new("example.com/m", "v1.0.0").unwrap();
    let line = |flavour: &str| format!("example.com/m v1.0.0 {}\n", hash(0, "zip", flavour));
    let h1 = |flavour| H1::parse(&hash(0, "zip", flavour)).unwrap();
    let recorded = |flavours: &[&str]| {
        let lines: String = flavours.iter().map(|flavour| line(flavour)).collect();
        record_of(&lines).recorded_hash(&name, Kind::Zip)
    };
    assert_eq!(recorded(&["one"]), RecordedHash::One(h1("one")));
    assert_eq!(recorded(&["one", "one"]), RecordedHash::One(h1("one")));
    let several = RecordedHash::Several(h1("one"), h1("two"));
    assert_eq!(recorded(&["one", "two"]), several);
    assert_eq!(recorded(&["one", "one", "two", "one"]), several);

    let both = record_of(&(line("one") + &line("two")));
    for (of_the_line, recorded) in [("one", "two"), ("two", "one"), ("three", "one")] {
        assert_eq!(
            compare(&both, &name, Kind::Zip, &h1(of_the_line)),
            Comparison::Different {
                recorded: h1(recorded)
            }
        );
    }
}

#[test]
fn each_verdict_has_a_word_of_its_own() {
    let words: Vec<&str> = Verdict::BY_SEVERITY
        .iter()
        .map(|verdict| verdict.as_str())
        .collect();
    assert_eq!(
        words.join(" "),
        "mismatch pin-mismatch absent unavailable malformed unsupported-hash private pinned verified"
    );
}

#[test]
fn a_conclusion_is_complete_when_all_claims_are_proven_and_all_heads_tied() {
    let log = Log::new(50);
    let with = |heads: &[usize], withheld: &[&str]| {
        let mut session = log.session();
        for size in heads {
            session.see_head(log.note(*size).as_bytes()).unwrap();
        }
        session
            .see_lookup(&module(3), log.reply(3, 50).as_bytes())
            .unwrap();
        log.conclude_without(&session, withheld).unwrap()
    };
    assert!(with(&[50], &[]).is_complete());
    let unproven = with(&[50], &["tile/2/0/000"]);
    assert!(!unproven.is_complete());
    assert_eq!(
        (unproven.unproven.len(), unproven.untied_heads.len()),
        (1, 0)
    );
    // The tile with the right edge of the older tree.
    let untied = with(&[50, 22], &["tile/2/0/005"]);
    assert!(!untied.is_complete());
    assert_eq!((untied.unproven.len(), untied.untied_heads.len()), (0, 1));
}
