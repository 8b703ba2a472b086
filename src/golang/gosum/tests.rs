use super::*;

const H: &str = "h1:G7mAYYxgmS0lVkHyy2hEOLQCFB0DlQFTMLWggykrydY=";

fn parse(text: &str) -> GoSum {
    GoSum::parse(text.as_bytes()).unwrap()
}

/// The only malformed line beside a good one, as `line:column: reason`.
fn malformed(text: &str) -> String {
    let sum = parse(&format!("{text}\na.b/good v1.0.0 {H}\n"));
    assert_eq!(sum.lines.len(), 1, "the good line is still read");
    let [bad] = sum.malformed.as_slice() else {
        panic!("{:?}", sum.malformed);
    };
    format!("{}:{}: {}", bad.line, bad.column, bad.reason)
}

fn not_go_sum(text: &[u8]) -> String {
    GoSum::parse(text).unwrap_err().to_string()
}

#[test]
fn each_entry_keeps_its_place() {
    let text = format!("\na.b/c v1.0.0 {H}\r\n\n  a.b/c\tv1.0.0/go.mod  {H}");
    let sum = parse(&text);
    let [zip, go_mod] = sum.lines.as_slice() else {
        panic!("{sum:?}");
    };
    assert_eq!((zip.kind, go_mod.kind), (Kind::Zip, Kind::GoMod));
    assert_eq!(zip.module, go_mod.module);
    assert_eq!(zip.module.to_string(), "a.b/c@v1.0.0");
    assert_eq!(zip.hash, LineHash::H1(H1::EMPTY_GO_MOD));
    assert_eq!((zip.line, zip.module_column, zip.hash_column), (2, 1, 14));
    assert_eq!(
        (go_mod.line, go_mod.module_column, go_mod.hash_column),
        (4, 3, 24)
    );
    assert_eq!(text[zip.bytes.clone()], format!("a.b/c v1.0.0 {H}"));
    assert_eq!(
        text[go_mod.bytes.clone()],
        format!("  a.b/c\tv1.0.0/go.mod  {H}")
    );
    assert_eq!(sum.blank_lines, 2);
}

#[test]
fn white_space_is_what_it_is_to_go() {
    let text = format!("\u{2003}a.b/c\u{a0}v1.0.0\u{3000}\u{85}{H}\u{b}\u{c}\r");
    let sum = parse(&text);
    let [entry] = sum.lines.as_slice() else {
        panic!("{sum:?}");
    };
    assert_eq!((entry.module_column, entry.hash_column), (2, 16));
    let zero_width = format!("a.b/c\u{200b} v1.0.0 {H}");
    assert!(malformed(&zero_width).starts_with("1:1: module path"));
}

