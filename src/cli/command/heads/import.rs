//! `sumcheck heads import`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::Deserialize;

use super::SCHEMA;
use crate::cli::args::GlobalArgs;
use crate::cli::command::misbehaviour;
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, out, visible};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::clock;
use crate::io::store::HeadDate;
use crate::sumdb::head::open_head;
use crate::tlog::note::VerifierKey;

/// A larger document is none of heads.
const MAX_DOCUMENT_BYTES: u64 = 100 << 20;

/// Rules count in days, and each head costs a proof: of each day one is taken, and no older days
/// than these.
const MAX_DAYS: usize = 400;

#[derive(Deserialize)]
struct Document {
    schema: String,
    heads: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    note: String,
    seen_at: String,
}

/// A head of the peer's, with its date.
struct Dated {
    note: String,
    date: HeadDate,
}

pub(super) fn run(global: &GlobalArgs, settings: &Settings, file: &Path) -> anyhow::Result<Exit> {
    let heads = read(file, &settings.key)?;
    let prover = world::prover(global, settings, true, 0)?;
    let notes: Vec<&[u8]> = heads.iter().map(|head| head.note.as_bytes()).collect();
    let proofs = match world::block_on(global, &prover.progress, prover.adopt_heads(&notes))? {
        Ok(Ok(proofs)) => proofs,
        Ok(Err(error)) => {
            misbehaviour::tell(error)?;
            return Ok(Exit::Misbehaviour);
        }
        Err(signal) => return Ok(signal),
    };
    world::show_warnings(&settings.told);
    world::show_warnings(&proofs.warnings);
    for fault in &proofs.faults {
        render::error_line(&visible(fault.message()));
    }
    // Those that could not be tied are not in the home, and get no date.
    let dates: Vec<HeadDate> = heads.into_iter().map(|head| head.date).collect();
    let source = file.display().to_string();
    let dated = prover
        .store
        .borrow()
        .date_heads(&settings.key.to_string(), &dates, &source)?;
    let read = count_of(dates.len(), "tree head");
    writeln!(
        out(),
        "read {read}, and {dated} of them are older than was known here"
    )?;
    Ok(if proofs.faults.is_empty() {
        Exit::Ok
    } else {
        Exit::Unverified
    })
}

/// The last head of each day, if the log signed it; a date in the future is none.
fn read(file: &Path, key: &VerifierKey) -> anyhow::Result<Vec<Dated>> {
    let name = file.display();
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        let stdin = std::io::stdin();
        stdin.take(MAX_DOCUMENT_BYTES).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(MAX_DOCUMENT_BYTES).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {name}"))?;
    let document: Document = serde_json::from_slice(&bytes)
        .with_context(|| format!("{name} is not what sumcheck heads --format json writes"))?;
    if document.schema != SCHEMA {
        bail!("{name} is not what sumcheck heads --format json writes: its schema is not {SCHEMA}");
    }
    let now = Timestamp::now();
    let mut by_day: BTreeMap<String, Dated> = BTreeMap::new();
    for row in document.heads {
        let head = open_head(row.note.as_bytes(), key).with_context(|| {
            format!("{name} has a tree head that {} has not signed", key.name())
        })?;
        let seen_at: Timestamp = row
            .seen_at
            .parse()
            .with_context(|| format!("{name}: {:?} is no time", row.seen_at))?;
        if seen_at > now {
            bail!(
                "{name}: a tree head was seen in the future: {}",
                row.seen_at
            );
        }
        let seen_at = clock::at(seen_at);
        let date = HeadDate {
            size: head.head().size(),
            root: *head.head().root().as_bytes(),
            seen_at: seen_at.clone(),
        };
        let day = seen_at.chars().take("2026-11-23".len()).collect();
        let note = row.note;
        let latest = by_day
            .get(&day)
            .is_none_or(|known| known.date.size < date.size);
        if latest {
            by_day.insert(day, Dated { note, date });
        }
    }
    Ok(by_day.into_values().rev().take(MAX_DAYS).collect())
}
