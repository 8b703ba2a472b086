//! The real log, on request: `cargo test --test live -- --ignored`.
//!
//! Reached as Go reaches it on this machine; some dozens of requests.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs sumcheck with this machine's settings, but without the go command's caches.
fn sumcheck(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sumcheck"))
        .args(args)
        .arg("--home")
        .arg(home)
        .env("GOMODCACHE", home.join("no-module-cache"))
        .env("GOPATH", home.join("no-gopath"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
#[ignore = "asks the real log"]
fn the_demo_is_proven_and_the_second_run_sends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let cold = sumcheck(
        home.path(),
        &["verify", "testdata/demo", "--format", "json"],
    );
    assert_eq!(cold.status.code(), Some(0), "{cold:?}");
    let document = json(&cold);
    assert_eq!(document["summary"]["verified"], 12);
    assert!(document["head"]["size"].as_u64().unwrap() > 71_000_000);

    let warm = sumcheck(home.path(), &["verify", "testdata/demo", "-v"]);
    assert_eq!(warm.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&warm.stderr), "", "no request");
}

#[test]
#[ignore = "asks the real log"]
fn a_wrong_hash_is_told() {
    let home = tempfile::tempdir().unwrap();
    let go_sum = std::fs::read_to_string("testdata/demo/go.sum").unwrap();
    let path = home.path().join("go.sum");
    std::fs::write(
        &path,
        go_sum.replacen("h1:", "h1:A", 1).replacen("F4g=", "4g=", 1),
    )
    .unwrap();
    let output = sumcheck(home.path(), &["verify", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("the hash is not the one in the log"));
}

#[test]
#[ignore = "asks the real log"]
fn a_record_is_shown_with_its_proof() {
    let home = tempfile::tempdir().unwrap();
    let args = [
        "lookup",
        "--proof",
        "--format",
        "json",
        "golang.org/x/text@v0.21.0",
    ];
    let output = sumcheck(home.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let result = &json(&output)["results"][0];
    assert_eq!(result["record"], 32_459_110);
    assert!(result["proof"]["hashes"].as_array().unwrap().len() > 20);
}

#[test]
#[ignore = "asks the real log"]
fn the_tree_between_two_heads_of_the_real_log_is_replayed() {
    let home = tempfile::tempdir().unwrap();
    // Recorded years apart; each is a beginning of what the log has now.
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let heads: Vec<Value> = [
        "modcache/sum.golang.org/latest~1",
        "modcache/sum.golang.org/latest",
    ]
    .iter()
    .enumerate()
    .map(|(day, file)| {
        let note = std::fs::read_to_string(captures.join(file)).unwrap();
        let lines: Vec<&str> = note.lines().collect();
        let size: u64 = lines[1].parse().unwrap();
        serde_json::json!({
            "size": size, "root": lines[2], "note": note,
            "seen_at": format!("2026-01-0{}T00:00:00Z", day + 1),
        })
    })
    .collect();
    let sizes: Vec<String> = heads.iter().map(|head| head["size"].to_string()).collect();
    let file = home.path().join("heads.json");
    let log = serde_json::json!({"name": "sum.golang.org", "key_id": "033de0ae"});
    let document = serde_json::json!({"schema": "sumcheck.heads/1", "log": log, "heads": heads});
    std::fs::write(&file, document.to_string()).unwrap();
    let imported = sumcheck(home.path(), &["heads", "import", file.to_str().unwrap()]);
    assert_eq!(imported.status.code(), Some(0), "{imported:?}");
    let args = [
        "audit",
        "--hashes-only",
        "--format",
        "json",
        "--from",
        &sizes[0],
        "--to",
        &sizes[1],
    ];
    let audited = sumcheck(home.path(), &args);
    assert_eq!(audited.status.code(), Some(0), "{audited:?}");
    assert_eq!(json(&audited)["heads_compared"], 1);
    assert_eq!(json(&audited)["records_checked"], false);
}
