//! `sumcheck gate export`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sums;
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, visible};
use crate::cli::settings::Settings;
use crate::gate::export::ExportError;
use crate::gate::{Denial, Gate};

/// More of what could not be had than this is counted and not told.
const MAX_TOLD: usize = 20;

pub(super) async fn run(
    gate: &Arc<Gate>,
    settings: &Settings,
    folder: &Path,
    paths: &[PathBuf],
) -> anyhow::Result<Exit> {
    let sums = sums::read(settings, paths)?;
    match gate.export(folder, &sums).await {
        Ok(exported) => {
            let folder = std::path::absolute(folder)?;
            anstream::eprintln!(
                "sumcheck gate: {} of {} and {} of {} in {}",
                count_of(exported.files, "file"),
                count_of(exported.modules, "module version"),
                count_of(exported.tiles, "tile"),
                gate.sumdb_name(),
                visible(&folder.display().to_string())
            );
            anstream::println!("GOPROXY=file://{}", visible(&folder.display().to_string()));
            Ok(Exit::Ok)
        }
        Err(ExportError::Denied(denied)) => {
            let mut exit = Exit::Unverified;
            for (_, denial) in &denied {
                exit = exit.worst(match denial {
                    Denial::Refused(_) | Denial::Absent(_) => Exit::Negative,
                    Denial::Misbehaviour(_) => Exit::Misbehaviour,
                    _ => Exit::Unverified,
                });
            }
            for (what, denial) in denied.iter().take(MAX_TOLD) {
                render::error_lines(&format!("{what}: {denial}"));
            }
            render::error_line(&format!(
                "the folder is not complete: {} could not be had",
                count_of(denied.len(), "file")
            ));
            Ok(exit)
        }
        Err(error) => {
            render::error_line(&visible(&error.to_string()));
            Ok(Exit::Unverified)
        }
    }
}
