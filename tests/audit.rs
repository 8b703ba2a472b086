//! `sumcheck audit`: the whole log read again, and what is told of it.

mod support;

use support::layers::{flip_bit, on, on_requests};
use support::log::TestLog;
use support::server::Server;
use support::sumcheck::{Home, Outcome};

fn audit(home: &Home, log: &TestLog, server: &Server) -> Outcome {
    home.sumcheck(["audit"])
        .sumdb(&log.verifier_key())
        .goproxy(&server.url())
        .run()
}

#[test]
fn a_log_is_replayed_and_gone_on_with() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    let server = log.serve().start();
    let first = audit(&home, &log, &server).expect_code(0);
    assert!(first.stdout.starts_with("700 records"), "{first:?}");
    let data_tiles = |server: &Server| server.count("/tile/8/data/");
    assert_eq!(data_tiles(&server), 3);
    // Nothing new costs no tile, and what is new costs what is new.
    let second = audit(&home, &log, &server).expect_code(0);
    assert!(second.stdout.starts_with("0 records"), "{second:?}");
    assert_eq!(data_tiles(&server), 3);
    let grown = log.clone().grow(1000);
    let server = grown.serve().start();
    let third = audit(&home, &log, &server).expect_code(0);
    assert!(third.stdout.starts_with("1,000 records"), "{third:?}");
    assert_eq!(data_tiles(&server), 5);
}

#[test]
fn a_false_tile_is_the_server_s_fault_and_heals() {
    let (log, home) = (TestLog::with_records(700), Home::new());
    for (what, server) in [
        (
            "flipped",
            log.serve()
                .layer(flip_bit("/tile/8/data/001", 3000))
                .start(),
        ),
        (
            "gone",
            log.serve()
                .layer(on("/tile/8/data/001").status(403))
                .start(),
        ),
        (
            "down",
            log.serve().layer(on_requests(|_| true).status(500)).start(),
        ),
    ] {
        let outcome = audit(&home, &log, &server);
        assert_eq!(outcome.code, 3, "{what}: {outcome:?}");
        let names_it = outcome.stderr.contains("tile/8/data/001");
        assert!(names_it || what == "down", "{what}: {outcome:?}");
    }
    let honest = log.serve().start();
    audit(&home, &log, &honest).expect_code(0);
}
