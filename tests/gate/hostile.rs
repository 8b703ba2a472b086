//! Upstreams that lie, stumble and hang, before a client that would believe them.

use std::time::{Duration, Instant};

use crate::attack::{
    Case, assert_denied, assert_honest, for_each_at_once, hello, hello_1_1, noise, only_proven,
};
use crate::support::layers::*;
use crate::support::proxy::TestModule;
use crate::support::response::{Fault, Response};
use crate::support::server::{Handler, Serving};
use crate::support::zip::{Entry, h1_of_go_mod};

const MISMATCH: &str = "NOT THE FILE THAT THE LOG RECORDED";

fn path(extension: &str) -> String {
    hello().url(extension)
}

/// The module with something else in it.
fn evil() -> TestModule {
    TestModule {
        files: vec![("hello.go".into(), b"package evil\n".to_vec())],
        ..hello()
    }
}

// Other content.

#[test]
fn a_zip_with_other_bytes_is_refused_and_both_hashes_are_told() {
    let zip = replace(&path("zip"), evil().zip().write());
    let attack = Case::new().attack(zip);
    let got = attack.get("zip");
    let record = hello().record();
    let expected = record.split_whitespace().nth(2).unwrap();
    let evil = evil().record();
    let found = evil.split_whitespace().nth(2).unwrap();
    let url = attack.server.url();
    assert_denied(&got, 403, MISMATCH);
    assert_eq!(
        got.text(),
        format!(
            "sumcheck: example.com/hello@v1.0.0 zip: {MISMATCH}\n\
             the log has {expected} (record 40, tree of 42 records)\n\
             {url} sent {found}\n\
             do not use it: ask whoever runs that server, or fetch the module elsewhere"
        )
    );
    attack.then_honest();
}

#[test]
fn a_zip_with_one_file_more_is_refused() {
    let zip = hello().zip();
    let more = Entry::new("example.com/hello@v1.0.0/init.go", b"package hello\n");
    Case::new()
        .attack(replace(&path("zip"), zip.with(more).write()))
        .refuses("zip", 403, MISMATCH)
        .then_honest();
}

#[test]
fn a_zip_with_one_file_less_is_refused() {
    let zip = hello().zip().edit(|zip| drop(zip.entries.pop()));
    Case::new()
        .attack(replace(&path("zip"), zip.write()))
        .refuses("zip", 403, MISMATCH)
        .then_honest();
}

#[test]
fn another_version_s_zip_is_refused() {
    Case::new()
        .attack(replace(&path("zip"), hello_1_1().zip().write()))
        .refuses("zip", 403, "is not below")
        .then_honest();
}

#[test]
fn another_module_s_zip_is_refused() {
    let other = TestModule {
        path: "example.com/hell0".into(),
        ..hello()
    };
    Case::new()
        .attack(replace(&path("zip"), other.zip().write()))
        .refuses("zip", 403, "is not below")
        .then_honest();
}

#[test]
fn an_altered_go_mod_is_refused() {
    let altered = hello().go_mod + "\nreplace example.com/a => example.com/evil v1.0.0\n";
    let found = h1_of_go_mod(altered.as_bytes());
    Case::new()
        .attack(replace(&path("mod"), altered))
        .refuses("mod", 403, MISMATCH)
        .refuses("mod", 403, &found)
        .then_honest();
}

#[test]
fn another_version_s_go_mod_is_refused() {
    let other = hello().go_mod + "// v1.1.0\n";
    Case::new()
        .attack(replace(&path("mod"), other))
        .refuses("mod", 403, MISMATCH)
        .serves("zip")
        .then_honest();
}

