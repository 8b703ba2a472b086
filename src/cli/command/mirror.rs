//! `sumcheck mirror`

mod serve;
mod verify;

use std::io::Write as _;
use std::path::Path;

use anyhow::bail;
use serde::Serialize;

use super::{audit, misbehaviour, replay};
use crate::audit::Options;
use crate::cli::args::{Format, GlobalArgs, MirrorAction, MirrorArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, grouped, json, out, plain_out, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::names::NamesExtent;
use crate::io::store::AuditKind;
use crate::mirror::export::{self, Holding};
use crate::mirror::sparse::{self, SparseError};
use crate::prover::Prover;
use crate::sumdb::timeline::ConsistentHead;

const SCHEMA: &str = "sumcheck.mirror/1";

pub(in crate::cli) fn run(global: &GlobalArgs, args: &MirrorArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    match &args.action {
        None if args.sparse => sync_sparse(global, &settings),
        None => sync(global, &settings, args),
        Some(MirrorAction::Status) => status(global, &settings),
        Some(MirrorAction::Verify { repair }) => verify::run(global, &settings, *repair),
        Some(MirrorAction::Prune) => prune(global, &settings),
        Some(MirrorAction::Export { folder }) => export(global, &settings, folder),
        Some(MirrorAction::Serve { listen, sparse }) => {
            serve::run(global, &settings, *listen, *sparse)
        }
    }
}

fn sync(global: &GlobalArgs, settings: &Settings, args: &MirrorArgs) -> anyhow::Result<Exit> {
    let options = Options {
        to: args.replay.to,
        hashes_only: args.replay.hashes_only,
        check_tiles: args.replay.check_tiles,
        mirror: true,
        ..Options::default()
    };
    let (prover, replayed) = replay::run(global, settings, &args.replay, &options, true)?;
    audit::tell(global, settings, &prover, &replayed, &options, false)
}

fn sync_sparse(global: &GlobalArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    world::show_warnings(&settings.told);
    let work = sparse::bring_up_to_date(&prover);
    let sparse = match world::block_on(global, &prover.progress, work)? {
        Err(signal) => return Ok(signal),
        Ok(Ok(sparse)) => sparse,
        Ok(Err(SparseError::Prove(error))) => {
            misbehaviour::tell(error)?;
            return Ok(Exit::Misbehaviour);
        }
        Ok(Err(SparseError::Unavailable(reason))) => {
            render::error_line(&reason);
            world::tell_of_goauth(settings);
            return Ok(Exit::Unverified);
        }
        Ok(Err(error @ (SparseError::Disk(_) | SparseError::Busy))) => return Err(error.into()),
    };
    if settings.format == Format::Human && !global.quiet {
        writeln!(
            out(),
            "{} under the tree head of {} records, with {}",
            count_of(sparse.records, "record"),
            grouped(sparse.head_size),
            count_of(sparse.tiles, "tile"),
        )?;
        return Ok(Exit::Ok);
    }
    status(global, settings)
}

/// The kinds of mirror that this home has, the fullest first, and the head up to which each is complete.
fn kinds(prover: &Prover) -> anyhow::Result<Vec<(AuditKind, u64)>> {
    let mut kinds = Vec::new();
    for kind in [
        AuditKind::Mirror,
        AuditKind::MirrorHashes,
        AuditKind::MirrorSparse,
    ] {
        if let Some(state) = prover.mirror_state(kind)? {
            kinds.push((kind, state.head_size));
        }
    }
    Ok(kinds)
}

const fn word(kind: AuditKind) -> &'static str {
    match kind {
        AuditKind::Mirror | AuditKind::Records | AuditKind::RecordsSince => "records",
        AuditKind::MirrorHashes | AuditKind::Hashes | AuditKind::HashesSince => "hashes",
        AuditKind::MirrorSparse => "sparse",
    }
}

