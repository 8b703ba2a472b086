//! `sumcheck mirror serve`: a checksum database for others.

use std::process::Command;

use crate::support::client;
use crate::support::gate::Gate;
use crate::support::log::TestLog;
use crate::support::proxy::{TestModule, TestProxy};
use crate::support::skipped;
use crate::support::sumcheck::Home;
use crate::{mirror_of, offline, run_in, start};

fn serve(home: &Home, log: &TestLog) -> Gate {
    Gate::listen(offline(
        home,
        log,
        &["mirror", "serve", "--listen", "127.0.0.1:0"],
    ))
}

#[test]
fn everything_of_a_checksum_database_is_answered() {
    let log = TestLog::with_records(700);
    let served = serve(&mirror_of(&log), &log);
    for prefix in ["", "/sumdb/sum.example.com"] {
        let get = |path: &str| served.get(&format!("{prefix}{path}"));
        assert_eq!(get("/supported").status, 200);
        assert_eq!(get("/latest").body, log.head());
        let reply = log.lookup_reply("example.com/m5@v1.0.5", 700).unwrap();
        assert_eq!(get("/lookup/example.com/m5@v1.0.5").body, reply);
        for (path, bytes) in [
            ("/tile/8/0/001", log.tile(8, 0, 1, 256)),
            ("/tile/8/0/002.p/188", log.tile(8, 0, 2, 188)),
            // Older heads had narrower ones.
            ("/tile/8/0/002.p/3", log.tile(8, 0, 2, 3)),
            ("/tile/8/0/000.p/7", log.tile(8, 0, 0, 7)),
            ("/tile/8/1/000.p/2", log.tile(8, 1, 0, 2)),
        ] {
            let got = get(path);
            assert_eq!((got.status, Some(got.body)), (200, bytes), "{path}");
        }
        for (path, index, width) in [
            ("/tile/8/data/001", 1, 256),
            ("/tile/8/data/002.p/188", 2, 188),
            ("/tile/8/data/001.p/9", 1, 9),
        ] {
            let served = String::from_utf8(get(path).body).unwrap();
            let own = String::from_utf8(log.data_tile(8, index, width).unwrap()).unwrap();
            assert_eq!(served.trim_end(), own.trim_end(), "{path}");
        }
        for path in [
            "/lookup/example.com/m700@v1.0.700",
            "/lookup/example.com",
            "/tile/8/0/003",
            "/tile/8/0/002.p/189",
            "/tile/4/0/000",
            "/etc/passwd",
            "/tile/8/data/../../../sumcheck.db",
            "/tile/8/data/%2e%2e/latest",
        ] {
            assert_eq!(get(path).status, 404, "{path}");
        }
    }
    assert_eq!(served.get("/sumdb/other.example/supported").status, 404);
    let posted = client::request(served.address(), "POST", "/latest", &[]);
    assert_eq!(posted.status, 405);
    let head = client::request(served.address(), "HEAD", "/latest", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let absent = served.get("/lookup/example.com/m700@v1.0.700").text();
    assert!(absent.contains("not in the first 700 records"), "{absent}");
}

#[test]
fn another_sumcheck_verifies_and_audits_with_it() {
    let log = TestLog::with_records(700);
    let served = serve(&mirror_of(&log), &log);
    for sumdb in [
        format!("{} {}", log.verifier_key(), served.url()),
        log.verifier_key(),
    ] {
        let home = Home::new();
        let run = |args: &[&str]| home.sumcheck(args).sumdb(&sumdb).goproxy(&served.url());
        let verify = run(&["verify", "go.sum"]).file("go.sum", log.go_sum(0..300));
        verify.run().expect_code(0);
        run(&["audit", "--check-tiles"]).run().expect_code(0);
    }
}

#[test]
fn a_newer_head_is_taken_up_while_it_serves() {
    let log = TestLog::with_records(300);
    let home = mirror_of(&log);
    let served = serve(&home, &log);
    assert_eq!(served.get("/latest").body, log.head());
    let grown = log.prefix(300).grow(100);
    run_in(&home, &grown, &start(&grown), &["mirror"])
        .run()
        .expect_code(0);
    let began = std::time::Instant::now();
    while served.get("/latest").body != grown.head() {
        assert!(began.elapsed().as_secs() < 60);
        std::thread::yield_now();
    }
    assert_eq!(served.get("/lookup/example.com/m399@v1.0.399").status, 200);
}

#[test]
fn a_sparse_one_asks_the_log_once_and_never_for_what_is_private() {
    let log = TestLog::with_records(700);
    let (server, home) = (start(&log), Home::new());
    let args = ["mirror", "serve", "--sparse", "--listen", "127.0.0.1:0"];
    let run = run_in(&home, &log, &server, &args).env("GONOSUMDB", "example.com/m9");
    let served = Gate::listen(run);
    for _ in 0..3 {
        let got = served.get("/lookup/example.com/m5@v1.0.5");
        assert_eq!(
            (got.status, got.body),
            (200, log.lookup_reply("example.com/m5@v1.0.5", 700).unwrap())
        );
    }
    assert_eq!(server.count("/lookup/example.com/m5@"), 1);
    assert_eq!(served.get("/lookup/example.com/m9@v1.0.9").status, 404);
    assert_eq!(server.count("/lookup/example.com/m9@"), 0);
    assert_eq!(served.get("/lookup/example.com/m700@v1.0.700").status, 404);
    assert_eq!(served.get("/tile/8/0/002.p/188").status, 200);
    drop(server);
    assert_eq!(served.get("/lookup/example.com/m6@v1.0.6").status, 502);
}

#[test]
fn a_home_without_a_mirror_says_so() {
    let log = TestLog::with_records(3);
    let none = offline(
        &Home::new(),
        &log,
        &["mirror", "serve", "--listen", "127.0.0.1:0"],
    )
    .run();
    assert!(
        none.expect_code(2)
            .stderr
            .contains("run sumcheck mirror first")
    );
}

/// The real go command downloads modules from a proxy, and proves them with a mirror: by GOSUMDB with a
/// URL, and through GOPROXY.
#[test]
fn a_real_go_command_downloads_with_it() {
    if Command::new("go").arg("version").output().is_err() {
        skipped("there is no go command");
        return;
    }
    let proxy = TestProxy::new();
    for version in ["v1.0.0", "v1.1.0"] {
        let module = TestModule::new("example.com/Hello", version);
        proxy.add(&module.file("hello.go", "package hello\n\nconst Word = \"moin\"\n"));
    }
    let log = proxy.log.clone().grow(900);
    let modules = crate::support::server::Serving::new({
        let proxy = proxy.clone();
        move |request| proxy.answer(request)
    });
    let modules = modules.start();
    let served = serve(&mirror_of(&log), &log);
    let key = log.verifier_key();
    for (gosumdb, goproxy) in [
        (format!("{key} {}", served.url()), modules.url()),
        (key.clone(), format!("{},{}", served.url(), modules.url())),
    ] {
        let work = tempfile::tempdir().unwrap();
        std::fs::write(
            work.path().join("go.mod"),
            "module example.com/main\n\ngo 1.21\n\nrequire example.com/Hello v1.1.0\n",
        )
        .unwrap();
        let downloaded = Command::new("go")
            .args(["mod", "download", "-json", "example.com/Hello@v1.1.0"])
            .current_dir(work.path())
            .env("GOPATH", work.path().join("go"))
            .env("GOMODCACHE", work.path().join("cache"))
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .env("GOPROXY", &goproxy)
            .env("GOSUMDB", &gosumdb)
            .env("GONOSUMDB", "")
            .env("GOPRIVATE", "")
            .env("GONOPROXY", "")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&downloaded.stdout).into_owned();
        let errors = String::from_utf8_lossy(&downloaded.stderr).into_owned();
        assert!(
            downloaded.status.success() && words.contains("\"Sum\": \"h1:"),
            "{words} {errors}"
        );
        let cached = work.path().join("cache/cache/download/sumdb");
        assert!(cached.exists(), "the go command has asked the mirror");
    }
}

#[test]
fn a_gate_with_a_mirror_asks_the_log_for_nothing() {
    let proxy = TestProxy::new();
    let module = TestModule::new("example.com/Hello", "v1.0.0");
    proxy.add(&module.file("hello.go", "package hello\n\nconst Word = \"moin\"\n"));
    let log = proxy.log.clone().grow(600);
    let home = mirror_of(&log);
    let modules = crate::support::server::Serving::new({
        let proxy = proxy.clone();
        move |request| proxy.answer(request)
    });
    let modules = modules.start();
    let gate = Gate::listen(
        home.sumcheck(["gate", "--listen", "127.0.0.1:0"])
            .sumdb(&log.verifier_key())
            .goproxy(&modules.url()),
    );
    for file in ["zip", "mod"] {
        let path = format!("/example.com/!hello/@v/v1.0.0.{file}");
        assert_eq!(gate.get(&path).status, 200, "{path}");
    }
    assert_eq!(modules.count("/sumdb/"), 0, "{:?}", modules.paths());
}
