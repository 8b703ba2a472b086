//! The floors of the house: arrows between rooms point down.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of each floor, lowest first. Rooms of one floor do not know each other.
const FLOORS: [&[&str]; 7] = [
    &["tlog", "golang"],
    &["sumdb"],
    &["io"],
    &["prover"],
    &["verify", "audit", "status"],
    &["gate", "mirror", "watch"],
    &["cli"],
];

/// Floors without I/O, clocks and globals.
const PURE: [&str; 3] = ["tlog", "golang", "sumdb"];

/// What a pure floor has no business with.
const OUTSIDE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::time",
    "std::process",
    "std::thread",
    "static mut",
    "println!",
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn floor_of(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("src/{room} stands on no floor: say where in tests/floors.rs"))
}

/// The first segments of all paths `crate::…` outside of comments.
fn rooms_used(source: &str) -> Vec<&str> {
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            &rest[..end]
        })
        .filter(|room| !room.is_empty())
        .collect()
}

fn rooms() -> Vec<(String, PathBuf)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    source_files(&src)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let room = inside.components().next()?.as_os_str().to_str()?;
            let room = room.strip_suffix(".rs").unwrap_or(room).to_owned();
            (room != "main" && room != "lib").then_some((room, path))
        })
        .collect()
}

#[test]
fn arrows_point_down() {
    let mut arrows = 0;
    for (room, path) in rooms() {
        let source = fs::read_to_string(&path).unwrap();
        for used in rooms_used(&source).into_iter().filter(|used| *used != room) {
            arrows += 1;
            assert!(
                floor_of(used) < floor_of(&room),
                "{} uses crate::{used}, which is not below {room}",
                path.display()
            );
        }
    }
    assert!(
        arrows > 50,
        "only {arrows} arrows: is this test reading the sources?"
    );
}

#[test]
fn pure_floors_know_no_outside() {
    for (room, path) in rooms()
        .into_iter()
        .filter(|(room, _)| PURE.contains(&room.as_str()))
    {
        let source = fs::read_to_string(&path).unwrap();
        for forbidden in OUTSIDE {
            assert!(
                !source.contains(forbidden),
                "{} of the pure floor {room} mentions {forbidden}",
                path.display()
            );
        }
    }
}

#[test]
fn an_arrow_that_points_up_would_be_seen() {
    let source =
        "use crate::verify::Report;\n// crate::cli is only told of\nfn f() { crate::io::x() }";
    assert_eq!(rooms_used(source), ["verify", "io"]);
    assert!(floor_of("tlog") < floor_of("sumdb") && floor_of("prover") < floor_of("cli"));
}

#[test]
fn no_room_is_a_box_for_odds_and_ends() {
    for (_, path) in rooms() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            !["util", "utils", "common", "helpers", "misc", "types"].contains(&name),
            "{} has no subject",
            path.display()
        );
    }
}

#[test]
fn main_does_nothing_but_run_and_exit() {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
    assert!(fs::read_to_string(main).unwrap().lines().count() < 60);
}
