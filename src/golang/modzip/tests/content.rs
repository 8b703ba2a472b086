//! What a file has, and what is said of it before and after.

use super::archive::*;
use super::*;

const NAME: &str = "file \"example.com/m@v1.0.0/a.go\"";

/// The message for this file alone, with directory and end record that agree with it.
#[track_caller]
fn alone(file: File) -> String {
    let error = read(&Archive::sealed(vec![file]).bytes())
        .unwrap_err()
        .to_string();
    let fault = error
        .strip_prefix(NAME)
        .unwrap_or_else(|| panic!("{error}"));
    fault.trim_start().to_owned()
}

#[track_caller]
fn descriptor_lie(change: impl FnOnce(&mut Descriptor)) -> String {
    let mut file = File::new(A.0, A.1);
    change(file.descriptor.as_mut().unwrap());
    alone(file)
}

#[test]
fn a_data_descriptor_tells_the_truth() {
    let (crc, size) = (crc32(A.1), A.1.len());
    let compressed = deflated(A.1).len();
    assert_eq!(
        descriptor_lie(|told| told.crc32 ^= 1),
        format!("has CRC-32 {crc}, and its data descriptor says {}", crc ^ 1)
    );
    assert_eq!(
        descriptor_lie(|told| told.compressed += 1),
        format!(
            "has compressed size {compressed}, and its data descriptor says {}",
            compressed + 1
        )
    );
    assert_eq!(
        descriptor_lie(|told| told.size = 0),
        format!("has size {size}, and its data descriptor says 0")
    );
}

#[test]
fn a_data_descriptor_without_signature_tells_the_truth() {
    assert_eq!(
        descriptor_lie(|told| {
            told.signed = false;
            told.size += 1;
        }),
        format!(
            "has size {}, and its data descriptor says {}",
            A.1.len(),
            A.1.len() + 1
        )
    );
}

#[test]
fn a_data_descriptor_of_64_bits_is_refused() {
    let refused = sealed_refusal(|files| {
        let told = files[1].descriptor.take().unwrap();
        files[1].data.extend(b"PK\x07\x08");
        files[1].data.extend(told.crc32.to_le_bytes());
        files[1]
            .data
            .extend(u64::from(told.compressed).to_le_bytes());
        files[1].data.extend(u64::from(told.size).to_le_bytes());
    });
    assert_eq!(
        refused,
        format!(
            "{NAME} has size {}, and its data descriptor says 0",
            A.1.len()
        )
    );
}

#[test]
fn sizes_before_the_content_tell_the_truth() {
    for form in [File::stored, File::sized] {
        let mut file = form(A.0, A.1);
        file.header.crc32 ^= 1;
        let crc = crc32(A.1);
        assert_eq!(
            alone(file),
            format!(
                "has CRC-32 {crc}, and the header before it says {}",
                crc ^ 1
            )
        );
        let mut file = form(A.0, A.1);
        file.header.size += 1;
        assert_eq!(
            alone(file),
            format!(
                "has size {}, and the header before it says {}",
                A.1.len(),
                A.1.len() + 1
            )
        );
    }
}

#[test]
fn a_bomb_is_stopped_at_its_declared_size() {
    for form in [File::stored, File::sized] {
        let mut file = form(A.0, A.1);
        file.header.size = 9;
        assert_eq!(
            alone(file),
            "has more than the 9 bytes that it is said to have"
        );
    }
}

#[test]
fn nothing_stands_behind_the_compressed_data() {
    let mut file = File::sized(A.0, A.1);
    file.data.extend(b"more");
    file.header.compressed += 4;
    assert_eq!(
        alone(file),
        "has 4 bytes after the end of its compressed data"
    );

    let mut behind = File::new(A.0, A.1);
    behind.data.extend(b"more");
    let told = behind.descriptor.as_mut().unwrap();
    told.compressed += 4;
    assert!(alone(behind).contains("and its data descriptor says"));
}

#[test]
fn compressed_data_that_ends_too_early_is_refused() {
    let mut file = File::sized(A.0, A.1);
    file.data.pop();
    file.header.compressed -= 1;
    assert_eq!(alone(file), "has compressed data that ends too early");

    let mut nothing = File::sized(A.0, A.1);
    nothing.data.clear();
    nothing.header.compressed = 0;
    assert_eq!(alone(nothing), "has compressed data that ends too early");
}

#[test]
fn damaged_data_is_refused() {
    for file in [File::new(A.0, A.1), File::sized(A.0, A.1)] {
        let damaged = File {
            data: [&[0b111], &file.data[1..]].concat(),
            ..file
        };
        assert_eq!(
            alone(damaged),
            "does not inflate: its compressed data is damaged"
        );
    }
}

#[test]
fn every_flipped_bit_is_refused_or_changes_the_hash_or_has_no_meaning() {
    let archive = honest();
    let bytes = archive.bytes();
    let h1 = read(&bytes).unwrap().h1();
    let mut same = Vec::new();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if read(&flipped).is_ok_and(|zip| zip.h1() == h1) {
            same.push(bit / 8);
        }
    }
    same.dedup();

    // No reader looks at the bits between the end of a deflate stream and that of its last byte.
    let descriptor_bytes = 16;
    let starts = archive
        .central
        .iter()
        .map(|file| file.offset as usize)
        .skip(1);
    for end in starts.chain([archive.end.offset as usize]) {
        same.retain(|at| *at != end - descriptor_bytes - 1);
    }
    // All else is said twice or hashed, but for what only the directory says of each file: version
    // made by, internal attributes, and the harmless bits of the external ones.
    let mut free = Vec::new();
    let mut at = archive.end.offset as usize;
    for path in ["go.mod", "a.go", "sub/b.go"] {
        free.extend([4, 5, 36, 37, 38, 40, 41].map(|field| at + field));
        at += 46 + MODULE.len() + 1 + path.len();
    }
    assert_eq!(same, free);
}
