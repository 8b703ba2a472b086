//! What can change while the gate works: rules, private modules' hashes, tokens, certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::bail;
use tokio::time::{MissedTickBehavior, interval};

use super::{policy, sums};
use crate::cli::args::{GateArgs, GlobalArgs};
use crate::cli::render::{self, visible};
use crate::cli::settings::Settings;
use crate::gate::Gate;
use crate::gate::policy::Policy;
use crate::gate::private::PrivateRules;
use crate::gate::server::Site;
use crate::gate::server::tokens::Tokens;
use crate::io::serve::{Certificate, tls};
use crate::io::shutdown::HangUps;

/// How often to look whether a file of the configuration has changed.
const LOOK_AT_FILES: Duration = Duration::from_secs(5);

pub(super) struct Reloadable {
    gate: Arc<Gate>,
    global: GlobalArgs,
    args: GateArgs,
    read: Read,
    site: Arc<Site>,
    certificate: Option<(Certificate, PathBuf, PathBuf)>,
}

/// Files that were read for the rules that are in force.
#[derive(Default)]
struct Read {
    /// Those with a table of rules.
    tables: Vec<PathBuf>,
    /// All that count, whether they are there or not.
    all: Vec<PathBuf>,
}

/// Why files are read again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Because {
    Told,
    Changed,
}

impl Reloadable {
    pub(super) fn new(
        gate: Arc<Gate>,
        site: Arc<Site>,
        certificate: Option<Certificate>,
        global: &GlobalArgs,
        settings: &Settings,
        args: &GateArgs,
    ) -> anyhow::Result<Self> {
        let files = args.tls_cert.clone().zip(args.tls_key.clone());
        Ok(Self {
            gate,
            global: global.clone(),
            args: args.clone(),
            read: read(settings, args)?.0,
            site,
            certificate: certificate
                .zip(files)
                .map(|(certificate, (chain, key))| (certificate, chain, key)),
        })
    }

    /// On SIGHUP, and when one of the files is another one than before.
    pub(super) async fn reload_when_told(mut self, mut hang_ups: HangUps) {
        let mut looks = interval(LOOK_AT_FILES);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = stamps(&self.files());
        loop {
            let because = tokio::select! {
                () = hang_ups.next() => Because::Told,
                _ = looks.tick() => {
                    if stamps(&self.files()) == known {
                        continue;
                    }
                    Because::Changed
                }
            };
            // Before they are read: a change while they are is seen at the next look.
            let before = self.files();
            known = stamps(&before);
            self.reload(because);
            if self.files() != before {
                known = stamps(&self.files());
            }
            anstream::eprintln!("sumcheck gate: the configuration was read again");
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = self.args.token_file.clone().into_iter().collect();
        if let Some((_, chain, key)) = &self.certificate {
            files.extend([chain.clone(), key.clone()]);
        }
        files.extend(self.read.all.iter().cloned());
        files
    }

    /// What cannot be read leaves in force what was.
    fn reload(&mut self, because: Because) {
        let told = |what: &str, error: &dyn std::fmt::Display| {
            let text = format!("{error}: the {what} of before stay in force");
            render::error_line(&visible(&text));
        };
        if let Some(path) = &self.args.token_file {
            match Tokens::read(path) {
                Ok(tokens) => self.site.set_tokens(tokens),
                Err(error) => told("tokens", &error),
            }
        }
        match self.rules(because) {
            Ok((read, policy, private)) => {
                self.read = read;
                self.gate.set_private(private);
                self.gate.set_policy(policy);
            }
            Err(error) => told("rules", &format!("{error:#}")),
        }
        if let Some((certificate, chain, key)) = &self.certificate {
            match tls::read(chain, key) {
                Ok(config) => certificate.replace(config),
                Err(error) => told("certificate and key", &error),
            }
        }
    }

    fn rules(&self, because: Because) -> anyhow::Result<(Read, Policy, PrivateRules)> {
        let settings = Settings::load(&self.global)?;
        let (read, policy, private) = read(&settings, &self.args)?;
        let mut gone = self.read.tables.iter();
        // Whoever writes a file anew may remove it first: no rule goes out of force for that.
        if because == Because::Changed
            && let Some(gone) = gone.find(|table| !read.tables.contains(table))
        {
            bail!(
                "{} has no [gate] table any more, and SIGHUP says whether that is meant",
                gone.display()
            );
        }
        Ok((read, policy, private))
    }
}

fn read(settings: &Settings, args: &GateArgs) -> anyhow::Result<(Read, Policy, PrivateRules)> {
    let documents = sums::documents(settings, &args.go_sum)?;
    let tables = settings.gate.paths.clone();
    let sums = documents
        .iter()
        .map(|document| PathBuf::from(document.name()));
    let all = settings.config_paths.iter().cloned();
    let all = all
        .chain(policy::only(settings, args).unwrap_or_default())
        .chain(sums);
    let private = PrivateRules {
        mode: policy::private(settings, args).into(),
        sums: sums::hashes(&documents),
    };
    let read = Read {
        tables,
        all: all.collect(),
    };
    Ok((read, policy::read(settings, args)?, private))
}

fn stamps(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let stamp = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(|path| stamp(path)).collect()
}
