//! The central directory and the end records say nothing but what was seen.

use super::archive::{Central, zip64};
use super::*;
use crate::golang::modzip::directory::Directory;
use crate::golang::modzip::records;

const NAME: &str = "file \"example.com/m@v1.0.0/a.go\" ";

/// The message when the directory says this of the second file.
#[track_caller]
fn fault(change: impl FnOnce(&mut Central)) -> String {
    let error = refusal(|zip| {
        change(&mut zip.central[1]);
        zip.seal_end();
    });
    error
        .strip_prefix(NAME)
        .unwrap_or_else(|| panic!("{error}"))
        .to_owned()
}

#[test]
fn the_directory_lists_the_same_names_in_the_same_order() {
    assert_eq!(
        refusal(|zip| zip.central[1].name[21] = b'b'),
        "the central directory lists \"example.com/m@v1.0.0/b.go\" \
         where the archive has \"example.com/m@v1.0.0/a.go\""
    );
    assert_eq!(
        refusal(|zip| zip.central.swap(0, 1)),
        "the central directory lists \"example.com/m@v1.0.0/a.go\" \
         where the archive has \"example.com/m@v1.0.0/go.mod\""
    );
}

#[test]
fn the_directory_lists_every_file_once() {
    assert_eq!(
        refusal(|zip| {
            zip.central.pop();
            zip.seal_end();
        }),
        "the central directory does not list \"example.com/m@v1.0.0/sub/b.go\", \
         which is in the archive"
    );
    assert_eq!(
        refusal(|zip| {
            zip.central.push(zip.central[2].clone());
            zip.seal_end();
        }),
        "the central directory lists \"example.com/m@v1.0.0/sub/b.go\", \
         which is not in the archive"
    );
}

