//! Go's own settings, read as the go command reads them, with or without a go binary.
//!
//! A variable is looked for in the process's environment, where an empty one is as good as none;
//! then in the file that `go env -w` writes; then in `go.env` of the Go installation; and then
//! there is a default. Nothing is executed.
//!
//! Source: `go help environment`, and the behaviour of cmd/go/internal/cfg and
//! cmd/go/internal/envcmd of Go 1.26.

pub(in crate::io) mod clean_path;
mod env_file;
pub mod environment;
pub mod goflags;
mod goroot;
mod origin;
pub(in crate::io) mod settings_file;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use self::clean_path::clean;
use self::env_file::{EnvFile, Repeated};
pub use self::environment::Environment;
pub use self::origin::{Origin, Setting};
pub use self::settings_file::SettingsFileError;
use crate::golang::quoted::Quoted;

/// What Go 1.13 to 1.20 had compiled in, and later versions carry in `go.env`.
const DEFAULT_GOPROXY: &str = "https://proxy.golang.org,direct";
/// As [`DEFAULT_GOPROXY`].
const DEFAULT_GOSUMDB: &str = "sum.golang.org";
/// Credentials come from the netrc file unless GOAUTH says otherwise.
const DEFAULT_GOAUTH: &str = "netrc";

/// Go's settings, each with where it comes from.
///
/// Values are as Go has them before it interprets them: patterns, lists and names are parsed by
/// [`crate::golang`]. They may hold passwords (in a GOPROXY URL), so `Debug` shows none.
#[derive(Clone)]
pub struct GoEnv {
    goproxy: Setting<String>,
    gosumdb: Setting<String>,
    goprivate: Setting<String>,
    gonosumdb: Setting<String>,
    gonoproxy: Setting<String>,
    goinsecure: Setting<String>,
    goauth: Setting<String>,
    goflags: Setting<String>,
    gowork: Setting<String>,
    gopath: Setting<Vec<PathBuf>>,
    gomodcache: Option<Setting<PathBuf>>,
    goroot: Option<PathBuf>,
}

/// Why Go's settings cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum GoEnvError {
    /// The current folder was removed, or may not be read.
    #[error("cannot tell what the current folder is; change to one that exists")]
    CurrentDir(#[source] std::io::Error),
    /// The user's settings file exists and cannot be read. The go command goes on without it;
    /// here that could send the names of private modules to a public server.
    #[error(
        "cannot use go's settings file {}: make it readable, or set GOENV=off",
        shown(path)
    )]
    UserFile {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        cause: SettingsFileError,
    },
    /// The installation's settings file exists and cannot be read.
    #[error(
        "cannot use go's settings file {}: make it readable, or set GOROOT to another installation",
        shown(path)
    )]
    InstallationFile {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        cause: SettingsFileError,
    },
    /// A setting that can only be text is something else.
    #[error("{name} ({origin}) is not UTF-8: write it in UTF-8")]
    NotUtf8 {
        /// The variable's name.
        name: &'static str,
        /// Where it is set.
        origin: Origin,
    },
}

/// A path as an error shows it.
pub(in crate::io) fn shown(path: &Path) -> Quoted {
    Quoted::new(&path.to_string_lossy())
}

impl GoEnv {
    /// Reads the settings that the go command would use in this environment.
    ///
    /// # Errors
    /// [`GoEnvError`]: a settings file that exists and cannot be read (one that is missing, or
    /// in a folder that may not be looked into, is as good as none), and text that is not UTF-8.
    pub fn read(environment: &Environment) -> Result<Self, GoEnvError> {
        let sources = Sources::read(environment)?;
        let goprivate = sources.text("GOPRIVATE", "")?;
        let goroot = environment.variable("GOROOT").map_or_else(
            || sources.goroot.clone(),
            |dir| Some(environment.resolve(dir)),
        );
        let gopath = sources.gopath();
        Ok(Self {
            goproxy: sources.text_of_installation("GOPROXY", DEFAULT_GOPROXY)?,
            gosumdb: sources.text_of_installation("GOSUMDB", DEFAULT_GOSUMDB)?,
            gonosumdb: sources.text_or_goprivate("GONOSUMDB", &goprivate)?,
            gonoproxy: sources.text_or_goprivate("GONOPROXY", &goprivate)?,
            goprivate,
            goinsecure: sources.text("GOINSECURE", "")?,
            goauth: sources.text("GOAUTH", DEFAULT_GOAUTH)?,
            goflags: sources.text("GOFLAGS", "")?,
            gowork: sources.text("GOWORK", "")?,
            gomodcache: sources.gomodcache(gopath.value()),
            gopath,
            goroot,
        })
    }

