//! The texts of checkpoints, and replies to lookups.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sumcheck::sumdb::head::ORIGIN;
use sumcheck::sumdb::lookup::LookupReply;
use sumcheck::tlog::checkpoint::parse_tree_head;
use sumcheck::tlog::hash::EMPTY_ROOT as ROOT_OF_NOTHING;
use sumcheck::tlog::note::{SignedNote, VerifierKey};

use crate::dice::Dice;
use crate::judge::{
    BASE64, BLANK_LINE, EMPTY_ROOT, INDEX_FORM, INDEX_SIGN, LIMITS, LONG_CHECKPOINT, Question,
    agree, ask,
};
use crate::support::key::Key;
use crate::support::log::{checkpoint_text, go_sum_lines};

const PIECES: [&str; 24] = [
    "\u{1b}",
    "\u{1f}",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "0",
    "1",
    "9",
    "-",
    "+",
    " ",
    "_",
    "00",
    "=",
    "A",
    "/",
    "\u{0}",
    "\t",
    "é",
    "\u{7f}",
    "99999999999999999999",
    "x",
    "\u{a0}",
];

fn why_a_checkpoint_is_refused(text: &str) -> Option<&'static str> {
    let mut lines = text.split('\n').skip(1);
    let (size, root) = (lines.next()?, lines.next()?);
    let canonical = STANDARD.decode(root).is_ok();
    if !canonical {
        return Some(BASE64);
    }
    (size == "0" && root != ROOT_OF_NOTHING.to_string()).then_some(EMPTY_ROOT)
}

#[test]
fn checkpoints_are_read_alike() {
    let mut dice = Dice::new(11);
    let question = |_| {
        let root = match dice.below(8) {
            0 => *ROOT_OF_NOTHING.as_bytes(),
            _ => dice.bytes(),
        };
        let mut text = checkpoint_text(dice.up_to_bits(64), &root);
        if dice.one_in(4) {
            text += dice.pick(&["extension\n", "\n", "no end", "é\n\n"]);
        }
        if !dice.one_in(4) {
            text = dice.damage(&text, &PIECES);
        }
        Question {
            request: json!({"op": "parse_tree", "text_b64": STANDARD.encode(&text)}),
            ours: parse_tree_head(&text, ORIGIN)
                .ok()
                .map(|head| json!({"size": head.size(), "root": head.root().to_string()})),
            excuse: why_a_checkpoint_is_refused(&text),
        }
    };
    agree(
        (0..10_000).map(question).collect(),
        [2500, 5000],
        &[BASE64, EMPTY_ROOT],
    );
}

fn why_a_reply_is_refused(reply: &[u8]) -> Option<&'static str> {
    let line = reply.iter().position(|byte| *byte == b'\n')?;
    let (index, rest) = reply.split_at(line);
    let index = std::str::from_utf8(index).ok()?;
    let number: i64 = index.parse().ok()?;
    if number < 0 {
        return Some(INDEX_SIGN);
    }
    if number.to_string() != index {
        return Some(INDEX_FORM);
    }
    rest.starts_with(b"\n\n").then_some(BLANK_LINE)
}

#[test]
fn lookup_replies_are_read_alike() {
    let key = Key::new("sum.example.com", "heads");
    let mut dice = Dice::new(12);
    let question = |_| {
        let index = match dice.below(8) {
            0 => format!("-{}", dice.up_to_bits(10)),
            1 => format!("0{}", dice.up_to_bits(10)),
            _ => dice.up_to_bits(64).to_string(),
        };
        let module = dice.pick(&["example.com/m", "é", "a b", "\n", "\n\nx"]);
        let text = go_sum_lines(module, "v1.0.0", 0);
        let note = key.sign(&checkpoint_text(7, &[7; 32]));
        let mut reply = [format!("{index}\n{text}\n").into_bytes(), note].concat();
        if dice.one_in(3) {
            // Near the start, where the reply has its shape.
            let tail = reply.split_off(dice.below(60));
            reply = [dice.damage_bytes(&reply, &PIECES), tail].concat();
        } else if dice.one_in(2) {
            reply = dice.damage_bytes(&reply, &PIECES);
        }
        Question {
            ours: LookupReply::parse(&reply).ok().map(|parsed| {
                let note = STANDARD.encode(parsed.note);
                json!({"id": parsed.index, "text": parsed.text.as_str(), "tree_msg_b64": note})
            }),
            excuse: why_a_reply_is_refused(&reply),
            request: json!({"op": "parse_record", "reply_b64": STANDARD.encode(&reply)}),
        }
    };
    let expected = [INDEX_FORM, INDEX_SIGN, BLANK_LINE];
    agree((0..10_000).map(question).collect(), [3000, 1200], &expected);
}

/// A reply whose record has so many bytes.
fn reply(record_bytes: usize) -> Question {
    let reply = format!("7\n{}\n\nnote\n", "a".repeat(record_bytes - 1));
    Question {
        request: json!({"op": "parse_record", "reply_b64": STANDARD.encode(&reply)}),
        ours: LookupReply::parse(reply.as_bytes())
            .ok()
            .map(|reply| json!({"id": reply.index, "text": reply.text.as_str()})),
        excuse: (record_bytes > 1 << 16).then_some(LIMITS),
    }
}

/// A note whose text has so many bytes, and whether it opens.
fn note(text_bytes: usize) -> Question {
    let key = Key::new("sum.example.com", "heads");
    let note = key.sign(&("a".repeat(text_bytes - 1) + "\n"));
    let vkey = VerifierKey::parse(&key.verifier_key()).unwrap();
    let opened = SignedNote::parse(&note)
        .ok()
        .and_then(|note| note.open(&vkey).ok());
    Question {
        request: json!({"op": "open_note", "note_b64": STANDARD.encode(&note), "vkey": key.verifier_key()}),
        ours: opened.map(|note| json!({"text": note.text()})),
        excuse: (note.len() > 1 << 20).then_some(LIMITS),
    }
}

#[test]
fn what_is_longer_than_the_limits_is_refused_here_alone() {
    let replies = [1 << 15, 1 << 16, (1 << 16) + 1, 1 << 20].map(reply);
    let notes = [1 << 18, (1 << 20) - 300, 1 << 20, 1 << 21].map(note);
    let questions = replies.into_iter().chain(notes).collect();
    agree(questions, [4, 0], &[LIMITS]);
}

#[test]
fn a_checkpoint_with_long_extensions_is_refused_by_xmod_alone() {
    let text = checkpoint_text(7, &[7; 32]) + &"a".repeat(1_000_000) + "\n";
    assert_eq!(parse_tree_head(&text, ORIGIN).unwrap().size(), 7);
    let request = json!({"op": "parse_tree", "text_b64": STANDARD.encode(&text)});
    let Some(answers) = ask(&[request]) else {
        return;
    };
    assert_eq!(answers[0]["ok"], false, "{LONG_CHECKPOINT}");
}
