//! Tile paths: every accepted path is the path of its tile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::tlog::tile::Tile;

fuzz_target!(|path: &str| {
    if let Ok(tile) = Tile::parse_path(path) {
        assert_eq!(tile.path(), path);
        assert_eq!(Tile::parse_path(&tile.full().path()), Ok(tile.full()));
        assert!(tile.width() >= 1 && tile.width() <= tile.height().full_width());
    }
});
