//! Zips that two readers could read differently: each refused with its reason, over HTTP, though
//! their content is what the log recorded wherever that is possible.

use crate::attack::{Case, hello};
use crate::support::layers::replace;
use crate::support::zip::{DEFLATE, Entry, STORED, Zip};

const PREFIX: &str = "example.com/hello@v1.0.0/";

fn zip() -> Zip {
    hello().zip()
}

/// The honest zip with its second file changed.
fn with_second(change: impl FnOnce(&mut Entry)) -> Vec<u8> {
    zip().edit(|zip| change(&mut zip.entries[1])).write()
}

/// The honest zip with a file more.
fn with_file(name: &str) -> Vec<u8> {
    zip().with(Entry::stored(name, b"x")).write()
}

fn below(name: &str) -> String {
    format!("{PREFIX}{name}")
}

#[track_caller]
fn refused(zip: Vec<u8>, reason: &str) {
    Case::new()
        .attack(replace(&hello().url("zip"), zip))
        .refuses("zip", 403, "NOT A SOUND MODULE ZIP")
        .refuses("zip", 403, reason)
        .then_honest();
}

/// Other writers, same content: what the log has recorded is the content.
#[test]
fn a_zip_that_is_written_differently_and_has_the_recorded_content_is_served() {
    let files = hello().zip_files();
    let stored = files
        .iter()
        .map(|(name, content)| Entry::stored(name, content));
    let streamed = files
        .iter()
        .map(|(name, content)| Entry::new(name, content).with_descriptor());
    for entries in [stored.collect::<Vec<_>>(), streamed.collect()] {
        let zip = Zip {
            entries,
            ..Zip::default()
        };
        let bytes = zip.write();
        let attack = Case::new().attack(replace(&hello().url("zip"), bytes.clone()));
        let got = attack.get("zip");
        assert_eq!((got.status, got.body == bytes), (200, true));
    }
}

#[test]
fn a_name_twice() {
    let again = Entry::stored(&below("hello.go"), b"package evil\n");
    refused(zip().with(again).write(), "is in the zip twice");
}

#[test]
fn names_that_differ_in_case_alone() {
    refused(with_file(&below("HELLO.go")), "differs from");
}

#[test]
fn names_that_no_module_has() {
    for (name, reason) in [
        ("/etc/passwd", "is not below"),
        ("../evil.go", "is not below"),
        ("example.com/hello@v1.0.1/a.go", "is not below"),
        ("example.com/Hello@v1.0.0/a.go", "is not below"),
        (
            "example.com/hello@v1.0.0/../../a.go",
            "an element of dots alone",
        ),
        (
            "example.com/hello@v1.0.0/./a.go",
            "an element of dots alone",
        ),
        ("example.com/hello@v1.0.0//a.go", "an empty element"),
        ("example.com/hello@v1.0.0/a\\b.go", "has the character"),
        ("example.com/hello@v1.0.0/a\u{1}.go", "has the character"),
        ("example.com/hello@v1.0.0/C:a.go", "has the character"),
        ("example.com/hello@v1.0.0/aux.go", "keeps for a device"),
        ("example.com/hello@v1.0.0/dir/", "is a folder"),
        ("example.com/hello@v1.0.0/go.mod/x", "a file and a folder"),
        ("example.com/hello@v1.0.0/sub/go.mod", "of another module"),
        ("example.com/hello@v1.0.0/sub/GO.MOD", "of another module"),
    ] {
        refused(with_file(name), reason);
    }
}

#[test]
fn a_name_that_is_not_utf_8() {
    let odd = Entry::stored(&below("x"), b"x").both(|header| {
        header.name.push(0xff);
    });
    refused(zip().with(odd).write(), "not UTF-8");
}