    /// GOPROXY. Empty only where a settings file makes it so, which Go refuses when it needs it.
    #[must_use]
    pub fn goproxy(&self) -> &Setting<String> {
        &self.goproxy
    }

    /// GOSUMDB. Empty only where a settings file makes it so, which Go refuses when it needs it.
    #[must_use]
    pub fn gosumdb(&self) -> &Setting<String> {
        &self.gosumdb
    }

    /// GOPRIVATE: patterns of private module paths, often empty.
    #[must_use]
    pub fn goprivate(&self) -> &Setting<String> {
        &self.goprivate
    }

    /// GONOSUMDB, or GOPRIVATE where that is not set.
    #[must_use]
    pub fn gonosumdb(&self) -> &Setting<String> {
        &self.gonosumdb
    }

    /// GONOPROXY, or GOPRIVATE where that is not set.
    #[must_use]
    pub fn gonoproxy(&self) -> &Setting<String> {
        &self.gonoproxy
    }

    /// GOINSECURE. It concerns version control only: Go asks proxies and checksum databases as
    /// securely as ever.
    #[must_use]
    pub fn goinsecure(&self) -> &Setting<String> {
        &self.goinsecure
    }

    /// GOAUTH, `netrc` by default.
    #[must_use]
    pub fn goauth(&self) -> &Setting<String> {
        &self.goauth
    }

    /// GOFLAGS as it is written. It changes none of the other settings; see [`goflags`].
    #[must_use]
    pub fn goflags(&self) -> &Setting<String> {
        &self.goflags
    }

    /// GOWORK as it is set (the go command's `go env GOWORK` shows the file that was found).
    #[must_use]
    pub fn gowork(&self) -> &Setting<String> {
        &self.gowork
    }

    /// GOPATH's folders in order. Empty where it is not set and there is no home folder.
    #[must_use]
    pub fn gopath(&self) -> &Setting<Vec<PathBuf>> {
        &self.gopath
    }

    /// GOMODCACHE, by default `pkg/mod` in the first folder of GOPATH; `None` without either.
    #[must_use]
    pub fn gomodcache(&self) -> Option<&Setting<PathBuf>> {
        self.gomodcache.as_ref()
    }

    /// The Go installation: GOROOT, or where the `go` on PATH lies.
    #[must_use]
    pub fn goroot(&self) -> Option<&Path> {
        self.goroot.as_deref()
    }

    /// Where the go command keeps lookups and tiles, in a folder for each checksum database.
    /// `None` without a module cache, or with a relative one, which Go refuses.
    #[must_use]
    pub fn sumdb_cache_dir(&self) -> Option<PathBuf> {
        let cache = self.gomodcache.as_ref()?.value();
        cache
            .is_absolute()
            .then(|| clean(&cache.join("cache/download/sumdb")))
    }

    /// Where the go command keeps `NAME/latest`, the newest head of each checksum database that
    /// it has seen. `None` without a GOPATH, or with a relative one, which Go refuses.
    #[must_use]
    pub fn sumdb_config_dir(&self) -> Option<PathBuf> {
        let first = self.gopath.value().first()?;
        first.is_absolute().then(|| clean(&first.join("pkg/sumdb")))
    }
}

impl fmt::Debug for GoEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoEnv")
            .field("goroot", &self.goroot)
            .finish_non_exhaustive()
    }
}

/// The three places where a variable can be set.
struct Sources<'a> {
    environment: &'a Environment,
    user: Option<EnvFile>,
    installation: Option<EnvFile>,
    goroot: Option<PathBuf>,
}

