//! Settings: whose word counts, how the database is reached, and what stays private.

use super::World;
use super::support::layers::status;
use super::support::log::TestLog;

#[test]
fn an_option_goes_before_a_variable_before_the_projects_file_before_gos() {
    let world = World::new();
    let (right, wrong) = (world.sumdb(), "off");
    let toml = |sumdb: &str| format!("sumdb = \"{sumdb}\"\n");
    let run = |args: &[&str]| world.verify().sumdb(wrong).args_all(args);
    // Go's own.
    run(&[]).sumdb(&right).run().expect_code(0);
    run(&[]).run().expect_code(2);
    // The project's file, which is told since the verdict hangs on it.
    let outcome = run(&[])
        .file("sumcheck.toml", toml(&right))
        .run()
        .expect_code(0);
    assert!(outcome.stderr.contains("is set by "), "{}", outcome.stderr);
    // The variable.
    let run = |args: &[&str]| {
        world
            .verify()
            .sumdb(wrong)
            .file("sumcheck.toml", toml(wrong))
            .args_all(args)
    };
    run(&[]).run().expect_code(2);
    run(&[]).env("SUMCHECK_SUMDB", &right).run().expect_code(0);
    // The option.
    let outcome = run(&["--sumdb", &right])
        .env("SUMCHECK_SUMDB", wrong)
        .run()
        .expect_code(0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn the_users_file_counts_after_the_projects() {
    let world = World::new();
    let file = world.home.path().join(".config/sumcheck/config.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("sumdb = \"{}\"\n", world.sumdb())).unwrap();
    let outcome = world.verify().sumdb("off").run().expect_code(0);
    assert_eq!(outcome.stderr, "");
    world
        .verify()
        .file("sumcheck.toml", "sumdb = \"off\"\n")
        .run()
        .expect_code(2);
}

#[test]
fn a_settings_file_that_cannot_be_used_is_told() {
    let world = World::new();
    for (text, message) in [
        ("sumdb = 1\n", "invalid type"),
        ("sumbd = \"x\"\n", "unknown field `sumbd`"),
        ("concurrency = 0\n", "concurrency is 1 to 1024"),
        ("[", "sumcheck.toml"),
    ] {
        let outcome = world
            .verify()
            .file("sumcheck.toml", text)
            .run()
            .expect_code(2);
        assert!(
            outcome.stderr.contains(message),
            "{text}: {}",
            outcome.stderr
        );
    }
}

/// Two proxies with the given answers to `/supported`, then a run through `first SEP second`.
fn through_two_proxies(separator: &str, first: u16, second: u16) -> (i32, usize, usize, usize) {
    let log = TestLog::with_records(9);
    let proxy = |code| match code {
        200 => log.serve().start(),
        code => log.serve().layer(status("/supported", code)).start(),
    };
    let (one, two) = (proxy(first), proxy(second));
    let outcome = super::Home::new()
        .sumcheck(["verify", "go.sum"])
        .file("go.sum", log.go_sum(0..2))
        .sumdb(&log.verifier_key())
        .goproxy(&format!("{}{separator}{}", one.url(), two.url()))
        .run();
    let asked = |server: &super::Server| server.count("/supported");
    (
        outcome.code,
        asked(&one),
        asked(&two),
        two.count("/lookup/"),
    )
}

#[test]
fn the_first_proxy_that_supports_the_database_is_kept() {
    assert_eq!(through_two_proxies(",", 200, 200), (0, 1, 0, 0));
    // Not found goes on.
    assert_eq!(through_two_proxies(",", 404, 200), (0, 1, 1, 2));
    assert_eq!(through_two_proxies(",", 410, 200), (0, 1, 1, 2));
    assert_eq!(through_two_proxies("|", 404, 200), (0, 1, 1, 2));
    // Any failure goes on after a bar, and after a comma it ends the run.
    assert_eq!(through_two_proxies("|", 403, 200), (0, 1, 1, 2));
    assert_eq!(through_two_proxies(",", 403, 200), (3, 1, 0, 0));
}

#[test]
fn an_explicit_url_is_asked_and_no_proxy() {
    let world = World::new();
    let proxy = world.log.serve().start();
    world.verify().goproxy(&proxy.url()).run().expect_code(0);
    assert_eq!(proxy.requests().len(), 0);
    assert_eq!(world.server.count("/supported"), 0);
}

#[test]
fn a_folder_serves_as_a_proxy() {
    let world = World::new();
    let folder = world.home.path().join("proxy");
    let base = folder.join("sumdb").join(world.log.name());
    let write = |path: &str, bytes: Vec<u8>| {
        let path = base.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    world.verify().run().expect_code(0);
    write("supported", Vec::new());
    write("latest", world.log.head());
    for request in world.server.paths() {
        if let Some(name) = request.strip_prefix("/lookup/") {
            write(
                &format!("lookup/{name}"),
                world.log.lookup_reply(name, 40).unwrap(),
            );
        }
    }
    write("tile/8/0/000.p/40", world.log.tile(8, 0, 0, 40).unwrap());
    let outcome = world
        .verify()
        .sumdb(&world.log.verifier_key())
        .goproxy(&format!("file://{}", folder.display()))
        .arg("--home")
        .arg(world.home.path().join("other"))
        .run()
        .expect_code(0);
    assert!(
        outcome.stdout.starts_with("ok: 6 lines"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn no_private_name_is_in_any_request() {
    for (name, patterns) in [
        ("GONOSUMDB", "secret.example"),
        ("GOPRIVATE", "*.example"),
        ("GOPRIVATE", "other.example,secret.example/*"),
        ("GONOSUMDB", "secret.ex?mple/te[a-z]m"),
    ] {
        let world = World::new();
        let hash = "h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=";
        let private = format!("secret.example/team/project v1.2.3 {hash}\n");
        let go_sum = format!("{private}{}", world.log.go_sum(0..3));
        let outcome = world
            .verify()
            .file("go.sum", go_sum)
            .env(name, patterns)
            .arg("-v")
            .run();
        let outcome = outcome.expect_code(0);
        assert!(
            outcome
                .stdout
                .starts_with("ok: 6 lines of 3 module versions proven")
        );
        assert!(
            outcome.stdout.contains("private: 1 line not checked"),
            "{}",
            outcome.stdout
        );
        for request in world.server.requests() {
            assert!(!format!("{request:?}").contains("secret"), "{request:?}");
        }
        assert!(!outcome.stderr.contains("secret"), "{}", outcome.stderr);
    }
    let world = World::new();
    let outcome = world
        .run(&["lookup", "secret.example/a@v1.0.0"])
        .env("GOPRIVATE", "secret.example")
        .run()
        .expect_code(3);
    assert!(outcome.stdout.contains("so the log was not asked"));
    assert_eq!(world.server.requests().len(), 0);
}

#[test]
fn a_password_is_not_shown_and_not_sent_in_the_clear() {
    let world = World::new();
    let proxy = world
        .server
        .url()
        .replace("http://", "http://user:hunter2@");
    let run = world
        .verify()
        .sumdb(&world.log.verifier_key())
        .goproxy(&proxy)
        .arg("-v");
    let outcome = run.run().expect_code(3);
    assert!(
        outcome
            .stdout
            .contains("refusing to pass credentials to insecure URL")
    );
    assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("hunter2"));
    assert_eq!(world.server.requests().len(), 0);
    let env = world.run(&["env"]).goproxy(&proxy).run().expect_code(0);
    assert!(
        env.stdout.contains("user:xxxxx@") && !env.stdout.contains("hunter2"),
        "{}",
        env.stdout
    );
}

#[test]
fn a_login_that_was_not_tried_is_told_when_it_may_be_missing() {
    let world = World::new();
    let goauth = |run: super::Run| run.env("GOAUTH", "netrc; git /home/me; ./login --now");
    let outcome = goauth(world.verify()).run().expect_code(0);
    assert_eq!(outcome.stderr, "");
    let sumdb = format!("{} http://127.0.0.1:1", world.log.verifier_key());
    let outcome = goauth(world.verify().arg("--refresh"))
        .sumdb(&sumdb)
        .run()
        .expect_code(3);
    let warning = "GOAUTH names git and ./login, which is not run here";
    assert!(outcome.stderr.contains(warning), "{}", outcome.stderr);
}

#[test]
fn a_variable_that_says_no_goes_before_the_projects_file() {
    let world = World::new();
    let run = |args: &[&str]| {
        world
            .verify()
            .file("sumcheck.toml", "allow-unchecked = true\noffline = true\n")
            .args_all(args)
    };
    run(&[]).run().expect_code(3);
    assert_eq!(world.server.requests().len(), 0, "the file says offline");
    run(&[]).env("SUMCHECK_OFFLINE", "0").run().expect_code(0);
    run(&["--refresh", "--offline"])
        .env("SUMCHECK_OFFLINE", "0")
        .run()
        .expect_code(3);

    let private = |args: &[&str]| run(args).env("GONOSUMDB", "*");
    private(&[]).run().expect_code(0);
    private(&[])
        .env("SUMCHECK_ALLOW_UNCHECKED", "false")
        .run()
        .expect_code(3);
    private(&["--allow-unchecked=false"]).run().expect_code(3);
    private(&["--allow-unchecked"])
        .env("SUMCHECK_ALLOW_UNCHECKED", "no")
        .run()
        .expect_code(0);
    for variable in ["SUMCHECK_ALLOW_UNCHECKED", "SUMCHECK_OFFLINE"] {
        let outcome = run(&[]).env(variable, "maybe").run().expect_code(2);
        assert!(outcome.stderr.contains("value was not a boolean"));
    }
}

#[test]
fn an_empty_variable_is_not_set() {
    let world = World::new();
    let mut run = world.verify();
    for name in [
        "SUMDB",
        "GOPROXY",
        "OFFLINE",
        "CONCURRENCY",
        "FORMAT",
        "COLOR",
        "ALLOW_UNCHECKED",
    ] {
        run = run.env(&format!("SUMCHECK_{name}"), "");
    }
    let outcome = run.run().expect_code(0);
    assert!(outcome.stdout.starts_with("ok: 6 lines"));
    world.verify().env("SUMCHECK_HOME", "").run().expect_code(0);
    assert!(
        world
            .home
            .path()
            .join(".local/share/sumcheck/sumcheck.db")
            .exists()
    );
}

#[test]
fn a_home_that_the_project_names_is_told() {
    let world = World::new();
    let run = |home: &str| {
        world
            .verify()
            .file("sumcheck.toml", "home = \"of-the-project\"\n")
            .env("SUMCHECK_HOME", home)
            .run()
            .expect_code(0)
            .stderr
    };
    assert!(run("").starts_with("warning: the home of all state is set by "));
    assert!(
        world
            .home
            .work()
            .join("of-the-project/sumcheck.db")
            .exists()
    );
    assert_eq!(run("elsewhere"), "");
}

#[test]
fn gos_own_file_counts_after_the_environment() {
    let world = World::new();
    let file = world.home.path().join("goenv");
    let lines = format!(
        "# written by go env -w\nGOSUMDB={}\nGONOSUMDB=example.com/m0\n",
        world.sumdb()
    );
    std::fs::write(&file, lines).unwrap();
    let run = || world.verify().sumdb("").env("GOENV", &file);
    let outcome = run().run().expect_code(0);
    assert!(
        outcome.stdout.contains("private: 2 lines not checked"),
        "{}",
        outcome.stdout
    );
    assert_eq!(world.server.count("/lookup/"), 2);
    let outcome = run().env("GONOSUMDB", "other.example").run();
    assert!(
        outcome
            .expect_code(0)
            .stdout
            .starts_with("ok: 6 lines of 3")
    );
    run().sumdb("off").run().expect_code(2);
    let shown = world.run(&["env"]).env("GOENV", &file).run().expect_code(0);
    let row = format!("GONOSUMDB  example.com/m0  (from \"{}\")", file.display());
    assert!(shown.stdout.contains(&row), "{}", shown.stdout);
}

#[test]
fn a_login_in_netrc_does_not_travel_in_the_clear() {
    let world = World::new();
    let netrc = "machine 127.0.0.1 login user password hunter2\n";
    std::fs::write(world.home.path().join(".netrc"), netrc).unwrap();
    let run = world.verify().arg("-v").run().expect_code(0);
    assert!(!run.stderr.contains("hunter2"));
    for request in world.server.requests() {
        assert!(request.header("authorization").is_none(), "{request:?}");
    }
}

#[test]
fn a_proxy_that_is_down_is_passed_over_after_a_bar_only() {
    let log = TestLog::with_records(9);
    let second = log.serve().start();
    let run = |separator: &str| {
        super::Home::new()
            .sumcheck(["verify", "go.sum"])
            .file("go.sum", log.go_sum(0..2))
            .sumdb(&log.verifier_key())
            .goproxy(&format!("http://127.0.0.1:1{separator}{}", second.url()))
            .run()
    };
    let outcome = run(",").expect_code(3);
    let told = "the proxy http://127.0.0.1:1 could not be asked for the checksum database";
    assert!(outcome.stdout.contains(told), "{}", outcome.stdout);
    assert_eq!(second.requests().len(), 0);
    run("|").expect_code(0);
    assert_eq!(second.count("/supported"), 1);
}

/// Nobody listens on port 1, and a log's name may hold a port.
#[test]
fn without_a_proxy_the_database_is_asked_at_its_own_name() {
    let log = TestLog::named("localhost:1").grow(3);
    for goproxy in ["direct", "off", "off,http://127.0.0.1:2"] {
        let outcome = super::Home::new()
            .sumcheck(["verify", "go.sum", "-v"])
            .file("go.sum", log.go_sum(0..1))
            .sumdb(&log.verifier_key())
            .goproxy(goproxy)
            .run()
            .expect_code(3);
        for path in ["latest", "lookup/example.com/m0@v1.0.0"] {
            let url = format!("https://localhost:1/{path}");
            assert!(outcome.stderr.contains(&url), "{goproxy}: {outcome:?}");
        }
        assert!(!outcome.stderr.contains("127.0.0.1:2"));
    }
}
