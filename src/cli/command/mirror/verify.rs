//! `sumcheck mirror verify`

use std::io::Write as _;

use serde::Serialize;

use super::replay::{self, Replayed};
use super::{audit, head, kinds};
use crate::audit::Options;
use crate::cli::args::{Format, GlobalArgs, ReplayArgs, SourceArg};
use crate::cli::exit::Exit;
use crate::cli::render::style::OK;
use crate::cli::render::{self, count_of, grouped, out, plain_out, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::store::AuditKind;
use crate::prover::Prover;

/// Reads all of the mirror; what is damaged is told, and with `repair` the mirror is made anew out of
/// what is sound in it and what the log has.
pub(super) fn run(global: &GlobalArgs, settings: &Settings, repair: bool) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    let to = head(&prover)?.tree_head().size();
    let hashes_only = !kinds(&prover)?
        .iter()
        .any(|(kind, size)| *kind == AuditKind::Mirror && *size == to);
    let args = ReplayArgs {
        source: Some(SourceArg::Folder(prover.mirror_folder().path().to_owned())),
        to: Some(to),
        hashes_only,
        check_tiles: !hashes_only,
        restart: repair,
    };
    let look = Options {
        to: Some(to),
        from: Some(0),
        hashes_only,
        check_tiles: !hashes_only,
        look_only: true,
        ..Options::default()
    };
    drop(prover);
    let look_args = ReplayArgs {
        restart: false,
        ..args.clone()
    };
    let (prover, replayed) = replay::run(global, settings, &look_args, &look, true)?;
    let index = if hashes_only {
        None
    } else {
        damage_of_index(&prover, &replayed)?
    };
    let is_sound = index.is_none()
        && replayed.exit.is_none()
        && replayed.faults.is_empty()
        && replayed.found.false_tiles.is_empty();
    tell(settings, &replayed, index.as_deref(), is_sound)?;
    if is_sound {
        return Ok(Exit::Ok);
    }
    if !repair || replayed.exit.is_some() {
        return Ok(replayed.exit.unwrap_or(Exit::Unverified));
    }
    drop(prover);
    let remake = Options {
        to: Some(to),
        hashes_only,
        mirror: true,
        ..Options::default()
    };
    let (prover, replayed) = replay::run(global, settings, &args, &remake, true)?;
    audit::tell(global, settings, &prover, &replayed, &remake, false)
}

/// What is wrong with the index, if all records were read.
fn damage_of_index(prover: &Prover, replayed: &Replayed) -> anyhow::Result<Option<String>> {
    if !replayed.faults.is_empty() {
        return Ok(None);
    }
    let mirror = match prover.mirror()? {
        None => return Ok(Some("the index is gone".to_owned())),
        Some(Err(fault)) => return Ok(Some(fault.to_string())),
        Some(Ok(mirror)) => mirror,
    };
    Ok(match mirror.names().sum() {
        Err(error) => Some(error.to_string()),
        Ok(sum) if sum != replayed.found.sum => Some(format!(
            "the index has {} names and not those of the records, {}",
            grouped(sum.names),
            grouped(replayed.found.sum.names)
        )),
        Ok(_) => None,
    })
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    sound: bool,
    size: u64,
    damaged: Vec<String>,
    index: Option<&'a str>,
    faults: &'a [String],
}

fn tell(
    settings: &Settings,
    replayed: &Replayed,
    index: Option<&str>,
    is_sound: bool,
) -> anyhow::Result<()> {
    let false_tiles = &replayed.found.false_tiles;
    if settings.format == Format::Json {
        let document = Document {
            schema: "sumcheck.mirror-verify/1",
            sound: is_sound,
            size: replayed.end,
            damaged: false_tiles.iter().map(|of| of.tile.path()).collect(),
            index,
            faults: &replayed.faults,
        };
        write_json(plain_out(), &document)?;
        return Ok(());
    }
    for damaged in false_tiles {
        render::error_line(&format!("damaged: {damaged}"));
    }
    for what in index
        .iter()
        .copied()
        .chain(replayed.faults.iter().map(String::as_str))
    {
        render::error_line(what);
    }
    if is_sound {
        writeln!(
            out(),
            "{OK}sound:{OK:#} {} records hash to the signed root",
            grouped(replayed.end)
        )?;
    } else if replayed.exit.is_none() {
        writeln!(
            out(),
            "{} of the mirror not what was written: sumcheck mirror verify --repair",
            count_of(false_tiles.len() + usize::from(index.is_some()), "file")
        )?;
    }
    Ok(())
}
