//! `sumcheck gate cache verify`: everything in the cache, hashed again and compared with the log.

use std::path::PathBuf;

use futures_util::StreamExt as _;

use super::cache::holdings::Entry;
use super::cache::read_small;
use super::file::{MAX_INFO_BYTES, about_version, hash_of};
use super::notary::Unproven;
use super::target::ModuleFile;
use super::{Denial, Gate};
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;
use crate::sumdb::verdict::{Comparison, compare};

/// Files that are hashed at once. Their records are asked for together.
const AT_ONCE: usize = 64;

/// A file of the cache, looked at again.
#[derive(Debug)]
pub struct Checked {
    /// Of which module version.
    pub module: ModuleVersion,
    /// Which file.
    pub file: ModuleFile,
    /// What was found.
    pub state: State,
}

/// What became of a file of the cache.
#[derive(Debug)]
pub enum State {
    /// It is what the log recorded, or what was pinned of a private module.
    Sound,
    /// It is not: where it was set aside.
    Damaged(PathBuf),
    /// It is private, and nothing is pinned of it.
    Unpinned,
    /// It cannot be told now, and why.
    Unproven(Denial),
    /// It went away meanwhile.
    Gone,
}

impl Gate {
    /// Hashes the files of these module versions, and sets aside what is damaged.
    pub async fn recheck(&self, entries: &[Entry]) -> Vec<Checked> {
        let files = entries.iter().flat_map(|entry| {
            let files = entry.files.iter();
            files.map(move |file| (entry.module.clone(), *file))
        });
        let checks = files.map(|(module, file)| async move {
            let state = self.check_cached(&module, file).await;
            Checked {
                state: state.unwrap_or_else(State::Unproven),
                module,
                file,
            }
        });
        futures_util::stream::iter(checks)
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn check_cached(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Result<State, Denial> {
        let Some((opened, _)) = self.cache.open(module, file)? else {
            return Ok(State::Gone);
        };
        let is_sound = match file.hashed() {
            None => {
                let limit = u64::try_from(MAX_INFO_BYTES).unwrap_or(u64::MAX);
                let bytes = read_small(&opened, limit)?;
                about_version(module, &bytes, "the cache").is_ok()
            }
            Some(kind) => {
                let hash = hash_of(module, kind, opened).await?;
                match self.is_recorded(module, kind, hash).await? {
                    Some(is_recorded) => is_recorded,
                    None => return Ok(State::Unpinned),
                }
            }
        };
        if is_sound {
            return Ok(State::Sound);
        }
        let set_aside = self.cache.set_aside(module, file)?;
        Ok(set_aside.map_or(State::Gone, State::Damaged))
    }

    /// `None`: it is private, and there is nothing to compare it with. Rules of the gate are not
    /// asked: what they refuse is not damaged.
    async fn is_recorded(
        &self,
        module: &ModuleVersion,
        kind: Kind,
        hash: Option<H1>,
    ) -> Result<Option<bool>, Denial> {
        if self.private.matches(module.path().as_str()) {
            let pinned = self.private.pinned(module, kind)?;
            return Ok(pinned.map(|pinned| hash.is_some_and(|hash| hash.to_string() == pinned)));
        }
        let record = match self.notary.record(module).await {
            Ok(record) => record,
            // Whatever it is, it was not proven.
            Err(Unproven::Absent { .. }) => return Ok(Some(false)),
            Err(why) => return Err(Denial::unproven(module, why)),
        };
        let is_equal = |hash| compare(&record, module, kind, &hash) == Comparison::Equal;
        Ok(Some(hash.is_some_and(is_equal)))
    }
}
