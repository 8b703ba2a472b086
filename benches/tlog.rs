//! How fast the pure floors are, each beside a peer that does nothing but the cryptography.
//!
//! `cargo bench --bench tlog`. No file is read and no server asked: the tree has as many records
//! as the real log, and they are all alike, so that each of its tiles can be told from its place.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use ed25519_dalek::{Signer, SigningKey};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use sumcheck::golang::gosum::GoSum;
use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::sumdb::head::open_head;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{HASH_BYTES, Hash, node_hash, record_hash, record_hashes};
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::note::VerifierKey;
use sumcheck::tlog::range::CompactRange;
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// About as many records as sum.golang.org has.
const TREE_SIZE: u64 = 72_000_000;

/// The records of a large project.
const RECORDS: u64 = 2_000;

/// About as long as a real record.
const RECORD_BYTES: usize = 200;

/// Hashes of one benchmark round: small enough for the first cache, so that hashing is measured.
const BATCH: usize = 128;

/// Interior nodes of a full tile, its root included.
const NODES_OF_A_TILE: usize = 255;

fn main() {
    divan::main();
}

/// RFC 6962's leaf hash, beside one call of sha2 over the same bytes.
#[divan::bench_group(name = "1 leaf of 200 bytes")]
mod leaf {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let records: Vec<Vec<u8>> = inputs(RECORD_BYTES);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for record in &records {
                black_box(record_hash(black_box(record)));
            }
        });
    }

    #[divan::bench]
    fn sha2_alone(bencher: Bencher<'_, '_>) {
        let prefixed: Vec<Vec<u8>> = inputs(RECORD_BYTES + 1);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for bytes in &prefixed {
                black_box(Sha256::digest(black_box(bytes)));
            }
        });
    }
}

/// The leaf hashes of many records, beside sha2 on the same bytes.
#[divan::bench_group(name = "1b 128 leaves of 200 bytes")]
mod leaves {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let records = vec!["x".repeat(RECORD_BYTES); BATCH];
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        bencher
            .counter(ItemsCount::new(BATCH))
            .bench_local(|| record_hashes(black_box(&records)));
    }

    #[divan::bench]
    fn sha2_alone(bencher: Bencher<'_, '_>) {
        let prefixed: Vec<Vec<u8>> = inputs(RECORD_BYTES + 1);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for bytes in &prefixed {
                black_box(Sha256::digest(black_box(bytes)));
            }
        });
    }
}

/// RFC 6962's node hash, beside sha2's block function on blocks made ready, which is as fast as
/// it can be, and beside one call of sha2.
#[divan::bench_group(name = "2 node")]
mod node {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let children = hashes(2 * BATCH);
        let (pairs, _) = children.as_chunks::<2>();
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for [left, right] in pairs {
                black_box(node_hash(black_box(left), black_box(right)));
            }
        });
    }

    #[divan::bench]
    fn sha2_blocks_alone(bencher: Bencher<'_, '_>) {
        let ready = blocks(BATCH);
        bencher
            .counter(ItemsCount::new(BATCH))
            .bench_local(|| compress_each(&ready));
    }

    #[divan::bench]
    fn sha2_one_shot(bencher: Bencher<'_, '_>) {
        let prefixed: Vec<Vec<u8>> = inputs(1 + 2 * HASH_BYTES);
        bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
            for bytes in &prefixed {
                black_box(Sha256::digest(black_box(bytes)));
            }
        });
    }
}

/// The bytes of a full tile, parsed and hashed up, beside its 255 nodes in sha2's block function.
#[divan::bench_group(name = "3 full tile")]
mod full_tile {
    use super::*;

    #[divan::bench]
    fn ours(bencher: Bencher<'_, '_>) {
        let tile = Tile::parse_path("tile/8/0/000").expect("a tile");
        let bytes: Vec<u8> = hashes(256).iter().flat_map(|h| *h.as_bytes()).collect();
        bencher
            .counter(ItemsCount::new(NODES_OF_A_TILE))
            .bench_local(|| HashedTile::parse(&tile, black_box(&bytes)));
    }

    #[divan::bench]
    fn sha2_blocks_alone(bencher: Bencher<'_, '_>) {
        let ready = blocks(NODES_OF_A_TILE);
        bencher
            .counter(ItemsCount::new(NODES_OF_A_TILE))
            .bench_local(|| compress_each(&ready));
    }
}

