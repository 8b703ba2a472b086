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

#[test]
fn many_tiles_at_once_are_written_like_a_few() {
    let paths: Vec<String> = (0..=crate::io::batch::FEW_FILES)
        .map(|index| format!("tile/8/0/{index:03}"))
        .collect();
    let borrowed: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (folder, cache) = cache_with(&borrowed);
    for path in borrowed {
        assert_eq!(cache.reader().read(&tile(path)), Some(bytes(&tile(path))));
    }
    assert_eq!(names_below(folder.path()).len(), paths.len());
}

#[test]
fn a_torn_tile_is_replaced() {
    let (folder, cache) = cache_with(&["tile/8/0/000"]);
    let path = folder.path().join("tiles/log.example/tile/8/0/000");
    fs::write(&path, "torn").unwrap();
    let torn = tile("tile/8/0/000");
    assert_eq!(cache.reader().read(&torn), None);
    cache.write(&[(torn, hashed(&torn))]).unwrap();
    assert_eq!(cache.reader().read(&torn), Some(bytes(&torn)));
}

#[test]
fn the_narrowest_of_the_wider_partial_tiles_is_cut() {
    let paths = [
        "tile/8/1/004.p/200",
        "tile/8/1/004.p/18",
        "tile/8/1/004.p/9",
    ];
    let (folder, cache) = cache_with(&paths);
    let partial = folder.path().join("tiles/log.example/tile/8/1/004.p");
    fs::write(partial.join("x"), "no width").unwrap();
    fs::write(partial.join("200"), "never looked at").unwrap();
    let narrow = tile("tile/8/1/004.p/17");
    assert_eq!(cache.reader().read(&narrow), Some(bytes(&narrow)));
}

#[cfg(unix)]
#[test]
fn a_pipe_a_device_or_a_folder_in_the_place_of_a_tile_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tile/8/0");
    fs::create_dir_all(place.join("002")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(place.join("000"))
        .status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", place.join("001")).unwrap();
    std::os::unix::fs::symlink("003", place.join("003")).unwrap();
    let reader = TileReader::new(folder.path());
    for index in 0..=3 {
        assert_eq!(reader.read(&tile(&format!("tile/8/0/00{index}"))), None);
    }
}

#[test]
fn a_write_that_fails_leaves_nothing_temporary() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tile"), "a file").unwrap();
    let cache = TileCache::new(folder.path().to_owned());
    let wanted = tile("tile/8/0/000");
    let error = cache.write(&[(wanted, hashed(&wanted))]).unwrap_err();
    assert!(error.to_string().ends_with("Not a directory (os error 20)"));
    assert_eq!(names_below(folder.path()), ["tile"]);
}

#[test]
fn a_batch_that_a_crash_left_is_swept_a_day_later() {
    let folder = tempfile::tempdir().unwrap();
    for (name, modified) in [
        (".batch.old.tmp", std::time::SystemTime::UNIX_EPOCH),
        (".batch.new.tmp", std::time::SystemTime::now()),
    ] {
        let batch = folder.path().join(name);
        fs::create_dir(&batch).unwrap();
        fs::write(batch.join(name), "torn").unwrap();
        File::open(&batch).unwrap().set_modified(modified).unwrap();
    }
    let wanted = tile("tile/8/0/000");
    TileCache::new(folder.path().to_owned())
        .write(&[(wanted, hashed(&wanted))])
        .unwrap();
    assert_eq!(names_below(folder.path()), [".batch.new.tmp", "000"]);
}

#[test]
fn nothing_to_write_creates_nothing() {
    let (folder, _cache) = cache_with(&[]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
