//! What `sumcheck audit` and `sumcheck mirror` have in common: from where, up to which head, and how it
//! ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use reqwest::Url;

use super::misbehaviour;
use crate::audit::{Audit, AuditError, Ended, Found, Options, Source, Sources};
use crate::cli::args::{GlobalArgs, ReplayArgs, SourceArg};
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::golang::base_url::{BaseUrl, Scheme};
use crate::io::database::DatabaseAddress;
use crate::io::store::{AuditKind, StoredAnomaly};
use crate::prover::{ProveError, Prover};
use crate::tlog::checkpoint::TreeHead;

/// How a replay ended, as far as it came.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) exit: Option<Exit>,
    /// The head under which everything is authentic.
    pub(super) head: Option<TreeHead>,
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) found: Found,
    /// What was replayed is remembered.
    pub(super) is_remembered: bool,
    /// Why it could not go on, or what a server had not.
    pub(super) faults: Vec<String>,
    /// What the user should know and what changes nothing.
    pub(super) warnings: Vec<String>,
    /// Files of evidence of a fork.
    pub(super) evidence: Vec<String>,
    pub(super) elapsed: Duration,
}

/// Opens everything and replays. What is to be forgotten before is the mirror alone, or all.
pub(super) fn run(
    global: &GlobalArgs,
    settings: &Settings,
    args: &ReplayArgs,
    options: &Options,
    mirror_alone: bool,
) -> anyhow::Result<(Prover, Replayed)> {
    let (address, sources) = places(settings, args.source.as_ref())?;
    let mut prover = world::prover_without_end(global, settings, None)?;
    prover.address = address;
    if args.restart {
        let is_mirror =
            |kind: &AuditKind| matches!(kind, AuditKind::Mirror | AuditKind::MirrorHashes);
        let mut forgotten = crate::audit::kinds(options).to_vec();
        if options.mirror && mirror_alone {
            forgotten.retain(is_mirror);
        }
        Audit::forget(&prover, &forgotten)?;
    }
    world::show_warnings(&settings.told);
    let stop = Arc::new(AtomicBool::new(false));
    let work = replay(&prover, sources, options, Arc::clone(&stop));
    let ended = world::block_on_stoppable(global, &prover.progress, &stop, work)?;
    let replayed = match ended {
        Ok((replayed, signal)) => {
            let mut replayed = replayed?;
            if let Some(signal) = signal {
                replayed.exit = Some(signal);
            }
            replayed
        }
        Err(signal) => Replayed {
            exit: Some(signal),
            ..Replayed::default()
        },
    };
    if !replayed.faults.is_empty() {
        world::tell_of_goauth(settings);
    }
    Ok((prover, replayed))
}

