//! Every single bit flipped alone.

use std::sync::Arc;

use sumcheck::tlog::checkpoint::TreeHead;
use sumcheck::tlog::hash::Hash;
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::tile::{Tile, TileHeight};
use sumcheck::tlog::tile_auth::{AuthenticTiles, TilePlan};

use crate::attack::{Case, for_each, then_honest, verdicts};
use crate::support::layers::*;
use crate::support::log::{TestLog, synthetic_module, synthetic_version};

/// Each record's own lookup reply has another bit flipped, so that one run tries many.
#[test]
fn no_lookup_reply_with_a_flipped_bit_proves_anything() {
    const RECORDS: usize = 64;
    let log = TestLog::with_records(RECORDS as u64);
    let name = |n: usize| {
        format!(
            "{}@{}",
            synthetic_module(n as u64),
            synthetic_version(n as u64)
        )
    };
    let bits = |n: usize| log.lookup_reply(&name(n), RECORDS as u64).unwrap().len() * 8;
    let most_bits = (0..RECORDS).map(bits).max().unwrap();
    let firsts: Vec<usize> = (0..most_bits).step_by(7).collect();
    for_each(&firsts, |&first| {
        let shift = move |n: usize| first + n % 7;
        let flipped = (0..RECORDS).filter(|&n| shift(n) < bits(n));
        let count = flipped.clone().count();
        let case = Case::new(&log, 0..RECORDS as u64);
        let ended = case.attack(|honest| {
            flipped.fold(honest, |handler, n| {
                flip_bit(&format!("/lookup/{}", name(n)), shift(n))(handler)
            })
        });
        let verified = ended
            .verdicts()
            .iter()
            .filter(|verdict| *verdict == "verified")
            .count();
        assert_eq!(
            verified,
            2 * (RECORDS - count),
            "bits {first}.. in {:?}",
            ended.outcome
        );
        ended.expect(if count > 0 { 3 } else { 0 }).then_honest();
    });
}

/// The line is proven under the lookup's own head, and the run is exit 3 all the same.
#[test]
fn no_latest_with_a_flipped_bit_passes() {
    let log = TestLog::with_records(3);
    let bits: Vec<usize> = (0..log.head().len() * 8).collect();
    for_each(&bits.chunks(64).collect::<Vec<_>>(), |bits| {
        let case = Case::new(&log, 0..1);
        for &bit in *bits {
            let ended = case.clone().attack(flip_bit("/latest", bit));
            ended.expect(3).says("(/latest)");
        }
        then_honest(&case);
    });
}

#[test]
fn no_partial_tile_with_a_flipped_bit_proves_anything() {
    let log = TestLog::with_records(258);
    for (tile, width) in [("/tile/8/0/001.p/2", 2), ("/tile/8/1/000.p/1", 1)] {
        let bits: Vec<usize> = (0..width * 32 * 8).collect();
        for_each(&bits.chunks(64).collect::<Vec<_>>(), |bits| {
            let case = Case::new(&log, 257..258);
            for &bit in *bits {
                let ended = case.clone().attack(flip_bit(tile, bit)).expect(3);
                assert_eq!(
                    verdicts(&ended.outcome.json()),
                    ["unavailable", "unavailable"]
                );
            }
            then_honest(&case);
        });
    }
}

/// One bit of each of its hashes, and of the first hash each bit.
#[test]
fn no_full_tile_with_a_flipped_bit_proves_anything() {
    let log = TestLog::with_records(258);
    let bits: Vec<usize> = (0..256)
        .chain((1..256).map(|hash| hash * 256 + hash))
        .collect();
    for_each(&bits.chunks(64).collect::<Vec<_>>(), |bits| {
        let case = Case::new(&log, 7..8);
        for &bit in *bits {
            let ended = case.clone().attack(flip_bit("/tile/8/0/000", bit));
            ended
                .expect(3)
                .says("tile/8/0/000 does not hash to its place in the tile above it");
        }
        then_honest(&case);
    });
}

/// All bits of all tiles of a tree with three levels, one in each byte, with the pure floor alone.
#[test]
fn a_tile_with_a_flipped_bit_is_never_authentic() {
    const SIZE: u64 = 65_536 + 256 + 3;
    let log = TestLog::with_records(SIZE);
    let head = TreeHead::new(SIZE, Hash::from_bytes(log.root_at(SIZE)));
    let mut plan = TilePlan::for_tree(TileHeight::EIGHT, SIZE);
    plan.add_record(65_536).unwrap();
    let honest = |tile: &Tile| {
        let path = format!("/{}", tile.path());
        log.tile_at(crate::support::tile_path::TilePath::parse(&path).unwrap())
            .unwrap()
    };
    let tiles: Vec<_> = plan.tiles().map(|tile| (tile, honest(&tile))).collect();
    assert_eq!(
        tiles.len(),
        4,
        "two partial tiles, and a full one below each: {tiles:?}"
    );
    let bytes_in_all = tiles.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    for_each(&(0..bytes_in_all).collect::<Vec<_>>(), |&position| {
        let mut flipped = tiles.clone();
        let mut rest = position;
        let (tile, bytes) = flipped
            .iter_mut()
            .find(|(_, bytes)| {
                let here = rest < bytes.len();
                rest -= if here { 0 } else { bytes.len() };
                here
            })
            .unwrap();
        bytes[rest] ^= 1 << (position % 8);
        let flipped_tile = *tile;
        let tile_of = |tile: &Tile| {
            let (_, bytes) = flipped.iter().find(|(planned, _)| planned == tile)?;
            HashedTile::parse(tile, bytes).ok().map(Arc::new)
        };
        let (authentic, faults) = AuthenticTiles::authenticate(&plan, head, tile_of);
        assert!(
            authentic.iter().all(|(tile, _)| tile != flipped_tile),
            "byte {position}"
        );
        assert!(
            faults.iter().any(|fault| fault.tile() == flipped_tile),
            "byte {position}"
        );
    });
}
