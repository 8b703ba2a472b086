//! Which record follows which, whatever the pieces in which they arrive.

use super::archive::*;
use super::*;
use crate::golang::dirhash::H1;
use sha2::{Digest, Sha256};

#[test]
fn the_hash_is_that_of_the_files() {
    let zip = accepted(&honest());
    let files = [GO_MOD, A, B].map(|(path, content)| (format!("{MODULE}/{path}"), content));
    let list = files
        .iter()
        .map(|(name, content)| (name.as_str(), Sha256::digest(content).into()));
    assert_eq!(zip.h1(), H1::of_files(list).unwrap());
}

#[test]
fn files_and_go_mod_are_told() {
    let bytes = honest().bytes();
    let zip = read(&bytes).unwrap();
    let files = [GO_MOD, A, B].map(|(path, content)| (path, content.len() as u64));
    assert_eq!(zip.files().collect::<Vec<_>>(), files);
    assert_eq!(zip.go_mod(), Some(GO_MOD.1));
    assert_eq!(zip.archive_bytes(), bytes.len() as u64);
    assert_eq!(accepted(&Archive::of(&[A])).go_mod(), None);
    assert_eq!(
        accepted(&Archive::of(&[("go.mod/a.go", b"")])).go_mod(),
        None
    );
}

#[test]
fn an_archive_without_files_has_the_hash_of_an_empty_list() {
    let zip = accepted(&Archive::of(&[]));
    let h1 = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(zip.h1().to_string(), h1);
}

#[test]
fn other_forms_of_the_same_files_have_the_same_hash() {
    let h1 = accepted(&honest()).h1();
    for form in [File::stored, File::sized] {
        let files = [GO_MOD, A, B].map(|(path, content)| form(path, content));
        assert_eq!(accepted(&Archive::sealed(files.into())).h1(), h1);
    }
    let mut unsigned = honest();
    unsigned.files[1].descriptor.as_mut().unwrap().signed = false;
    unsigned.seal();
    assert_eq!(accepted(&unsigned).h1(), h1);
}

#[test]
fn pieces_of_any_size_say_the_same() {
    let mut archive = honest();
    archive.files.push(File::stored("empty", b""));
    archive.files.push(File::sized("large", &[b'x'; 200_000]));
    archive.seal();
    let bytes = archive.bytes();
    let h1 = read(&bytes).unwrap().h1();
    for piece_bytes in 1..60 {
        let zip = read_in_pieces(&bytes, piece_bytes, Limits::default()).unwrap();
        assert_eq!(zip.h1(), h1, "in pieces of {piece_bytes}");
    }
}

#[test]
fn a_zip_that_is_cut_off_anywhere_is_refused_as_cut_off() {
    let bytes = honest().bytes();
    for end in 0..bytes.len() {
        let error = read(&bytes[..end]).unwrap_err().to_string();
        let told = format!("the zip ends after {end} bytes, inside ");
        assert!(error.starts_with(&told), "{error}");
        assert!(error.ends_with(": the download was cut off"), "{error}");
    }
}

#[test]
fn what_is_cut_off_is_named() {
    let archive = honest();
    let bytes = archive.bytes();
    let directory = archive.end.offset as usize;
    let inside = |end: usize| read(&bytes[..end]).unwrap_err().to_string();
    assert!(inside(0).contains("inside the list of files:"));
    assert!(inside(20).contains("inside the header of a file:"));
    assert!(inside(60).contains("inside the content of a file:"));
    assert!(inside(directory - 1).contains("inside a data descriptor:"));
    assert!(inside(directory + 10).contains("inside the central directory:"));
    assert!(inside(bytes.len() - 1).contains("inside the end record:"));
}

#[test]
fn what_is_no_zip_is_told_at_once() {
    let error = read(b"<html>").unwrap_err().to_string();
    assert_eq!(
        error,
        "it does not begin as a zip does: the server sent something else"
    );
    let prefixed = [&b"#!/bin/sh\n"[..], &honest().bytes()].concat();
    assert_eq!(read(&prefixed).unwrap_err().to_string(), error);
}

#[test]
fn nothing_stands_between_files() {
    let gap = refusal(|zip| {
        zip.files[1].before = b"gap!".to_vec();
        zip.seal();
    });
    assert_eq!(
        gap,
        "at byte 96, where a file or the central directory has to begin, is something else"
    );
    let hidden = refusal(|zip| {
        zip.before_directory = b"hidden".to_vec();
        zip.seal();
    });
    assert!(hidden.contains("where a file or the central directory has to begin"));
}

#[test]
fn no_file_stands_behind_the_directory() {
    let again = refusal(|zip| {
        zip.after = zip.bytes();
    });
    assert!(again.starts_with("the zip goes on after its end record, at byte "));
    let inside = refusal(|zip| {
        let mut bytes = zip.bytes();
        bytes.truncate(zip.end.offset as usize + 46 + MODULE.len() + "/go.mod".len());
        *zip = Archive::default();
        zip.files = vec![File::new("late", b"")];
        zip.files[0].before = bytes;
    });
    assert!(
        inside.contains("where the next file of the central directory or the end record has to"),
        "{inside}"
    );
}

#[test]
fn nothing_follows_the_end_record() {
    assert_eq!(
        refusal(|zip| zip.after = b"\n".to_vec()),
        format!(
            "the zip goes on after its end record, at byte {}",
            honest().bytes().len()
        )
    );
}

#[test]
fn a_refusal_stays() {
    let module = ModuleVersion::parse(MODULE).unwrap();
    let mut hasher = ModZipHasher::new(&module, Limits::default()).unwrap();
    assert_eq!(hasher.push(b"nonsense"), Err(ModZipError::NotAZip));
    assert_eq!(hasher.push(&honest().bytes()), Err(ModZipError::NotAZip));
    assert_eq!(hasher.finish().err(), Some(ModZipError::NotAZip));
}

#[test]
fn only_canonical_versions_have_zips() {
    let module = ModuleVersion::parse("example.com/m@v1").unwrap();
    let error = ModZipHasher::new(&module, Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "version v1 has no zip of its own: it is a short form of v1.0.0"
    );
}