#[test]
fn headers_that_disagree() {
    type Lie = (fn(&mut Entry), &'static str);
    let lies: [Lie; 8] = [
        (|entry| entry.central.size += 1, "has size"),
        (|entry| entry.central.compressed += 1, "has compressed size"),
        (|entry| entry.central.crc32 ^= 1, "has CRC-32"),
        (|entry| entry.central.method = STORED, "has method"),
        (|entry| entry.central.flags ^= 2, "has flags"),
        (|entry| entry.central.modified ^= 1, "has time"),
        (|entry| entry.offset_shift = 1, "has offset"),
        (|entry| entry.central.version = 10, "has version needed"),
    ];
    for (lie, reason) in lies {
        refused(with_second(lie), reason);
    }
}

#[test]
fn the_local_name_and_the_directory_s_name_differ() {
    let lie = |entry: &mut Entry| entry.central.name = below("evil.go").into();
    refused(with_second(lie), "the central directory lists");
}

#[test]
fn a_file_that_only_one_of_the_two_has() {
    let honest = zip();
    let mut bytes = Vec::new();
    bytes.extend(Zip::write(&honest));
    // A file before the directory that the directory does not list.
    let hidden = Entry::stored(&below("evil.go"), b"package evil\n");
    let hidden = Zip::default().with(hidden).write();
    let local_bytes = 30 + below("evil.go").len() + 13;
    let gap = hidden[..local_bytes].to_vec();
    refused(with_second(|entry| entry.gap = gap), "lists");
}

#[test]
fn bytes_that_belong_to_nothing() {
    refused(
        zip()
            .edit(|zip| zip.before = b"#!/bin/sh\n".to_vec())
            .write(),
        "it does not begin as a zip does",
    );
    refused(
        with_second(|entry| entry.gap = vec![0; 16]),
        "is something else",
    );
    refused(
        zip().edit(|zip| zip.before_end = vec![0; 16]).write(),
        "is something else",
    );
    refused(
        zip().edit(|zip| zip.after = vec![0]).write(),
        "goes on after its end record",
    );
    // Which of the two is the archive depends on the reader.
    refused(
        zip().edit(|whole| whole.after = zip().write()).write(),
        "goes on after its end record",
    );
}

#[test]
fn an_end_record_that_lies() {
    refused(
        zip().write_ending(|end| end.files -= 1),
        "the number of files",
    );
    refused(
        zip().write_ending(|end| end.files_on_disk += 1),
        "the number of files on this disk",
    );
    refused(
        zip().write_ending(|end| end.directory_bytes -= 1),
        "the length of the central directory",
    );
    refused(
        zip().write_ending(|end| end.directory_offset += 1),
        "the offset of the central directory",
    );
    refused(zip().write_ending(|end| end.disk = 1), "several disks");
    refused(
        zip().write_ending(|end| end.comment = b"PK\x05\x06".to_vec()),
        "has a comment of 4 bytes",
    );
}

#[test]
fn links_devices_and_comments() {
    for (mode, shown) in [(0o120_777_u32, "0o120777"), (0o040_755, "0o40755")] {
        let link = |entry: &mut Entry| entry.external_attributes = mode << 16;
        refused(with_second(link), shown);
    }
    let folder = |entry: &mut Entry| entry.external_attributes = 0x10;
    refused(with_second(folder), "MS-DOS attributes");
    let comment = |entry: &mut Entry| entry.comment = b"x".to_vec();
    refused(with_second(comment), "has a comment");
    let disk = |entry: &mut Entry| entry.disk = 1;
    refused(with_second(disk), "on another disk");
}

#[test]
fn content_that_is_not_what_is_said_of_it() {
    let both = |change: fn(&mut crate::support::zip::Header)| {
        with_second(move |entry| *entry = entry.clone().both(change))
    };
    refused(both(|header| header.crc32 ^= 1), "has CRC-32");
    refused(both(|header| header.size += 1), "has size");
    refused(both(|header| header.size -= 1), "has more than");
    refused(both(|header| header.method = 12), "method 12");
    refused(both(|header| header.flags |= 1), "is encrypted");
    refused(both(|header| header.version = 63), "needs version 63");
    refused(
        both(|header| {
            header.size = u32::MAX;
            header.compressed = u32::MAX;
        }),
        "64-bit sizes",
    );
    refused(
        both(|header| header.extra = b"up\x01\x00x".to_vec()),
        "extra field 0x7075",
    );
    refused(
        both(|header| header.extra = b"up\xff\x00x".to_vec()),
        "do not add up",
    );
    refused(
        with_second(|entry| {
            let middle = entry.data.len() / 2;
            entry.data.truncate(middle);
            let bytes = u32::try_from(middle).unwrap();
            *entry = entry.clone().both(|header| header.compressed = bytes);
        }),
        "ends too early",
    );
    refused(
        with_second(|entry| {
            entry.data.push(0);
            *entry = entry.clone().both(|header| header.compressed += 1);
        }),
        "after the end of its compressed data",
    );
}

#[test]
fn a_data_descriptor_that_lies() {
    for field in 0..3 {
        let lie = |entry: &mut Entry| {
            *entry = entry.clone().with_descriptor();
            entry.descriptor.as_mut().unwrap()[field] ^= 1;
        };
        refused(with_second(lie), "its data descriptor");
    }
    let stored = Entry::stored(&below("x"), b"x").with_descriptor();
    refused(zip().with(stored).write(), "stored with a data descriptor");
}

/// A gigabyte of zeros in a megabyte: refused while it inflates, and by its own account before.
#[test]
fn a_bomb_ends_at_go_s_limits_and_costs_no_memory() {
    let zeros = vec![0; 64 << 20];
    let bomb = Entry::new(&below("zeros.bin"), &zeros);
    assert_eq!(bomb.local.method, DEFLATE);
    let streamed = bomb.clone().with_descriptor();
    let many = |entry: &Entry| {
        let mut bomb = zip();
        for n in 0..9 {
            let name = below(&format!("zeros{n}.bin"));
            let named = entry
                .clone()
                .both(|header| header.name = name.clone().into());
            bomb.entries.push(named);
        }
        bomb.write()
    };
    for bytes in [many(&bomb), many(&streamed)] {
        let attack = Case::new().attack(replace(&hello().url("zip"), bytes));
        let attack = attack.refuses(
            "zip",
            403,
            "makes the content of the zip larger than 524288000",
        );
        let peak_kib = attack.gate.running().peak_kib();
        assert!(peak_kib < 150_000, "{peak_kib} KiB");
        attack.then_honest();
    }
    let go_mod = Entry::new(&below("LICENSE"), &zeros[..17 << 20]);
    refused(zip().with(go_mod).write(), "16777216");
}
