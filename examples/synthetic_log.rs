//! Makes a checksum database of any size, the same each time: a folder in the log's own URL layout
//! with tiles of hashes, data tiles and a signed head, for audits and mirrors to be tried on.
//!
//! ```text
//! cargo run --release --example synthetic_log -- FOLDER --records 1000000
//! cargo run --release --example synthetic_log -- FOLDER --records 1000000 \
//!     --duplicate 70000:900000 --repeat 5:6 --odd 12345 --flip 500000
//! cargo run --release --example synthetic_log -- FOLDER --records 1000000 --fork-at 999000
//! ```
//!
//! It prints the verifier key. Records look like those of the public log: a module version with two
//! hashes, 190 bytes in the middle. What is planted is honest in the tree, but for `--flip`, which
//! changes a byte of a data tile after it was hashed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use sumcheck::tlog::hash::{Hash, node_hash, record_hash};
use sumcheck::tlog::range::CompactRange;
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};

#[path = "../tests/support/key.rs"]
#[allow(dead_code, unreachable_pub)]
mod key;

use key::Key;

const HEIGHT: TileHeight = TileHeight::EIGHT;
const WIDTH: u64 = 256;

#[derive(Parser)]
struct Args {
    /// Where to write; it must not be there yet
    folder: PathBuf,
    /// How many records
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// The name of the log
    #[arg(long, default_value = "synthetic.example.com")]
    name: String,
    /// From this record on the records are others than without this option, under the same key
    #[arg(long)]
    fork_at: Option<u64>,
    /// FIRST:SECOND: the second record is of the module version of the first, with another hash
    #[arg(long, value_parser = pair)]
    duplicate: Vec<(u64, u64)>,
    /// FIRST:SECOND: the second record is the first one again
    #[arg(long, value_parser = pair)]
    repeat: Vec<(u64, u64)>,
    /// This record has a version that is not canonical and no go.mod line
    #[arg(long)]
    odd: Vec<u64>,
    /// In the data tile with this record one byte of it is another one
    #[arg(long)]
    flip: Vec<u64>,
    /// Write signed heads of these sizes too, as heads/SIZE
    #[arg(long, value_delimiter = ',')]
    heads: Vec<u64>,
    /// And of each size that this divides
    #[arg(long)]
    head_every: Option<u64>,
}

fn pair(text: &str) -> Result<(u64, u64), String> {
    let (first, second) = text.split_once(':').ok_or("write FIRST:SECOND")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    Ok((number(first)?, number(second)?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    fs::create_dir(&args.folder)?;
    let key = Key::new(&args.name, "synthetic log");
    let mut log = Writer {
        folder: args.folder.clone(),
        levels: Vec::new(),
        range: CompactRange::empty(),
    };
    let (mut data, mut leaves) = (String::new(), Vec::new());
    for index in 0..args.records {
        let text = record(&args, index);
        leaves.push(record_hash(text.as_bytes()));
        if args.flip.contains(&index) {
            // A digit or letter of the version's hash, and not the first byte of anything.
            let middle = text.len() - 20;
            let byte = if text.as_bytes()[middle] == b'x' {
                'y'
            } else {
                'x'
            };
            data.push_str(&text[..middle]);
            data.push(byte);
            data.push_str(&text[middle + 1..]);
        } else {
            data.push_str(&text);
        }
        data.push('\n');
        log.range.append(leaves[leaves.len() - 1])?;
        let size = index + 1;
        let is_regular = args
            .head_every
            .is_some_and(|every| size.is_multiple_of(every));
        if is_regular || args.heads.contains(&size) {
            let note = key.sign(&head_text(&log.range));
            write(&args.folder.join(format!("heads/{size}")), &note)?;
        }
        let is_last = index + 1 == args.records;
        if leaves.len() as u64 == WIDTH || is_last {
            let width = u32::try_from(leaves.len())?;
            let tile = Tile::new(HEIGHT, TileLevel::Data, index / WIDTH, width)?;
            write(&args.folder.join(tile.path()), data.as_bytes())?;
            data.clear();
            log.push(0, &leaves)?;
            leaves.clear();
        }
    }
    log.finish(args.records)?;
    write(
        &args.folder.join("latest"),
        &key.sign(&head_text(&log.range)),
    )?;
    write(&args.folder.join("supported"), b"")?;
    println!("{}", key.verifier_key());
    Ok(())
}

fn head_text(range: &CompactRange) -> String {
    format!("go.sum database tree\n{}\n{}\n", range.size(), range.root())
}

/// The hashes of each level that are not yet in a full tile.
struct Writer {
    folder: PathBuf,
    levels: Vec<(u64, Vec<Hash>)>,
    range: CompactRange,
}

impl Writer {
    fn push(&mut self, level: usize, hashes: &[Hash]) -> Result<(), Box<dyn Error>> {
        if self.levels.len() <= level {
            self.levels.push((0, Vec::new()));
        }
        let (index, waiting) = &mut self.levels[level];
        waiting.extend(hashes);
        if (waiting.len() as u64) < WIDTH {
            return Ok(());
        }
        let full = std::mem::take(waiting);
        let tile = Tile::new(HEIGHT, TileLevel::Hashes(u8::try_from(level)?), *index, 256)?;
        *index += 1;
        write(&self.folder.join(tile.path()), &bytes(&full))?;
        self.push(level + 1, &[root(full)])
    }

    /// The partial tiles at the right edge.
    fn finish(&self, records: u64) -> Result<(), Box<dyn Error>> {
        for (level, (_, waiting)) in self.levels.iter().enumerate() {
            let edge = Tile::right_edge(HEIGHT, u8::try_from(level)?, records);
            if let Some(edge) = edge.filter(|_| !waiting.is_empty()) {
                write(&self.folder.join(edge.path()), &bytes(waiting))?;
            }
        }
        Ok(())
    }
}

fn root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks(2)
            .map(|pair| node_hash(&pair[0], &pair[1]))
            .collect();
    }
    hashes[0]
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match fs::write(path, bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            fs::write(path, bytes)
        }
        written => written,
    }
}

