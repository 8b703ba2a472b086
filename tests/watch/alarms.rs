//! Telling: at least once, in order, with a name for each event, whatever happens on the way.

use std::time::Duration;

use base64::Engine as _;
use sumcheck::watch::sink::{Program, Secret, Sink, SinkKind, signature};

use crate::world::{HOUR, SECRET, World, block_on};

#[test]
fn a_webhook_gets_a_signed_document() {
    let world = World::new(10);
    let watch = world.watch();
    watch.test_alarm().unwrap();
    assert_eq!(world.tell(&watch), 1);
    let request = world.receiver.requests().remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, "/hook?of=tests");
    assert_eq!(request.header("content-type"), Some("application/json"));
    let id = request.header("webhook-id").unwrap();
    let seconds: i64 = request
        .header("webhook-timestamp")
        .unwrap()
        .parse()
        .unwrap();
    let body = String::from_utf8(request.body.clone()).unwrap();
    let expected = signature(&Secret::parse(SECRET).unwrap(), id, seconds, &body);
    assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
    let event = &world.receiver.events()[0];
    assert_eq!(event["id"], id);
    assert_eq!(event["kind"], "test");
}

#[test]
fn whoever_is_away_is_told_when_it_is_back_by_whichever_process() {
    let world = World::new(10);
    let watch = world.watch();
    world.receiver.takes(false);
    for _ in 0..3 {
        watch.test_alarm().unwrap();
    }
    assert_eq!(world.tell(&watch), 0);
    let tried = world.receiver.tried();
    assert_eq!(tried, 1, "the others need not be tried");
    // Before the time has come nobody is asked.
    assert_eq!(world.tell(&watch), 0);
    assert_eq!(world.receiver.tried(), tried);
    // Days of being away are no flood of tries.
    for _ in 0..24 {
        world.wait(HOUR);
        world.tell(&watch);
    }
    assert_eq!(world.receiver.tried(), tried + 24);
    let sinks = world.store().sinks().unwrap();
    assert_eq!((sinks[0].pending, sinks[0].sink.as_str()), (3, "receiver"));
    drop(watch);
    world.receiver.takes(true);
    world.wait(HOUR);
    let watch = world.watch();
    assert_eq!(world.tell(&watch), 3);
    let ids: Vec<String> = world
        .receiver
        .events()
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((ids.len(), distinct.len()), (3, 3));
    assert!(world.store().sinks().unwrap().is_empty());
}

#[test]
fn an_error_does_not_show_the_path_of_a_webhook() {
    let world = World::new(10);
    let watch = world.watch();
    let mut plan = plan_with(&world, SinkKind::StandardError);
    plan.sinks = vec![Sink {
        name: "away".to_owned(),
        kind: SinkKind::Webhook {
            url: "http://127.0.0.1:1/secret-path".parse().unwrap(),
            secret: None,
        },
    }];
    watch.set_plan(plan);
    watch.test_alarm().unwrap();
    let (_, failed) = block_on(watch.deliver()).unwrap();
    assert!(failed[0].contains("127.0.0.1"), "{failed:?}");
    assert!(!failed[0].contains("secret-path"), "{failed:?}");
}

fn plan_with(world: &World, kind: SinkKind) -> sumcheck::watch::plan::Plan {
    let mut plan = world.plan();
    plan.sinks = vec![Sink {
        name: "it".to_owned(),
        kind,
    }];
    plan
}

#[cfg(unix)]
#[test]
fn a_program_gets_the_document_and_the_essentials_and_is_run_again_if_it_fails() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(10);
    let out = world.file("out", "");
    let script = format!(
        "#!/bin/sh\ncat > {0}\necho >> {0}\necho $SUMCHECK_EVENT_KIND $SUMCHECK_EVENT_SEVERITY $1 >> {0}\n\
         test -e {0}.ok\n",
        out.display()
    );
    let path = world.file("tell", &script);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let watch = world.watch();
    watch.set_plan(plan_with(
        &world,
        SinkKind::Program(Program {
            path,
            arguments: vec!["argument".to_owned()],
        }),
    ));
    watch.test_alarm().unwrap();
    let (told, failed) = block_on(watch.deliver()).unwrap();
    assert_eq!(told, 0);
    assert!(
        failed[0].contains("ended with exit status: 1"),
        "{failed:?}"
    );
    std::fs::write(out.with_extension("ok"), "").unwrap();
    world.wait(Duration::from_secs(20));
    assert_eq!(block_on(watch.deliver()).unwrap().0, 1);
    let said = std::fs::read_to_string(&out).unwrap();
    let (document, rest) = said.split_once('\n').unwrap();
    let document: serde_json::Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["kind"], "test");
    assert_eq!(rest, "test info argument\n");
}

#[test]
fn what_one_receiver_refuses_does_not_keep_the_next_event_from_it() {
    let world = World::new(10);
    let watch = world.watch();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(0));
    let counted = std::sync::Arc::clone(&heard);
    world.receiver.play(move |_| {
        let mut heard = counted.lock().unwrap();
        *heard += 1;
        let status = if *heard == 1 { 400 } else { 200 };
        crate::support::response::Response::new(status, "")
    });
    watch.test_alarm().unwrap();
    watch.test_alarm().unwrap();
    assert_eq!(world.tell(&watch), 1);
    assert_eq!(*heard.lock().unwrap(), 2);
    assert_eq!(world.store().sinks().unwrap()[0].pending, 1);
}

#[test]
fn the_signature_is_an_hmac_that_others_compute_too() {
    // RFC 4231 has no case in this form, so a second implementation of HMAC says what it is.
    let key = base64::engine::general_purpose::STANDARD
        .decode(SECRET.trim_start_matches("whsec_"))
        .unwrap();
    let (inner, outer) = ([0x36_u8; 64], [0x5c_u8; 64]);
    let pad = |pad: [u8; 64]| -> Vec<u8> {
        let key = key.iter().copied().chain(std::iter::repeat(0));
        pad.into_iter()
            .zip(key)
            .map(|(pad, key)| pad ^ key)
            .collect()
    };
    use sha2::Digest as _;
    let message = "id.17.{}";
    let digest = sha2::Sha256::digest([pad(inner), message.as_bytes().to_vec()].concat());
    let digest = sha2::Sha256::digest([pad(outer), digest.to_vec()].concat());
    let expected = base64::engine::general_purpose::STANDARD.encode(digest);
    let secret = Secret::parse(SECRET).unwrap();
    assert_eq!(signature(&secret, "id", 17, "{}"), format!("v1,{expected}"));
}

#[test]
fn what_waits_for_somebody_who_is_gone_does_not_keep_others_from_being_told() {
    let world = World::new(10);
    let watch = world.watch();
    let mut plan = world.plan();
    plan.sinks[0].name = "gone".to_owned();
    watch.set_plan(plan);
    for _ in 0..1001 {
        watch.test_alarm().unwrap();
    }
    watch.set_plan(world.plan());
    watch.test_alarm().unwrap();
    assert_eq!(world.tell(&watch), 1);
    assert_eq!(world.store().sinks().unwrap()[0].pending, 1001);
}
