//! The `[watch]` table of a settings file: see `docs/watch.md`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::args::watch::{DurationArg, ListenArg};

/// What is watched, when, and who is told.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WatchTable {
    pub(super) every: Option<DurationArg>,
    pub(super) schedule: Option<String>,
    pub(super) jitter: Option<DurationArg>,
    pub(super) keep: Option<DurationArg>,
    pub(super) listen: Option<ListenArg>,
    /// Names by which the page is asked for.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    pub(super) standard_error: Option<bool>,
    #[serde(default)]
    pub(super) program: Vec<ProgramTable>,
    #[serde(default)]
    pub(super) webhook: Vec<WebhookTable>,
    #[serde(default)]
    pub(super) log: Vec<LogTable>,
}

/// A program that is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ProgramTable {
    pub(super) name: Option<String>,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
}

/// A URL that is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WebhookTable {
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) secret_file: Option<PathBuf>,
}

/// A log.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LogTable {
    pub(super) sumdb: Option<String>,
    pub(super) goproxy: Option<String>,
    pub(super) audit: Option<DepthInFile>,
    pub(super) begin: Option<BeginInFile>,
    #[serde(default)]
    pub(super) modules: Vec<String>,
    #[serde(default)]
    pub(super) go_sums: Vec<PathBuf>,
    pub(super) failures: Option<u32>,
    pub(super) still_after: Option<DurationArg>,
    pub(super) stale_after: Option<DurationArg>,
    #[serde(default)]
    pub(super) vantage_point: Vec<PlaceTable>,
}

/// A place that shows heads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlaceTable {
    pub(super) name: Option<String>,
    pub(super) url: String,
    pub(super) kind: KindInFile,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DepthInFile {
    Records,
    Hashes,
    Heads,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BeginInFile {
    Now,
    Start,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KindInFile {
    Log,
    Proxy,
    Checkpoint,
    Sumcheck,
}

impl WatchTable {
    /// Relative paths are relative to the file, wherever sumcheck is called from.
    pub(super) fn resolve(&mut self, folder: &Path) {
        for webhook in &mut self.webhook {
            if let Some(file) = &mut webhook.secret_file {
                *file = folder.join(&file);
            }
        }
        for log in &mut self.log {
            for file in &mut log.go_sums {
                *file = folder.join(&file);
            }
        }
        for program in &mut self.program {
            // A name without a slash is looked for in PATH.
            if let Some(path) = program.command.first_mut()
                && path.contains('/')
            {
                *path = folder.join(&path).display().to_string();
            }
        }
    }
}