#[test]
fn the_directory_says_what_the_header_says() {
    type Lie = (fn(&mut Central), &'static str);
    let changes: [Lie; 8] = [
        (
            |told| told.header.version = 10,
            "version needed 20, and the central directory says 10",
        ),
        (
            |told| told.header.flags |= 2,
            "flags 8, and the central directory says 10",
        ),
        (
            |told| told.header.method = 0,
            "method 8, and the central directory says 0",
        ),
        (
            |told| told.header.modified = 1,
            "time 0, and the central directory says 1",
        ),
        (
            |told| told.offset += 1,
            "offset 96, and the central directory says 97",
        ),
        (
            |told| told.header.size = 1,
            "size 52, and the central directory says 1",
        ),
        (
            |told| told.header.compressed = 1,
            "and the central directory says 1",
        ),
        (
            |told| told.header.crc32 = 1,
            "and the central directory says 1",
        ),
    ];
    for (change, message) in changes {
        let fault = fault(change);
        assert!(
            fault.starts_with("has ") && fault.ends_with(message),
            "{fault}"
        );
    }
}

#[test]
fn two_records_of_one_file_are_refused() {
    let overlapping = refusal(|zip| {
        zip.central[2] = zip.central[1].clone();
        zip.seal_end();
    });
    assert!(
        overlapping.starts_with("the central directory lists "),
        "{overlapping}"
    );
}

#[test]
fn a_file_has_no_comment() {
    assert_eq!(
        fault(|told| told.comment = b"PK\x05\x06".to_vec()),
        "has a comment, in which other data could be hidden"
    );
}

#[test]
fn a_file_is_on_this_disk() {
    assert_eq!(fault(|told| told.disk = 1), "is said to be on another disk");
}

#[test]
fn links_and_devices_are_refused() {
    // Socket, link, block device, folder, character device, pipe.
    for kind in [0o14, 0o12, 0o06, 0o04, 0o02, 0o01] {
        let mode: u32 = kind << 12 | 0o644;
        assert_eq!(
            fault(|told| told.attributes = mode << 16),
            format!("is no regular file: its Unix mode is {mode:#o}")
        );
    }
    for attributes in [0x08_u32, 0x10, 0x40, 0x400] {
        assert_eq!(
            fault(|told| told.attributes = attributes),
            format!("is no regular file: its MS-DOS attributes are {attributes:#x}")
        );
    }
}

#[test]
fn regular_files_of_any_mode_pass() {
    for attributes in [0o100_644 << 16, 0o100_755 << 16 | 0x20, 0o644 << 16, 0xa7] {
        let mut archive = honest();
        archive.central[1].attributes = attributes;
        accepted(&archive);
    }
}

#[test]
fn extra_fields_of_the_directory_are_looked_at_too() {
    assert_eq!(
        fault(|told| told.extra = b"up\0\0".to_vec()),
        "has the extra field 0x7075, which could change its meaning for another reader"
    );
    let zip64 = "has 64-bit sizes, which no file in a module zip needs";
    assert_eq!(fault(|told| told.extra = b"\x01\0\0\0".to_vec()), zip64);
    assert_eq!(fault(|told| told.offset = u32::MAX), zip64);
    assert_eq!(fault(|told| told.header.size = u32::MAX), zip64);
}

#[test]
fn the_end_record_tells_the_truth() {
    let honest = honest().end;
    let says = |field: &str, told: u32, found: u32| {
        format!("the zip's end record says {told} for {field}, and it is {found}")
    };
    assert_eq!(
        refusal(|zip| zip.end.files = 2),
        says("the number of files", 2, 3)
    );
    assert_eq!(
        refusal(|zip| zip.end.files_on_disk = 4),
        says("the number of files on this disk", 4, 3)
    );
    assert_eq!(
        refusal(|zip| zip.end.bytes -= 1),
        says(
            "the length of the central directory",
            honest.bytes - 1,
            honest.bytes
        )
    );
    assert_eq!(
        refusal(|zip| zip.end.offset = u32::MAX),
        says(
            "the offset of the central directory",
            u32::MAX,
            honest.offset
        )
    );
}

#[test]
fn there_is_one_disk() {
    let message = "the zip says that it goes over several disks: a module's zip is one file";
    assert_eq!(refusal(|zip| zip.end.disk = 1), message);
    assert_eq!(refusal(|zip| zip.end.directory_disk = 1), message);
}

#[test]
fn the_archive_has_no_comment() {
    assert_eq!(
        refusal(|zip| zip.end.comment = Archive::of(&[]).bytes()),
        "the zip has a comment of 22 bytes, in which another archive could be hidden"
    );
}

/// An archive with so many empty files.
fn large(files: usize) -> Archive {
    let names: Vec<String> = (0..files).map(|number| number.to_string()).collect();
    Archive::sealed(names.iter().map(|name| File::stored(name, b"")).collect())
}

#[test]
fn a_64_bit_end_record_is_there_for_65535_files_and_more() {
    let enough = large(65_534);
    assert!(enough.zip64.is_none());
    accepted(&enough);
    let mut many = large(65_535);
    accepted(&many);

    let mut damaged = many.bytes();
    let locator = damaged.len() - 22 - 20;
    damaged[locator] ^= 1;
    let error = read(&damaged).unwrap_err().to_string();
    assert!(error.contains("where the locator of the 64-bit end record has to begin"));
    damaged[locator] ^= 1;
    damaged[locator + 20] ^= 1;
    let error = read(&damaged).unwrap_err().to_string();
    assert!(
        error.contains("where the end record has to begin"),
        "{error}"
    );

    many.zip64 = None;
    assert_eq!(
        read(&many.bytes()).unwrap_err().to_string(),
        "the zip has no 64-bit end record, which 65535 files need"
    );
}

#[test]
fn a_64_bit_end_record_that_nobody_needs_is_refused() {
    assert_eq!(
        refusal(|zip| zip.zip64 = Some(zip64(3, 0, 0))),
        "the zip has a 64-bit end record for 3 files, which need none"
    );
}

// Sixty-five thousand files for each lie would be slow: from here on the directory has listed them
// without having seen them.

const FILES: u64 = 70_000;
const OFFSET: u64 = 1_000;
const BYTES: u64 = 500;
const DISKS: &str = "the zip says that it goes over several disks: a module's zip is one file";

fn listed() -> Directory {
    Directory {
        offset: OFFSET,
        listed: FILES as usize,
        zip64: None,
    }
}

fn ended() -> Directory {
    Directory {
        zip64: Some(OFFSET + BYTES),
        ..listed()
    }
}

fn untrue(field: &str, found: u64) -> String {
    format!("the zip's end record says 7 for {field}, and it is {found}")
}

#[track_caller]
fn zip64_lie(change: impl FnOnce(&mut records::Zip64End)) -> String {
    let mut end = records::Zip64End {
        record_bytes: 44,
        version_needed: 45,
        disk: 0,
        directory_disk: 0,
        files_on_disk: FILES,
        files: FILES,
        directory_bytes: BYTES,
        directory_offset: OFFSET,
    };
    listed().check_zip64_end(end, OFFSET + BYTES).unwrap();
    change(&mut end);
    listed()
        .check_zip64_end(end, OFFSET + BYTES)
        .unwrap_err()
        .to_string()
}

#[track_caller]
fn locator_lie(change: impl FnOnce(&mut records::Zip64Locator)) -> String {
    let mut locator = records::Zip64Locator {
        disk: 0,
        end_offset: OFFSET + BYTES,
        disks: 1,
    };
    ended().check_zip64_locator(locator).unwrap();
    change(&mut locator);
    ended()
        .check_zip64_locator(locator)
        .unwrap_err()
        .to_string()
}

/// The record that follows a 64-bit one, by its number of files here and in all, and the
/// directory's length and offset.
fn short_end(numbers: (u16, u16, u32, u32)) -> Result<(), ModZipError> {
    let end = records::EndRecord {
        disk: 0,
        directory_disk: 0,
        files_on_disk: numbers.0,
        files: numbers.1,
        directory_bytes: numbers.2,
        directory_offset: numbers.3,
        comment_bytes: 0,
    };
    ended().check_end(end, OFFSET + BYTES + 76)
}

#[test]
fn a_64_bit_end_record_tells_the_truth() {
    assert_eq!(
        zip64_lie(|end| end.files = 7),
        untrue("the number of files", FILES)
    );
    assert_eq!(
        zip64_lie(|end| end.files_on_disk = 7),
        untrue("the number of files on this disk", FILES)
    );
    assert_eq!(
        zip64_lie(|end| end.directory_bytes = 7),
        untrue("the length of the central directory", BYTES)
    );
    assert_eq!(
        zip64_lie(|end| end.directory_offset = 7),
        untrue("the offset of the central directory", OFFSET)
    );
    assert_eq!(zip64_lie(|end| end.disk = 1), DISKS);
    assert_eq!(zip64_lie(|end| end.directory_disk = 1), DISKS);
    assert_eq!(
        zip64_lie(|end| end.record_bytes = 45),
        "the zip's 64-bit end record has 45 bytes, and not 44"
    );
    assert_eq!(
        zip64_lie(|end| end.version_needed = 62),
        "the zip needs version 62 of the format: module zips need no more than 45 (4.5)"
    );
}

#[test]
fn the_locator_tells_the_truth() {
    assert_eq!(locator_lie(|locator| locator.disk = 1), DISKS);
    assert_eq!(locator_lie(|locator| locator.disks = 2), DISKS);
    assert_eq!(
        locator_lie(|locator| locator.end_offset = 7),
        untrue("the offset of the 64-bit end record", OFFSET + BYTES)
    );
}

#[test]
fn numbers_that_are_elsewhere_are_marked_in_the_end_record_or_true() {
    let (files, bytes, offset) = (u16::MAX, BYTES as u32, OFFSET as u32);
    short_end((files, files, u32::MAX, u32::MAX)).unwrap();
    short_end((files, files, bytes, offset)).unwrap();
    let message = |numbers| short_end(numbers).unwrap_err().to_string();
    assert_eq!(
        message((files, 7, bytes, offset)),
        untrue("the number of files", files.into())
    );
    assert_eq!(
        message((7, files, bytes, offset)),
        untrue("the number of files on this disk", files.into())
    );
    assert_eq!(
        message((files, files, 7, offset)),
        untrue("the length of the central directory", BYTES)
    );
    assert_eq!(
        message((files, files, bytes, 7)),
        untrue("the offset of the central directory", OFFSET)
    );
}
