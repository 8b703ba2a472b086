//! `sumcheck audit`

use std::io::Write as _;
use std::time::Instant;

use anyhow::bail;

use super::misbehaviour;
use crate::audit::{Audit, AuditError, Source};
use crate::cli::args::{AuditArgs, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, grouped, out, visible};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::prover::Prover;
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::checkpoint::TreeHead;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &AuditArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let prover = world::prover_without_end(global, &settings, None)?;
    world::show_warnings(&settings.told);
    match world::block_on(global, &prover.progress, audit(&prover, args))? {
        Ok(exit) => exit,
        Err(signal) => Ok(signal),
    }
}

async fn audit(prover: &Prover, args: &AuditArgs) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    let proofs = match prover.newest_head().await {
        Ok(proofs) => proofs,
        Err(error) => {
            misbehaviour::tell(error)?;
            return Ok(Exit::Misbehaviour);
        }
    };
    for fault in &proofs.faults {
        render::error_line(&visible(fault.message()));
    }
    let heads = prover.verified_heads()?;
    let newest = proofs.head.as_ref().map(ConsistentHead::tree_head);
    let head = match args.to {
        Some(size) => known(&heads, size)?,
        None => match newest {
            Some(head) => head,
            None => return Ok(Exit::Unverified),
        },
    };
    let source = match &args.source {
        Some(folder) => Source::Folder(folder.clone()),
        None => Source::Log,
    };
    let mut audit = Audit::resume(prover, source)?;
    let begin = audit.size();
    match audit.run(head).await {
        Ok(()) => {}
        Err(error @ (AuditError::Tile(_) | AuditError::Hashes(_))) => {
            render::error_line(&visible(&error.to_string()));
            return Ok(Exit::Unverified);
        }
        Err(error) => return Err(error.into()),
    }
    let replayed = begun.elapsed();
    let pairs = audit.settle()?;
    let found = audit.found();
    for strange in &found.strange {
        let text = format!("record {}: {}", grouped(strange.index), strange.anomaly);
        render::warning(&text);
    }
    for (first, second) in &pairs {
        render::warning(&format!(
            "records {first} and {second} are of one module version"
        ));
    }
    writeln!(
        out(),
        "{} records replayed in {:.2} s, {} compared, settled in {:.2} s",
        grouped(head.size().saturating_sub(begin)),
        replayed.as_secs_f64(),
        count_of(found.heads, "tree head"),
        (begun.elapsed() - replayed).as_secs_f64()
    )?;
    Ok(Exit::Ok)
}

fn known(heads: &[TreeHead], size: u64) -> anyhow::Result<TreeHead> {
    match heads.iter().find(|head| head.size() == size) {
        Some(head) => Ok(*head),
        None => bail!("no tree head of {size} records was ever verified here: see sumcheck heads"),
    }
}