/// The tiles that prove 2,000 records, spread over all of the tree: more tiles than a real go.sum
/// of that size needs, whose records are neighbours here and there.
#[divan::bench_group(name = "4 2,000 records of 72 million")]
mod records {
    use super::*;

    #[divan::bench]
    fn plan(bencher: Bencher<'_, '_>) {
        bencher.counter(RECORDS).bench_local(|| {
            let plan = plan_of(black_box(RECORDS));
            plan.tiles().count()
        });
    }

    /// All tiles hashed and placed; a peer of it is `nodes_of_the_plan`.
    #[divan::bench(sample_count = 20)]
    fn authenticate(bencher: Bencher<'_, '_>) {
        let log = UniformLog::new();
        let plan = plan_of(RECORDS);
        let bytes: BTreeMap<String, Vec<u8>> = plan
            .tiles()
            .map(|tile| (tile.path(), log.tile(&tile)))
            .collect();
        bencher.counter(RECORDS).bench_local(|| {
            let (tiles, faults) = AuthenticTiles::authenticate(&plan, log.head, |tile| {
                let bytes = bytes.get(&tile.path())?;
                HashedTile::parse(tile, bytes).ok().map(Arc::new)
            });
            assert!(faults.is_empty());
            tiles
        });
    }

    /// The nodes inside the same tiles, by sha2's block function alone.
    #[divan::bench(sample_count = 20)]
    fn nodes_of_the_plan_by_sha2(bencher: Bencher<'_, '_>) {
        let tiles = plan_of(RECORDS).tiles().count();
        let ready = blocks(NODES_OF_A_TILE);
        bencher.counter(RECORDS).bench_local(|| {
            for _ in 0..tiles {
                compress_each(&ready);
            }
        });
    }

    /// One record out of authentic tiles: its proof read and checked.
    #[divan::bench]
    fn prove_one(bencher: Bencher<'_, '_>) {
        let log = UniformLog::new();
        let tiles = log.authentic(&plan_of(RECORDS));
        let index = index_of(RECORDS / 2);
        bencher.bench_local(|| {
            let proof = tiles.inclusion_proof(black_box(index)).expect("planned");
            proof
                .verify(log.record, index, &log.head)
                .expect("a record of the log");
        });
    }
}

/// A go.sum of 100,000 lines: 50,000 module versions, each with a zip and a go.mod.
#[divan::bench_group(name = "5 go.sum of 100,000 lines")]
mod go_sum {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    const LINES: usize = 100_000;

    #[divan::bench(sample_count = 20)]
    fn parse(bencher: Bencher<'_, '_>) {
        let text = text();
        bencher
            .counter(ItemsCount::new(LINES))
            .bench_local(|| GoSum::parse(black_box(text.as_bytes())).expect("a go.sum"));
    }

    /// What has to be done in any case: the bytes read as UTF-8 and split at their ends of line.
    #[divan::bench(sample_count = 20)]
    fn only_split_into_lines(bencher: Bencher<'_, '_>) {
        let text = text();
        bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
            let text = str::from_utf8(black_box(text.as_bytes())).expect("text");
            text.lines().map(str::len).sum::<usize>()
        });
    }

    fn text() -> String {
        (0..LINES / 2)
            .zip(hashes(LINES).as_chunks::<2>().0)
            .map(|(number, [zip, go_mod])| {
                let (owner, minor) = (number % 977, number % 31);
                let module = format!("github.com/owner-{owner}/Project/part{number} v1.{minor}.7");
                let zip = STANDARD.encode(zip.as_bytes());
                let go_mod = STANDARD.encode(go_mod.as_bytes());
                format!("{module} h1:{zip}\n{module}/go.mod h1:{go_mod}\n")
            })
            .collect()
    }
}

/// A signed head, beside the signature's check alone.
#[divan::bench_group(name = "6 note")]
mod note {
    use super::*;

    /// A head of the real log.
    const NOTE: &str = "go.sum database tree\n71909756\n\
                        iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=\n\n\
                        \u{2014} sum.golang.org Az3gruqca1CkvBUmiVQwTbA/gaUFzmjGdeKsltdaxDjB0sALZnZFi\
                        okxoLeuELkWgcacVEQfWPJ8/AdDoOHPspHuDgk=\n";

