//! Names of files: those that Go lets pass, and no others.

use super::*;

/// The message for a file of this name in place of the second one.
#[track_caller]
fn name_refusal(path: &str) -> String {
    let error = sealed_refusal(|files| files[1] = File::new(path, b""));
    let name = format!("file {:?} ", format!("{MODULE}/{path}"));
    match error.strip_prefix(&name) {
        Some(fault) => fault.to_owned(),
        None => panic!("{error}"),
    }
}

/// The message for a file with this whole name.
#[track_caller]
fn raw_name_refusal(name: &[u8]) -> String {
    sealed_refusal(|files| files[1].name = name.to_vec())
}

#[test]
fn names_that_go_allows_pass() {
    let names = [
        "with space.go",
        "!#$%&()+,-.=@[]^_{}~",
        ".hidden/.go",
        "...a",
        "été/日本語.go",
        "console.go",
        "con_/com10/x",
        "LICENSE",
        "vendor/modules.txt",
        "go.mod.txt",
        "a~1",
    ];
    for name in names {
        let zip = accepted(&Archive::of(&[(name, b"x")]));
        assert_eq!(zip.files().next(), Some((name, 1)));
    }
}

#[test]
fn a_name_is_below_the_modules_folder() {
    for name in [
        "a.go",
        "example.com/m@v1.0.1/a.go",
        "example.com/m@v1.0.0",
        "/",
    ] {
        assert_eq!(
            raw_name_refusal(name.as_bytes()),
            format!(
                "file {name:?} is not below \"example.com/m@v1.0.0/\", \
                 where all files of this module have to be"
            )
        );
    }
}

#[test]
fn folders_have_no_entries() {
    for name in ["", "sub/"] {
        assert_eq!(
            name_refusal(name),
            "is a folder: module zips have files alone"
        );
    }
}

#[test]
fn paths_are_clean_and_lead_nowhere_else() {
    let dots = "has an element of dots alone in its path";
    let empty = "has an empty element in its path";
    for name in ["../a.go", "a/../b.go", "./a.go", "a/.../b"] {
        assert_eq!(name_refusal(name), dots);
    }
    for name in ["/etc/passwd", "a//b.go"] {
        assert_eq!(name_refusal(name), empty);
    }
    assert_eq!(
        name_refusal("a./b.go"),
        "has an element that ends in a dot in its path"
    );
}

#[test]
fn characters_with_a_meaning_elsewhere_are_refused() {
    for c in [
        '\\', '\0', ':', '\n', '*', '"', '\'', '<', '|', '?', '`', ';', '\u{7f}',
    ] {
        assert_eq!(
            sealed_refusal(|files| files[1] = File::new(&format!("C{c}a"), b"")),
            format!(
                "file {} has the character {c:?} in its path, which Go does not allow there",
                crate::golang::quoted::Quoted::new(&format!("{MODULE}/C{c}a"))
            )
        );
    }
}

#[test]
fn outside_of_ascii_only_letters_pass() {
    // A combining accent, a digit, a private character, an override, a letter of Unicode 16.
    for c in ['\u{301}', '٣', '\u{e000}', '\u{202e}', '\u{1c89}'] {
        let refused = sealed_refusal(|files| files[1] = File::new(&format!("a{c}"), b""));
        assert!(
            refused.contains(&format!("has the character {c:?} in its path")),
            "{refused}"
        );
    }
}

#[test]
fn names_of_windows_devices_are_refused() {
    for name in ["con", "sub/AUX.go", "nul.tar.gz", "Com1", "lpt9/x"] {
        assert_eq!(
            name_refusal(name),
            "has a name in its path that Windows keeps for a device"
        );
    }
}

#[test]
fn go_mod_is_at_the_root_and_in_lower_case() {
    assert_eq!(
        name_refusal("GO.mod"),
        "is go.mod in other letters: it must be lower-case"
    );
    for name in ["sub/go.mod", "vendor/x/GO.MOD"] {
        assert_eq!(
            name_refusal(name),
            "is the go.mod of another module: it can only be at the root"
        );
    }
}

#[test]
fn a_name_is_utf_8() {
    assert_eq!(
        raw_name_refusal(b"example.com/m@v1.0.0/\xff"),
        "file \"example.com/m@v1.0.0/\u{fffd}\" has a name that is not UTF-8"
    );
}

#[test]
fn a_name_beyond_ascii_says_that_it_is_utf_8() {
    let refused = sealed_refusal(|files| {
        files[1] = File::new("é.go", b"");
        files[1].header.flags = 8;
    });
    assert!(
        refused
            .ends_with("has a name of more than ASCII without the flag that says that it is UTF-8"),
        "{refused}"
    );
}

#[test]
fn a_name_is_shown_without_what_a_terminal_acts_upon() {
    let refused = raw_name_refusal(b"\x1b[31m\r");
    assert!(
        refused.starts_with(r#"file "\u{1b}[31m\r" is not below"#),
        "{refused}"
    );
}
