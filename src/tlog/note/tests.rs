//! Notes by keys of our own, and all the ways in which one can be wrong.
#![allow(clippy::arithmetic_side_effects)]

use ed25519_dalek::{Signer, SigningKey};

use super::*;

const TEXT: &str = "a text\nof two lines\n";

struct TestKey(SigningKey, &'static str);

impl TestKey {
    fn new(seed: u8, name: &'static str) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]), name)
    }

    fn typed(&self) -> Vec<u8> {
        [&[ED25519][..], self.0.verifying_key().as_bytes()].concat()
    }

    fn id(&self) -> KeyId {
        KeyId::of(self.1, &self.typed())
    }

    fn verifier(&self) -> VerifierKey {
        let text = format!("{}+{}+{}", self.1, self.id(), STANDARD.encode(self.typed()));
        VerifierKey::parse(&text).unwrap()
    }

    fn line(&self, text: &str) -> String {
        line(self.1, self.id(), &self.0.sign(text.as_bytes()).to_bytes())
    }

    fn note(&self, text: &str) -> String {
        format!("{text}\n{}", self.line(text))
    }
}

fn line(name: &str, id: KeyId, signature: &[u8]) -> String {
    format!(
        "\u{2014} {name} {}\n",
        STANDARD.encode([&id.0[..], signature].concat())
    )
}

fn log() -> TestKey {
    TestKey::new(1, "log.example")
}

fn open(note: &str) -> Result<OpenedNote, OpenError> {
    SignedNote::parse(note.as_bytes())
        .unwrap()
        .open(&log().verifier())
}

fn parse_error(note: &[u8]) -> NoteError {
    SignedNote::parse(note).unwrap_err()
}

#[test]
fn a_signed_text_opens_among_signatures_of_strangers() {
    let note = log().note(TEXT);
    let opened = open(&note).unwrap();
    assert_eq!((opened.text(), opened.as_str()), (TEXT, note.as_str()));

    let witness = TestKey::new(2, "witness.example").line(TEXT);
    let unknown = line(
        "other.example",
        KeyId([1, 2, 3, 4]),
        b"no signature we know",
    );
    let note = format!("{TEXT}\n{witness}{unknown}{}", log().line(TEXT));
    assert_eq!(open(&note).unwrap().text(), TEXT);
}

#[test]
fn a_text_may_hold_blank_lines() {
    let text = "first\n\nsecond\n";
    assert_eq!(open(&log().note(text)).unwrap().text(), text);
}

#[test]
fn another_key_of_the_same_name_does_not_open_it() {
    let error = open(&TestKey::new(2, "log.example").note(TEXT)).unwrap_err();
    assert!(matches!(error, OpenError::NotSignedBy { .. }));
    assert!(
        error
            .to_string()
            .starts_with("the note is not signed by log.example (key ")
    );
}

#[test]
fn another_key_under_the_same_id_does_not_open_it() {
    let forged = SigningKey::from_bytes(&[9; 32])
        .sign(TEXT.as_bytes())
        .to_bytes();
    let note = format!("{TEXT}\n{}", line("log.example", log().id(), &forged));
    let error = open(&note).unwrap_err();
    assert!(matches!(error, OpenError::WrongSignature { .. }));
    assert!(
        error
            .to_string()
            .starts_with("the note's signature by log.example (key ")
    );
}

#[test]
fn of_two_signatures_by_the_key_the_first_counts() {
    let wrong = line("log.example", log().id(), &[0; 64]);
    let right = log().line(TEXT);
    assert!(open(&format!("{TEXT}\n{right}{wrong}")).is_ok());
    assert!(open(&format!("{TEXT}\n{wrong}{right}")).is_err());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let note = log().note(TEXT).into_bytes();
    for position in 0..note.len() {
        for bit in 0..8 {
            let mut altered = note.clone();
            altered[position] ^= 1 << bit;
            let opened = SignedNote::parse(&altered).map(|note| note.open(&log().verifier()));
            assert!(!matches!(opened, Ok(Ok(_))), "bit {bit} of byte {position}");
        }
    }
}

#[test]
fn a_signature_with_a_larger_scalar_is_another_signature() {
    // S and S + L verify alike by the equation alone; RFC 8032 section 5.1.7 asks for S < L.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut signature = log().0.sign(TEXT.as_bytes()).to_bytes();
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    let note = format!("{TEXT}\n{}", line("log.example", log().id(), &signature));
    assert!(matches!(open(&note), Err(OpenError::WrongSignature { .. })));
}

#[test]
fn signatures_of_the_wrong_length_do_not_verify() {
    let signature = log().0.sign(TEXT.as_bytes()).to_bytes();
    for cut in [
        &signature[..1],
        &signature[..63],
        &[&signature[..], &[0]].concat(),
    ] {
        let note = format!("{TEXT}\n{}", line("log.example", log().id(), cut));
        assert!(matches!(open(&note), Err(OpenError::WrongSignature { .. })));
    }
}

#[test]
fn what_is_not_a_note_says_what_is_wrong() {
    let good = log().note(TEXT);
    let signature = log().line(TEXT);
    let many = |count: usize| format!("{TEXT}\n{}", signature.repeat(count));
    assert!(open(&many(MAX_SIGNATURES)).is_ok());
    for (note, error) in [
        (Vec::new(), NoteError::NoSignatures),
        (TEXT.into(), NoteError::NoSignatures),
        (format!("{TEXT}\n").into(), NoteError::NoSignatures),
        (good.trim_end().into(), NoteError::NoSignatures),
        (good.replace('\n', "\r\n").into(), NoteError::NotText),
        (good.replace("two", "t\0o").into(), NoteError::NotText),
        (good.replace("two", "t\x1bo").into(), NoteError::NotText),
        ([good.as_bytes(), &[0xff]].concat(), NoteError::NotText),
        (format!("{good}\n").into(), NoteError::NoSignatures),
        (
            format!("{good}trailing\n").into(),
            NoteError::MalformedSignature,
        ),
        (
            good.replace('\u{2014}', "-").into(),
            NoteError::MalformedSignature,
        ),
        (
            good.replace("log.example", "log+example").into(),
            NoteError::MalformedSignature,
        ),
        (
            format!("{TEXT}\n\u{2014} log.example AQIDBA==\n").into(),
            NoteError::MalformedSignature,
        ),
        (
            format!("{TEXT}\n\u{2014} log.example AQIDBAU\n").into(),
            NoteError::MalformedSignature,
        ),
        (
            many(MAX_SIGNATURES + 1).into(),
            NoteError::TooManySignatures,
        ),
        (vec![b'a'; MAX_NOTE_BYTES + 1], NoteError::TooLong),
    ] {
        assert_eq!(
            parse_error(&note),
            error,
            "{:?}",
            String::from_utf8_lossy(&note)
        );
    }
    assert_eq!(
        parse_error(b"hello").to_string(),
        "not a signed note: a text, a blank line and signature lines were expected"
    );
}

#[test]
fn the_public_logs_key_is_read_and_written_alike() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let key = VerifierKey::parse(text).unwrap();
    assert_eq!(
        (key.name(), key.id().to_string()),
        ("sum.golang.org", "033de0ae".to_owned())
    );
    assert_eq!(key.to_string(), text);
}

