//! The settings in force. An option goes before a `SUMCHECK_*` variable, that before the
//! project's sumcheck.toml, that before the user's config.toml, and that before Go's own.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use etcetera::BaseStrategy as _;

use super::args::{Format, GlobalArgs};
use super::config_file::{ConfigFile, GateTable};
use super::watch_table::WatchTable;
use crate::golang::base_url::BaseUrl;
use crate::golang::goproxy::{ProxyEntry, ProxyList};
use crate::golang::gosumdb::SumdbSetting;
use crate::golang::pattern::PatternList;
use crate::io::database::DatabaseAddress;
use crate::io::goenv::{Environment, GoEnv, Setting};
use crate::io::http::DEFAULT_CONCURRENCY;
use crate::io::netrc::Credentials;
use crate::tlog::note::VerifierKey;

/// Everything that a command needs to know before it begins.
pub(super) struct Settings {
    pub(super) environment: Environment,
    pub(super) go: GoEnv,
    pub(super) home: PathBuf,
    pub(super) key: VerifierKey,
    /// The checksum database in force, as GOSUMDB names it.
    pub(super) gosumdb: String,
    pub(super) address: DatabaseAddress,
    pub(super) credentials: Credentials,
    pub(super) concurrency: usize,
    pub(super) offline: bool,
    pub(super) allow_unchecked: bool,
    /// The rules of the gate, out of all files.
    pub(super) gate: GateTable,
    /// What is watched: no file of a project says that, for it names programs that are run.
    pub(super) watch: WatchTable,
    /// Every settings file that counts if it is there.
    pub(super) config_paths: Vec<PathBuf>,
    pub(super) format: Format,
    /// What the user must be told: settings on which the verdict hangs, set by whoever wrote the
    /// project.
    pub(super) told: Vec<String>,
    /// Each setting with its value and where it comes from, for `sumcheck env`.
    pub(super) explained: Vec<Explained>,
}

/// A setting as `sumcheck env` shows it.
pub(super) struct Explained {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) origin: String,
}

impl Settings {
    /// Reads all sources. Whatever cannot be used is an error: nothing is guessed.
    pub(super) fn load(global: &GlobalArgs) -> anyhow::Result<Self> {
        let environment = Environment::of_process()?;
        let files = ConfigFiles::read(&environment)?;
        Self::of(global, environment, &files)
    }

    /// The same with one file in place of those of the project and the user.
    pub(super) fn load_from(global: &GlobalArgs, config: Option<&Path>) -> anyhow::Result<Self> {
        let Some(config) = config else {
            return Self::load(global);
        };
        let user = ConfigFile::read(config.to_owned())?;
        let user = user.with_context(|| format!("{} is not there", config.display()))?;
        let files = ConfigFiles {
            project: None,
            user: Some(user),
        };
        Self::of(global, Environment::of_process()?, &files)
    }

    fn of(
        global: &GlobalArgs,
        environment: Environment,
        files: &ConfigFiles,
    ) -> anyhow::Result<Self> {
        let go = GoEnv::read(&environment)?;
        let mut explained = Vec::new();

        let home = files.choose(global.home.clone(), |file| file.home.clone());
        let home = match home {
            Some(chosen) => chosen,
            None => Chosen {
                value: default_home()?,
                origin: "default".to_owned(),
            },
        };
        explained.push(home.explain("home", &home.value.display().to_string()));

        let sumdb = files.choose(global.sumdb.clone(), |file| file.sumdb.clone());
        let sumdb = sumdb.unwrap_or_else(|| Chosen::of_go("GOSUMDB", go.gosumdb()));
        let (key, url) = read_sumdb(&sumdb)?;
        explained.push(sumdb.explain("sumdb", &shown_sumdb(&key, url.as_ref())));

        let goproxy = files.choose(global.goproxy.clone(), |file| file.goproxy.clone());
        let goproxy = goproxy.unwrap_or_else(|| Chosen::of_go("GOPROXY", go.goproxy()));
        let proxies = ProxyList::parse(&goproxy.value)
            .with_context(|| format!("GOPROXY, from {}", goproxy.origin))?;
        let shown = proxies
            .entries()
            .iter()
            .map(ProxyEntry::redacted)
            .collect::<Vec<_>>();
        explained.push(goproxy.explain("goproxy", &shown.join(" ")));

        let offline = files.choose(global.offline, |file| file.offline);
        let concurrency = files
            .choose(global.concurrency, |file| file.concurrency)
            .map(|chosen| chosen.value);
        let allow_unchecked = files.choose(None, |file| file.allow_unchecked);

        let gate = GateTable::of_all([files.project.as_ref(), files.user.as_ref()]);
        let gate_of_project = files.project.as_ref().filter(|file| file.gate.is_some());
        let gate_of_project = gate_of_project.map(|file| file.path.display().to_string());
        let of_project = files
            .project
            .as_ref()
            .map(|file| file.path.display().to_string());
        let watch_of_project = files
            .project
            .as_ref()
            .is_some_and(|file| file.watch.is_some());
        let mut told: Vec<String> = [
            ("the home of all state", Some(&home.origin)),
            ("the checksum database", Some(&sumdb.origin)),
            (
                "allow-unchecked",
                allow_unchecked.as_ref().map(|chosen| &chosen.origin),
            ),
            ("what the gate lets in", gate_of_project.as_ref()),
        ]
        .into_iter()
        .filter(|(_, origin)| origin.is_some() && *origin == of_project.as_ref())
        .map(|(what, _)| {
            let path = of_project.as_deref().unwrap_or_default();
            format!("{what} is set by {path}, a file of the project that is being verified")
        })
        .collect();

        if watch_of_project {
            let path = of_project.as_deref().unwrap_or_default();
            told.push(format!(
                "[watch] of {path} is not used: a project does not say what is run on this machine. \
                 Give the file with --config, or write it in the user's config.toml"
            ));
        }
        let watch = files.user.as_ref().and_then(|file| file.watch.clone());

        Ok(Self {
            told,
            watch: watch.unwrap_or_default(),
            home: home.value,
            gosumdb: sumdb.value,
            address: DatabaseAddress {
                name: key.name().to_owned(),
                url,
                proxies,
                only_on_disk: offline.as_ref().is_some_and(|chosen| chosen.value),
            },
            key,
            credentials: Credentials::read(&environment, go.goauth().value())?,
            concurrency: concurrency.map_or(DEFAULT_CONCURRENCY, usize::from),
            offline: offline.is_some_and(|chosen| chosen.value),
            allow_unchecked: allow_unchecked.is_some_and(|chosen| chosen.value),
            gate: gate.unwrap_or_default(),
            config_paths: ConfigFiles::paths(&environment),
            format: global.format.unwrap_or(Format::Human),
            environment,
            go,
            explained,
        })
    }

