//! `sumcheck.toml` of the project and `config.toml` of the user.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use super::args::{ByteSize, PrivateModules};
use super::watch_table::WatchTable;

/// Larger files are no settings.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// What can be set in a file. The names are those of the options.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ConfigFile {
    pub(super) home: Option<PathBuf>,
    pub(super) sumdb: Option<String>,
    pub(super) goproxy: Option<String>,
    pub(super) offline: Option<bool>,
    pub(super) concurrency: Option<u16>,
    pub(super) allow_unchecked: Option<bool>,
    pub(super) gate: Option<GateTable>,
    pub(super) watch: Option<WatchTable>,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

/// The rules of the gate.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GateTable {
    pub(super) observe: Option<bool>,
    pub(super) private: Option<PrivateModules>,
    pub(super) cache_size: Option<ByteSize>,
    pub(super) downloads: Option<u16>,
    pub(super) only: Option<Vec<PathBuf>>,
    pub(super) cooldown_days: Option<u32>,
    pub(super) toolchains: Option<Vec<String>>,
    #[serde(default)]
    pub(super) allow: Vec<RuleInFile>,
    #[serde(default)]
    pub(super) deny: Vec<RuleInFile>,
    /// The files that it stands in.
    #[serde(skip)]
    pub(super) paths: Vec<PathBuf>,
}

impl GateTable {
    /// What this one does not say, the other one says. What one of them denies is denied.
    fn before(self, other: Self) -> Self {
        let either = |mine: Vec<RuleInFile>, others| if mine.is_empty() { others } else { mine };
        Self {
            observe: self.observe.or(other.observe),
            private: self.private.or(other.private),
            cache_size: self.cache_size.or(other.cache_size),
            downloads: self.downloads.or(other.downloads),
            only: self.only.or(other.only),
            cooldown_days: self.cooldown_days.or(other.cooldown_days),
            toolchains: self.toolchains.or(other.toolchains),
            allow: either(self.allow, other.allow),
            deny: [self.deny, other.deny].concat(),
            paths: [self.paths, other.paths].concat(),
        }
    }

    /// The tables of all files, the first before the others.
    pub(super) fn of_all(files: [Option<&ConfigFile>; 2]) -> Option<Self> {
        let tables = files
            .into_iter()
            .flatten()
            .filter_map(|file| file.gate.clone());
        tables.reduce(Self::before)
    }
}

/// A rule about modules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleInFile {
    /// As in GOPRIVATE.
    pub(super) modules: String,
    pub(super) reason: Option<String>,
}

impl ConfigFile {
    /// The project's file: `sumcheck.toml` in this folder or the nearest one above it.
    pub(super) fn of_project(folder: &Path) -> anyhow::Result<Option<Self>> {
        for path in Self::paths_of_project(folder) {
            if let Some(config) = Self::read(path)? {
                return Ok(Some(config));
            }
        }
        Ok(None)
    }

    /// Where it may be.
    pub(super) fn paths_of_project(folder: &Path) -> impl Iterator<Item = PathBuf> {
        folder
            .ancestors()
            .map(|folder| folder.join("sumcheck.toml"))
    }

    /// The user's file, if it exists.
    pub(super) fn read(path: PathBuf) -> anyhow::Result<Option<Self>> {
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        if !metadata.is_file() || metadata.len() > MAX_CONFIG_BYTES {
            bail!("{} is not a settings file", path.display());
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let (line, column) = place(&text, start);
            anyhow!("{}:{line}:{column}: {}", path.display(), error.message())
        })?;
        if config
            .concurrency
            .is_some_and(|concurrency| !(1..=1024).contains(&concurrency))
        {
            bail!("{}: concurrency is 1 to 1024", path.display());
        }
        if let Some(gate) = &config.gate
            && gate
                .downloads
                .is_some_and(|downloads| !(1..=1024).contains(&downloads))
        {
            bail!("{}: downloads is 1 to 1024", path.display());
        }
        // A relative home is one beside the file, wherever sumcheck is called from.
        if let (Some(home), Some(folder)) = (&config.home, path.parent()) {
            config.home = Some(folder.join(home));
        }
        if let Some(gate) = &mut config.gate {
            gate.paths = vec![path.clone()];
            // As with the home.
            if let (Some(only), Some(folder)) = (&mut gate.only, path.parent()) {
                only.iter_mut().for_each(|file| *file = folder.join(&file));
            }
        }
        if let (Some(watch), Some(folder)) = (&mut config.watch, path.parent()) {
            watch.resolve(folder);
        }
        config.path = path;
        Ok(Some(config))
    }
}

/// Line and column of a byte, in characters from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}
