//! `sumcheck show`

use std::io::Write as _;

use anyhow::bail;
use serde::Serialize;

use super::misbehaviour;
use crate::cli::args::{Format, GlobalArgs, ShowArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, grouped, json, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::prover::{Prover, ShownRecord};
use crate::sumdb::timeline::ConsistentHead;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &ShowArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let prover = world::prover(global, &settings, false, 1)?;
    world::show_warnings(&settings.told);
    let work = show(&prover, args.index);
    let (head, shown) = match world::block_on(global, &prover.progress, work)? {
        Err(signal) => return Ok(signal),
        Ok(Err(error)) => match error.downcast() {
            Ok(error) => {
                misbehaviour::tell(error)?;
                return Ok(Exit::Misbehaviour);
            }
            Err(error) => return Err(error),
        },
        Ok(Ok(shown)) => shown,
    };
    let (hash, text, reason) = match &shown {
        ShownRecord::Whole(record) => {
            let text = record.text().as_str();
            (Some(record.hash()), Some(text), None)
        }
        ShownRecord::Hash(hash, reason) => (Some(*hash), None, Some(reason)),
        ShownRecord::Unavailable(reason) => (None, None, Some(reason)),
    };
    match settings.format {
        Format::Json => {
            let document = Document {
                schema: "sumcheck.show/1",
                log: (&prover.key).into(),
                head: (&head).into(),
                record: args.index,
                hash: hash.map(|hash| hash.to_string()),
                text,
                fault: reason.map(String::as_str),
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            for line in text.unwrap_or_default().lines() {
                writeln!(out, "{}", visible(line))?;
            }
            if let Some(hash) = hash {
                writeln!(
                    out,
                    "  record {} of {}, hash {hash}, proven under the tree head of {} records",
                    grouped(args.index),
                    visible(prover.key.name()),
                    grouped(head.tree_head().size())
                )?;
            }
            out.flush()?;
            if let Some(reason) = reason {
                render::error_line(reason);
            }
        }
    }
    Ok(if text.is_some() {
        Exit::Ok
    } else {
        Exit::Unverified
    })
}

async fn show(prover: &Prover, index: u64) -> anyhow::Result<(ConsistentHead, ShownRecord)> {
    let reaches = |head: &ConsistentHead| index < head.tree_head().size();
    let mut head = prover.verified_head()?;
    if !head.as_ref().is_some_and(reaches) {
        let proofs = prover.newest_head().await?;
        head = proofs.head;
        if let (false, Some(fault)) = (head.as_ref().is_some_and(reaches), proofs.faults.first()) {
            render::warning(fault.message());
        }
    }
    match head {
        Some(head) if reaches(&head) => {
            let shown = prover.record_at(index, &head).await?;
            Ok((head, shown))
        }
        Some(head) => bail!(
            "the newest verified tree head has {} records, the last of them {}",
            grouped(head.tree_head().size()),
            grouped(head.tree_head().size().saturating_sub(1))
        ),
        None => bail!("no tree head of {} is known here", prover.key.name()),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    log: json::Log,
    head: json::Head,
    record: u64,
    hash: Option<String>,
    text: Option<&'a str>,
    fault: Option<&'a str>,
}
