//! Keys that nobody should trust as a log's: a signature by them says nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use crate::attack::{Case, for_each, then_honest, verify};
use crate::support::key::{key_id, signature_line, verifier_key};
use crate::support::layers::*;
use crate::support::log::{NAME, TestLog, checkpoint_text};
use crate::support::response::Response;
use crate::support::server::Serving;

/// All encodings of the eight points whose order divides 8, computed from the curve's equation:
/// y or y + p where that fits into 255 bits, and with x = 0 either sign. RFC 8032 section 5.1.3
/// allows the first, third, fifth to ninth and tenth alone; a decoder that is not strict, all.
const SMALL_ORDER: [&str; 14] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

fn point(hex_digits: &str) -> [u8; 32] {
    hex::decode(hex_digits).unwrap().try_into().unwrap()
}

/// R is the neutral element, and S is 0: whoever has no private key can write it.
fn signature_of_nobody() -> [u8; 64] {
    let mut signature = [0; 64];
    signature[0] = 1;
    signature
}

/// A head's text for which the signature of nobody holds under this key: with a point of order 8
/// one text in eight will do.
fn text_that_nobody_signed(log: &TestLog, public: &[u8; 32]) -> String {
    let head = checkpoint_text(log.size(), &log.root_at(log.size()));
    let signature = Signature::from_bytes(&signature_of_nobody());
    let text = |n: u32| format!("{head}{n}\n");
    let Ok(key) = VerifyingKey::from_bytes(public) else {
        return text(0);
    };
    (0..1000)
        .map(text)
        .find(|text| key.verify(text.as_bytes(), &signature).is_ok())
        .expect("plain verification takes one text in eight")
}

#[test]
fn a_key_of_small_order_is_refused_before_any_request() {
    let log = TestLog::with_records(3);
    for_each(&SMALL_ORDER, |digits| {
        let public = point(digits);
        let text = text_that_nobody_signed(&log, &public);
        let line = signature_line(NAME, key_id(NAME, &public), &signature_of_nobody());
        let note = format!("{text}\n{line}");
        let heads = head_in_lookups(note.clone().into_bytes());
        let serving = log.serve().layer(heads).layer(replace("/latest", note));
        let server = serving.start();
        let case = Case::new(&log, 0..1);
        let outcome = verify(&case.home, &log, &server, &case.go_sum)
            .sumdb(&verifier_key(NAME, &public))
            .run()
            .expect_code(2);
        assert!(
            outcome
                .stderr
                .contains("the verifier key is not a sound Ed25519 key"),
            "{digits}: {outcome:?}"
        );
        assert_eq!(server.requests().len(), 0, "{digits}");
        then_honest(&case);
    });
}

#[test]
fn a_signature_that_holds_under_a_key_of_small_order_does_not_under_the_logs() {
    let log = TestLog::with_records(3);
    for_each(&SMALL_ORDER, |digits| {
        let public = point(digits);
        let text = text_that_nobody_signed(&log, &public);
        for id in [log.key().id(), key_id(NAME, &public)] {
            let note = format!(
                "{text}\n{}",
                signature_line(NAME, id, &signature_of_nobody())
            );
            let latest = replace("/latest", note.clone());
            let ended = Case::new(&log, 0..1).attack(latest);
            ended.expect(3).says("(/latest)").then_honest();
            let ended = Case::new(&log, 0..1).attack(head_in_lookups(note.into_bytes()));
            let ended = ended.expect(3);
            assert_eq!(ended.verdicts(), ["unavailable"; 2], "{digits}");
            ended.then_honest();
        }
    });
}

#[test]
fn what_is_no_verifier_key_is_refused_before_any_request() {
    let log = TestLog::with_records(3);
    let honest = log.verifier_key();
    // The key's own base64 may have a plus as well.
    let [name, id, key] = honest.splitn(3, '+').collect::<Vec<_>>()[..] else {
        panic!("{honest}")
    };
    let typed = STANDARD.decode(key).unwrap();
    let with_key = |name: &str, typed: &[u8]| {
        use sha2::Digest;
        let id = sha2::Sha256::digest([name.as_bytes(), b"\n", typed].concat());
        format!(
            "{name}+{}+{}",
            hex::encode(&id[..4]),
            STANDARD.encode(typed)
        )
    };
    assert_eq!(with_key(name, &typed), honest);
    let with_type = |kind: u8| [&[kind], &typed[1..]].concat();
    // 2 is the y of no point.
    let no_point = [&[1, 2][..], &[0; 31]].concat();
    let server = Serving::new(|_| Response::ok("")).start();
    let case = Case::new(&log, 0..1);
    for (what, verifier_key) in [
        ("another name", honest.replacen(NAME, "sum.example.org", 1)),
        ("another id", format!("{name}+00000000+{key}")),
        ("a short id", format!("{name}+{}+{key}", &id[..6])),
        ("a long id", format!("{name}+{id}00+{key}")),
        ("no id", format!("{name}+{key}")),
        ("no key", format!("{name}+{id}")),
        ("an empty key", with_key(name, &[])),
        ("a type alone", with_key(name, &[1])),
        ("31 bytes", with_key(name, &typed[..32])),
        ("33 bytes", with_key(name, &[&typed[..], &[0]].concat())),
        ("type 0", with_key(name, &with_type(0))),
        (
            "a timestamped cosignature's type",
            with_key(name, &with_type(4)),
        ),
        ("no point of the curve", with_key(name, &no_point)),
        ("a stray character", honest.clone() + "!"),
        (
            "a name with a space in it",
            honest.replacen("sum.", "sum .", 1),
        ),
        ("a name that leads elsewhere", with_key("../../etc", &typed)),
    ] {
        let run = verify(&case.home, &log, &server, &case.go_sum);
        let outcome = run.sumdb(&verifier_key).run();
        assert_eq!(outcome.code, 2, "{what}: {outcome:?}");
        assert!(outcome.stderr.contains("GOSUMDB"), "{what}: {outcome:?}");
    }
    assert_eq!(server.requests().len(), 0);
    then_honest(&case);
}