#[test]
fn an_empty_answer_is_no_file() {
    for extension in ["info", "mod", "zip"] {
        let attack = Case::new().attack(replace(&path(extension), ""));
        let status = attack.get(extension).status;
        assert_eq!(status, 403, "{extension}");
        attack.then_honest();
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_zip_is_refused() {
    let length_bits = hello().zip().write().len() * 8;
    let cases: Vec<usize> = (0..16).map(|n| n * (length_bits - 1) / 15).collect();
    for_each_at_once(cases, |bit| {
        let attack = Case::new().attack(flip_bit(&path("zip"), bit));
        let got = attack.get("zip");
        // Few bits have no meaning: then the content is the recorded one.
        if got.status != 200 {
            assert_denied(&got, 403, "sumcheck: example.com/hello@v1.0.0 zip: ");
            attack.then_honest();
        }
    });
}

#[test]
fn a_page_under_200_is_no_module() {
    for extension in ["info", "mod", "zip"] {
        Case::new()
            .attack(on(&path(extension)).answer(Response::captive_portal()))
            .refuses(extension, 403, "sumcheck: example.com/hello@v1.0.0 ")
            .then_honest();
    }
}

#[test]
fn an_answer_that_changes_between_two_clients_is_judged_each_time() {
    let attack = Case::new().attack(replace(&path("zip"), evil().zip().write()));
    for _ in 0..3 {
        assert_denied(&attack.get("zip"), 403, MISMATCH);
        attack.stop();
        let other = attack.gate.get(&hello_1_1().url("zip"));
        assert_honest(&other, &attack.case.proxy, &hello_1_1().url("zip"));
        attack.resume();
    }
    let case = attack.then_honest();
    // What was proven is served though the upstream lies from now on.
    let attack = case.attack(replace(&path("zip"), evil().zip().write()));
    attack.serves("zip").then_honest();
}

// Information.

#[test]
fn the_information_of_another_version_is_refused() {
    Case::new()
        .attack(replace(&path("info"), hello_1_1().info()))
        .refuses(
            "info",
            403,
            "sent the information of another version, \"v1.1.0\"",
        )
        .then_honest();
}

#[test]
fn information_that_is_none_is_refused() {
    let infos = [
        "{}",
        "[]",
        "null",
        "{\"Version\":1}",
        "{\"version\":\"v1.0.0\"}",
        "{\"Version\":\"v1.0.0\"",
        "{\"Version\":\"v1.0.0\"} {\"Version\":\"v6.6.6\"}",
        "{\"Version\":\"v1.0.0\",\"Version\":\"v6.6.6\"}",
        "{\"Version\":\"v6.6.6\",\"Version\":\"v1.0.0\"}",
        "{\"Version\":\"v1.0.0 \"}",
        "{\"Version\":\"v1.0.0\\u0000\"}",
        "{\"Version\":\"v1\"}",
        "{\"Version\":\"v1.0.0+incompatible\"}",
    ];
    for_each_at_once(infos.to_vec(), |info| {
        Case::new()
            .attack(replace(&path("info"), info))
            .refuses("info", 403, "sumcheck: example.com/hello@v1.0.0 info: ")
            .then_honest();
    });
}

/// The go command takes keys in any letters, and the last one wins.
#[test]
fn information_with_its_version_in_other_letters_is_refused() {
    let infos = [
        "{\"Version\":\"v1.0.0\",\"version\":\"v6.6.6\"}",
        "{\"Version\":\"v1.0.0\",\"VERSION\":\"v6.6.6\"}",
        "{\"Version\":\"v1.0.0\",\"Ver\\u017fion\":\"v6.6.6\"}",
    ];
    for_each_at_once(infos.to_vec(), |info| {
        Case::new()
            .attack(replace(&path("info"), info))
            .refuses("info", 403, "sumcheck: example.com/hello@v1.0.0 info: ")
            .then_honest();
    });
}

// Status codes.

#[test]
fn what_an_upstream_does_not_have_is_404() {
    for status_code in [404, 410] {
        let attack = Case::new().attack(status(&path("mod"), status_code));
        attack
            .refuses("mod", 404, "for a test")
            .serves("zip")
            .then_honest();
    }
}

#[test]
fn a_version_that_nobody_knows_is_404() {
    let attack = Case::new().attack(|honest| honest);
    let nobody_s = TestModule::new("example.com/hello", "v1.9.9");
    for extension in ["info", "mod", "zip"] {
        let got = attack.gate.get(&nobody_s.url(extension));
        assert_denied(&got, 404, "not found: /example.com/hello/@v/v1.9.9");
    }
    only_proven(&attack.case.home, &attack.case.proxy);
}

#[test]
fn a_404_without_words_says_what_there_is_not() {
    let attack = Case::new().attack(on(&path("zip")).answer(Response::new(404, "")));
    attack
        .refuses("zip", 404, "example.com/hello@v1.0.0")
        .then_honest();
}

#[test]
fn a_version_that_the_log_does_not_know_is_refused_and_never_absent() {
    let case = Case::new();
    let unknown = TestModule::new("example.com/unknown", "v1.0.0");
    case.proxy.add_unrecorded(&unknown);
    let attack = case.attack(|honest| honest);
    for extension in ["mod", "zip"] {
        let got = attack.gate.get(&unknown.url(extension));
        assert_denied(&got, 403, "not in the checksum database");
        let kept = attack
            .case
            .home
            .state()
            .join("download/example.com/unknown");
        assert!(!kept.exists());
    }
    // It is let through as soon as the log knows it.
    attack
        .case
        .proxy
        .log
        .append_text("example.com/unknown", "v1.0.0", &unknown.record());
    for extension in ["mod", "zip"] {
        let got = attack.gate.get(&unknown.url(extension));
        assert_honest(&got, &attack.case.proxy, &unknown.url(extension));
    }
}

#[test]
fn a_record_without_the_go_mod_s_line_lets_no_go_mod_through() {
    let case = Case::new();
    let module = TestModule::new("example.com/half", "v1.0.0");
    let record = module.record();
    let zip_line = record.lines().next().unwrap();
    case.proxy.add_unrecorded(&module);
    let log = &case.proxy.log;
    log.append_text("example.com/half", "v1.0.0", &format!("{zip_line}\n"));
    let attack = case.attack(|honest| honest);
    let got = attack.gate.get(&module.url("mod"));
    assert_denied(&got, 403, "the log's record 42 has no hash of it");
    let got = attack.gate.get(&module.url("zip"));
    assert_honest(&got, &attack.case.proxy, &module.url("zip"));
}

#[test]
fn the_record_of_another_version_proves_nothing() {
    let case = Case::new();
    let module = TestModule::new("example.com/half", "v1.0.0");
    case.proxy.add_unrecorded(&module);
    let record = TestModule::new("example.com/half", "v1.0.1").record();
    let log = &case.proxy.log;
    log.append_text("example.com/half", "v1.0.0", &record);
    let attack = case.attack(|honest| honest);
    for extension in ["mod", "zip"] {
        let got = attack.gate.get(&module.url(extension));
        assert!([403, 503].contains(&got.status), "{}", got.text());
    }
    only_proven(&attack.case.home, &attack.case.proxy);
}

#[test]
fn a_fault_of_an_upstream_is_never_an_absence() {
    for code in [500, 502, 503, 403, 401, 204, 206, 304, 418, 451, 429] {
        let cases = vec!["info", "mod", "zip"];
        for_each_at_once(cases, |extension| {
            Case::new()
                .attack(status(&path(extension), code))
                .refuses(extension, 502, "the proxies behind this gate failed")
                .then_honest();
        });
    }
}

// Redirects.

#[test]
fn a_redirect_to_an_honest_file_is_followed_and_to_another_is_judged() {
    let case = Case::new();
    let proxy = case.proxy.clone();
    let elsewhere = proxy.serve().start();
    let to = format!("{}{}", elsewhere.url(), path("zip"));
    let attack = case.attack(on(&path("zip")).answer(Response::redirect(&to)));
    attack.serves("zip").then_honest();

    let evil = proxy
        .serve()
        .layer(replace(&path("zip"), evil().zip().write()))
        .start();
    let to = format!("{}{}", evil.url(), path("zip"));
    Case::new()
        .attack(on(&path("zip")).answer(Response::redirect(&to)))
        .refuses("zip", 403, MISMATCH)
        .then_honest();
}

#[test]
fn a_redirect_that_leads_nowhere_is_a_failure() {
    let places = [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "",
        "http://127.0.0.1:1/",
    ];
    for_each_at_once(places.to_vec(), |place| {
        for extension in ["info", "mod", "zip"] {
            Case::new()
                .attack(on(&path(extension)).answer(Response::redirect(place)))
                .refuses(extension, 502, "the proxies behind this gate failed")
                .then_honest();
        }
    });
    Case::new()
        .attack(on(&path("zip")).instead(|request, _| Response::redirect(&request.target)))
        .refuses("zip", 502, "the proxies behind this gate failed")
        .then_honest();
}

// Transport.

#[test]
fn a_zip_that_is_cut_off_is_not_given_out() {
    let bytes = hello().zip().write();
    for cut in [1, 30, bytes.len() / 2, bytes.len() - 30, bytes.len() - 1] {
        Case::new()
            .attack(replace(&path("zip"), &bytes[..cut]))
            .refuses("zip", 403, "NOT A SOUND MODULE ZIP")
            .then_honest();
    }
}

#[test]
fn a_connection_that_breaks_is_a_failure_of_the_upstream() {
    let faults = vec![
        Fault::ContentLengthTooLong { by_bytes: 10 },
        Fault::Close,
        Fault::Reset,
        Fault::ResetInBody { after_bytes: 10 },
        Fault::Gibberish,
        Fault::EndlessHeaders,
    ];
    for_each_at_once(faults, |kind| {
        for extension in ["info", "mod", "zip"] {
            Case::new()
                .attack(fault(&path(extension), kind))
                .refuses(extension, 502, "the proxies behind this gate failed")
                .then_honest();
        }
    });
}

#[test]
fn an_endless_answer_ends() {
    let cases = vec![
        // Whatever follows a whole zip is no part of one.
        ("zip", hello().zip().write(), 403),
        ("zip", noise(1000), 403),
        ("mod", b"module x\n".to_vec(), 502),
        ("info", b" ".to_vec(), 502),
    ];
    for_each_at_once(cases, |(extension, body, status)| {
        let endless = Response::ok(body).fault(Fault::EndlessBody);
        let attack = Case::new().attack(on(&path(extension)).answer(endless));
        let attack = attack.refuses(extension, status, "sumcheck: ");
        let peak_kib = attack.gate.running().peak_kib();
        assert!(peak_kib < 150_000, "{extension}: {peak_kib} KiB");
        attack.then_honest();
    });
}

#[test]
fn a_compressed_bomb_under_a_small_file_s_name_ends() {
    for extension in ["info", "mod", "zip"] {
        let attack = Case::new().attack(on(&path(extension)).answer(Response::gzip_bomb(1 << 30)));
        let got = attack.get(extension);
        assert!([403, 502].contains(&got.status), "{}", got.text());
        let peak_kib = attack.gate.running().peak_kib();
        assert!(peak_kib < 150_000, "{extension}: {peak_kib} KiB");
        attack.then_honest();
    }
}

type Layer = Box<dyn FnOnce(Handler) -> Handler + Send>;

#[test]
fn a_silent_upstream_is_504_and_whoever_waited_may_try_again() {
    let mut cases: Vec<(&str, Layer)> = Vec::new();
    for extension in ["info", "mod", "zip"] {
        for kind in [
            Fault::HangBeforeHeaders,
            Fault::HangInBody { after_bytes: 10 },
        ] {
            cases.push((extension, Box::new(fault(&path(extension), kind))));
        }
    }
    let started = Instant::now();
    for_each_at_once(cases, |(extension, layer)| {
        let attack = Case::new().attack(layer);
        let denied = std::thread::scope(|scope| {
            let ask = || attack.get(extension);
            let clients = [scope.spawn(ask), scope.spawn(ask), scope.spawn(ask)];
            // Other files do not wait for it.
            let other = attack.gate.get(&hello_1_1().url(extension));
            assert_honest(&other, &attack.case.proxy, &hello_1_1().url(extension));
            clients.map(|client| client.join().unwrap())
        });
        for got in denied {
            assert_denied(&got, 504, "the proxies behind this gate are silent");
        }
        attack.then_honest();
    });
    // 20 s, and what a machine with too much to do adds.
    assert!(started.elapsed() < Duration::from_secs(45));
}

#[test]
fn a_client_that_goes_away_takes_nothing_from_those_who_wait() {
    let attack = Case::new().attack(on(&path("zip")).instead(|request, honest| {
        std::thread::sleep(Duration::from_millis(300));
        honest(request)
    }));
    drop(crate::support::client::connect(
        attack.gate.address(),
        "GET",
        &path("zip"),
        &[],
    ));
    let attack = attack.serves("zip");
    assert!(attack.server.count(&path("zip")) <= 2);
    attack.then_honest();
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    let case = Case::new();
    let hang = on("/example.com/x*").fault(Fault::HangBeforeHeaders);
    let server = case.proxy.serve().layer(hang).start();
    let gate = crate::support::gate::Gate::listen(
        case.home
            .sumcheck(["gate", "--listen", "127.0.0.1:0", "--downloads", "2"])
            .sumdb(&case.proxy.log.verifier_key())
            .goproxy(&server.url())
            .env("GONOSUMDB", "example.com/x*"),
    );
    for number in 0..200 {
        let path = format!("/example.com/x{number}/@v/v1.0.0.zip");
        drop(crate::support::client::connect(
            gate.address(),
            "GET",
            &path,
            &[],
        ));
    }
    std::thread::sleep(Duration::from_millis(500));
    let incoming = std::fs::read_dir(case.home.state().join("incoming"));
    let incoming = incoming.map_or(0, Iterator::count);
    assert!(incoming <= 2, "{incoming}");
    assert_honest(&gate.get(&path("mod")), &case.proxy, &path("mod"));
}

// Several upstreams.

#[test]
fn a_mismatch_is_not_looked_for_elsewhere_whatever_the_separator() {
    for separator in [",", "|"] {
        let case = Case::new();
        let honest = case.proxy.serve().start();
        let evil = case
            .proxy
            .serve()
            .layer(replace(&path("zip"), evil().zip().write()))
            .start();
        let list = format!("{}{separator}{}", evil.url(), honest.url());
        let gate = crate::support::gate::Gate::start(&case.home, &case.proxy, &list);
        let got = gate.get(&path("zip"));
        if got.status == 200 {
            assert_honest(&got, &case.proxy, &path("zip"));
        } else {
            assert_denied(&got, 403, MISMATCH);
        }
        only_proven(&case.home, &case.proxy);
    }
}

#[test]
fn after_a_failure_the_next_proxy_is_asked_only_where_the_list_says_so() {
    let case = Case::new();
    let broken = Serving::new(|_| Response::new(500, "broken")).start();
    let honest = case.proxy.serve().start();
    let log = case.proxy.log.serve().start();
    let with = |list: &str| {
        let sumdb = format!("{} {}", case.proxy.log.verifier_key(), log.url());
        let gate = crate::support::gate::Gate::listen(
            crate::support::sumcheck::Home::new()
                .sumcheck(["gate", "--listen", "127.0.0.1:0"])
                .sumdb(&sumdb)
                .goproxy(list),
        );
        gate.get(&path("zip"))
    };
    let (broken, ok) = (broken.url(), honest.url());
    assert_eq!(with(&format!("{broken},{ok}")).status, 502);
    assert_eq!(with(&format!("{broken}|{ok}")).status, 200);
}

/// Leads connections at this address to a server.
fn forward(listener: std::net::TcpListener, to: std::net::SocketAddr) {
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let Ok(server) = std::net::TcpStream::connect(to) else {
                continue;
            };
            for (mut from, mut to) in [
                (connection.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, connection),
            ] {
                std::thread::spawn(move || {
                    // Whichever side ends, so does the other.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
}

#[test]
fn a_proxy_that_could_not_be_reached_is_asked_again_as_soon_as_it_can() {
    let case = Case::new();
    let honest = case.proxy.serve().start();
    let log = case.proxy.log.serve().start();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap();
    let sumdb = format!("{} {}", case.proxy.log.verifier_key(), log.url());
    let gate = crate::support::gate::Gate::listen(
        case.home
            .sumcheck(["gate", "--listen", "127.0.0.1:0"])
            .sumdb(&sumdb)
            .goproxy(&format!("http://{address}")),
    );
    std::thread::scope(|scope| {
        for number in 0..20 {
            let gate = &gate;
            scope.spawn(move || {
                let path = format!("/example.com/m{number}/@v/v1.0.0.mod");
                let got = gate.get(&path);
                assert_denied(&got, 502, "cannot connect to");
                // Nobody is told what others have asked for.
                assert!(got.text().contains(&format!("m{number}/")), "{got:?}");
            });
        }
    });
    forward(
        std::net::TcpListener::bind(address).unwrap(),
        honest.address(),
    );
    assert_honest(&gate.get(&path("mod")), &case.proxy, &path("mod"));
    assert_honest(&gate.get(&path("zip")), &case.proxy, &path("zip"));
}
