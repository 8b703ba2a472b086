//! What stands before a file's content.

use super::*;

/// The message for the second file when this is done to it, in the directory too.
#[track_caller]
fn fault(change: impl FnOnce(&mut File)) -> String {
    let error = sealed_refusal(|files| change(&mut files[1]));
    let prefix = "file \"example.com/m@v1.0.0/a.go\" ";
    error
        .strip_prefix(prefix)
        .unwrap_or_else(|| panic!("{error}"))
        .to_owned()
}

#[test]
fn encrypted_files_are_refused() {
    for bit in [0, 6, 13] {
        assert_eq!(fault(|file| file.header.flags |= 1 << bit), "is encrypted");
    }
}

#[test]
fn patches_are_refused() {
    assert_eq!(
        fault(|file| file.header.flags |= 1 << 5),
        "is a patch and not a file"
    );
}

#[test]
fn flags_without_a_meaning_are_refused() {
    for bit in [4, 7, 8, 9, 10, 12, 14, 15] {
        assert_eq!(
            fault(|file| file.header.flags |= 1 << bit),
            format!(
                "has flags {:#06x}: no more than 0x080e has a meaning in a module zip",
                8 | 1 << bit
            )
        );
    }
}

#[test]
fn how_hard_the_writer_tried_is_no_matter() {
    let mut archive = honest();
    archive.files[1].header.flags |= 0b110;
    archive.seal();
    accepted(&archive);
}

#[test]
fn methods_that_go_does_not_know_are_refused() {
    for method in [1, 6, 9, 12, 14, 93, 99, u16::MAX] {
        assert_eq!(
            fault(|file| file.header.method = method),
            format!("is compressed with method {method}: Go knows 0 (stored) and 8 (deflate)")
        );
    }
}

#[test]
fn newer_versions_of_the_format_are_refused() {
    assert_eq!(
        fault(|file| file.header.version = 46),
        "needs version 46 of the zip format: module zips need no more than 45 (4.5)"
    );
}

#[test]
fn sizes_stand_in_one_place() {
    let changes: [fn(&mut File); 3] = [
        |file| file.header.crc32 = 1,
        |file| file.header.compressed = file.data.len() as u32,
        |file| file.header.size = 1,
    ];
    for change in changes {
        assert_eq!(
            fault(change),
            "has a data descriptor and yet a CRC-32 or sizes before its content"
        );
    }
}

#[test]
fn a_stored_file_has_no_data_descriptor() {
    assert_eq!(
        fault(|file| {
            file.header.method = 0;
            file.data = A.1.to_vec();
        }),
        "is stored with a data descriptor: where it ends depends on the reader"
    );
}

#[test]
fn sizes_of_64_bits_are_refused() {
    let zip64 = "has 64-bit sizes, which no file in a module zip needs";
    assert_eq!(
        fault(|file| file.extra = [&[1, 0, 16, 0][..], &[0; 16]].concat()),
        zip64
    );
    let sentinels: [fn(&mut File); 2] = [
        |file| file.header.size = u32::MAX,
        |file| file.header.compressed = u32::MAX,
    ];
    for sentinel in sentinels {
        assert_eq!(
            fault(|file| {
                *file = File::sized(A.0, A.1);
                sentinel(file);
            }),
            zip64
        );
    }
}

#[test]
fn extra_fields_that_could_change_the_meaning_are_refused() {
    // Unicode path and comment, PKWARE's and ASi's Unix fields (links), strong encryption, AES.
    for id in [0x7075, 0x6375, 0x000d, 0x756e, 0x0017, 0x9901, 0xcafe] {
        let refused = fault(|file| {
            file.extra = [&u16::to_le_bytes(id)[..], &[0, 0]].concat();
        });
        assert_eq!(
            refused,
            format!(
                "has the extra field {id:#06x}, which could change its meaning for another reader"
            )
        );
    }
}

#[test]
fn times_and_owners_are_no_matter() {
    let mut archive = honest();
    for id in [0x000a, 0x5455, 0x5855, 0x7855, 0x7875] {
        archive.files[1].extra.extend(u16::to_le_bytes(id));
        archive.files[1].extra.extend([3, 0, 1, 2, 3]);
    }
    archive.seal();
    archive.central[2].extra = vec![0x55, 0x54, 0, 0];
    archive.seal_end();
    assert_eq!(accepted(&archive).h1(), accepted(&honest()).h1());
}

#[test]
fn extra_fields_add_up() {
    for extra in [
        &b"\x55\x54\x01\x00"[..],
        b"\x55\x54\x00",
        b"\0",
        b"UT\0\0\0",
    ] {
        assert_eq!(
            fault(|file| file.extra = extra.to_vec()),
            "has extra fields whose lengths do not add up"
        );
    }
}
