use std::fs;
use std::path::Path;

use super::*;

fn parsed(text: &str) -> Vec<String> {
    let entries = parse(text).into_iter();
    entries
        .map(|e| format!("{} {} {}", e.machine, e.login, e.password))
        .collect()
}

fn environment(variables: &[(&str, &Path)]) -> Environment {
    Environment::new(
        variables
            .iter()
            .map(|(name, value)| (*name, value.as_os_str())),
        "/",
    )
}

fn home_with_netrc(text: &[u8]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".netrc"), text).unwrap();
    home
}

/// The variable that names the home folder on the system of the test.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

#[test]
fn entries_may_be_spread_over_lines() {
    let text = "# comment line\nmachine a.example login u password p\n\
        machine b.example\n\tlogin v\n\tpassword  w\nmachine c.example password x\nlogin y";
    assert_eq!(
        parsed(text),
        ["a.example u p", "b.example v w", "c.example y x"]
    );
}

#[test]
fn the_first_entry_of_a_machine_wins() {
    let text = "machine a login u password p\nmachine a login v password w\n\
        machine https://a/ login x password y\nmachine https://b/c/ login s password t";
    assert_eq!(parsed(text), ["a u p", "b/c s t"]);
}

#[test]
fn a_default_at_the_end_of_a_line_ends_the_file() {
    let text = "machine a login u password p\ndefault\nmachine b login v password w";
    assert_eq!(parsed(text), ["a u p"]);
    let text = "machine a login u password p default\nmachine b login v password w";
    assert_eq!(parsed(text), ["a u p"]);
}

#[test]
fn a_default_in_a_line_gives_no_credentials() {
    let text = "default login anonymous password guest\nmachine b login v password w";
    assert_eq!(parsed(text), ["b v w"]);
}

#[test]
fn a_macro_is_no_entry() {
    let text = "macdef init\nmachine a login u password p\n\nmachine b login v password w";
    assert_eq!(parsed(text), ["b v w"]);
    let on_its_line = "macdef init machine a login u password p\nx\n\nmachine b login v password w";
    assert_eq!(parsed(on_its_line), ["a u p", "b v w"]);
    let crlf = "macdef init\r\n\r\nmachine b login v password w";
    assert!(parsed(crlf).is_empty());
}

#[test]
fn half_an_entry_is_none() {
    for text in [
        "",
        "machine",
        "machine a",
        "machine a login u",
        "machine a password p",
        "login u password p",
        "machine a login u\nmachine b password p",
        "machine a account x y login u password p",
        "machine \u{fffd} login u password p",
    ] {
        assert!(parse(text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_not_utf8_costs_only_its_own_entry() {
    let home = home_with_netrc(b"machine a login u password p\xe9\nmachine b login v password w");
    let credentials = Credentials::read(&environment(&[(HOME, home.path())]), "netrc").unwrap();
    assert_eq!(credentials.entries().len(), 1);
    assert_eq!(credentials.entries()[0].machine(), "b");
}

#[test]
fn the_netrc_variable_goes_before_the_home_folder() {
    let home = home_with_netrc(b"machine a login u password p");
    let other = home.path().join("other");
    fs::write(&other, "machine b login v password w").unwrap();
    let machine = |netrc: &Path| {
        let environment = environment(&[(HOME, home.path()), ("NETRC", netrc)]);
        let credentials = Credentials::read(&environment, "netrc").unwrap();
        credentials
            .entries()
            .first()
            .map(|entry| entry.machine().to_owned())
    };
    assert_eq!(machine(&other).unwrap(), "b");
    assert_eq!(machine(Path::new("")).unwrap(), "a");
    assert_eq!(machine(&home.path().join("none")), None);
}

#[test]
fn windows_prefers_its_old_name() {
    let home = home_with_netrc(b"");
    let name = |platform| {
        let environment = environment(&[("USERPROFILE", home.path()), ("HOME", home.path())]);
        let path = netrc_path(&environment, platform).unwrap();
        path.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(name(Platform::Windows), ".netrc");
    fs::write(home.path().join("_netrc"), "").unwrap();
    assert_eq!(name(Platform::Windows), "_netrc");
    assert_eq!(name(Platform::Unix), ".netrc");
}

#[test]
fn without_a_file_or_a_home_there_are_none() {
    let home = tempfile::tempdir().unwrap();
    for environment in [environment(&[]), environment(&[(HOME, home.path())])] {
        let credentials = Credentials::read(&environment, "netrc").unwrap();
        assert_eq!(credentials, Credentials::default());
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(&[("NETRC", home.path())]);
    let error = Credentials::read(&environment, "netrc").unwrap_err();
    let expected = format!(
        "cannot use the netrc file {}: make it readable, or set GOAUTH=off to go without",
        shown(home.path())
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        Credentials::read(&environment, "off").unwrap(),
        Credentials::default()
    );
    assert!(
        Credentials::read(&environment, "git /x")
            .unwrap()
            .entries()
            .is_empty()
    );
}

#[test]
fn goauth_commands_are_named_and_not_run() {
    let home = home_with_netrc(b"machine a login u password p");
    let environment = environment(&[(HOME, home.path())]);
    let read = |goauth| Credentials::read(&environment, goauth);
    let credentials = read("git /dir; netrc ;/bin/helper --token=secret").unwrap();
    assert_eq!(credentials.unsupported_goauth(), ["git", "/bin/helper"]);
    assert_eq!(credentials.entries().len(), 1);
    let empty = "GOAUTH has an empty command: take out the semicolon that is too much";
    assert_eq!(read("netrc;").unwrap_err().to_string(), empty);
    let off = "GOAUTH has off and something else: write off alone, or take it out";
    assert_eq!(read("netrc;off").unwrap_err().to_string(), off);
}

#[test]
fn the_longest_machine_that_fits_is_found() {
    let text = "machine h login host password p\nmachine h/a/b login path password p\n\
        machine h:8443 login port password p";
    let credentials = Credentials {
        entries: parse(text),
        unsupported_goauth: Vec::new(),
    };
    let login = |url| credentials.find(url).map(NetrcEntry::login);
    assert_eq!(login("h"), Some("host"));
    assert_eq!(login("h/"), Some("host"));
    assert_eq!(login("h/a/bc"), Some("host"));
    assert_eq!(login("h/a/b"), Some("path"));
    assert_eq!(login("h/a/b/c/d"), Some("path"));
    assert_eq!(login("h:8443/a/b"), Some("port"));
    assert_eq!(login("h:80"), None);
    assert_eq!(login("x.h"), None);
    assert_eq!(login("other/h"), None);
}

#[test]
fn debug_shows_no_password() {
    let text = format!("{:?}", parse("machine a login u password secret"));
    assert_eq!(text, "[NetrcEntry { machine: \"a\", .. }]");
}
