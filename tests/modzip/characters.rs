//! Every character of Unicode: which may be in names, and which are one where case does not count.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::archive::{Archive, File, MODULE};
use crate::ask::ask;
use crate::judges::ours;

fn characters(answer: &Value) -> BTreeSet<char> {
    let numbers = answer.as_array().unwrap().iter();
    numbers.map(character).collect()
}

fn character(number: &Value) -> char {
    char::from_u32(number.as_u64().unwrap().try_into().unwrap()).unwrap()
}

#[test]
fn names_have_the_characters_that_go_allows() {
    let Some(answers) = ask(&[json!({"op": "file_name_characters"})]) else {
        return;
    };
    let allowed = characters(&answers[0]["allowed"]);
    assert!(allowed.len() > 130_000);
    // Numbers keep apart what differs in case alone; what follows keeps a dot from the end.
    let names: Vec<String> = (0..)
        .zip(&allowed)
        .map(|(number, c)| format!("{number}{c}xx"))
        .collect();
    let files: Vec<File> = names.iter().map(|name| File::stored(name, b"")).collect();
    let zip = ours(MODULE, &Archive::sealed(files).bytes()).unwrap();
    assert_eq!(zip.files().len(), allowed.len());

    // All that stand beside an allowed one, and some of the many others.
    let is_allowed = |c: Option<char>| c.is_some_and(|c| allowed.contains(&c));
    let next = |c: char, step: i32| char::from_u32((c as u32).wrapping_add_signed(step));
    let refused = (char::MIN..=char::MAX)
        .filter(|c| !allowed.contains(c) && *c != '/')
        .filter(|c| {
            (*c as u32).is_multiple_of(61) || is_allowed(next(*c, 1)) || is_allowed(next(*c, -1))
        });
    for c in refused {
        let archive = Archive::of(&[(&format!("xx{c}xx"), b"")]);
        let error = ours(MODULE, &archive.bytes()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("has the character {c:?} in its path")),
            "{error}"
        );
    }
}

#[test]
fn names_that_go_takes_for_one_are_one() {
    let Some(answers) = ask(&[json!({"op": "file_name_characters"})]) else {
        return;
    };
    let allowed = characters(&answers[0]["allowed"]);
    let folds = answers[0]["folds"].as_array().unwrap();
    assert!(folds.len() > 1_300);
    for pair in folds {
        let [a, b] = [character(&pair[0]), character(&pair[1])];
        if !(allowed.contains(&a) && allowed.contains(&b)) {
            continue;
        }
        let names = [a, b].map(String::from);
        let archive = Archive::of(&[(&names[0], b""), (&names[1], b"")]);
        let error = ours(MODULE, &archive.bytes()).unwrap_err().to_string();
        assert!(error.contains("in case alone"), "{a:?} {b:?}: {error}");
    }
}