    #[divan::bench]
    fn open(bencher: Bencher<'_, '_>) {
        let key = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY).expect("a key");
        bencher.bench_local(|| open_head(black_box(NOTE.as_bytes()), &key).expect("a head"));
    }

    #[divan::bench]
    fn verify_strict_alone(bencher: Bencher<'_, '_>) {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let key = signer.verifying_key();
        let (text, _) = NOTE.split_at(NOTE.find("\n\n").expect("a note") + 1);
        let signature = signer.sign(text.as_bytes());
        bencher.bench_local(|| key.verify_strict(black_box(text.as_bytes()), &signature));
    }
}

/// A tree of [`TREE_SIZE`] records that are all alike.
struct UniformLog {
    record: Hash,
    head: TreeHead,
    /// By k: the root of a perfect tree of 2^k such records.
    perfect: Vec<Hash>,
}

impl UniformLog {
    fn new() -> Self {
        let record = record_hash(b"example.com/m v1.0.0 h1:\n");
        let above = |below: &Hash| Some(node_hash(below, below));
        let perfect: Vec<Hash> = std::iter::successors(Some(record), above)
            .take(64)
            .collect();
        let subtrees = (0..64).rev().filter(|bit| TREE_SIZE >> bit & 1 == 1);
        let roots = subtrees.map(|bit| perfect[bit]).collect();
        let range = CompactRange::from_subtree_roots(TREE_SIZE, roots).expect("one for each bit");
        Self {
            record,
            head: TreeHead::new(TREE_SIZE, range.root()),
            perfect,
        }
    }

    fn tile(&self, tile: &Tile) -> Vec<u8> {
        let TileLevel::Hashes(level) = tile.level() else {
            panic!("a plan has no tile of records");
        };
        let hash = self.perfect[8 * usize::from(level)];
        hash.as_bytes()
            .repeat(usize::try_from(tile.width()).expect("up to 256"))
    }

    fn authentic(&self, plan: &TilePlan) -> AuthenticTiles {
        let (tiles, faults) = AuthenticTiles::authenticate(plan, self.head, |tile| {
            HashedTile::parse(tile, &self.tile(tile)).ok().map(Arc::new)
        });
        assert_eq!(faults, []);
        tiles
    }
}

fn plan_of(records: u64) -> TilePlan {
    let mut plan = TilePlan::for_tree(TileHeight::EIGHT, TREE_SIZE);
    for record in 0..records {
        plan.add_record(index_of(record)).expect("in the tree");
    }
    plan
}

/// Indices that jump about in the tree, the same in each run.
fn index_of(record: u64) -> u64 {
    record.wrapping_mul(0x9e37_79b9_7f4a_7c15) % TREE_SIZE
}

/// [`BATCH`] byte strings of one length, no two alike.
fn inputs(bytes: usize) -> Vec<Vec<u8>> {
    hashes(BATCH)
        .iter()
        .map(|hash| {
            hash.as_bytes()
                .iter()
                .copied()
                .cycle()
                .take(bytes)
                .collect()
        })
        .collect()
}

/// Hashes that look like any others, the same in each run.
fn hashes(count: usize) -> Vec<Hash> {
    (0..count)
        .map(|number| record_hash(&number.to_le_bytes()))
        .collect()
}

/// Pairs of blocks as node hashes have them, padding and all.
fn blocks(count: usize) -> Vec<[[u8; 64]; 2]> {
    let mut second = [0; 64];
    second[1] = 0x80;
    second[62..].copy_from_slice(&(65_u16 * 8).to_be_bytes());
    let first = |hash: Hash| [*hash.as_bytes(); 2].concat().try_into().expect("64 bytes");
    hashes(count)
        .into_iter()
        .map(|hash| [first(hash), second])
        .collect()
}

/// The hashes in their bytes, as they would be used.
fn compress_each(ready: &[[[u8; 64]; 2]]) {
    for blocks in ready {
        let mut state = [0x6a09_e667; 8];
        compress256(&mut state, black_box(blocks));
        black_box(state.map(u32::to_be_bytes));
    }
}
