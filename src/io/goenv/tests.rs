use std::fs;

use super::*;

/// A home folder with a settings file, and an installation with its own.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// `None` for an installation without a go.env.
    fn new(user: &str, installation: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root")).unwrap();
        fs::write(folder.path().join("user.env"), user).unwrap();
        if let Some(text) = installation {
            fs::write(folder.path().join("root/go.env"), text).unwrap();
        }
        Self { folder }
    }

    fn user_file(&self) -> PathBuf {
        self.folder.path().join("user.env")
    }

    fn installation_file(&self) -> PathBuf {
        self.folder.path().join("root/go.env")
    }

    fn environment(&self, more: &[(&str, &str)]) -> Environment {
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("GOENV".into(), self.user_file().into()),
            ("GOROOT".into(), self.folder.path().join("root").into()),
            ("HOME".into(), self.folder.path().join("home").into()),
            ("USERPROFILE".into(), self.folder.path().join("home").into()),
        ];
        variables.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
        Environment::new(variables, self.folder.path())
    }

    fn read(&self, more: &[(&str, &str)]) -> GoEnv {
        GoEnv::read(&self.environment(more)).unwrap()
    }
}

#[track_caller]
fn assert_text(setting: &Setting<String>, value: &str, origin: &Origin) {
    assert_eq!(
        (setting.value().as_str(), setting.origin()),
        (value, origin)
    );
}

#[test]
fn the_environment_goes_before_the_users_file_and_that_before_the_installation() {
    let machine = Machine::new(
        "GOPROXY=user\n",
        Some("GOPROXY=root\nGOSUMDB=root.example\n"),
    );
    let user = Origin::GoEnvFile(machine.user_file());
    let root = Origin::GoRoot(machine.installation_file());
    let set = [("GOPROXY", "process"), ("GOSUMDB", "")];
    assert_text(
        machine.read(&set).goproxy(),
        "process",
        &Origin::Environment,
    );
    assert_text(machine.read(&set).gosumdb(), "root.example", &root);
    assert_text(machine.read(&[]).goproxy(), "user", &user);
    assert_text(machine.read(&[("GOPROXY", "")]).goproxy(), "user", &user);
    assert_text(machine.read(&[("GOENV", "off")]).goproxy(), "root", &root);
}

#[test]
fn without_files_there_are_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let go = GoEnv::read(&Environment::new([("A", "b")], folder.path())).unwrap();
    assert_text(go.goproxy(), DEFAULT_GOPROXY, &Origin::Default);
    assert_text(go.gosumdb(), "sum.golang.org", &Origin::Default);
    assert_text(go.goauth(), "netrc", &Origin::Default);
    let empty = [
        go.goprivate(),
        go.gonosumdb(),
        go.gonoproxy(),
        go.goinsecure(),
        go.goflags(),
        go.gowork(),
    ];
    for setting in empty {
        assert_text(setting, "", &Origin::Default);
    }
    assert!(go.gopath().value().is_empty());
    assert_eq!(go.gomodcache().map(Setting::value), None);
    assert_eq!(go.goroot(), None);
    assert_eq!((go.sumdb_cache_dir(), go.sumdb_config_dir()), (None, None));
}

#[test]
fn an_empty_line_in_the_users_file_hides_the_installations() {
    let machine = Machine::new(
        "GOSUMDB=\nGOAUTH=\n",
        Some("GOPROXY=p\nGOSUMDB=s\nGOAUTH=off\n"),
    );
    let user = Origin::GoEnvFile(machine.user_file());
    assert_text(machine.read(&[]).gosumdb(), "", &user);
    assert_text(machine.read(&[]).goauth(), "netrc", &Origin::Default);
}

#[test]
fn an_installation_that_names_no_proxy_has_none() {
    let machine = Machine::new("", Some("GOSUMDB=s\n"));
    let root = Origin::GoRoot(machine.installation_file());
    assert_text(machine.read(&[]).goproxy(), "", &root);
    let old = Machine::new("", None);
    let default = DEFAULT_GOPROXY;
    assert_text(old.read(&[]).goproxy(), default, &Origin::Default);
}

#[test]
fn goprivate_stands_in_for_what_is_not_set_or_empty() {
    let machine = Machine::new("GOPRIVATE=corp.example\nGONOPROXY=none\n", None);
    let user = Origin::GoEnvFile(machine.user_file());
    let fall_back = Origin::Goprivate(Box::new(user.clone()));
    let go = machine.read(&[("GONOSUMDB", "")]);
    assert_text(go.gonosumdb(), "corp.example", &fall_back);
    assert_text(go.gonoproxy(), "none", &user);
    let go = machine.read(&[("GONOSUMDB", "x"), ("GOPRIVATE", "y")]);
    assert_text(go.gonosumdb(), "x", &Origin::Environment);
    assert_text(go.goprivate(), "y", &Origin::Environment);
    let shown = format!("as GOPRIVATE, from {}", shown(&machine.user_file()));
    assert_eq!(fall_back.to_string(), shown);
}