#[test]
fn a_key_that_is_none_says_why() {
    use VerifierKeyError::{Malformed, UnknownAlgorithm, WeakKey, WrongId};
    let typed_with = |typed: &[u8]| {
        format!(
            "log.example+{}+{}",
            KeyId::of("log.example", typed),
            STANDARD.encode(typed)
        )
    };
    let good = log().typed();
    for (text, error) in [
        (String::new(), Malformed),
        ("log.example".into(), Malformed),
        ("log.example+033de0ae".into(), Malformed),
        ("log.example+033de0ae+!".into(), Malformed),
        ("log.example+33de0ae+AQ==".into(), Malformed),
        ("log.example+033de0aeff+AQ==".into(), Malformed),
        ("+033de0ae+AQ==".into(), Malformed),
        ("log example+033de0ae+AQ==".into(), Malformed),
        (typed_with(&good).replace("log.", "lag."), WrongId),
        (typed_with(&[]), Malformed),
        (typed_with(&good[..32]), Malformed),
        (typed_with(&[&[2], &good[1..]].concat()), UnknownAlgorithm),
        // The neutral element and a point of order 8: any message has a signature under them.
        (typed_with(&[&[1, 1][..], &[0; 31]].concat()), WeakKey),
        (
            typed_with(&[&[1][..], &SMALL_ORDER_POINT].concat()),
            WeakKey,
        ),
        (typed_with(&[&[1, 2][..], &[0; 31]].concat()), WeakKey),
    ] {
        assert_eq!(VerifierKey::parse(&text).unwrap_err(), error, "{text}");
    }
}

const SMALL_ORDER_POINT: [u8; 32] = [
    0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
    0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
];

#[test]
fn the_longest_note_is_one() {
    let signature = "x".len() + log().line("").len();
    let text = format!("{}\n", "x".repeat(MAX_NOTE_BYTES - signature - "\n".len()));
    let note = log().note(&text);
    assert_eq!(note.len(), MAX_NOTE_BYTES);
    assert_eq!(open(&note).unwrap().text(), text);
    assert_eq!(
        parse_error(format!("x{note}").as_bytes()),
        NoteError::TooLong
    );
}

#[test]
fn keys_are_shown_as_they_are_written() {
    let key = log().verifier();
    assert_eq!(format!("{key:?}"), format!("VerifierKey({key})"));
    assert_eq!(format!("{:?}", key.id()), format!("KeyId({})", key.id()));
}
