//! The cache on disk is not believed: what is not what the log recorded is set aside, fetched
//! again, and never given out.

use std::fs::{self, File, FileTimes};
use std::io::{BufReader, Read as _, Write as _};
use std::path::PathBuf;

use crate::attack::{Attack, Case, assert_honest, files_below, hello, noise, only_proven};
use crate::support::client;
use crate::support::layers::{replace, status};
use crate::support::proxy::TestModule;

fn cached(attack: &Attack, extension: &str) -> PathBuf {
    let path = hello().url(extension);
    attack.case.home.state().join("download").join(&path[1..])
}

fn set_aside(attack: &Attack) -> usize {
    files_below(&attack.case.home.state().join("set-aside")).len()
}

/// A gate that has served every file of the module once.
fn warm() -> Attack {
    Case::new()
        .attack(|honest| honest)
        .serves("info")
        .serves("mod")
        .serves("zip")
}

#[test]
fn a_warm_file_is_not_fetched_again() {
    let attack = warm();
    let requests = attack.server.paths().len();
    let attack = attack.serves("info").serves("mod").serves("zip");
    assert_eq!(attack.server.paths().len(), requests);
}

#[test]
fn a_changed_file_is_set_aside_and_fetched_again() {
    type Damage = (&'static str, fn(&mut Vec<u8>));
    let damages: [Damage; 5] = [
        ("emptied", |bytes| bytes.clear()),
        ("cut", |bytes| bytes.truncate(bytes.len() / 2)),
        ("longer", |bytes| bytes.push(0)),
        ("flipped", |bytes| bytes[20] ^= 1),
        ("other", |bytes| *bytes = b"PK something else".to_vec()),
    ];
    for extension in ["info", "mod", "zip"] {
        let mut attack = warm();
        for (number, (what, damage)) in damages.into_iter().enumerate() {
            let path = cached(&attack, extension);
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, &bytes).unwrap();
            attack = attack.serves(extension);
            assert_eq!(set_aside(&attack), number + 1, "{extension}: {what}");
            only_proven(&attack.case.home, &attack.case.proxy);
        }
    }
}

#[test]
fn a_change_between_two_requests_is_seen_though_size_and_time_are_put_back() {
    let attack = warm();
    let path = cached(&attack, "zip");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[2000] ^= 1;
    // In place: the same inode.
    let mut file = File::options().write(true).open(&path).unwrap();
    file.write_all(&bytes).unwrap();
    file.set_times(FileTimes::new().set_modified(modified))
        .unwrap();
    drop(file);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    let attack = attack.serves("zip");
    assert_eq!(set_aside(&attack), 1);
}

#[test]
fn a_file_that_was_put_there_by_somebody_else_is_hashed_before_it_is_served() {
    let case = Case::new();
    let download = case.home.state().join("download");
    for extension in ["mod", "zip"] {
        let evil = TestModule {
            go_mod: "module example.com/hello\n\ngo 1.22\n".into(),
            files: Vec::new(),
            ..hello()
        };
        let path = download.join(&hello().url(extension)[1..]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content = match extension {
            "zip" => evil.zip().write(),
            _ => evil.go_mod.into_bytes(),
        };
        fs::write(path, content).unwrap();
    }
    let attack = case.attack(|honest| honest).serves("mod").serves("zip");
    assert_eq!(set_aside(&attack), 2);
    attack.then_honest();
}

#[test]
fn an_honest_file_that_somebody_put_there_needs_no_upstream() {
    let case = Case::new();
    for extension in ["mod", "zip"] {
        let path = hello().url(extension);
        let to = case.home.state().join("download").join(&path[1..]);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, case.proxy.file(&path).unwrap()).unwrap();
    }
    let attack = case.attack(status("/example.com/*", 500));
    let attack = attack.serves("mod").serves("zip");
    assert_eq!(attack.server.count("/example.com/hello/@v/"), 0);
}

#[test]
fn a_damaged_file_is_not_served_when_it_cannot_be_fetched_again() {
    let attack = warm();
    let path = cached(&attack, "zip");
    fs::write(&path, b"PK").unwrap();
    let case = attack.case;
    drop((attack.gate, attack.server));
    let attack = case.attack(status(&hello().url("zip"), 500));
    let attack = attack.refuses("zip", 502, "the proxies behind this gate failed");
    let attack = attack.refuses("zip", 502, "the proxies behind this gate failed");
    assert_eq!(set_aside(&attack), 1);
    attack.then_honest();
}

#[test]
fn a_damaged_file_and_a_lying_upstream_are_both_refused() {
    let attack = warm();
    let path = cached(&attack, "mod");
    fs::write(&path, b"module evil\n").unwrap();
    let case = attack.case;
    drop((attack.gate, attack.server));
    case.attack(replace(&hello().url("mod"), "module evil\n"))
        .refuses("mod", 403, "NOT THE FILE THAT THE LOG RECORDED")
        .then_honest();
}

#[test]
fn a_file_that_is_changed_while_it_is_sent_is_cut_short() {
    let case = Case::new();
    // More than the buffers of a socket hold.
    let large = TestModule::new("example.com/large", "v1.0.0").file("noise.bin", noise(24 << 20));
    case.proxy.add(&large);
    let attack = case.attack(|honest| honest);
    let zip = large.url("zip");
    assert_honest(&attack.gate.get(&zip), &attack.case.proxy, &zip);

    let stream = client::connect(attack.gate.address(), "GET", &zip, &[]);
    let mut reader = BufReader::new(&stream);
    let (status, headers) = client::read_head(&mut reader);
    assert_eq!(status, 200);
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.unwrap().1.parse().unwrap();
    // The beginning is on its way, and the client reads no further for now.
    let path = attack.case.home.state().join("download").join(&zip[1..]);
    let mut file = File::options().write(true).open(&path).unwrap();
    file.write_all(b"PK").unwrap();
    drop(file);
    let mut body = Vec::new();
    let _ = reader.read_to_end(&mut body);
    assert!(body.len() < length, "{} of {length} bytes", body.len());
    // The next client gets it whole.
    assert_honest(&attack.gate.get(&zip), &attack.case.proxy, &zip);
}

#[test]
fn a_folder_in_the_place_of_a_file_does_not_stop_anything_else() {
    let case = Case::new();
    let path = case
        .home
        .state()
        .join("download")
        .join(&hello().url("zip")[1..]);
    fs::create_dir_all(path.join("x")).unwrap();
    let attack = case.attack(|honest| honest);
    let got = attack.get("zip");
    assert!([200, 500].contains(&got.status), "{}", got.text());
    attack.serves("mod");
}