#[test]
fn the_other_settings_are_read_the_same_way() {
    let machine = Machine::new("GOINSECURE=a\nGOFLAGS=-mod=mod\nGOWORK=off\n", None);
    let user = Origin::GoEnvFile(machine.user_file());
    let go = machine.read(&[("GOAUTH", "off")]);
    assert_text(go.goinsecure(), "a", &user);
    assert_text(go.goflags(), "-mod=mod", &user);
    assert_text(go.gowork(), "off", &user);
    assert_text(go.goauth(), "off", &Origin::Environment);
}

#[test]
fn the_module_cache_lies_in_the_first_folder_of_gopath() {
    let machine = Machine::new("", None);
    let home = machine.folder.path().join("home/go");
    let go = machine.read(&[]);
    assert_eq!(go.gopath().value(), std::slice::from_ref(&home));
    assert_eq!(go.gomodcache().unwrap().value(), &home.join("pkg/mod"));
    assert_eq!(
        go.sumdb_cache_dir().unwrap(),
        home.join("pkg/mod/cache/download/sumdb")
    );
    assert_eq!(go.sumdb_config_dir().unwrap(), home.join("pkg/sumdb"));

    let (first, second) = (
        machine.folder.path().join("1"),
        machine.folder.path().join("2"),
    );
    let two = std::env::join_paths([&first, &second]).unwrap();
    let go = machine.read(&[("GOPATH", two.to_str().unwrap())]);
    assert_eq!(go.gopath().value(), &[first.clone(), second.clone()]);
    assert_eq!(go.gomodcache().unwrap().value(), &first.join("pkg/mod"));
    assert_eq!(go.gomodcache().unwrap().origin(), &Origin::Default);

    let go = machine.read(&[("GOMODCACHE", second.to_str().unwrap())]);
    assert_eq!(
        go.sumdb_cache_dir().unwrap(),
        second.join("cache/download/sumdb")
    );
    assert_eq!(go.sumdb_config_dir().unwrap(), home.join("pkg/sumdb"));
}

#[test]
fn a_relative_cache_or_gopath_is_not_used() {
    let machine = Machine::new("", None);
    let go = machine.read(&[("GOPATH", "relative"), ("GOMODCACHE", "cache")]);
    assert_eq!((go.sumdb_cache_dir(), go.sumdb_config_dir()), (None, None));
    let go = machine.read(&[("GOPATH", "~/go")]);
    assert_eq!((go.sumdb_cache_dir(), go.sumdb_config_dir()), (None, None));
}

#[test]
fn an_installation_in_the_home_folder_is_no_gopath() {
    let machine = Machine::new("", None);
    let goroot = machine.folder.path().join("home/go");
    let go = machine.read(&[("GOROOT", goroot.to_str().unwrap())]);
    assert!(go.gopath().value().is_empty());
    assert_eq!(go.sumdb_config_dir(), None);
}

#[test]
fn the_users_goroot_says_which_go_env_counts() {
    let machine = Machine::new("", Some("GOPROXY=theirs\n"));
    let text = format!("GOROOT={}\n", machine.folder.path().join("root").display());
    fs::write(machine.user_file(), text).unwrap();
    let go = machine.read(&[("GOROOT", "/nowhere")]);
    assert_eq!(go.goproxy().value(), "theirs");
    assert_eq!(go.goroot(), Some(Path::new("/nowhere")));
}

#[test]
fn a_settings_file_that_cannot_be_read_is_an_error() {
    let machine = Machine::new("", None);
    let folder = machine.folder.path().to_str().unwrap();
    let error = GoEnv::read(&machine.environment(&[("GOENV", folder)])).unwrap_err();
    let expected = format!(
        "cannot use go's settings file {}: make it readable, or set GOENV=off",
        shown(machine.folder.path())
    );
    assert_eq!(error.to_string(), expected);
    fs::create_dir(machine.installation_file()).unwrap();
    let error = GoEnv::read(&machine.environment(&[])).unwrap_err();
    let expected = format!(
        "cannot use go's settings file {}: make it readable, or set GOROOT to another installation",
        shown(&machine.installation_file())
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_missing_settings_file_is_none() {
    let machine = Machine::new("", Some("GOPROXY=root\n"));
    let none = machine.folder.path().join("none/env");
    let go = machine.read(&[("GOENV", none.to_str().unwrap())]);
    assert_eq!(go.goproxy().value(), "root");
}

#[cfg(unix)]
#[test]
fn text_must_be_utf8_and_paths_need_not() {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = || OsString::from_vec(b"/caf\xe9".to_vec());
    let environment = |name: &str| Environment::new([(OsString::from(name), bytes())], "/");
    let error = GoEnv::read(&environment("GOPRIVATE"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "GOPRIVATE (from the environment) is not UTF-8: write it in UTF-8"
    );
    let go = GoEnv::read(&environment("GOMODCACHE")).unwrap();
    assert_eq!(go.gomodcache().unwrap().value(), &PathBuf::from(bytes()));
}

#[test]
fn debug_shows_no_value() {
    let machine = Machine::new("", None);
    let go = machine.read(&[("GOPROXY", "https://user:secret@proxy.example")]);
    assert!(!format!("{go:?} {:?}", go.goproxy()).contains("secret"));
}
