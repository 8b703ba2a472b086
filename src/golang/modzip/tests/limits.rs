//! Over a limit is refused before it costs anything.

use super::archive::*;
use super::*;

fn limited(files: &[(&str, &[u8])], limits: Limits) -> Result<CheckedZip, ModZipError> {
    read_in_pieces(&Archive::of(files).bytes(), 100, limits)
}

#[track_caller]
fn over(files: &[(&str, &[u8])], limits: Limits) -> String {
    limited(files, limits).expect_err("refused").to_string()
}

#[test]
fn an_archive_has_a_limit() {
    let bytes = honest().bytes();
    let archive_bytes = bytes.len() as u64;
    let limits = |archive_bytes| Limits {
        archive_bytes,
        ..Limits::default()
    };
    read_in_pieces(&bytes, 7, limits(archive_bytes)).unwrap();
    let refused = read_in_pieces(&bytes, 7, limits(archive_bytes - 1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the zip is larger than {} bytes, which is the most that Go takes",
            archive_bytes - 1
        )
    );
}

#[test]
fn the_content_has_a_limit() {
    let limits = Limits {
        content_bytes: 20,
        ..Limits::default()
    };
    limited(&[("a", b"0123456789"), ("b", b"0123456789")], limits).unwrap();
    let message = "file \"example.com/m@v1.0.0/b\" makes the content of the zip larger than \
                   20 bytes, which is the most that Go takes";
    assert_eq!(
        over(&[("a", b"0123456789"), ("b", b"0123456789x")], limits),
        message
    );
    // What says itself that it is too large is refused before its content.
    let mut file = File::stored("b", b"");
    file.header.size = 21;
    file.header.compressed = 21;
    let refused = read_in_pieces(&Archive::sealed(vec![file]).bytes(), 100, limits).unwrap_err();
    assert_eq!(refused.to_string(), message);
}

#[test]
fn go_mod_and_license_have_limits() {
    let limits = Limits {
        go_mod_bytes: 5,
        license_bytes: 6,
        ..Limits::default()
    };
    limited(
        &[
            ("go.mod", b"12345"),
            ("LICENSE", b"123456"),
            ("a", b"12345678"),
        ],
        limits,
    )
    .unwrap();
    assert_eq!(
        over(&[("go.mod", b"123456")], limits),
        "file \"example.com/m@v1.0.0/go.mod\" has more than 5 bytes, \
         which is the most that Go takes for it"
    );
    assert_eq!(
        over(&[("LICENSE", b"1234567")], limits),
        "file \"example.com/m@v1.0.0/LICENSE\" has more than 6 bytes, \
         which is the most that Go takes for it"
    );
    limited(&[("sub/LICENSE", b"1234567")], limits).unwrap();
}

#[test]
fn files_and_folders_have_a_limit() {
    let limits = Limits {
        paths: 4,
        ..Limits::default()
    };
    limited(&[("a/b/c", b""), ("a/b/d", b"")], limits).unwrap();
    assert_eq!(
        over(&[("a/b/c", b""), ("a/b/d", b""), ("a/e", b"")], limits),
        "the zip has more than 4 files and folders, which is the most that is read"
    );
}

#[test]
fn names_have_a_limit() {
    let name_bytes = MODULE.len() + 2;
    let limits = Limits {
        names_bytes: 2 * name_bytes,
        ..Limits::default()
    };
    limited(&[("a", b""), ("b", b"")], limits).unwrap();
    assert_eq!(
        over(&[("a", b""), ("bc", b"")], limits),
        format!(
            "the names of the files have more than {} bytes, which is the most that is read",
            2 * name_bytes
        )
    );
    let longest = "a/".repeat((4096 - MODULE.len()) / 2 - 1) + "b";
    limited(&[(&longest, b"")], Limits::default()).unwrap();
    let longer = over(&[(&(longest + "c"), b"")], Limits::default());
    assert!(
        longer.ends_with("has a name of 4097 bytes: no system has so long paths"),
        "{longer}"
    );
}

#[test]
fn a_bomb_costs_no_more_than_its_limit() {
    let bomb = vec![0; 10_000_000];
    let limits = Limits {
        content_bytes: 1_000_000,
        ..Limits::default()
    };
    assert!(over(&[("a", &bomb)], limits).contains("larger than 1000000 bytes"));
}