#[test]
fn repeated_lines_are_all_there() {
    let line = format!("a.b/c v1.0.0 {H}\n");
    let sum = parse(&line.repeat(3));
    assert_eq!(
        sum.lines.iter().map(|l| l.line).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[test]
fn a_blank_file_has_no_lines() {
    for (text, blank) in [("", 0), ("\n", 1), (" \r\n\t\n\u{a0}", 3)] {
        let sum = parse(text);
        assert_eq!((sum.lines.len(), sum.malformed.len()), (0, 0));
        assert_eq!(sum.blank_lines, blank);
    }
}

#[test]
fn what_is_shared_with_the_line_before_is_checked_all_the_same() {
    let sum = parse(&format!(
        "a.b/c v1.0.0 {H}\na.b/c v2.0.0 {H}\na.b/c v1.0.0x {H}\na.b/c v1.1.0 {H}\n"
    ));
    assert_eq!(sum.lines.len(), 2);
    let reasons: Vec<_> = sum.malformed.iter().map(|m| m.reason.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "module \"a.b/c\" has versions v0, v1 or marked +incompatible, and not \"v2.0.0\"",
            "version \"v1.0.0x\" is not three numbers without leading zeros: write it as in v1.2.3",
        ]
    );
}

#[test]
fn a_line_without_three_fields_is_malformed() {
    assert_eq!(
        malformed("a.b/c v1.0.0  "),
        "1:13: the line has 2 fields where go.sum has three: module, version, hash"
    );
    assert_eq!(
        malformed(&format!("a.b/c v1.0.0 {H} é // comment")),
        "1:62: the line has 6 fields where go.sum has three: module, version, hash"
    );
    assert!(malformed("word").starts_with("1:5: the line has 1 fields"));
    assert!(malformed("<<<<<<< HEAD").starts_with("1:13: the line has 2 fields"));
}

#[test]
fn a_malformed_module_points_at_the_field_that_is_wrong() {
    assert_eq!(
        malformed(&format!(" fmt v1.0.0 {H}")),
        "1:2: module path \"fmt\" has no dot in its first element: it begins with a domain name \
         such as example.com"
    );
    assert_eq!(
        malformed(&format!("a.b/c 1.0.0/go.mod {H}")),
        "1:7: version \"1.0.0\" does not begin with 'v': write it as in v1.2.3"
    );
    assert_eq!(
        malformed(&format!("a.b/c/v2 v1.0.0 {H}")),
        "1:10: module \"a.b/c/v2\" has versions \"v2\", and not \"v1.0.0\""
    );
    assert!(malformed(&format!("a.b/c v1.0.0/go.sum {H}")).starts_with("1:7: version"));
    assert!(malformed(&format!("a.b/c v1.0.0/go.mod/go.mod {H}")).starts_with("1:7: version"));
}

#[test]
fn a_hash_without_algorithm_is_malformed() {
    assert_eq!(
        malformed("a.b/c v1.0.0 abc"),
        "1:14: hash \"abc\" does not begin with its algorithm as in \"h1:\""
    );
    for hash in ["H1:abc", ":abc", "1h:abc", "h-1:abc", "é:abc"] {
        assert!(
            malformed(&format!("a.b/c v1.0.0 {hash}")).contains("algorithm"),
            "{hash}"
        );
    }
}

#[test]
fn an_h1_hash_is_canonical_base64() {
    assert_eq!(
        malformed("a.b/c v1.0.0 h1:abc"),
        "1:14: hash \"h1:abc\" has 3 characters after \"h1:\" where 44 belong: copy it again"
    );
    let bits_left_over = H.replace("dY=", "dZ=");
    assert!(malformed(&format!("a.b/c v1.0.0 {bits_left_over}")).contains("canonical base64"));
}

#[test]
fn an_unknown_algorithm_is_not_malformed() {
    let sum = parse("a.b/c v1.0.0 h2:whatever\na.b/c v1.0.0/go.mod sha512:\n");
    let hashes: Vec<_> = sum.lines.into_iter().map(|line| line.hash).collect();
    let unsupported = |algorithm: &str, text: &str| LineHash::Unsupported {
        algorithm: algorithm.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(
        hashes,
        [
            unsupported("h2", "h2:whatever"),
            unsupported("sha512", "sha512:")
        ]
    );
    assert_eq!(hashes[0].to_string(), "h2:whatever");
}

#[test]
fn what_is_no_text_is_malformed() {
    assert_eq!(
        malformed(&format!("a.b/\0 v1.0.0 {H}")),
        "1:5: the line has a NUL byte in it"
    );
    assert_eq!(
        malformed(&format!("\u{feff}a.b/c v1.0.0 {H}")),
        "1:1: the file begins with a byte-order mark: save it as UTF-8 without one"
    );
    let bytes = [b"a.b/\xc3\xa9\xff v1 ".as_slice(), H.as_bytes()].concat();
    let sum = GoSum::parse(&bytes).unwrap();
    assert_eq!(sum.malformed[0].reason.to_string(), "the line is not UTF-8");
    assert_eq!(sum.malformed[0].column, 6);
}

#[test]
fn a_line_without_end_is_not_looked_into() {
    let long = "a".repeat(MAX_LINE_BYTES + 1);
    assert_eq!(
        malformed(&long),
        "1:1: the line has 65537 bytes, more than the 65536 that are looked into"
    );
    let longest = format!("a.b/{:1$} v1.0.0 {H}", "c", MAX_LINE_BYTES - 60);
    assert_eq!(parse(&longest).lines.len(), 1);
}

#[test]
fn malformed_lines_beyond_the_limit_are_counted() {
    let bad = "x\n".repeat(MAX_MALFORMED_KEPT + 7);
    let sum = parse(&format!("{bad}a.b/c v1.0.0 {H}\n"));
    assert_eq!(sum.malformed.len(), MAX_MALFORMED_KEPT);
    assert_eq!(sum.malformed_left_out, 7);
    assert_eq!(sum.lines.len(), 1);
}

#[test]
fn another_kind_of_file_is_no_go_sum() {
    assert_eq!(
        not_go_sum(b"\n<!DOCTYPE html>\n<html lang=en>\n"),
        "no line of the file resembles one of a go.sum (module, version, hash): line 2 begins \
         \"<!DOCTYPE html>\""
    );
    for text in [
        b"module a.b/c\n\ngo 1.22\n\nrequire d.e/f v1.0.0 // indirect\n".as_slice(),
        b"\x7fELF\x02\x01\0\0\0\n\0\n",
        b"{\"a\": 1}",
        b"\xff\xfea\0.\0b\0",
        b"x",
        &[b'x'; 100_000],
    ] {
        assert!(not_go_sum(text).starts_with("no line of the file resembles"));
    }
}

#[test]
fn a_file_with_a_spoilt_entry_is_a_go_sum() {
    for text in [
        format!("a.b/c 1.0.0 {H}"),
        format!("a.b/c v1.0.0 {H} more"),
        "a.b/c v1.0.0 abc".to_owned(),
        format!("\u{feff}a.b/c v1.0.0 {H}"),
        format!("a.b/c\0 v1.0.0 {H}"),
    ] {
        let sum = parse(&text);
        assert_eq!((sum.lines.len(), sum.malformed.len()), (0, 1), "{text:?}");
    }
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    assert_eq!(
        not_go_sum(&vec![b'\n'; MAX_GO_SUM_BYTES + 1]),
        "the file has 100000001 bytes, more than the 100000000 that a go.sum may have"
    );
}

#[test]
fn a_file_with_too_many_entries_is_not_kept() {
    let entries = "a.b v1 h2:\n".repeat(3);
    assert!(GoSum::parse_within(3, entries.as_bytes()).is_ok());
    assert_eq!(
        GoSum::parse_within(2, entries.as_bytes())
            .unwrap_err()
            .to_string(),
        "the file has more than the 2 entries that a go.sum may have"
    );
}

#[test]
fn the_text_of_a_line_is_found_by_its_number() {
    let bytes = b"one\r\n\nthree";
    let texts = [0, 1, 2, 3, 4].map(|line| line_text(bytes, line));
    assert_eq!(texts, [b"".as_slice(), b"one", b"", b"three", b""]);
}

#[test]
fn kinds_have_the_names_that_people_see() {
    assert_eq!(Kind::Zip.to_string(), "zip");
    assert_eq!(Kind::GoMod.as_str(), "go.mod");
}

#[test]
fn a_byte_is_found_wherever_it_lies() {
    for length in 0..100 {
        let mut bytes = vec![b'-'; length];
        assert_eq!(position(&bytes, |b| b == b'\n'), None);
        for at in (0..length).rev() {
            bytes[at] = b'\n';
            assert_eq!(position(&bytes, |b| b == b'\n'), Some(at), "of {length}");
        }
    }
}
