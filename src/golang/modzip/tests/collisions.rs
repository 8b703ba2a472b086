//! Names that are one for some reader or system.

use super::*;

#[track_caller]
fn collision(first: &str, second: &str) -> String {
    let archive = Archive::of(&[(first, b"1"), (second, b"2")]);
    let error = read(&archive.bytes()).expect_err("refused").to_string();
    let name = format!("file {:?} ", format!("{MODULE}/{second}"));
    error
        .strip_prefix(&name)
        .unwrap_or_else(|| panic!("{error}"))
        .to_owned()
}

#[test]
fn no_name_is_there_twice() {
    assert_eq!(collision("a.go", "a.go"), "is in the zip twice");
    assert_eq!(collision("A/B.go", "A/B.go"), "is in the zip twice");
}

#[test]
fn names_that_differ_in_case_alone_are_refused() {
    for (first, second, shown) in [
        ("a.go", "A.go", "a.go"),
        ("A.go", "a.go", "A.go"),
        ("x/Doc/a", "x/doc/b", "Doc"),
        ("doc", "Doc/b", "doc"),
        ("É", "é", "É"),
        ("k", "\u{212a}", "k"),
        ("s", "ſ", "s"),
        ("σ", "ς", "σ"),
        ("ß", "ẞ", "ß"),
    ] {
        assert_eq!(
            collision(first, second),
            format!("differs from {shown:?} in case alone: they are one on many systems")
        );
    }
}

#[test]
fn no_path_is_a_file_and_a_folder() {
    let both = "has a path that is a file and a folder in this zip";
    assert_eq!(collision("a", "a/b"), both);
    assert_eq!(collision("a/b/c", "a/b"), both);
    assert_eq!(collision("a/b", "a/b/c/d"), both);
}

#[test]
fn names_alike_in_different_folders_pass() {
    let names = ["a/x", "b/X", "x/a", "ab", "a/b/x", "b/a/x", "a/y"];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b""[..])).collect();
    assert_eq!(accepted(&Archive::of(&files)).files().len(), names.len());
}
