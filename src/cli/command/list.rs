//! `sumcheck list`

use std::io::{self, Write as _};

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::cli::args::{Format, GlobalArgs, ListArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, grouped, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::prover::mirror::Mirror;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &ListArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let prover = world::prover_without_end(global, &settings, None)?;
    let Some(mirror) = prover.mirror()? else {
        bail!(
            "this home has no mirror of {} with all records, and the log itself can list nothing: run \
             sumcheck mirror",
            prover.key.name()
        );
    };
    let mirror = mirror?;
    let size = mirror.head().tree_head().size();
    let mut found: u64 = 0;
    match settings.format {
        Format::Json => {
            let mut records = Vec::new();
            each(&mirror, &args.pattern, |path, version, record| {
                records.push(Row {
                    module: path.to_owned(),
                    version: version.to_owned(),
                    record,
                });
                Ok(())
            })?;
            found = records.len() as u64;
            let document = Document {
                schema: "sumcheck.list/1",
                head: size,
                records,
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            each(&mirror, &args.pattern, |path, version, record| {
                found += 1;
                let name = format!("{path} {version}");
                writeln!(out, "{:>13}  {}", grouped(record), visible(&name))
            })?;
            out.flush()?;
        }
    }
    if found == 0 {
        render::error_line(&format!(
            "no module version like {} is in the first {} records",
            args.pattern,
            grouped(size)
        ));
        return Ok(Exit::Negative);
    }
    Ok(Exit::Ok)
}

/// Calls back with path, version and record index of all that the pattern names.
fn each(
    mirror: &Mirror,
    pattern: &str,
    mut tell: impl FnMut(&str, &str, u64) -> io::Result<()>,
) -> anyhow::Result<()> {
    let size = mirror.head().tree_head().size();
    let below = pattern.strip_suffix("/...");
    // A path with a dot at its end is none, so three of them are no part of one.
    let prefixes = match below {
        None if pattern == "..." => vec![String::new()],
        None => vec![format!("{pattern} ")],
        Some(path) => vec![format!("{path} "), format!("{path}/")],
    };
    for prefix in prefixes {
        let mut names = mirror.names().below(&prefix)?;
        while let Some((name, record)) = names.next()? {
            let name = std::str::from_utf8(name).context("a name in the index is no text")?;
            if let Some((path, version)) = name.split_once(' ')
                && record < size
            {
                tell(path, version, record)?;
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// Size of the tree that was looked through.
    head: u64,
    records: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    module: String,
    version: String,
    record: u64,
}