/// The newest head that the mirror is complete under.
fn head(prover: &Prover) -> anyhow::Result<ConsistentHead> {
    let kinds = kinds(prover)?;
    let size = kinds.iter().map(|(_, size)| *size).max().unwrap_or(0);
    match prover.verified_head_at(size)? {
        Some(head) if size > 0 => Ok(head),
        _ => bail!(
            "this home has no mirror of {} that is complete: run sumcheck mirror",
            prover.key.name()
        ),
    }
}

#[derive(Serialize)]
struct Status {
    schema: &'static str,
    log: json::Log,
    folder: String,
    mirrors: Vec<Kind>,
    files: u64,
    bytes: u64,
    index_bytes: u64,
}

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    /// Records, or hashes of records, that are in it.
    size: u64,
    /// It is complete under the tree head of this size.
    head: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<u64>,
}

fn status(global: &GlobalArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    let mut mirrors = Vec::new();
    for (kind, head) in kinds(&prover)? {
        let state = prover.mirror_state(kind)?;
        let names = state
            .as_ref()
            .filter(|_| kind == AuditKind::Mirror)
            .and_then(|state| NamesExtent::from_bytes(&state.files))
            .map(|extent| extent.names());
        mirrors.push(Kind {
            kind: word(kind),
            size: state.map_or(0, |state| state.size),
            head,
            names,
        });
    }
    let folder = prover.mirror_folder();
    let holding = export::measure(folder.path())?;
    let index = export::measure(&prover.home.names_folder(prover.key.name()))?;
    let status = Status {
        schema: SCHEMA,
        log: (&prover.key).into(),
        folder: folder.path().display().to_string(),
        mirrors,
        files: holding.files,
        bytes: holding.bytes,
        index_bytes: index.bytes,
    };
    if settings.format == Format::Json {
        write_json(plain_out(), &status)?;
        return Ok(Exit::Ok);
    }
    let mut out = out();
    if status.mirrors.is_empty() {
        writeln!(
            out,
            "no mirror of {}: run sumcheck mirror",
            prover.key.name()
        )?;
        return Ok(Exit::Ok);
    }
    writeln!(out, "{}", render::visible(&status.folder))?;
    for mirror in &status.mirrors {
        write!(
            out,
            "  {:<8} complete under the tree head of {} records",
            mirror.kind,
            grouped(mirror.head)
        )?;
        if mirror.size > mirror.head {
            write!(out, ", {} there", grouped(mirror.size))?;
        }
        writeln!(out)?;
    }
    let files = count_of(usize::try_from(status.files).unwrap_or(usize::MAX), "file");
    writeln!(
        out,
        "  {files}, {} bytes, and {} of index",
        grouped(status.bytes),
        grouped(status.index_bytes)
    )?;
    Ok(Exit::Ok)
}

fn prune(global: &GlobalArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    let head = head(&prover)?.tree_head();
    let removed = export::prune(&prover.mirror_folder(), head)?;
    tell(settings, "removed", removed)
}

fn export(global: &GlobalArgs, settings: &Settings, to: &Path) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    let head = head(&prover)?;
    std::fs::create_dir_all(to)?;
    let note = head.checkpoint().note().as_str();
    let copied = export::copy(&prover.mirror_folder(), to, head.tree_head(), note)?;
    tell(settings, "exported", copied)
}

#[derive(Serialize)]
struct Moved {
    schema: &'static str,
    files: u64,
    bytes: u64,
}

fn tell(settings: &Settings, what: &str, holding: Holding) -> anyhow::Result<Exit> {
    let Holding { files, bytes } = holding;
    if settings.format == Format::Json {
        let document = Moved {
            schema: SCHEMA,
            files,
            bytes,
        };
        write_json(plain_out(), &document)?;
        return Ok(Exit::Ok);
    }
    let count = count_of(usize::try_from(files).unwrap_or(usize::MAX), "file");
    writeln!(out(), "{what} {count}, {} bytes", grouped(bytes))?;
    Ok(Exit::Ok)
}
