//! Settings of Go: GOPROXY, GOSUMDB, GOFLAGS, netrc, go.work.

use std::collections::BTreeSet;

use sumcheck::golang::base_url::BaseUrl;
use sumcheck::golang::go_mod::requirements;
use sumcheck::golang::goproxy::ProxyList;
use sumcheck::golang::gosumdb::SumdbSetting;
use sumcheck::io::goenv::goflags::modfile;
use sumcheck::io::netrc::Credentials;
use sumcheck::io::workspace::go_work_uses;

use super::input::{ok, text};

/// GOPROXY and GOSUMDB: a name is no way out of its folder, and a password is never shown.
pub fn settings(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(list) = ok(ProxyList::parse(text)) {
        assert!(!list.entries().is_empty());
    }
    if let Some(SumdbSetting::Database { name, .. }) = ok(SumdbSetting::parse(text)) {
        assert!(!name.is_empty() && !name.split('/').any(|part| part == ".."));
    }
    passwords_are_hidden(text);
}

fn passwords_are_hidden(after: &str) {
    const PASSWORD: &str = "correct-horse";
    let text = format!("https://user:{PASSWORD}@{after}");
    if after.contains(PASSWORD) {
        return;
    }
    let hidden = |shown: String| assert!(!shown.contains(PASSWORD), "{text:?}: {shown:?}");
    match BaseUrl::parse(&text) {
        Ok(url) => {
            hidden(url.to_string());
            hidden(format!("{url:?}"));
            assert!(url.as_str() == text && url.join("latest").contains(PASSWORD));
        }
        Err(error) => hidden(error.to_string()),
    }
    match ProxyList::parse(&text) {
        Ok(list) => list
            .entries()
            .iter()
            .for_each(|entry| hidden(entry.redacted())),
        Err(error) => hidden(error.to_string()),
    }
    if let Err(error) = SumdbSetting::parse(&format!("example.com+1+x {text}")) {
        hidden(error.to_string());
    }
}

/// GOFLAGS: a file that is named ends in .mod.
pub fn go_flags(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(Some(file)) = ok(modfile(text)) {
        assert!(file.ends_with(".mod") && text.contains(&file));
    }
}

/// netrc: each machine has one entry, which is found again, and no password is shown.
pub fn netrc(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let credentials = Credentials::of_netrc(text);
    let mut machines = BTreeSet::new();
    for entry in credentials.entries() {
        assert!(machines.insert(entry.machine()), "{entry:?} twice");
        assert!(
            [entry.login(), entry.password()]
                .iter()
                .all(|word| !word.is_empty())
        );
        let shown = format!("NetrcEntry {{ machine: {:?}, .. }}", entry.machine());
        assert_eq!(format!("{entry:?}"), shown);
        if !entry.machine().ends_with('/') {
            assert_eq!(credentials.find(entry.machine()), Some(entry));
        }
    }
    let _ = credentials.find(text);
}

/// go.work: there are no more folders than lines.
pub fn go_work(bytes: &[u8]) {
    if let Some(uses) = ok(go_work_uses(bytes)) {
        assert!(uses.len() <= bytes.split(|byte| *byte == b'\n').count());
    }
}

/// A hint: no bytes make more of it than there are lines, and no comment makes a requirement.
pub fn go_mod(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let found = requirements(text);
    assert!(found.len() <= text.lines().count());
    for module in found.keys() {
        assert!(text.contains(module.path().as_str()));
    }
    let commented: String = text.lines().map(|line| format!("//{line}\n")).collect();
    assert!(requirements(&commented).is_empty());
}
