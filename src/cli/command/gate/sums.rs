//! The go.sum files that the gate looks at.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::settings::Settings;
use crate::gate::private::Sums;
use crate::golang::gosum::LineHash;
use crate::verify::input::{self, Document, InputError};

/// The hashes in these go.sum files; without any, in those around, if there are some.
pub(super) fn read(settings: &Settings, paths: &[PathBuf]) -> anyhow::Result<Sums> {
    Ok(hashes(&documents(settings, paths)?))
}

/// These go.sum files; without any, those around, if there are some.
pub(super) fn documents(settings: &Settings, paths: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    match input::read(paths, &settings.environment, &settings.go) {
        Ok(documents) => Ok(documents),
        Err(
            InputError::NoModule { .. }
            | InputError::NoGoSum { .. }
            | InputError::NoSumOfModfile { .. },
        ) if paths.is_empty() => Ok(Vec::new()),
        Err(error) => Err(error).context("cannot read the hashes of the go.sum files"),
    }
}

/// The hashes in them.
pub(super) fn hashes(documents: &[Document]) -> Sums {
    let mut sums = Sums::new();
    for line in documents
        .iter()
        .flat_map(|document| &document.go_sum().lines)
    {
        let hashes = sums.entry((line.module.clone(), line.kind)).or_default();
        if let LineHash::H1(hash) = line.hash {
            hashes.insert(hash);
        }
    }
    sums
}
