//! Thousands of damaged archives: whatever of them is still accepted means the same to all.

use crate::archive::{Archive, File};
use crate::dice::Dice;
use crate::judges::agree;

const ROUNDS: usize = 6_000;

/// Small archives of all forms that are accepted.
fn seeds() -> Vec<Archive> {
    let go_mod: &[u8] = b"module example.com/m\n";
    let a: &[u8] = b"package a\n\nconst A = `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`\n";
    let go = Archive::of(&[("go.mod", go_mod), ("a.go", a), ("sub/\u{e9}.go", b"")]);
    let stored = vec![File::stored("go.mod", go_mod), File::stored("empty", b"")];
    let sized = vec![File::sized("LICENSE", a), File::sized("x/y/z", b"")];
    let mut mixed = vec![
        File::new("a.go", a),
        File::stored("b.go", a),
        File::sized("c.go", a),
    ];
    mixed[0].descriptor.as_mut().unwrap().signed = false;
    mixed[1].extra = b"UT\x05\x00\x01\x02\x03\x04\x05".to_vec();
    let mut mixed = Archive::sealed(mixed);
    mixed.central[0].attributes = 0o100_644 << 16;
    vec![
        go,
        Archive::sealed(stored),
        Archive::sealed(sized),
        mixed,
        Archive::of(&[]),
    ]
}

/// Damages the bytes as a broken disk or a hostile writer would.
fn mutate(dice: &mut Dice, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(60)).min(bytes.len());
        let from = dice.below(other.len());
        let until = (from + dice.below(60)).min(other.len());
        match dice.below(8) {
            0..=2 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            3 if at < bytes.len() => bytes[at] = [0, 1, 8, 0xff][dice.below(4)],
            4 => drop(bytes.drain(at..end)),
            5 => bytes.extend_from_within(at..end),
            6 => drop(bytes.splice(at..at, other[from..until].iter().copied())),
            7 => drop(bytes.splice(at..end, other[from..until].iter().copied())),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Damages a part and lets the later parts agree with it, so that more than the first check sees
/// it.
fn mutate_parts(dice: &mut Dice, mut archive: Archive, other: &Archive) -> Archive {
    let files = archive.files.len();
    if files > 0 {
        let at = dice.below(files);
        let file = &mut archive.files[at];
        match dice.below(10) {
            0 => file.data = mutate(dice, file.data.clone(), b"\0\x01PK"),
            1 => file.header.flags ^= 1 << dice.below(16),
            2 => file.header.method = [0, 8, 9, 12][dice.below(4)],
            3 => file.extra = mutate(dice, file.extra.clone(), b"UT\x05\0\x01\x02\x03\x04\x05"),
            4 => file.name = mutate(dice, file.name.clone(), b"/../go.modA"),
            5 => file.header.modified = dice.number() as u32,
            6 => file.header.version = dice.below(64) as u16,
            7 => file.before = other.bytes(),
            8 => archive.files.push(archive.files[at].clone()),
            _ => archive.files.extend(other.files.iter().cloned()),
        }
        archive.seal();
    }
    for central in &mut archive.central {
        match dice.below(8) {
            0 => central.attributes = dice.number() as u32 & 0x81b6_0027,
            1 => central.comment = b"c".to_vec(),
            2 => central.offset ^= 1 << dice.below(32),
            3 => central.extra = b"\x0a\0\x04\0\0\0\0\0".to_vec(),
            _ => {}
        }
    }
    if dice.one_in(4) {
        archive.seal_end();
    }
    archive
}

#[test]
fn what_is_accepted_means_the_same_to_all() {
    let mut dice = Dice::new(20);
    let seeds = seeds();
    let mut archives: Vec<Vec<u8>> = seeds.iter().map(Archive::bytes).collect();
    assert_eq!(agree(&archives), archives.len());
    for round in 0..ROUNDS {
        let seed = &seeds[dice.below(seeds.len())];
        let other = &seeds[dice.below(seeds.len())];
        archives.push(if round % 2 == 0 {
            mutate(&mut dice, seed.bytes(), &other.bytes())
        } else {
            mutate_parts(&mut dice, seed.clone(), other).bytes()
        });
    }
    let accepted = agree(&archives);
    assert!(accepted > 200, "only {accepted} of {ROUNDS} were accepted");
    assert!(
        accepted < ROUNDS / 2,
        "{accepted} of {ROUNDS} were accepted"
    );
}

#[test]
fn a_single_flipped_bit_means_the_same_to_all() {
    for seed in seeds() {
        let bytes = seed.bytes();
        let flipped = (0..bytes.len() * 8).map(|bit| {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        agree(&flipped.collect::<Vec<_>>());
    }
}
