//! Archives that Go accepts and sumcheck does not: each is a row of docs/differences.md.

use std::collections::BTreeSet;

use crate::archive::{Archive, File, MODULE};
use crate::ask::ask;
use crate::judges::{check_zip, ours};

/// The row's first cell, an archive, and how sumcheck's refusal begins or what is in it.
type Difference = (&'static str, Archive, &'static str);

const A: &[u8] = b"package a\n\nconst A = `aaaaaaaaaaaaaaaaaaaaaaaaaaaa`\n";

fn changed(change: impl FnOnce(&mut Archive)) -> Archive {
    let mut archive = Archive::of(&[("go.mod", b"module example.com/m\n"), ("a.go", A)]);
    change(&mut archive);
    archive
}

/// A change of the files that directory and end record agree with.
fn sealed(change: impl FnOnce(&mut Vec<File>)) -> Archive {
    changed(|zip| {
        change(&mut zip.files);
        zip.seal();
    })
}

fn structure() -> Vec<Difference> {
    vec![
        (
            "bytes before, between or after the records of a zip",
            sealed(|files| files[0].before = b"#!/bin/sh\n".to_vec()),
            "it does not begin as a zip does",
        ),
        (
            "bytes before, between or after the records of a zip",
            sealed(|files| files[1].before = b"gap".to_vec()),
            "at byte ",
        ),
        (
            "bytes before, between or after the records of a zip",
            changed(|zip| zip.after = b"more".to_vec()),
            "the zip goes on after its end record",
        ),
        (
            "a zip, or a file in it, has a comment",
            changed(|zip| zip.end.comment = b"comment".to_vec()),
            "the zip has a comment",
        ),
        (
            "a zip, or a file in it, has a comment",
            changed(|zip| {
                zip.central[1].comment = b"comment".to_vec();
                zip.seal_end();
            }),
            "has a comment",
        ),
        (
            "the central directory lists the files of a zip in another order, or not all of them",
            changed(|zip| zip.central.swap(0, 1)),
            "the central directory lists ",
        ),
        (
            "the central directory lists the files of a zip in another order, or not all of them",
            changed(|zip| {
                zip.central.pop();
                zip.seal_end();
            }),
            "the central directory does not list ",
        ),
        (
            "a zip's end record counts disks, or more files than 16 bits hold",
            changed(|zip| zip.end.disk = 1),
            "the zip says that it goes over several disks",
        ),
    ]
}

fn said_of_files() -> Vec<Difference> {
    vec![
        (
            "a file's header or data descriptor does not agree with the central directory",
            changed(|zip| zip.central[1].header.modified = 1),
            "has time 0, and the central directory says 1",
        ),
        (
            "a file's header or data descriptor does not agree with the central directory",
            changed(|zip| zip.files[1].name[21] = b'b'),
            "the central directory lists ",
        ),
        (
            "a file's header or data descriptor does not agree with the central directory",
            changed(|zip| zip.files[1].descriptor.as_mut().unwrap().size = 0),
            "and its data descriptor says 0",
        ),
        (
            "a CRC-32 of zero before a file's content",
            sealed(|files| {
                files[1] = File::sized("a.go", A);
                files[1].header.crc32 = 0;
            }),
            "and the header before it says 0",
        ),
        (
            "sizes of a file both before and after its content, or a stored file without them",
            sealed(|files| files[1].header.size = 1),
            "has a data descriptor and yet",
        ),
        (
            "sizes of a file both before and after its content, or a stored file without them",
            sealed(|files| {
                let mut stored = File::new("a.go", A);
                stored.header.method = 0;
                stored.data = A.to_vec();
                stored.descriptor.as_mut().unwrap().compressed = A.len() as u32;
                files[1] = stored;
            }),
            "is stored with a data descriptor",
        ),
        (
            "bytes after the deflate stream of a file",
            sealed(|files| {
                files[1] = File::sized("a.go", A);
                files[1].data.extend(b"more");
                files[1].header.compressed += 4;
            }),
            "has 4 bytes after the end of its compressed data",
        ),
        (
            "flags for encryption, patches or what nobody has defined",
            sealed(|files| files[1].header.flags |= 1),
            "is encrypted",
        ),
        (
            "flags for encryption, patches or what nobody has defined",
            sealed(|files| files[1].header.flags |= 1 << 5),
            "is a patch",
        ),
        (
            "flags for encryption, patches or what nobody has defined",
            sealed(|files| files[1].header.flags |= 1 << 15),
            "has flags 0x8008",
        ),
        (
            "a file in a zip needs a version of the format above 4.5",
            sealed(|files| files[1].header.version = 63),
            "needs version 63",
        ),
        (
            "extra fields that are not about times and owners, 64-bit sizes included",
            sealed(|files| files[1].extra = b"up\0\0".to_vec()),
            "has the extra field 0x7075",
        ),
        (
            "extra fields that are not about times and owners, 64-bit sizes included",
            sealed(|files| files[1].extra = b"\x01\0\0\0".to_vec()),
            "has 64-bit sizes",
        ),
        (
            "extra fields that are not about times and owners, 64-bit sizes included",
            sealed(|files| files[1].extra = b"\0".to_vec()),
            "has extra fields whose lengths do not add up",
        ),
        (
            "links, devices and folders by the attributes of a file",
            changed(|zip| zip.central[1].attributes = 0o120_777 << 16),
            "its Unix mode is 0o120777",
        ),
        (
            "links, devices and folders by the attributes of a file",
            changed(|zip| zip.central[1].attributes = 0x10),
            "its MS-DOS attributes are 0x10",
        ),
    ]
}

fn names() -> Vec<Difference> {
    let sharp = Archive::of(&[("stra\u{df}e", b""), ("strasse", b"")]);
    vec![
        (
            "a folder has an entry of its own in a zip",
            sealed(|files| files[1] = File::stored("sub/", b"")),
            "is a folder",
        ),
        (
            "a name of more than ASCII without the flag for UTF-8",
            sealed(|files| {
                files[1] = File::new("\u{e9}.go", b"");
                files[1].header.flags = 8;
            }),
            "without the flag that says that it is UTF-8",
        ),
        (
            "names that full case folding makes one",
            sharp,
            "differs from \"straße\" in case alone",
        ),
    ]
}

#[test]
fn what_go_accepts_and_sumcheck_does_not_is_documented() {
    let documented: BTreeSet<&str> = include_str!("../../docs/differences.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"))
        .map(|(first, _)| first)
        .collect();
    let differences: Vec<Difference> = [structure(), said_of_files(), names()].concat();
    let questions: Vec<_> = differences
        .iter()
        .map(|(_, archive, _)| check_zip(MODULE, &archive.bytes()))
        .collect();
    for (row, archive, message) in &differences {
        let error = ours(MODULE, &archive.bytes()).unwrap_err().to_string();
        assert!(error.contains(message), "{row}: {error}");
        assert!(
            documented.contains(row),
            "docs/differences.md has no row {row:?}"
        );
    }
    for ((row, _, message), answer) in differences.iter().zip(ask(&questions).unwrap_or_default()) {
        assert_eq!(
            answer["ok"], true,
            "{row}: {message}: Go refuses it too: {answer}"
        );
    }
}
