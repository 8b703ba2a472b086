//! Notes and checkpoints that no honest log has signed, and some that it may have.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::attack::Case;
use crate::support::key::{Key, signature_line};
use crate::support::layers::*;
use crate::support::log::{NAME, SEED, TestLog, checkpoint_text};

fn log() -> TestLog {
    TestLog::with_records(3)
}

/// The text of the newest head with its final newline, and the signature lines.
fn text_and_signature(log: &TestLog) -> (String, String) {
    let text = checkpoint_text(log.size(), &log.root_at(log.size()));
    let line = log.key().signature_line(&text);
    (text, line)
}

/// As /latest and in each lookup: exit 3, and nothing of it is kept.
#[track_caller]
fn refused(log: &TestLog, what: &str, note: impl Into<Vec<u8>>) {
    let note = note.into();
    let ended = Case::new(log, 0..1).attack(replace("/latest", note.clone()));
    assert_eq!(
        ended.outcome.code, 3,
        "{what} at /latest: {:?}",
        ended.outcome
    );
    ended.expect(3).says("(/latest)").then_honest();
    let ended = Case::new(log, 0..1).attack(head_in_lookups(note));
    assert_eq!(
        ended.outcome.code, 3,
        "{what} in a lookup: {:?}",
        ended.outcome
    );
    ended.expect(3).says("unavailable").then_honest();
}

#[test]
fn signatures_that_are_not_the_logs_are_refused() {
    let log = log();
    let (text, line) = text_and_signature(&log);
    let other = Key::new(NAME, "another seed");
    let same_id = |signature: &[u8]| signature_line(NAME, log.key().id(), signature);
    let mut signature = STANDARD
        .decode(line.trim_end().rsplit_once(' ').unwrap().1)
        .unwrap();
    signature.drain(..4);
    let mut non_canonical = signature.clone();
    add_group_order(&mut non_canonical[32..]);
    let other_name = Key::new("sum.example.org", SEED);
    for (what, lines) in [
        ("another key of the same name", other.signature_line(&text)),
        (
            "another key under the log's key id",
            same_id(
                &STANDARD
                    .decode(
                        other
                            .signature_line(&text)
                            .trim_end()
                            .rsplit_once(' ')
                            .unwrap()
                            .1,
                    )
                    .unwrap()[4..],
            ),
        ),
        (
            "the log's key under another name",
            other_name.signature_line(&text),
        ),
        ("a non-canonical S", same_id(&non_canonical)),
        ("a zero signature", same_id(&[0; 64])),
        ("a short signature", same_id(&signature[..63])),
        (
            "a long signature",
            same_id(&[&signature[..], &[0]].concat()),
        ),
        (
            "a signature of another text",
            log.key().signature_line("other\n"),
        ),
        (
            "a good signature and a bad one of the same key",
            format!("{}{line}", same_id(&[0; 64])),
        ),
        (
            "more signatures than the limit",
            Key::new("w.example.com", "w")
                .signature_line(&text)
                .repeat(100)
                + &line,
        ),
        ("no signature", String::new()),
    ] {
        refused(&log, what, format!("{text}\n{lines}"));
    }
}

/// Adds the order of the group, little-endian (RFC 8032 section 5.1): the same signature to a
/// verifier that does not look.
fn add_group_order(scalar: &mut [u8]) {
    let order =
        hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0;
    for (byte, add) in scalar.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

#[test]
fn notes_that_are_not_in_form_are_refused() {
    let log = log();
    let (text, line) = text_and_signature(&log);
    let note = format!("{text}\n{line}");
    let crlf = note.replace('\n', "\r\n");
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("no final newline", note.trim_end().into()),
        ("bytes after it", format!("{note}x").into()),
        ("a blank line after it", format!("{note}\n").into()),
        ("CRLF", crlf.into()),
        ("a byte order mark", format!("\u{feff}{note}").into()),
        ("no blank line", format!("{text}{line}").into()),
        (
            "a hyphen for the dash",
            note.replace('\u{2014}', "-").into(),
        ),
        ("not UTF-8", [note.as_bytes(), b"\xff\n"].concat()),
        (
            "a control character",
            log.key().sign(&format!("{text}\x1b[2J\n")),
        ),
        ("NUL", log.key().sign(&format!("{text}\0\n"))),
        ("a megabyte", note.repeat(8000).into()),
    ] {
        refused(&log, what, bytes);
    }
}

#[test]
fn texts_that_the_log_signed_and_that_are_no_checkpoint_are_refused() {
    let log = log();
    let (text, _) = text_and_signature(&log);
    let root = STANDARD.encode(log.root_at(3));
    let with_size = |size: &str| text.replacen("\n3\n", &format!("\n{size}\n"), 1);
    let with_root = |root: &str| format!("go.sum database tree\n3\n{root}\n");
    for (what, text) in [
        ("another origin", text.replace("go.sum", "go.work")),
        (
            "the log's name as origin",
            text.replace("go.sum database tree", NAME),
        ),
        ("a leading zero", with_size("03")),
        ("a plus", with_size("+3")),
        ("a minus", with_size("-3")),
        ("white space", with_size(" 3")),
        ("2^63", with_size("9223372036854775808")),
        ("2^64 and 3", with_size("18446744073709551619")),
        ("hexadecimal", with_size("0x3")),
        ("no size", with_size("")),
        ("a short root", with_root(&STANDARD.encode([0; 31]))),
        ("a long root", with_root(&STANDARD.encode([0; 33]))),
        (
            "a root without padding",
            with_root(root.trim_end_matches('=')),
        ),
        ("no root", "go.sum database tree\n3\n".to_owned()),
        ("something else", "hello\n".to_owned()),
    ] {
        refused(&log, what, log.key().sign(&text));
    }
}

/// A head of no records, or of very many, is signed and proves nothing.
#[test]
fn heads_of_sizes_that_cannot_be_right_verify_nothing_and_accuse_nobody() {
    let log = log();
    for size in [4, 256, 1 << 40, (1 << 62) + 1, (1 << 63) - 1] {
        let note = log.key().sign(&checkpoint_text(size, &[7; 32]));
        Case::new(&log, 0..1)
            .attack(replace("/latest", note.clone()))
            .expect(3)
            .then_honest();
        Case::new(&log, 0..1)
            .attack(head_in_lookups(note))
            .expect(3)
            .then_honest();
    }
    let empty = log.key().sign(&checkpoint_text(0, &log.root_at(0)));
    Case::new(&log, 0..1)
        .attack(replace("/latest", empty))
        .expect(0)
        .then_honest();
    let wrongly_empty = log.key().sign(&checkpoint_text(0, &[7; 32]));
    let ended = Case::new(&log, 0..1).attack(replace("/latest", wrongly_empty));
    assert_ne!(ended.outcome.code, 0, "{:?}", ended.outcome);
}

#[test]
fn a_hundred_signatures_and_extension_lines_are_fine() {
    let log = log();
    let (text, _) = text_and_signature(&log);
    let text = format!("{text}an extension\nanother\n");
    let witness = Key::new("w.example.com", "w")
        .signature_line(&text)
        .repeat(99);
    let note = format!("{text}\n{witness}{}", log.key().signature_line(&text));
    Case::new(&log, 0..1)
        .attack(replace("/latest", note.clone()))
        .expect(0)
        .then_honest();
    Case::new(&log, 0..1)
        .attack(head_in_lookups(note.into()))
        .expect(0)
        .then_honest();
}
