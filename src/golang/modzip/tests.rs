//! An honest archive passes; each lie alone is refused, with its own reason.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions)]

mod archive;
mod collisions;
mod content;
mod directory;
mod headers;
mod limits;
mod names;
mod stream;

use super::{CheckedZip, Limits, ModZipError, ModZipHasher};
use crate::golang::module::ModuleVersion;
use archive::{Archive, File, MODULE};

const GO_MOD: (&str, &[u8]) = ("go.mod", b"module example.com/m\n");
const A: (&str, &[u8]) = (
    "a.go",
    b"package a\n\nconst A = `aaaaaaaaaaaaaaaaaaaaaaaaaaaa`\n",
);
const B: (&str, &[u8]) = ("sub/b.go", b"package b\n");

fn honest() -> Archive {
    Archive::of(&[GO_MOD, A, B])
}

fn read(bytes: &[u8]) -> Result<CheckedZip, ModZipError> {
    read_in_pieces(bytes, bytes.len().max(1), Limits::default())
}

fn read_in_pieces(
    bytes: &[u8],
    piece_bytes: usize,
    limits: Limits,
) -> Result<CheckedZip, ModZipError> {
    let module = ModuleVersion::parse(MODULE).unwrap();
    let mut hasher = ModZipHasher::new(&module, limits)?;
    for piece in bytes.chunks(piece_bytes) {
        hasher.push(piece)?;
    }
    hasher.finish()
}

/// The message for what the change makes of an honest archive.
#[track_caller]
fn refusal(change: impl FnOnce(&mut Archive)) -> String {
    let mut archive = honest();
    change(&mut archive);
    read(&archive.bytes()).expect_err("refused").to_string()
}

/// As [`refusal`], where directory and end record say the same as the changed files.
#[track_caller]
fn sealed_refusal(change: impl FnOnce(&mut Vec<File>)) -> String {
    refusal(|zip| {
        change(&mut zip.files);
        zip.seal();
    })
}

#[track_caller]
fn accepted(archive: &Archive) -> CheckedZip {
    read(&archive.bytes()).unwrap_or_else(|error| panic!("{error}"))
}