async fn replay(
    prover: &Prover,
    sources: Sources,
    options: &Options,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Replayed> {
    let begun = Instant::now();
    let mut replayed = Replayed::default();
    let proofs = match prover.newest_head().await {
        Ok(proofs) => proofs,
        Err(error) => {
            replayed.evidence = misbehaviour::tell(error)?;
            replayed.exit = Some(Exit::Misbehaviour);
            return Ok(replayed);
        }
    };
    let faults = proofs.faults.iter();
    replayed.faults = faults.map(|fault| fault.message().to_owned()).collect();
    replayed.warnings = proofs.warnings;
    let Some(newest) = proofs.head.map(|head| head.tree_head()) else {
        if replayed.faults.is_empty() {
            let none = "this home knows no tree head of the log, and nobody was asked for one";
            replayed.faults.push(none.to_owned());
        }
        return Ok(replayed);
    };
    let (head, to) = end(prover, options, newest)?;
    if let Some(from) = options.from.filter(|from| *from > to) {
        bail!("--from {from} is beyond the end, {to}");
    }
    replayed.head = Some(head);
    let audit = Audit::resume(prover, sources, options.clone(), head, stop).await;
    let mut audit = audit?;
    replayed.begin = audit.begin();
    replayed.is_remembered = audit.is_remembered();
    let mut ended = audit.run(head, to).await;
    // Whatever was replayed is compared, also if it is not all.
    let settled = audit.settle(head).await;
    if let (true, Err(error)) = (ended.is_ok(), settled) {
        ended = Err(error);
    }
    replayed.end = audit.size();
    replayed.found = audit.into_found();
    replayed.elapsed = begun.elapsed();
    match ended {
        Ok(Ended::Whole | Ended::Stopped) => {}
        Err(AuditError::Prove(error)) => {
            replayed.evidence = misbehaviour::tell(error)?;
            replayed.exit = Some(Exit::Misbehaviour);
        }
        Err(error) if is_unverified(&error) => replayed.faults.push(error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(replayed)
}

/// Up to which size, and under which head that is authentic.
fn end(prover: &Prover, options: &Options, newest: TreeHead) -> anyhow::Result<(TreeHead, u64)> {
    let Some(to) = options.to else {
        return Ok((newest, newest.size()));
    };
    if let Some(head) = prover.verified_head_at(to)? {
        return Ok((head.tree_head(), to));
    }
    if to > newest.size() {
        let newest = newest.size();
        return Err(AuditError::Beyond { size: to, newest }.into());
    }
    if options.mirror {
        return Err(AuditError::NoHead(to).into());
    }
    Ok((newest, to))
}

const fn is_unverified(error: &AuditError) -> bool {
    matches!(
        error,
        AuditError::False(_)
            | AuditError::Refused { .. }
            | AuditError::Unavailable { .. }
            | AuditError::Hashes(_)
            | AuditError::Replay(_)
    )
}

/// Where the log is asked, and where its tiles are read.
fn places(
    settings: &Settings,
    source: Option<&SourceArg>,
) -> anyhow::Result<(DatabaseAddress, Sources)> {
    let usual = settings.address.clone();
    let at = |url: Option<BaseUrl>| DatabaseAddress {
        url,
        ..usual.clone()
    };
    let (address, second) = match source {
        None => (usual, None),
        Some(SourceArg::Proxy) => (
            at(None),
            Some(usual.clone()).filter(|usual| usual.url.is_some()),
        ),
        Some(SourceArg::Url(url)) => (at(Some(url.clone())), Some(usual.clone())),
        Some(SourceArg::Folder(folder)) => (at(Some(url_of(folder)?)), Some(usual.clone())),
    };
    let second = second.filter(|second| !second.only_on_disk || second.has_folder());
    let first = match folder_of(&address) {
        Some(folder) => Source::Folder(folder),
        None => Source::Log,
    };
    Ok((address, Sources { first, second }))
}

fn url_of(folder: &PathBuf) -> anyhow::Result<BaseUrl> {
    let absolute = std::fs::canonicalize(folder);
    let absolute = absolute.with_context(|| format!("--source {}", folder.display()))?;
    match Url::from_directory_path(&absolute) {
        Ok(url) => Ok(BaseUrl::parse(url.as_str())?),
        Err(()) => bail!("--source {} is no folder", folder.display()),
    }
}

fn folder_of(address: &DatabaseAddress) -> Option<PathBuf> {
    let url = address.url.as_ref()?;
    if url.scheme() != Scheme::File {
        return None;
    }
    Url::parse(url.as_str()).ok()?.to_file_path().ok()
}

/// The exit code of what was found; whatever interrupted it goes before.
pub(super) fn exit_of(replayed: &Replayed, is_strict: bool, anomalies: usize) -> Exit {
    let mut exit = replayed.exit.unwrap_or(Exit::Ok);
    if !replayed.faults.is_empty() || !replayed.found.false_tiles.is_empty() {
        exit = exit.worst(Exit::Unverified);
    }
    if replayed.found.untold_alike > 0 {
        exit = exit.worst(Exit::Unverified);
    }
    if is_strict && (anomalies > 0 || replayed.found.anomalies > 0) {
        exit = exit.worst(Exit::Negative);
    }
    if !replayed.found.contradictions.is_empty() {
        exit = exit.worst(Exit::Misbehaviour);
    }
    exit
}

/// Damage and the like are told as they are.
pub(super) fn anomalies(prover: &Prover) -> Result<Vec<StoredAnomaly>, ProveError> {
    let store = prover.store.borrow();
    Ok(store.anomalies(&prover.key.to_string())?)
}
