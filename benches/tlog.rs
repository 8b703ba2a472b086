//! The mathematics alone: `cargo bench --bench tlog`.
//!
//! Hashing stands beside what sha2 gives on the same bytes, in the same run.

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use sumcheck::golang::gosum::GoSum;
use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::sumdb::head::open_head;
use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::{Hash, node_hash, record_hash};
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::note::VerifierKey;
use sumcheck::tlog::proof::InclusionProof;
use sumcheck::tlog::range::CompactRange;
use sumcheck::tlog::tile::{Tile, TileHeight};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

fn main() {
    divan::main();
}

/// As long as real records are: two lines with paths of usual length.
const RECORD_BYTES: usize = 190;

/// The size of the real log in November 2026.
const LOG_RECORDS: u64 = 71_909_756;

/// So many hashes that the clock's grain does not matter.
const HASHES: usize = 1000;

#[divan::bench]
fn leaf_hash(bencher: Bencher<'_, '_>) {
    let record = vec![b'r'; RECORD_BYTES];
    bencher.counter(ItemsCount::new(HASHES)).bench(|| {
        for _ in 0..HASHES {
            black_box(record_hash(black_box(&record)));
        }
    });
}

#[divan::bench]
fn leaf_hash_by_sha2(bencher: Bencher<'_, '_>) {
    let record = vec![b'r'; RECORD_BYTES + 1];
    bencher.counter(ItemsCount::new(HASHES)).bench(|| {
        for _ in 0..HASHES {
            black_box(Sha256::digest(black_box(&record)));
        }
    });
}

#[divan::bench]
fn node(bencher: Bencher<'_, '_>) {
    let (left, right) = (record_hash(b"left"), record_hash(b"right"));
    bencher.counter(ItemsCount::new(HASHES)).bench(|| {
        for _ in 0..HASHES {
            black_box(node_hash(black_box(&left), black_box(&right)));
        }
    });
}

/// The limit: two blocks that need no preparing.
#[divan::bench]
fn node_by_sha2_blocks(bencher: Bencher<'_, '_>) {
    let blocks = [[0x5a_u8; 64]; 2];
    bencher.counter(ItemsCount::new(HASHES)).bench(|| {
        for _ in 0..HASHES {
            let mut state = [0_u32; 8];
            compress256(&mut state, black_box(&blocks));
            black_box(state);
        }
    });
}

#[divan::bench]
fn node_by_sha2_digest(bencher: Bencher<'_, '_>) {
    let bytes = [1_u8; 65];
    bencher.counter(ItemsCount::new(HASHES)).bench(|| {
        for _ in 0..HASHES {
            black_box(Sha256::digest(black_box(&bytes)));
        }
    });
}

/// 255 nodes.
#[divan::bench]
fn full_tile(bencher: Bencher<'_, '_>) {
    let tile = Tile::parse_path("tile/8/0/000").unwrap();
    let bytes = vec![7_u8; tile.hash_bytes()];
    bencher
        .counter(ItemsCount::new(255_usize))
        .bench(|| HashedTile::parse(black_box(&tile), black_box(&bytes)));
}

fn indices() -> impl Iterator<Item = u64> {
    (0..2000_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % LOG_RECORDS)
}

#[divan::bench]
fn plan_of_2000_records(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let mut plan = TilePlan::for_tree(TileHeight::EIGHT, LOG_RECORDS);
        for index in indices() {
            plan.add_record(index).unwrap();
        }
        plan.tiles().count()
    });
}

/// A tree of 100,000 records, whose tiles are hashed beforehand as they are when they arrive.
#[divan::bench]
fn authenticate_and_prove_2000_records(bencher: Bencher<'_, '_>) {
    const SIZE: u64 = 100_000;
    let mut levels = vec![
        (0..SIZE)
            .map(|n| record_hash(&n.to_be_bytes()))
            .collect::<Vec<Hash>>(),
    ];
    while levels.last().unwrap().len() > 1 {
        let below = levels.last().unwrap();
        levels.push(
            below
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[l, r]| node_hash(l, r))
                .collect(),
        );
    }
    let mut range = CompactRange::empty();
    for hash in &levels[0] {
        range.append(*hash).unwrap();
    }
    let head = TreeHead::new(SIZE, range.root());
    let mut plan = TilePlan::for_tree(TileHeight::EIGHT, SIZE);
    let wanted: Vec<u64> = indices().map(|index| index % SIZE).collect();
    for index in &wanted {
        plan.add_record(*index).unwrap();
    }
    let tiles: std::collections::HashMap<Tile, Arc<HashedTile>> = plan
        .tiles()
        .map(|tile| {
            let level = match tile.level() {
                sumcheck::tlog::tile::TileLevel::Hashes(level) => usize::from(level) * 8,
                sumcheck::tlog::tile::TileLevel::Data => unreachable!(),
            };
            let first = usize::try_from(tile.index()).unwrap() * 256;
            let hashes = &levels[level][first..first + tile.width() as usize];
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            (tile, Arc::new(HashedTile::parse(&tile, &bytes).unwrap()))
        })
        .collect();
    bencher.bench(|| {
        let (authentic, faults) =
            AuthenticTiles::authenticate(&plan, head, |tile| tiles.get(tile).cloned());
        assert!(faults.is_empty());
        for index in &wanted {
            let proof = authentic.inclusion_proof(*index).unwrap();
            proof
                .verify(levels[0][*index as usize], *index, &head)
                .unwrap();
        }
    });
}

/// In a tree as large as the real log: 27 nodes.
#[divan::bench]
fn inclusion_proof(bencher: Bencher<'_, '_>) {
    let hash = record_hash(b"hash");
    let proof = InclusionProof::from_hashes(vec![hash; 27]);
    let head = TreeHead::new(LOG_RECORDS, hash);
    // The hashes lead to another root; the work is the same.
    bencher.bench(|| proof.verify(black_box(hash), black_box(5), &head).is_err());
}

#[divan::bench]
fn open_a_head(bencher: Bencher<'_, '_>) {
    let key = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY).unwrap();
    let note = "go.sum database tree\n71909756\niHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=\n\n\
                \u{2014} sum.golang.org Az3gruqca1CkvBUmiVQwTbA/gaUFzmjGdeKsltdaxDjB0sALZnZFiokxoLeuE\
                LkWgcacVEQfWPJ8/AdDoOHPspHuDgk=\n";
    open_head(note.as_bytes(), &key).unwrap();
    bencher.bench(|| open_head(black_box(note.as_bytes()), &key));
}

#[divan::bench]
fn go_sum_of_100_000_lines(bencher: Bencher<'_, '_>) {
    let hash = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
    let text: String = (0..50_000)
        .map(|number| {
            let module = format!(
                "github.com/organisation{}/module{number} v1.{number}.0",
                number % 97
            );
            format!("{module} {hash}\n{module}/go.mod {hash}\n")
        })
        .collect();
    bencher.counter(BytesCount::new(text.len())).bench(|| {
        GoSum::parse(black_box(text.as_bytes()))
            .unwrap()
            .lines
            .len()
    });
}