/// A number that looks like chance, the same for the same question.
struct Chance(u64);

impl Chance {
    fn of(index: u64, branch: u64) -> Self {
        Self(index.wrapping_mul(0xa076_1d64_78bd_642f) ^ branch.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn hash(&mut self) -> String {
        let words = [(); 4].map(|()| self.next().to_be_bytes());
        STANDARD.encode(words.as_flattened())
    }
}

const OWNERS: [&str; 12] = [
    "aurora",
    "birchwood",
    "cobalt-labs",
    "deepfield",
    "evergreen",
    "foxglove",
    "graniteworks",
    "harbor",
    "inkwell",
    "juniper",
    "kestrel",
    "lighthouse-io",
];

const NAMES: [&str; 16] = [
    "api",
    "auth",
    "cache",
    "cli",
    "config",
    "errors",
    "go-client",
    "http",
    "log",
    "metrics",
    "parser",
    "queue",
    "router",
    "sdk",
    "tools",
    "yaml",
];

/// The module version of a record: some modules have many, most have few.
fn module(index: u64, branch: u64) -> (String, String) {
    let mut chance = Chance::of(index, branch);
    let (owner, name) = (
        OWNERS[chance.below(12) as usize],
        NAMES[chance.below(16) as usize],
    );
    // No other record has this path and version: the index is in them.
    let path = format!(
        "github.com/{owner}{}/{name}{}",
        index % 4096,
        index / 65_536
    );
    let version = if chance.below(3) == 0 {
        let commit = chance.next() & 0xffff_ffff_ffff;
        let time = 20_150_101_000_000 + (index % 65_536);
        format!("v0.0.0-{time}-{commit:012x}")
    } else {
        let number = (index / 4096) % 16;
        format!("v1.{number}.{}", chance.below(40))
    };
    (path, version)
}

fn record(args: &Args, index: u64) -> String {
    let branch = u64::from(args.fork_at.is_some_and(|size| index >= size));
    let copied = |pairs: &[(u64, u64)]| {
        let mut pairs = pairs.iter();
        pairs
            .find(|(_, second)| *second == index)
            .map(|(first, _)| *first)
    };
    if let Some(first) = copied(&args.repeat) {
        return record(args, first);
    }
    let of = copied(&args.duplicate).unwrap_or(index);
    let (path, version) = module(of, branch);
    let mut chance = Chance::of(index ^ 0x5555_5555, branch);
    let (zip, go_mod) = (chance.hash(), chance.hash());
    if args.odd.contains(&index) {
        return format!("{path} {version}.0 h1:{zip}\n");
    }
    format!("{path} {version} h1:{zip}\n{path} {version}/go.mod h1:{go_mod}\n")
}
