//! Coordinates of tiles and their paths.

use serde_json::{Value, json};
use sumcheck::tlog::tile::{Tile, TileHeight, TileLevel};

use crate::dice::Dice;
use crate::judge::{LEVELS, Question, agree};

/// Numbers that may or may not be a tile's; level -1 is data.
struct Numbers {
    height: u8,
    level: i16,
    index: u64,
    width: u32,
}

fn roll(dice: &mut Dice) -> Numbers {
    let height = 1 + dice.below(30) as u8;
    let full = 1_u32 << height;
    let width = match dice.below(4) {
        0 | 1 => full,
        2 => 1 + dice.below(full as usize) as u32,
        _ => 1 + dice.below(full.min(300) as usize) as u32,
    };
    Numbers {
        height,
        level: dice.below(65) as i16 - 1,
        index: dice.up_to_bits(63),
        width,
    }
}

fn tile(numbers: &Numbers) -> Option<Tile> {
    let height = TileHeight::new(numbers.height)?;
    let level = match numbers.level {
        -1 => TileLevel::Data,
        level => TileLevel::Hashes(u8::try_from(level).ok()?),
    };
    Tile::new(height, level, numbers.index, numbers.width).ok()
}

fn coordinate(tile: &Tile) -> Value {
    let level = match tile.level() {
        TileLevel::Data => -1,
        TileLevel::Hashes(level) => i64::from(level),
    };
    let (height, index, width) = (tile.height().levels(), tile.index(), tile.width());
    json!({"height": height, "level": level, "index": index, "width": width, "path": tile.path()})
}

#[test]
fn every_tile_has_the_path_that_xmod_gives_it() {
    let mut dice = Dice::new(1);
    let question = |_| {
        let mut numbers = roll(&mut dice);
        match dice.below(20) {
            0 => numbers.height = *dice.pick(&[&0, &31, &32, &64, &255]),
            1 => numbers.level = 64 + dice.below(200) as i16,
            2 => numbers.width = 0,
            3 => numbers.width = (1 << numbers.height) + 1 + dice.below(300) as u32,
            _ => {}
        }
        let Numbers {
            height,
            level,
            index,
            width,
        } = numbers;
        Question {
            request: json!({"op": "tile_path", "height": height, "level": level, "index": index, "width": width}),
            ours: tile(&numbers).map(|tile| json!({"path": tile.path()})),
            excuse: (level > 63).then_some(LEVELS),
        }
    };
    agree((0..5000).map(question).collect(), [3500, 500], &[LEVELS]);
}

#[test]
fn damaged_paths_are_read_or_refused_as_by_xmod() {
    const PIECES: [&str; 24] = [
        "0",
        "1",
        "9",
        "x",
        "X",
        "x000/",
        "x001/",
        "000",
        "/",
        ".p/",
        ".p",
        "p/",
        "data",
        "-",
        "+",
        " ",
        "tile/",
        "8",
        "255",
        "256",
        "٣",
        "\u{0}",
        "_",
        "99999999999999999999",
    ];
    let mut dice = Dice::new(2);
    let question = |_| {
        let numbers = roll(&mut dice);
        let path = tile(&numbers).unwrap().path();
        let path = match dice.below(8) {
            0 => path,
            _ => dice.damage(&path, &PIECES),
        };
        let level: Option<u64> = path.split('/').nth(2).and_then(|level| level.parse().ok());
        Question {
            ours: Tile::parse_path(&path).ok().map(|tile| coordinate(&tile)),
            excuse: level.is_some_and(|level| level > 63).then_some(LEVELS),
            request: json!({"op": "parse_tile_path", "path": path}),
        }
    };
    agree(
        (0..20_000).map(question).collect(),
        [3000, 10_000],
        &[LEVELS],
    );
}

/// x/mod's tile of a node is as wide as it is in the smallest tree that has the node.
#[test]
fn the_tile_of_a_node_is_as_wide_as_the_smallest_tree_makes_it() {
    let mut dice = Dice::new(3);
    let question = |_| {
        let height = TileHeight::new(1 + dice.below(30) as u8).unwrap();
        let level = dice.below(61) as u32;
        let n = dice.up_to_bits(60 - level);
        let smallest_tree = (n + 1) << level;
        let levels = u32::from(height.levels());
        let tile_level = u8::try_from(level / levels).unwrap();
        let index = n >> (levels - level % levels);
        let tile = Tile::in_tree(height, tile_level, index, smallest_tree);
        Question {
            request: json!({"op": "tile_for_index", "height": levels, "level": level, "n": n}),
            ours: tile.map(|tile| coordinate(&tile)),
            excuse: None,
        }
    };
    agree((0..3000).map(question).collect(), [3000, 0], &[]);
}
