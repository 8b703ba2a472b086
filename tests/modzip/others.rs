//! Archives that others made: x/mod's own tests, x/mod's writer, and the zips in the go command's
//! module cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sumcheck::golang::module::{ModulePath, ModuleVersion};
use sumcheck::golang::version::Version;

use crate::ask::ask;
use crate::judges::{assert_same, check_zip, ours};
use crate::support::skipped;

/// The tests of x/mod/zip, whose folder only the go command knows.
fn x_mod_tests() -> Option<Vec<Value>> {
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
    let dir = go(
        &["list", "-m", "-f", "{{.Dir}}", "golang.org/x/mod"],
        &interop,
    )?;
    let answers = ask(&[json!({"op": "mod_zip_tests", "dir": dir})])?;
    let tests = answers[0]["tests"].as_array().unwrap().clone();
    assert!(tests.len() > 25, "{} tests", tests.len());
    Some(tests)
}

/// What the go command prints.
fn go(args: &[&str], folder: &Path) -> Option<String> {
    match Command::new("go").args(args).current_dir(folder).output() {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        }
        other => {
            skipped(&format!("go {args:?}: {other:?}"));
            None
        }
    }
}

#[test]
fn x_mods_own_test_archives_get_the_verdict_of_x_mod() {
    let Some(tests) = x_mod_tests() else { return };
    let questions: Vec<Value> = tests
        .iter()
        .map(|test| {
            json!({"op": "check_zip", "module": test["module"], "version": test["version"],
                   "b64": test["b64"]})
        })
        .collect();
    let answers = ask(&questions).unwrap();
    let mut counts = [0, 0];
    for (test, answer) in tests.iter().zip(answers) {
        let name = &test["name"];
        let bytes = STANDARD.decode(test["b64"].as_str().unwrap()).unwrap();
        let module = format!(
            "{}@{}",
            test["module"].as_str().unwrap(),
            test["version"].as_str().unwrap()
        );
        let ours = match ModuleVersion::parse(&module) {
            Ok(_) => ours(&module, &bytes).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match &ours {
            Ok(zip) => assert_same(&answer, zip, &bytes),
            Err(error) => assert_eq!(answer["ok"], false, "{name}: {error}"),
        }
        counts[usize::from(ours.is_ok())] += 1;
    }
    assert!(
        counts[0] > 15 && counts[1] > 5,
        "refused, accepted: {counts:?}"
    );
}

#[test]
fn what_x_mod_writes_is_accepted() {
    let files = json!([
        {"name": "go.mod", "b64": STANDARD.encode("module example.com/m\n")},
        {"name": "a b/\u{65e5}\u{672c}~.go", "b64": STANDARD.encode("package a\n".repeat(50_000))},
        {"name": "empty", "b64": ""},
    ]);
    let request = json!({"op": "create_zip", "module": "example.com/m", "version": "v1.0.0",
                         "files": files});
    let Some(answers) = ask(&[request]) else {
        return;
    };
    let bytes = STANDARD
        .decode(answers[0]["b64"].as_str().unwrap())
        .unwrap();
    let zip = ours("example.com/m@v1.0.0", &bytes).unwrap();
    assert_eq!(zip.files().len(), 3);
    let go = ask(&[check_zip("example.com/m@v1.0.0", &bytes)]).unwrap();
    assert_same(&go[0], &zip, &bytes);
}

/// `GOMODCACHE=… cargo test --test modzip` takes another cache.
#[test]
fn the_zips_in_the_module_cache_have_the_hash_that_the_go_command_gave_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(cache) = go(&["env", "GOMODCACHE"], root) else {
        return;
    };
    let download = Path::new(&cache).join("cache/download");
    let mut zips = Vec::new();
    find_zips(&download, &mut zips);
    if zips.is_empty() {
        return skipped("no zip is in the module cache");
    }
    for zip in &zips {
        let hash = fs::read_to_string(zip.with_extension("ziphash")).unwrap();
        let module = module_of(zip.strip_prefix(&download).unwrap());
        let bytes = fs::read(zip).unwrap();
        match ours(&module, &bytes) {
            Ok(checked) => assert_eq!(checked.h1().to_string(), hash, "{module}"),
            Err(error) => panic!("{module}: {error}"),
        }
    }
    println!("{} zips", zips.len());
}

/// Zips that the go command has hashed.
fn find_zips(folder: &Path, zips: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_zips(&path, zips);
        } else if path.extension().is_some_and(|extension| extension == "zip")
            && path.with_extension("ziphash").exists()
        {
            zips.push(path);
        }
    }
}

/// `github.com/!burnt!sushi/toml/@v/v1.4.0.zip` as module and version.
fn module_of(file: &Path) -> String {
    let (path, version) = file.to_str().unwrap().split_once("/@v/").unwrap();
    let version = version.strip_suffix(".zip").unwrap();
    format!(
        "{}@{}",
        ModulePath::unescape(path).unwrap(),
        Version::unescape(version).unwrap()
    )
}
