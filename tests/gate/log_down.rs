//! The checksum database is down, slow or hostile: what is proven is served on, and nothing else.

use std::time::Duration;

use crate::attack::{Case, assert_denied, assert_honest, for_each_at_once, hello, hello_1_1};
use crate::support::layers::*;
use crate::support::response::{Fault, Response};
use crate::support::server::Handler;

const CANNOT: &str = "cannot be proven now, and what is not proven is not given out";

type Layer = Box<dyn FnOnce(Handler) -> Handler + Send>;

/// The log answers nothing that is of use.
fn log_faults() -> Vec<(&'static str, Layer)> {
    let log = || on_requests(|request| request.proxied);
    vec![
        ("500", Box::new(log().status(500))),
        ("page", Box::new(log().answer(Response::captive_portal()))),
        ("reset", Box::new(log().fault(Fault::Reset))),
        ("empty", Box::new(log().answer(Response::ok("")))),
        ("flipped record", Box::new(flip_bit("/lookup/*", 300))),
        ("no tiles", Box::new(status("/tile/*", 404))),
        ("flipped tiles", Box::new(flip_bit("/tile/*", 9))),
        ("hangs", Box::new(log().fault(Fault::HangBeforeHeaders))),
    ]
}

#[test]
fn a_cold_cache_and_a_log_that_is_down_give_nothing_out() {
    for_each_at_once(log_faults(), |(what, layer)| {
        let attack = Case::new().attack(layer);
        for extension in ["mod", "zip"] {
            let got = attack.get(extension);
            assert!(got.status != 200, "{what}");
            assert_denied(&got, 503, CANNOT);
        }
        attack.refuses("mod", 503, CANNOT).then_honest();
    });
}

#[test]
fn a_warm_cache_is_served_on_while_the_log_and_the_upstream_are_down() {
    for_each_at_once(log_faults(), |(what, layer)| {
        let attack = Case::new().attack(|honest| on("/example.com/*").status(500)(layer(honest)));
        attack.stop();
        let attack = attack.serves("info").serves("mod").serves("zip");
        attack.resume();
        let attack = attack.serves("info").serves("mod").serves("zip");
        let other = attack.gate.get(&hello_1_1().url("mod"));
        assert!([502, 503].contains(&other.status), "{what}");
        // And by the next process.
        let case = attack.case;
        drop((attack.gate, attack.server));
        let attack = case.attack(on_requests(|_| true).status(500));
        attack.serves("info").serves("mod").serves("zip");
    });
}

#[test]
fn lists_and_latest_are_given_out_while_the_upstream_is_down() {
    let attack = Case::new().attack(on("/example.com/*").status(500));
    let list = "/example.com/hello/@v/list";
    let latest = "/example.com/hello/@latest";
    for path in [list, latest] {
        let got = attack.gate.get(path);
        assert_denied(&got, 502, "the proxies behind this gate failed");
    }
    attack.stop();
    assert_eq!(attack.gate.get(list).text(), "v1.0.0\nv1.1.0\n");
    assert!(attack.gate.get(latest).text().contains("v1.1.0"));
    attack.resume();
    assert_eq!(attack.gate.get(list).text(), "v1.0.0\nv1.1.0\n");
    assert!(attack.gate.get(latest).text().contains("v1.1.0"));
    assert_eq!(attack.gate.get("/example.com/none/@v/list").status, 502);
    attack.stop();
    assert_eq!(attack.gate.get("/example.com/none/@v/list").status, 404);
}

#[test]
fn a_lookup_that_is_404_for_a_while_sticks_to_nothing() {
    let attack = Case::new().attack(status("/lookup/*", 404));
    attack
        .refuses("zip", 403, "not in the checksum database")
        .refuses("mod", 403, "not in the checksum database")
        .then_honest();
}

#[test]
fn a_log_that_rewrites_a_record_closes_the_gate() {
    let case = Case::new();
    let honest_log = case.proxy.log.clone();
    let fork = honest_log.fork_at(30);
    let attack = case.attack(on_requests(|request| request.proxied).from(&fork));
    // The gate has seen the honest log before.
    attack.stop();
    let attack = attack.serves("mod");
    attack.resume();
    let got = attack.gate.get(&hello_1_1().url("zip"));
    assert!([403, 503].contains(&got.status), "{}", got.text());
    assert!(
        !attack
            .case
            .home
            .state()
            .join("download/example.com/hello/@v/v1.1.0.zip")
            .exists()
    );
}

#[test]
fn a_slow_log_is_no_failure() {
    let slow = on("/lookup/*").instead(|request, honest| {
        std::thread::sleep(Duration::from_secs(3));
        honest(request)
    });
    let attack = Case::new().attack(slow);
    let got = attack.gate.get(&hello().url("mod"));
    assert_honest(&got, &attack.case.proxy, &hello().url("mod"));
}
