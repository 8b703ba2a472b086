//! `sumcheck evidence`

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::cli::args::{EvidenceAction, EvidenceArgs, Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::{ERROR, OK};
use crate::cli::render::{grouped, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::io::evidence::duplicate::DuplicateEvidence;
use crate::io::evidence::{Evidence, EvidenceContradiction, EvidenceHead, ForkEvidence};
use crate::io::home::Home;
use crate::tlog::note::VerifierKey;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &EvidenceArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    match &args.action {
        EvidenceAction::List => list(&settings),
        EvidenceAction::Verify { file } => verify(&settings, file),
    }
}

/// Everything that the home keeps, checked; a file that proves nothing is told as such.
fn list(settings: &Settings) -> anyhow::Result<Exit> {
    let mut rows = Vec::new();
    for path in Home::open(&settings.home)?.evidence_files()? {
        let path_shown = path.display().to_string();
        rows.push(match Evidence::read(&path) {
            Ok(evidence) => Row {
                log: Some(evidence.log().name.clone()),
                found_at: Some(evidence.found_at().to_owned()),
                kind: Some(evidence.kind()),
                sizes: match &evidence {
                    Evidence::Fork(fork) => Some([fork.smaller.size, fork.larger.size]),
                    Evidence::Duplicate(_) => None,
                },
                records: match &evidence {
                    Evidence::Fork(_) => None,
                    Evidence::Duplicate(of) => Some([of.first.index, of.second.index]),
                },
                problem: own_key(&evidence).err(),
                path: path_shown,
            },
            Err(error) => Row {
                log: None,
                found_at: None,
                kind: None,
                sizes: None,
                records: None,
                problem: Some(error.to_string()),
                path: path_shown,
            },
        });
    }
    match settings.format {
        Format::Json => {
            let document = List {
                schema: "sumcheck.evidence-list/1",
                evidence: rows,
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            if rows.is_empty() {
                writeln!(out, "no evidence: no log was caught misbehaving here")?;
            }
            for row in &rows {
                writeln!(out, "{}", visible(&row.path))?;
                if let (Some(log), Some(found_at)) = (&row.log, &row.found_at) {
                    let what = match (row.sizes, row.records) {
                        (Some([smaller, larger]), _) => {
                            format!(
                                "heads of {} and {} records",
                                grouped(smaller),
                                grouped(larger)
                            )
                        }
                        (_, Some([first, second])) => format!(
                            "records {} and {} contradict each other",
                            grouped(first),
                            grouped(second)
                        ),
                        (None, None) => String::new(),
                    };
                    let (log, found_at) = (visible(log), visible(found_at));
                    writeln!(out, "  {log}, found {found_at}: {what}")?;
                }
                if let Some(problem) = &row.problem {
                    writeln!(
                        out,
                        "  {ERROR}proves nothing:{ERROR:#} {}",
                        visible(problem)
                    )?;
                }
            }
            out.flush()?;
        }
    }
    Ok(Exit::Ok)
}

/// Against the key that the file names: the home only keeps evidence that it has proven itself.
fn own_key(evidence: &Evidence) -> Result<(), String> {
    let key =
        VerifierKey::parse(&evidence.log().verifier_key).map_err(|error| error.to_string())?;
    evidence
        .prove(&key)
        .map(drop)
        .map_err(|error| error.to_string())
}

fn verify(settings: &Settings, file: &Path) -> anyhow::Result<Exit> {
    let evidence = Evidence::read(file)?;
    let refused = evidence
        .prove(&settings.key)
        .err()
        .map(|refused| refused.to_string());
    let exit = if refused.is_none() {
        Exit::Ok
    } else {
        Exit::Negative
    };
    match settings.format {
        Format::Json => {
            let document = Verified {
                schema: "sumcheck.evidence-verify/1",
                proven: refused.is_none(),
                evidence: &evidence,
                note: refused.as_deref(),
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            match refused {
                Some(refused) => writeln!(
                    out,
                    "{ERROR}refused:{ERROR:#} {} proves nothing: {}",
                    visible(&file.display().to_string()),
                    visible(&refused)
                )?,
                None => match &evidence {
                    Evidence::Fork(fork) => write_fork(&mut out, fork)?,
                    Evidence::Duplicate(duplicate) => write_duplicate(&mut out, duplicate)?,
                },
            }
            out.flush()?;
        }
    }
    Ok(exit)
}

fn write_duplicate(out: &mut impl Write, evidence: &DuplicateEvidence) -> std::io::Result<()> {
    writeln!(
        out,
        "{OK}proven:{OK:#} the log {} has two records of {} {} with different hashes, both under one \
         signed tree head:",
        visible(&evidence.log.name),
        visible(&evidence.module),
        visible(&evidence.version),
    )?;
    for record in [&evidence.first, &evidence.second] {
        writeln!(out, "  record {}", grouped(record.index))?;
        for line in record.text.lines() {
            writeln!(out, "    {}", visible(line))?;
        }
    }
    write_head(out, &evidence.head)?;
    writeln!(
        out,
        "It does not show which of the two the log has told to others, or whether its key was stolen."
    )
}

fn write_head(out: &mut impl Write, head: &EvidenceHead) -> std::io::Result<()> {
    writeln!(
        out,
        "  {} records, root {} (seen {} at {})",
        grouped(head.size),
        visible(&head.root),
        visible(&head.obtained_at),
        visible(&head.obtained_from),
    )
}

fn write_fork(out: &mut impl Write, evidence: &ForkEvidence) -> std::io::Result<()> {
    let name = visible(&evidence.log.name);
    writeln!(
        out,
        "{OK}proven:{OK:#} the key of {name} has signed two tree heads that cannot both be of one \
         append-only log:"
    )?;
    for head in [&evidence.smaller, &evidence.larger] {
        write_head(out, head)?;
    }
    match &evidence.contradiction {
        EvidenceContradiction::TwoRoots => {
            writeln!(out, "Both are of one size, and their roots differ.")?;
        }
        EvidenceContradiction::OtherBeginning { root, .. } => writeln!(
            out,
            "The larger tree begins with {} records whose root is {}: that is proven, and it is \
             not the root in the smaller head.",
            grouped(evidence.smaller.size),
            visible(root)
        )?,
    }
    writeln!(
        out,
        "It does not show which of the two others have seen, which records differ, or whether the \
         key was stolen. Where and when the heads were seen is the word of whoever wrote the file."
    )
}

#[derive(Serialize)]
struct List {
    schema: &'static str,
    evidence: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    path: String,
    log: Option<String>,
    found_at: Option<String>,
    kind: Option<&'static str>,
    sizes: Option<[u64; 2]>,
    records: Option<[u64; 2]>,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Verified<'a> {
    schema: &'static str,
    proven: bool,
    evidence: &'a Evidence,
    note: Option<&'a str>,
}
