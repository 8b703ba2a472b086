//! `sumcheck findings`

use std::io::Write as _;

use anyhow::bail;
use serde::Serialize;

use crate::cli::args::{FindingsAction, FindingsArgs, Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::io::home::Home;
use crate::io::store::{Finding, Store};

pub(in crate::cli) fn run(global: &GlobalArgs, args: &FindingsArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let store = Store::open(&Home::open(&settings.home)?)?;
    if let FindingsAction::Ack { id } = args.action
        && !store.acknowledge(id)?
    {
        bail!("there is no finding {id} in this home: see sumcheck findings list");
    }
    let mut findings = store.findings()?;
    if let FindingsAction::Ack { id } = args.action {
        findings.retain(|finding| finding.id == id);
    }
    match settings.format {
        Format::Json => {
            let document = Findings {
                schema: "sumcheck.findings/1",
                findings: findings.iter().map(Into::into).collect(),
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            if findings.is_empty() {
                writeln!(out, "no log has misbehaved, as far as this home knows")?;
            }
            for finding in &findings {
                let state = match &finding.acknowledged_at {
                    Some(at) => format!("acknowledged {at}"),
                    None => "open".to_owned(),
                };
                writeln!(
                    out,
                    "{:>4}  {}  {}  {}  {}  {}",
                    finding.id,
                    visible(&finding.log),
                    visible(&finding.kind),
                    visible(&finding.found_at),
                    visible(&state),
                    visible(&finding.evidence_path),
                )?;
            }
            out.flush()?;
        }
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Findings<'a> {
    schema: &'static str,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: i64,
    log: &'a str,
    kind: &'a str,
    found_at: &'a str,
    evidence: &'a str,
    acknowledged_at: Option<&'a str>,
}

impl<'a> From<&'a Finding> for Row<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            id: finding.id,
            log: &finding.log,
            kind: &finding.kind,
            found_at: &finding.found_at,
            evidence: &finding.evidence_path,
            acknowledged_at: finding.acknowledged_at.as_deref(),
        }
    }
}