    /// The modules of which no name may leave this machine.
    pub(super) fn private_patterns(&self) -> PatternList {
        PatternList::parse(self.go.gonosumdb().value())
    }
}

/// A value and who set it.
struct Chosen<T> {
    value: T,
    origin: String,
}

impl<T> Chosen<T> {
    fn explain(&self, name: &'static str, shown: &str) -> Explained {
        Explained {
            name,
            value: shown.to_owned(),
            origin: self.origin.clone(),
        }
    }
}

impl Chosen<String> {
    fn of_go(name: &str, setting: &Setting<String>) -> Self {
        Self {
            value: setting.value().clone(),
            origin: format!("{name} {}", setting.origin()),
        }
    }
}

struct ConfigFiles {
    project: Option<ConfigFile>,
    user: Option<ConfigFile>,
}

impl ConfigFiles {
    fn read(environment: &Environment) -> anyhow::Result<Self> {
        let user = match of_user() {
            Some(path) => ConfigFile::read(path)?,
            None => None,
        };
        Ok(Self {
            project: ConfigFile::of_project(environment.current_dir())?,
            user,
        })
    }

    /// Every file that counts if it is there.
    fn paths(environment: &Environment) -> Vec<PathBuf> {
        let of_project = ConfigFile::paths_of_project(environment.current_dir());
        of_project.chain(of_user()).collect()
    }

    fn choose<T>(
        &self,
        argument: Option<T>,
        in_file: impl Fn(&ConfigFile) -> Option<T>,
    ) -> Option<Chosen<T>> {
        if let Some(value) = argument {
            return Some(Chosen {
                value,
                origin: "option or SUMCHECK_ variable".to_owned(),
            });
        }
        [&self.project, &self.user]
            .into_iter()
            .flatten()
            .find_map(|file| {
                let value = in_file(file)?;
                Some(Chosen {
                    value,
                    origin: file.path.display().to_string(),
                })
            })
    }
}

fn of_user() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.config_dir().join("sumcheck/config.toml"))
}

fn default_home() -> anyhow::Result<PathBuf> {
    let folders = etcetera::choose_base_strategy()
        .context("no home folder is known: say with --home where state may be kept")?;
    Ok(folders.data_dir().join("sumcheck"))
}

fn read_sumdb(sumdb: &Chosen<String>) -> anyhow::Result<(VerifierKey, Option<BaseUrl>)> {
    parse_sumdb(&sumdb.value, &sumdb.origin)
}

/// A checksum database as GOSUMDB names it: its key, and its URL if that is not left to proxies.
pub(super) fn parse_sumdb(
    text: &str,
    origin: &str,
) -> anyhow::Result<(VerifierKey, Option<BaseUrl>)> {
    let setting = SumdbSetting::parse(text)
        .with_context(|| format!("the checksum database, from {origin}"))?;
    match setting {
        SumdbSetting::Off => bail!(
            "the checksum database is switched off (GOSUMDB=off, from {origin}), and there is \
             nothing else to verify against: give one for this run with --sumdb sum.golang.org"
        ),
        SumdbSetting::Database {
            verifier_key, url, ..
        } => {
            let key = VerifierKey::parse(&verifier_key)
                .with_context(|| format!("the checksum database, from {origin}"))?;
            Ok((key, url))
        }
    }
}

fn shown_sumdb(key: &VerifierKey, url: Option<&BaseUrl>) -> String {
    match url {
        Some(url) => format!("{key} {}", url.redacted()),
        None => key.to_string(),
    }
}
