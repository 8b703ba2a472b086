//! How fast a module zip is read, beside what cannot be saved: inflating its content, and hashing
//! it, with the same crates and nothing else.
//!
//! `cargo bench --bench modzip`. The archive is made here: source code that compresses to a
//! quarter, as real modules do, in files of 10 KiB.

use std::fmt::Write as _;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use flate2::{Crc, Decompress, FlushDecompress};
use sha2::{Digest, Sha256};
use sumcheck::golang::module::ModuleVersion;
use sumcheck::golang::modzip::{Limits, ModZipHasher};

#[path = "../src/golang/modzip/tests/archive.rs"]
mod archive;

use archive::{Archive, File, MODULE};

/// How many bytes arrive at a time from a network.
const ARRIVING_BYTES: usize = 16 << 10;

const FILES: u64 = 1_000;
const FILE_BYTES: usize = 10 << 10;

fn main() {
    divan::main();
}

/// Text with the repetitions of source code and enough chance not to compress further.
fn source(seed: u64) -> Vec<u8> {
    let mut text = String::with_capacity(FILE_BYTES + 100);
    let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while text.len() < FILE_BYTES {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let (name, value) = (chance >> 40, chance % 1_000);
        let line = "if err := check";
        writeln!(
            text,
            "\t{line}{name:x}(ctx, {value}); err != nil {{\n\t\treturn err\n\t}}"
        )
        .expect("a String takes everything");
    }
    text.truncate(FILE_BYTES);
    text.into_bytes()
}

fn files() -> Vec<File> {
    let named = |number| File::new(&format!("pkg/file{number}.go"), &source(number));
    (0..FILES).map(named).collect()
}

/// All figures are of bytes of the archive.
#[divan::bench]
fn a_module_zip(bencher: Bencher<'_, '_>) {
    let bytes = Archive::sealed(files()).bytes();
    let module = ModuleVersion::parse(MODULE).expect("a version of a module");
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| {
            let mut hasher = ModZipHasher::new(&module, Limits::default()).expect("canonical");
            for arriving in bytes.chunks(ARRIVING_BYTES) {
                hasher.push(black_box(arriving)).expect("well-formed");
            }
            black_box(hasher.finish().expect("complete").h1())
        });
}

#[divan::bench]
fn inflate_alone(bencher: Bencher<'_, '_>) {
    let archive = Archive::sealed(files());
    let bytes = archive.bytes().len();
    let mut inflate = Decompress::new(false);
    let mut content = vec![0; FILE_BYTES + 1];
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for file in &archive.files {
            inflate.reset(false);
            let inflated = inflate.decompress(&file.data, &mut content, FlushDecompress::Finish);
            black_box(inflated.expect("well-formed"));
        }
    });
}

#[divan::bench]
fn sha256_alone(bencher: Bencher<'_, '_>) {
    let bytes = Archive::sealed(files()).bytes().len();
    let contents: Vec<Vec<u8>> = (0..FILES).map(source).collect();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for content in &contents {
            black_box(Sha256::digest(black_box(content)));
        }
    });
}

#[divan::bench]
fn crc32_alone(bencher: Bencher<'_, '_>) {
    let bytes = Archive::sealed(files()).bytes().len();
    let contents: Vec<Vec<u8>> = (0..FILES).map(source).collect();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        for content in &contents {
            let mut crc = Crc::new();
            crc.update(black_box(content));
            black_box(crc.sum());
        }
    });
}
