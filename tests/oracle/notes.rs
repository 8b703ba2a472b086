//! Verifier keys and signed notes.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ed25519_dalek::VerifyingKey;
use serde_json::json;
use sumcheck::tlog::note::{SignedNote, VerifierKey};

use crate::dice::Dice;
use crate::judge::{BASE64_OF_KEY, BASE64_OF_SIGNATURE, NO_POINT, Question, SMALL_ORDER, agree};
use crate::support::key::{Key, signature_line, verifier_key};
use crate::support::log::checkpoint_text;

const PIECES: [&str; 24] = [
    "\u{1b}",
    "\u{1f}",
    "\n",
    "\n\n",
    "\u{2014} ",
    " ",
    "+",
    "=",
    "==",
    "A",
    "B",
    "/",
    "sum.example.com",
    "\u{a0}",
    "\u{2028}",
    "\u{85}",
    "\t",
    "\r",
    "\u{0}",
    "é",
    "\u{2014} x AAAAAAA=\n",
    "-",
    "0",
    "\u{7f}",
];

/// Go's decoder minds neither the bits after the last byte nor, in keys, line ends.
const AS_GO_DECODES: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

fn decodes_in_go_alone(base64: &str) -> bool {
    let without_ends = base64.replace(['\r', '\n'], "");
    STANDARD.decode(base64).is_err() && AS_GO_DECODES.decode(without_ends).is_ok()
}

fn text(dice: &mut Dice) -> String {
    let root = dice.bytes();
    let checkpoint = checkpoint_text(dice.up_to_bits(63), &root);
    match dice.below(5) {
        0 => format!("{checkpoint}extension\n"),
        1 => "two\n\nparagraphs\n".to_owned(),
        2 => "\n".to_owned(),
        _ => checkpoint,
    }
}

/// A note that is right, or wrong in its signatures; the key is what it is opened with.
fn note(key: &Key, dice: &mut Dice) -> Vec<u8> {
    let text = text(dice);
    let right = key.signature_line(&text);
    let other = Key::new("other.example.com", "other").signature_line(&text);
    let wrong = signature_line(key.name(), key.id(), &dice.bytes::<64>());
    let short = signature_line(key.name(), key.id(), &dice.bytes::<63>());
    let unknown = signature_line(key.name(), dice.bytes(), &dice.bytes::<70>());
    let lines = match dice.below(12) {
        0 => [&right, &right].map(String::as_str).concat(),
        1 => [&right, &wrong].map(String::as_str).concat(),
        2 => [&wrong, &right].map(String::as_str).concat(),
        3 => [&other, &unknown, &right].map(String::as_str).concat(),
        4 => [&other, &unknown].map(String::as_str).concat(),
        5 => short,
        6 => [&right, &other.repeat(97 + dice.below(6))]
            .map(String::as_str)
            .concat(),
        7 => wrong,
        _ => right,
    };
    format!("{text}\n{lines}").into_bytes()
}

#[test]
fn notes_open_for_both_or_none() {
    let keys = ["sum.example.com", "a/b", "é"].map(|name| Key::new(name, "notes"));
    let mut dice = Dice::new(9);
    let question = |_| {
        let key = &keys[dice.below(keys.len())];
        let mut note = note(key, &mut dice);
        if !dice.one_in(3) {
            note = dice.damage_bytes(&note, &PIECES);
        }
        let vkey = VerifierKey::parse(&key.verifier_key()).unwrap();
        let opened = SignedNote::parse(&note)
            .ok()
            .and_then(|note| note.open(&vkey).ok());
        let odd_signature = String::from_utf8_lossy(&note)
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '))
            .any(|(_, base64)| decodes_in_go_alone(base64));
        Question {
            request: json!({"op": "open_note", "note_b64": STANDARD.encode(&note), "vkey": key.verifier_key()}),
            ours: opened.map(|note| json!({"text": note.text()})),
            excuse: odd_signature.then_some(BASE64_OF_SIGNATURE),
        }
    };
    agree(
        (0..10_000).map(question).collect(),
        [2000, 5000],
        &[BASE64_OF_SIGNATURE],
    );
}

fn why_a_key_is_refused(vkey: &str) -> Option<&'static str> {
    let base64 = vkey.splitn(3, '+').nth(2)?;
    if decodes_in_go_alone(base64) {
        return Some(BASE64_OF_KEY);
    }
    let bytes = STANDARD.decode(base64).ok()?;
    let key: &[u8; 32] = bytes.get(1..)?.try_into().ok()?;
    match VerifyingKey::from_bytes(key) {
        Err(_) => Some(NO_POINT),
        Ok(key) if key.is_weak() => Some(SMALL_ORDER),
        Ok(_) => None,
    }
}

#[test]
fn verifier_keys_are_read_alike() {
    let mut dice = Dice::new(10);
    let question = |_| {
        let name = dice.pick(&["sum.example.com", "a/b/c", "é", "x"]);
        let mut public = match dice.below(8) {
            0 => [0; 32],
            1 | 2 => dice.bytes(),
            _ => Key::new(name, &dice.number().to_string()).public(),
        };
        if dice.one_in(20) {
            public[0] = 1;
        }
        let mut vkey = verifier_key(name, &public);
        if !dice.one_in(3) {
            vkey = dice.damage(&vkey, &PIECES);
        }
        Question {
            request: json!({"op": "new_verifier", "vkey": vkey}),
            ours: VerifierKey::parse(&vkey).ok().map(|key| {
                assert_eq!(key.name(), vkey.split('+').next().unwrap());
                json!({"name": key.name(), "hash": key.id().to_string()})
            }),
            excuse: why_a_key_is_refused(&vkey),
        }
    };
    agree(
        (0..10_000).map(question).collect(),
        [2000, 5000],
        &[BASE64_OF_KEY, NO_POINT, SMALL_ORDER],
    );
}
