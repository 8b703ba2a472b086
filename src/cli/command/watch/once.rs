//! `sumcheck watch --once`: a round of each log, telling, and an end.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::told::{self, Document};
use crate::cli::args::{Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, out, plain_out, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::prover::Progress;
use crate::watch::{Round, Watch, WatchError};

/// What came of all rounds.
struct Done {
    rounds: Vec<Round>,
    /// Why there was none.
    failed: Vec<String>,
    told: usize,
    not_told: Vec<String>,
}

pub(super) fn run(
    global: &GlobalArgs,
    settings: &Settings,
    watch: &Watch,
    progress: &Arc<Progress>,
) -> anyhow::Result<Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    let work = all(watch, &stop);
    let ended = world::block_on_stoppable(global, progress, &stop, work)?;
    let (done, signal) = match ended {
        Ok((done, signal)) => (done?, signal),
        Err(signal) => return Ok(signal),
    };
    for round in &done.rounds {
        told::faults(round);
    }
    for failed in &done.failed {
        render::error_line(failed);
    }
    for failed in &done.not_told {
        render::warning(&format!("{failed}: it is tried again"));
    }
    match settings.format {
        Format::Json => {
            let document = Document::new(&done.rounds, done.told, &done.not_told);
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            for line in done.rounds.iter().flat_map(told::lines) {
                if !global.quiet {
                    writeln!(out, "{line}")?;
                }
            }
            out.flush()?;
        }
    }
    let outcomes = done.rounds.iter().map(|round| told::exit_of(round.outcome));
    let failed = done.failed.iter().map(|_| Exit::Unverified);
    let exit = outcomes.chain(failed).fold(Exit::Ok, Exit::worst);
    Ok(signal.map_or(exit, |signal| exit.worst(signal)))
}

async fn all(watch: &Watch, stop: &Arc<AtomicBool>) -> Result<Done, WatchError> {
    let (mut rounds, mut failed) = (Vec::new(), Vec::new());
    let plan = watch.plan();
    for plan in &plan.logs {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match watch.round(plan, stop).await {
            Ok(round) => rounds.push(round),
            Err(error) => failed.push(format!(
                "{}: no round could be done: {error}",
                plan.key.name()
            )),
        }
        // What the first log did is told before the second is asked.
        watch.announce()?;
    }
    // Nobody comes after this who would tell the rest.
    let (told, not_told) = watch.deliver_all(stop).await?;
    watch.prune()?;
    Ok(Done {
        rounds,
        failed,
        told,
        not_told,
    })
}
