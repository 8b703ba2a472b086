//! `sumcheck heads`

mod import;

use std::io::Write as _;

use serde::Serialize;

use crate::cli::args::{Format, GlobalArgs, HeadsAction, HeadsArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::DIM;
use crate::cli::render::{grouped, json, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::io::home::Home;
use crate::io::store::{Store, StoredHead};
use crate::sumdb::head::open_head;

const SCHEMA: &str = "sumcheck.heads/1";

pub(in crate::cli) fn run(global: &GlobalArgs, args: &HeadsArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    if let Some(HeadsAction::Import { file }) = &args.action {
        return import::run(global, &settings, file);
    }
    let home = Home::open(&settings.home)?;
    let store = Store::open(&home)?;
    let mut heads = store.heads(&settings.key.to_string())?;
    if let Some(limit) = args.limit {
        heads.drain(..heads.len().saturating_sub(limit.get()));
    }
    // What is shown as verified is checked once more: the signature, and that the row is its own.
    let mut damaged = 0;
    let rows: Vec<Row> = heads
        .iter()
        .map(|head| {
            let opened = open_head(&head.note, &settings.key)
                .ok()
                .map(|note| note.head());
            let intact = opened.is_some_and(|note| {
                note.size() == head.size && *note.root().as_bytes() == head.root
            });
            damaged += usize::from(!intact);
            Row::new(head, intact)
        })
        .collect();

    match settings.format {
        Format::Json => {
            let document = Heads {
                schema: SCHEMA,
                log: (&settings.key).into(),
                heads: rows,
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            if rows.is_empty() {
                writeln!(
                    out,
                    "no verified tree heads of {} in {} yet: run sumcheck verify",
                    settings.key.name(),
                    settings.home.display()
                )?;
            }
            for row in &rows {
                writeln!(
                    out,
                    "{:>14}  {}  {}  {DIM}{}, from {}{DIM:#}",
                    grouped(row.size),
                    row.root,
                    visible(&row.seen_at),
                    visible(&row.tie_in_words()),
                    visible(&row.source),
                )?;
            }
            out.flush()?;
        }
    }
    Ok(if damaged == 0 {
        Exit::Ok
    } else {
        Exit::Unverified
    })
}

#[derive(Serialize)]
struct Heads {
    schema: &'static str,
    log: json::Log,
    heads: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    size: u64,
    root: String,
    seen_at: String,
    source: String,
    tie: String,
    tied_to_size: Option<u64>,
    intact: bool,
    note: String,
}

impl Row {
    fn new(head: &StoredHead, intact: bool) -> Self {
        Self {
            size: head.size,
            root: crate::tlog::hash::Hash::from_bytes(head.root).to_string(),
            seen_at: head.seen_at.clone(),
            source: head.source.clone(),
            tie: head.tie.clone(),
            tied_to_size: head.tied_to_size,
            intact,
            note: String::from_utf8_lossy(&head.note).into_owned(),
        }
    }

    fn tie_in_words(&self) -> String {
        if !self.intact {
            return "DAMAGED: the row is not what was signed".to_owned();
        }
        match (self.tie.as_str(), self.tied_to_size) {
            ("extension", Some(size)) => format!("continues {}", grouped(size)),
            ("prefix", Some(size)) => format!("a beginning of {}", grouped(size)),
            _ => "the first that was seen".to_owned(),
        }
    }
}
