//! `sumcheck env`

use std::io::Write as _;

use serde::Serialize;

use crate::cli::args::{EnvArgs, Format, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::style::DIM;
use crate::cli::render::{out, plain_out, visible, write_json};
use crate::cli::settings::{Explained, Settings};

pub(in crate::cli) fn run(global: &GlobalArgs, _args: &EnvArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let go = &settings.go;
    let of_go = [
        ("GONOSUMDB", go.gonosumdb()),
        ("GOPRIVATE", go.goprivate()),
        ("GONOPROXY", go.gonoproxy()),
        ("GOINSECURE", go.goinsecure()),
    ]
    .map(|(name, setting)| Explained {
        name,
        value: setting.value().clone(),
        origin: setting.origin().to_string(),
    });
    let rows: Vec<Explained> = settings.explained.into_iter().chain(of_go).collect();
    match settings.format {
        Format::Json => {
            let document = Env {
                schema: "sumcheck.env/1",
                settings: rows
                    .iter()
                    .map(|row| Row {
                        name: row.name,
                        value: &row.value,
                        origin: &row.origin,
                    })
                    .collect(),
            };
            write_json(plain_out(), &document)?;
        }
        Format::Human => {
            let mut out = out();
            for row in &rows {
                writeln!(
                    out,
                    "{:<10} {}  {DIM}({}){DIM:#}",
                    row.name,
                    visible(&row.value),
                    visible(&row.origin)
                )?;
            }
            out.flush()?;
        }
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Env<'a> {
    schema: &'static str,
    settings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    value: &'a str,
    origin: &'a str,
}
