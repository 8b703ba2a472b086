//! A snapshot of what the go command would find around it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::GoEnvError;

/// The variables and the current folder of a process. Everything that is read on behalf of Go
/// starts from here, so that a test needs no process of its own.
///
/// `Debug` shows no variable, for some hold passwords.
#[derive(Clone)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
    current_dir: PathBuf,
}

/// The conventions that differ between systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::io) enum Platform {
    Unix,
    MacOs,
    Windows,
}

impl Platform {
    pub(in crate::io) const HOST: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Unix
    };
}

impl Environment {
    /// The environment of this process.
    ///
    /// # Errors
    /// [`GoEnvError::CurrentDir`]
    pub fn of_process() -> Result<Self, GoEnvError> {
        let current_dir = std::env::current_dir().map_err(GoEnvError::CurrentDir)?;
        let mut environment = Self::new(std::env::vars_os(), current_dir);
        environment.prefer_logical_dir();
        Ok(environment)
    }

    /// An environment made by hand. The current folder must be an absolute path.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
        current_dir: impl Into<PathBuf>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (canonical_name(name.into()), value.into()))
            .collect();
        Self {
            variables,
            current_dir: current_dir.into(),
        }
    }

    /// The value of a variable. An empty one is as good as none to Go.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(&canonical_name(name.into()))?;
        Some(value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// The current folder, absolute.
    #[must_use]
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    /// A path that someone wrote, relative to the current folder.
    #[must_use]
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.current_dir.join(path)
    }

    /// The user's home folder: what the variable says, and nobody else is asked.
    #[must_use]
    pub fn home_dir(&self) -> Option<PathBuf> {
        self.home_dir_on(Platform::HOST)
    }

    pub(in crate::io) fn home_dir_on(&self, platform: Platform) -> Option<PathBuf> {
        let name = if platform == Platform::Windows {
            "USERPROFILE"
        } else {
            "HOME"
        };
        self.variable(name).map(PathBuf::from)
    }

    /// The file that `go env -w` writes; `None` with GOENV=off, or without a home folder.
    #[must_use]
    pub fn go_env_file(&self) -> Option<PathBuf> {
        match self.variable("GOENV") {
            Some(off) if off == "off" => None,
            Some(path) => Some(self.resolve(path)),
            None => Some(self.resolve(self.config_dir_on(Platform::HOST)?.join("go/env"))),
        }
    }

    /// Where the user's settings lie, as Go's os.UserConfigDir says.
    fn config_dir_on(&self, platform: Platform) -> Option<PathBuf> {
        match platform {
            Platform::Windows => self.variable("AppData").map(PathBuf::from),
            Platform::MacOs => Some(
                self.home_dir_on(platform)?
                    .join("Library/Application Support"),
            ),
            Platform::Unix => match self.variable("XDG_CONFIG_HOME") {
                // Go takes a relative one for an error, and has no settings file then.
                Some(dir) => Some(PathBuf::from(dir)).filter(|dir| dir.is_absolute()),
                None => Some(self.home_dir_on(platform)?.join(".config")),
            },
        }
    }

    /// Where the shell came through symbolic links, PWD says so, and Go looks for go.mod along
    /// that path. It is believed only if it is the same place.
    fn prefer_logical_dir(&mut self) {
        let Some(logical) = self.variable("PWD").map(PathBuf::from) else {
            return;
        };
        let same = || Some(logical.canonicalize().ok()? == self.current_dir.canonicalize().ok()?);
        if Platform::HOST != Platform::Windows && logical.is_absolute() && same() == Some(true) {
            self.current_dir = logical;
        }
    }
}

/// Windows takes `Path` and `PATH` for the same variable.
fn canonical_name(name: OsString) -> OsString {
    if cfg!(windows) {
        name.to_ascii_uppercase()
    } else {
        name
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("current_dir", &self.current_dir)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_dir(platform: Platform, variables: &[(&str, &str)]) -> Option<String> {
        let environment = Environment::new(variables.iter().copied(), "/current");
        let dir = environment.config_dir_on(platform)?;
        Some(dir.to_str().unwrap().to_owned())
    }

    #[test]
    fn each_system_has_its_own_folder_for_settings() {
        let home = ("HOME", "/home/u");
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        let app = ("AppData", "/roaming");
        let all = [home, xdg, app];
        assert_eq!(config_dir(Platform::Unix, &all).unwrap(), "/xdg");
        assert_eq!(
            config_dir(Platform::Unix, &[home, app]).unwrap(),
            "/home/u/.config"
        );
        let mac = "/home/u/Library/Application Support";
        assert_eq!(config_dir(Platform::MacOs, &all).unwrap(), mac);
        assert_eq!(config_dir(Platform::Windows, &all).unwrap(), "/roaming");
        assert_eq!(config_dir(Platform::Windows, &[home, xdg]), None);
        assert_eq!(config_dir(Platform::Unix, &[app]), None);
        assert_eq!(config_dir(Platform::MacOs, &[xdg]), None);
    }

    #[test]
    fn a_relative_xdg_folder_is_none_at_all() {
        let variables = [("HOME", "/home/u"), ("XDG_CONFIG_HOME", "xdg")];
        assert_eq!(config_dir(Platform::Unix, &variables), None);
    }

    #[test]
    fn windows_has_its_home_elsewhere() {
        let environment = Environment::new([("HOME", "/h"), ("USERPROFILE", "/p")], "/");
        assert_eq!(
            environment.home_dir_on(Platform::Windows),
            Some("/p".into())
        );
        assert_eq!(environment.home_dir_on(Platform::MacOs), Some("/h".into()));
    }

    #[cfg(unix)]
    #[test]
    fn goenv_names_the_settings_file() {
        let file = |goenv| {
            Environment::new([("HOME", "/home/u"), ("GOENV", goenv)], "/current").go_env_file()
        };
        assert_eq!(file(""), Some("/home/u/.config/go/env".into()));
        assert_eq!(file("off"), None);
        assert_eq!(file("OFF"), Some("/current/OFF".into()));
        assert_eq!(file("/etc/go"), Some("/etc/go".into()));
        assert_eq!(Environment::new([("A", "b")], "/").go_env_file(), None);
    }

    #[test]
    fn pwd_is_believed_only_for_the_same_place() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let mut elsewhere = Environment::new([("PWD", std::env::temp_dir())], &real);
        elsewhere.prefer_logical_dir();
        assert_eq!(elsewhere.current_dir(), real);
        #[cfg(unix)]
        {
            let link = real.join("link");
            std::os::unix::fs::symlink(&real, &link).unwrap();
            let mut through_link = Environment::new([("PWD", &link)], &real);
            through_link.prefer_logical_dir();
            assert_eq!(through_link.current_dir(), link);
        }
    }

    #[test]
    fn debug_shows_no_variable() {
        let environment = Environment::new([("TOKEN", "secret")], "/");
        assert_eq!(
            format!("{environment:?}"),
            "Environment { current_dir: \"/\", .. }"
        );
    }
}
