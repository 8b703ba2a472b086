//! `sumcheck verify`

use std::time::Instant;

use super::misbehaviour;
use crate::cli::args::{Format, GlobalArgs, VerifyArgs};
use crate::cli::exit::Exit;
use crate::cli::render::human::Summary;
use crate::cli::render::{json, out, plain_out, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::home::Home;
use crate::io::store::Store;
use crate::sumdb::verdict::Verdict;
use crate::verify::{self, Document, Private, Report, input};

pub(in crate::cli) fn run(global: &GlobalArgs, args: &VerifyArgs) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let settings = Settings::load(global)?;
    let documents = input::read(&args.paths, &settings.environment, &settings.go)?;
    let private = private(&settings, &documents)?;
    let modules = verify::report::modules_to_prove(&documents, &private);
    let prover = world::prover(global, &settings, args.refresh, modules.len())?;

    let work = verify::verify(&prover, &documents, &private, &modules);
    let mut exit = Exit::Ok;
    let mut findings = Vec::new();
    let report = match world::block_on(global, &prover.progress, work)? {
        Ok(Ok(report)) => report,
        Ok(Err(error)) => {
            findings = misbehaviour::tell(error)?;
            exit = Exit::Misbehaviour;
            Report::unproven(&documents, &private, "the log misbehaved")
        }
        Err(signal) => {
            exit = signal;
            Report::unproven(&documents, &private, "interrupted before it was proven")
        }
    };
    exit = exit.worst(exit_of(
        &report,
        args.allow_unchecked.unwrap_or(settings.allow_unchecked),
    ));

    world::show_warnings(&settings.told);
    if exit == Exit::Unverified {
        world::tell_of_goauth(&settings);
    }
    world::show_warnings(&report.proofs.warnings);
    match settings.format {
        Format::Json => {
            let document = json::Verify::new(&prover.key, &documents, &report, findings);
            write_json(plain_out(), &document)?;
        }
        Format::Human => Summary {
            key: &prover.key,
            documents: &documents,
            report: &report,
            succeeded: exit == Exit::Ok,
            elapsed: started.elapsed(),
            quiet: global.quiet,
            verbose: global.verbose,
        }
        .write(&mut out())?,
    }
    if exit == Exit::Unverified && only_private(&report) {
        crate::cli::render::error_line(
            "every line is private and nothing was checked; --allow-unchecked says that this is meant",
        );
    }
    Ok(exit)
}

/// Pins are read if there are lines to compare with them.
fn private(settings: &Settings, documents: &[Document]) -> anyhow::Result<Private> {
    let patterns = settings.private_patterns();
    let mut lines = documents
        .iter()
        .flat_map(|document| &document.go_sum().lines);
    let pins = if lines.any(|line| patterns.matches(line.module.path().as_str())) {
        Store::open(&Home::open(&settings.home)?)?.pins()?
    } else {
        Vec::new()
    };
    Ok(Private::new(patterns, pins))
}

/// Nothing passes in silence: a file whose lines are all private is not verified.
fn exit_of(report: &Report, allow_unchecked: bool) -> Exit {
    let mut exit = Exit::Ok;
    for result in &report.results {
        exit = exit.worst(match result.verdict {
            Verdict::Verified | Verdict::Pinned | Verdict::Private => Exit::Ok,
            Verdict::Mismatch | Verdict::PinMismatch | Verdict::Absent => Exit::Negative,
            Verdict::Unavailable | Verdict::Malformed | Verdict::UnsupportedHash => {
                Exit::Unverified
            }
        });
    }
    if !report.proofs.faults.is_empty() || (only_private(report) && !allow_unchecked) {
        exit = exit.worst(Exit::Unverified);
    }
    exit
}

fn only_private(report: &Report) -> bool {
    !report.results.is_empty() && report.count(Verdict::Private) == report.results.len()
}
