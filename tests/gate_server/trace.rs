//! The trace: every request on both sides, and no credential in it.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::client::request;
use crate::support::gate::Gate;
use crate::{World, hello, signal};

fn read(world: &World) -> (String, Value) {
    let text = std::fs::read_to_string(world.home.work().join("t.har")).unwrap();
    let har = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (text, har)
}

fn entries<'h>(har: &'h Value, side: &str) -> Vec<&'h Value> {
    let entries = har["log"]["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["_side"] == side).collect()
}

#[test]
fn both_sides_with_times_and_verdicts_and_no_credentials() {
    let world = World::new();
    let token = "a-token-that-nobody-guesses";
    let run = world
        .run(&["--listen", "127.0.0.1:0", "--trace", "t.har"])
        .args_all(&["--token-file", "tokens"])
        .file("tokens", format!("ana:{token}\n"));
    let gate = Gate::listen(run);
    let (path, bearer) = (hello().url("zip"), format!("Bearer {token}"));
    let headers = [("Authorization", bearer.as_str()), ("User-Agent", "curl")];
    let zip = request(gate.address(), "GET", &format!("{path}?secret=1"), &headers);
    assert_eq!(gate.get("/example.com/none/@v/v1.0.0.mod").status, 404);
    signal(gate.running().id(), Signal::TERM);
    gate.wait().expect_code(143);

    let (text, har) = read(&world);
    for secret in [token, "secret", "uthorization"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let clients = entries(&har, "client");
    let [first, second] = clients[..] else {
        panic!("{clients:?}");
    };
    assert_eq!(first["request"]["method"], "GET");
    let url = format!("http://gate.invalid{path}");
    assert_eq!(first["request"]["url"], url);
    assert_eq!(first["response"]["status"], 200);
    assert_eq!(first["response"]["bodySize"], zip.body.len());
    assert_eq!(first["response"]["content"]["mimeType"], "application/zip");
    assert_eq!(first["_verdict"], "released");
    assert_eq!(first["_client"], "ana");
    assert_eq!(second["_verdict"], "absent");
    assert_eq!(second["_client"], "127.0.0.1");
    for entry in har["log"]["entries"].as_array().unwrap() {
        let time = |value: &Value| value.as_f64().unwrap();
        let timings = &entry["timings"];
        let sum = time(&timings["wait"]) + time(&timings["receive"]);
        assert!((time(&entry["time"]) - sum).abs() < 0.001, "{entry}");
    }
    let upstream = entries(&har, "upstream");
    let url = format!("{}{path}", world.server.url());
    let asked = |entry: &&Value| entry["request"]["url"] == url;
    assert!(upstream.iter().any(asked), "{text}");
    assert_eq!(upstream.len(), world.server.requests().len());
}

#[test]
fn after_kill_9_it_is_still_a_document() {
    let world = World::new();
    let gate = world.gate(&["--trace", "t.har"]);
    assert_eq!(gate.get(&hello().url("zip")).status, 200);
    gate.kill();
    read(&world);
}

#[test]
fn the_secret_of_the_wrapper_stays_secret() {
    let world = World::new();
    let sumcheck = env!("CARGO_BIN_EXE_sumcheck");
    // A client of the gate that is at hand: sumcheck itself, in a home of its own.
    let script = format!(
        "echo \"$GOPROXY\"; '{sumcheck}' --home other lookup example.com/hello@v1.0.0 >/dev/null"
    );
    let run = world.run(&["--trace", "t.har", "--", "/bin/sh", "-c", &script]);
    let outcome = run.run().expect_code(0);
    let secret = outcome.stdout.trim().rsplit('/').next().unwrap();
    let (text, har) = read(&world);
    assert!(!text.contains(secret), "{text}");
    let lookup = format!(
        "http://gate.invalid/sumdb/{}/lookup/example.com/hello@v1.0.0",
        world.proxy.log.name()
    );
    let clients = entries(&har, "client");
    let asked = |entry: &&Value| entry["request"]["url"] == lookup;
    assert!(clients.iter().any(asked), "{text}");
}
