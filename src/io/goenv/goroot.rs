//! Where the Go installation is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::clean_path::clean;
use super::environment::Environment;

/// Finds the installation whose `go.env` counts: the GOROOT of the user's settings file, that of
/// the environment, or around the `go` that a shell would run.
pub(super) fn find(environment: &Environment, in_file: Option<&OsStr>) -> Option<PathBuf> {
    let set = in_file
        .filter(|dir| !dir.is_empty())
        .or_else(|| environment.variable("GOROOT"));
    match set {
        Some(dir) => Some(clean(&environment.resolve(dir))),
        None => around(&go_on_path(environment)?),
    }
}

/// The `go` that a shell would run. Relative entries of PATH are passed over: the folder that is
/// being verified has no say in where Go's settings are.
fn go_on_path(environment: &Environment) -> Option<PathBuf> {
    let name = if cfg!(windows) { "go.exe" } else { "go" };
    std::env::split_paths(environment.variable("PATH")?)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

/// The installation around an executable, before and after its symbolic links are followed. It
/// lies in `bin`, or, built for another machine, in `bin/GOOS_GOARCH`.
fn around(go: &Path) -> Option<PathBuf> {
    let real = go.canonicalize().ok();
    let places = [Some(go), real.as_deref()];
    places
        .into_iter()
        .flatten()
        .flat_map(|go| go.ancestors().skip(2).take(2))
        .find(|dir| is_goroot(dir))
        .map(clean)
}

/// What Go itself takes for an installation: one that has tools.
fn is_goroot(dir: &Path) -> bool {
    dir.join("pkg/tool").is_dir()
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// An installation `root` below a folder, with a `go` in it that may be run.
    fn install(folder: &Path, bin: &str) -> PathBuf {
        let root = folder.join("root");
        fs::create_dir_all(root.join("pkg/tool")).unwrap();
        fs::create_dir_all(root.join(bin)).unwrap();
        executable(&root.join(bin).join("go"), 0o755);
        root
    }

    fn executable(path: &Path, mode: u32) {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn found(path: impl AsRef<OsStr>) -> Option<PathBuf> {
        find(&Environment::new([("PATH", path.as_ref())], "/"), None)
    }

    #[test]
    fn the_installation_lies_around_the_go_on_path() {
        let folder = tempfile::tempdir().unwrap();
        let root = install(folder.path(), "bin");
        assert_eq!(found(root.join("bin")), Some(root));
        let cross = install(&folder.path().join("cross"), "bin/linux_arm64");
        assert_eq!(found(cross.join("bin/linux_arm64")), Some(cross));
    }

    #[test]
    fn a_link_to_go_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = install(&folder.path().canonicalize().unwrap(), "bin");
        let links = folder.path().join("usr/bin");
        fs::create_dir_all(&links).unwrap();
        symlink(root.join("bin/go"), links.join("go")).unwrap();
        assert_eq!(found(&links), Some(root));
    }

    #[test]
    fn only_the_first_go_that_could_be_run_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = install(folder.path(), "bin");
        let before = |name: &str| {
            let dir = folder.path().join(name).join("bin");
            fs::create_dir_all(&dir).unwrap();
            dir
        };
        let path = |first: &Path| std::env::join_paths([first, &root.join("bin")]).unwrap();
        let wrapper = before("wrapper");
        executable(&wrapper.join("go"), 0o755);
        assert_eq!(found(path(&wrapper)), None);
        let text = before("text");
        executable(&text.join("go"), 0o644);
        assert_eq!(found(path(&text)), Some(root.clone()));
        let directory = before("directory");
        fs::create_dir(directory.join("go")).unwrap();
        assert_eq!(found(path(&directory)), Some(root.clone()));
    }

    #[test]
    fn a_relative_entry_of_path_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let root = install(folder.path(), "bin");
        for path in ["bin", ".", "", "bin:"] {
            assert_eq!(
                find(&Environment::new([("PATH", path)], &root), None),
                None,
                "{path}"
            );
        }
    }

    #[test]
    fn a_goroot_that_is_set_is_not_looked_for() {
        let environment = Environment::new([("GOROOT", "/x/../go/")], "/");
        assert_eq!(find(&environment, None), Some("/go".into()));
        assert_eq!(find(&environment, Some(OsStr::new(""))), Some("/go".into()));
        let in_file = Some(OsStr::new("/in/file"));
        assert_eq!(find(&environment, in_file), Some("/in/file".into()));
    }
}