impl<'a> Sources<'a> {
    fn read(environment: &'a Environment) -> Result<Self, GoEnvError> {
        let user = match environment.go_env_file() {
            Some(path) => EnvFile::read(&path, Repeated::LastCounts)
                .map_err(|cause| GoEnvError::UserFile { path, cause })?,
            None => None,
        };
        // A GOROOT in the user's file goes before that of the environment in this one place.
        let in_file = user.as_ref().and_then(|file| file.get("GOROOT"));
        let goroot = goroot::find(environment, in_file);
        let installation = match &goroot {
            Some(goroot) => {
                let path = goroot.join("go.env");
                EnvFile::read(&path, Repeated::FirstCounts)
                    .map_err(|cause| GoEnvError::InstallationFile { path, cause })?
            }
            None => None,
        };
        Ok(Self {
            environment,
            user,
            installation,
            goroot,
        })
    }

    /// The first place that has the variable. A file may have it with an empty value, which hides
    /// the places after it.
    fn find(&self, name: &str) -> Option<(OsString, Origin)> {
        if let Some(value) = self.environment.variable(name) {
            return Some((value.to_owned(), Origin::Environment));
        }
        let user = self.user.as_ref().and_then(|file| {
            Some((
                file.get(name)?.to_owned(),
                Origin::GoEnvFile(file.path().to_owned()),
            ))
        });
        user.or_else(|| {
            let file = self.installation.as_ref()?;
            Some((
                file.get(name)?.to_owned(),
                Origin::GoRoot(file.path().to_owned()),
            ))
        })
    }

    fn find_non_empty(&self, name: &str) -> Option<(OsString, Origin)> {
        self.find(name).filter(|(value, _)| !value.is_empty())
    }

    /// A setting for which empty means the default.
    fn text(&self, name: &'static str, default: &str) -> Result<Setting<String>, GoEnvError> {
        match self.find_non_empty(name) {
            Some((value, origin)) => utf8(name, value, origin),
            None => Ok(Setting::new(default.to_owned(), Origin::Default)),
        }
    }

    /// A setting whose default is in the installation's `go.env`: where that file exists, it has
    /// the last word even by its silence.
    fn text_of_installation(
        &self,
        name: &'static str,
        built_in: &str,
    ) -> Result<Setting<String>, GoEnvError> {
        match (self.find(name), &self.installation) {
            (Some((value, origin)), _) => utf8(name, value, origin),
            (None, Some(file)) => Ok(Setting::new(
                String::new(),
                Origin::GoRoot(file.path().to_owned()),
            )),
            (None, None) => Ok(Setting::new(built_in.to_owned(), Origin::Default)),
        }
    }

    fn text_or_goprivate(
        &self,
        name: &'static str,
        goprivate: &Setting<String>,
    ) -> Result<Setting<String>, GoEnvError> {
        match self.find_non_empty(name) {
            Some((value, origin)) => utf8(name, value, origin),
            None => Ok(goprivate.as_fall_back()),
        }
    }

    fn gopath(&self) -> Setting<Vec<PathBuf>> {
        if let Some((value, origin)) = self.find_non_empty("GOPATH") {
            return Setting::new(std::env::split_paths(&value).collect(), origin);
        }
        let default = self
            .environment
            .home_dir()
            .map(|home| clean(&home.join("go")));
        // A GOROOT in ~/go is not also a GOPATH, and Go makes nothing of a relative home.
        let goroot = self
            .environment
            .variable("GOROOT")
            .map(|dir| clean(Path::new(dir)));
        let default = default.filter(|dir| dir.is_absolute() && goroot.as_ref() != Some(dir));
        Setting::new(default.into_iter().collect(), Origin::Default)
    }

    fn gomodcache(&self, gopath: &[PathBuf]) -> Option<Setting<PathBuf>> {
        if let Some((value, origin)) = self.find_non_empty("GOMODCACHE") {
            return Some(Setting::new(value.into(), origin));
        }
        let first = gopath.first().filter(|dir| !dir.as_os_str().is_empty())?;
        Some(Setting::new(clean(&first.join("pkg/mod")), Origin::Default))
    }
}

fn utf8(
    name: &'static str,
    value: OsString,
    origin: Origin,
) -> Result<Setting<String>, GoEnvError> {
    match value.into_string() {
        Ok(value) => Ok(Setting::new(value, origin)),
        Err(_) => Err(GoEnvError::NotUtf8 { name, origin }),
    }
}

#[cfg(test)]
mod tests;
