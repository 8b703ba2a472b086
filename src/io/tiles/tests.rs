//! Tiles on the disk, whole, wider than needed, and damaged.

use super::*;

fn tile(path: &str) -> Tile {
    Tile::parse_path(path).unwrap()
}

fn bytes(tile: &Tile) -> Vec<u8> {
    (0..tile.hash_bytes())
        .map(|position| position.to_le_bytes()[0])
        .collect()
}

fn hashed(tile: &Tile) -> Arc<HashedTile> {
    Arc::new(HashedTile::parse(tile, &bytes(tile)).unwrap())
}

fn cache_with(paths: &[&str]) -> (tempfile::TempDir, TileCache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = TileCache::new(folder.path().join("tiles/log.example"));
    let tiles: Vec<_> = paths
        .iter()
        .map(|path| (tile(path), hashed(&tile(path))))
        .collect();
    cache.write(&tiles).unwrap();
    (folder, cache)
}

fn names_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(names_below(&path));
        } else {
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    names
}

#[test]
fn what_was_written_is_read_and_nothing_else_stays() {
    let paths = ["tile/8/0/x001/234", "tile/8/1/004.p/210", "tile/8/1/004"];
    let (folder, cache) = cache_with(&paths);
    for path in paths {
        assert_eq!(
            cache.reader().read(&tile(path)),
            Some(bytes(&tile(path))),
            "{path}"
        );
    }
    assert_eq!(cache.reader().read(&tile("tile/8/0/000")), None);
    assert_eq!(names_below(folder.path()), ["004", "210", "234"]);
}

#[test]
fn a_wider_tile_serves_for_a_narrower_one() {
    for wider in ["tile/8/1/004", "tile/8/1/004.p/210"] {
        let (_folder, cache) = cache_with(&[wider]);
        let narrow = tile("tile/8/1/004.p/17");
        assert_eq!(
            cache.reader().read(&narrow),
            Some(bytes(&narrow)),
            "{wider}"
        );
        assert_eq!(
            cache.reader().read(&tile("tile/8/1/004.p/211")).is_some(),
            wider.ends_with('4')
        );
    }
}

#[test]
fn a_file_of_another_length_is_as_good_as_none() {
    let (folder, cache) = cache_with(&["tile/8/0/000"]);
    let path = folder.path().join("tiles/log.example/tile/8/0/000");
    for length in [0, 1, 8191, 8193] {
        fs::write(&path, vec![0; length]).unwrap();
        assert_eq!(cache.reader().read(&tile("tile/8/0/000")), None, "{length}");
        assert_eq!(
            cache.reader().read(&tile("tile/8/0/000.p/1")),
            None,
            "{length}"
        );
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(cache.reader().read(&tile("tile/8/0/000")), None);
}

#[test]
fn writing_where_nothing_can_be_written_says_where() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tiles"), "a file").unwrap();
    let cache = TileCache::new(folder.path().join("tiles/log.example"));
    let path = "tile/8/0/000.p/1";
    let error = cache
        .write(&[(tile(path), hashed(&tile(path)))])
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot write tiles below "), "{error}");
    assert!(error.contains("tiles/log.example: "), "{error}");
}
