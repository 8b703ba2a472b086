//! `sumcheck lookup`

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Context as _;
use serde::Serialize;

use super::misbehaviour;
use crate::cli::args::{Format, GlobalArgs, LookupArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::{DIM, ERROR};
use crate::cli::render::{grouped, json, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::golang::module::ModuleVersion;
use crate::prover::{Outcome, Proofs};
use crate::sumdb::record::AuthenticRecord;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &LookupArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let mut modules = BTreeSet::new();
    for text in &args.modules {
        let module = ModuleVersion::parse(text).with_context(|| {
            format!("{text:?} is not MODULE@VERSION, such as golang.org/x/text@v0.21.0")
        })?;
        modules.insert(module);
    }
    let private = settings.private_patterns();
    let (private, public): (BTreeSet<_>, BTreeSet<_>) = modules
        .into_iter()
        .partition(|module| private.matches(module.path().as_str()));

    let prover = world::prover(global, &settings, args.refresh, public.len())?;
    let mut exit = if private.is_empty() {
        Exit::Ok
    } else {
        Exit::Unverified
    };
    let mut findings = Vec::new();
    let proofs = match world::block_on(global, &prover.progress, prover.prove(&public))? {
        Ok(Ok(proofs)) => proofs,
        Ok(Err(error)) => {
            findings = misbehaviour::tell(error)?;
            exit = Exit::Misbehaviour;
            Proofs::unavailable(public.clone(), "the log misbehaved")
        }
        Err(signal) => {
            exit = signal;
            Proofs::unavailable(public.clone(), "interrupted before it was proven")
        }
    };
    for outcome in proofs.outcomes.values() {
        exit = exit.worst(match outcome {
            Outcome::Proven(_) => Exit::Ok,
            Outcome::Absent { .. } | Outcome::NotRecorded { .. } => Exit::Negative,
            Outcome::Unavailable(_) => Exit::Unverified,
        });
    }
    if !proofs.faults.is_empty() {
        exit = exit.worst(Exit::Unverified);
    }

    world::show_warnings(&settings.told);
    if exit == Exit::Unverified {
        world::tell_of_goauth(&settings);
    }
    world::show_warnings(&proofs.warnings);
    match settings.format {
        Format::Json => {
            let document = Lookup {
                schema: "sumcheck.lookup/1",
                log: (&prover.key).into(),
                head: proofs.head.as_ref().map(Into::into),
                results: results(&proofs, &private, args.proof),
                faults: proofs
                    .faults
                    .iter()
                    .map(|fault| fault.message().to_owned())
                    .collect(),
                findings,
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            for module in &private {
                writeln!(
                    out,
                    "{module}: private by GONOSUMDB or GOPRIVATE, so the log was not asked\n"
                )?;
            }
            for (module, outcome) in &proofs.outcomes {
                write_outcome(&mut out, prover.key.name(), module, outcome, args.proof)?;
            }
            for fault in &proofs.faults {
                writeln!(out, "{ERROR}error:{ERROR:#} {}", visible(fault.message()))?;
            }
            out.flush()?;
        }
    }
    Ok(exit)
}

fn write_outcome(
    out: &mut impl Write,
    log: &str,
    module: &ModuleVersion,
    outcome: &Outcome,
    with_proof: bool,
) -> std::io::Result<()> {
    match outcome {
        Outcome::Absent { status, message } => {
            let words = visible(message.trim());
            writeln!(
                out,
                "{ERROR}{module}: not in the log{ERROR:#} ({status}) {words}\n"
            )
        }
        Outcome::NotRecorded { size } => writeln!(
            out,
            "{ERROR}{module}: not in the log:{ERROR:#} it is not in the first {} records\n",
            grouped(*size)
        ),
        Outcome::Unavailable(reason) => {
            writeln!(
                out,
                "{ERROR}{module}: could not be verified:{ERROR:#} {}\n",
                visible(reason)
            )
        }
        Outcome::Proven(record) => {
            writeln!(out, "{module}")?;
            for line in record.text().as_str().lines() {
                writeln!(out, "  {}", visible(line))?;
            }
            let head = record.head();
            writeln!(
                out,
                "  record {} of {}, proven under the tree head of {} records",
                grouped(record.index()),
                visible(log),
                grouped(head.size()),
            )?;
            if with_proof {
                writeln!(out, "  {DIM}from the record's hash up to the root:{DIM:#}")?;
                writeln!(out, "  hash  {}", record.hash())?;
                for (step, hash) in record.proof().hashes().iter().enumerate() {
                    writeln!(out, "  {step:>4}  {hash}")?;
                }
            }
            writeln!(out, "  root  {}\n", head.root())
        }
    }
}

#[derive(Serialize)]
struct Lookup {
    schema: &'static str,
    log: json::Log,
    head: Option<json::Head>,
    results: Vec<LookupResult>,
    faults: Vec<String>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct LookupResult {
    module: String,
    version: String,
    verdict: &'static str,
    record: Option<u64>,
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Proof {
    record_hash: String,
    hashes: Vec<String>,
    tree_size: u64,
    root: String,
}

fn results(
    proofs: &Proofs,
    private: &BTreeSet<ModuleVersion>,
    with_proof: bool,
) -> Vec<LookupResult> {
    let result = |module: &ModuleVersion, verdict, note| LookupResult {
        module: module.path().as_str().to_owned(),
        version: module.version().as_str().to_owned(),
        verdict,
        record: None,
        text: None,
        proof: None,
        note,
    };
    let private = private.iter().map(|module| result(module, "private", None));
    let asked = proofs
        .outcomes
        .iter()
        .map(|(module, outcome)| match outcome {
            Outcome::Absent { status, message } => result(
                module,
                "absent",
                Some(format!("{status} {}", message.trim())),
            ),
            Outcome::NotRecorded { size } => {
                let note = format!("not in the first {size} records");
                result(module, "absent", Some(note))
            }
            Outcome::Unavailable(reason) => result(module, "unavailable", Some(reason.clone())),
            Outcome::Proven(record) => LookupResult {
                record: Some(record.index()),
                text: Some(record.text().as_str().to_owned()),
                proof: with_proof.then(|| proof(record)),
                ..result(module, "verified", None)
            },
        });
    private.chain(asked).collect()
}

fn proof(record: &AuthenticRecord) -> Proof {
    Proof {
        record_hash: record.hash().to_string(),
        hashes: record
            .proof()
            .hashes()
            .iter()
            .map(ToString::to_string)
            .collect(),
        tree_size: record.head().size(),
        root: record.head().root().to_string(),
    }
}
