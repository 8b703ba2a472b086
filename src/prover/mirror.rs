//! The mirror of this home: records that are found without asking anybody.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::{HEIGHT, Outcome, Proofs, ProveError, Prover};
use crate::golang::module::ModuleVersion;
use crate::io::mirror::MirrorFolder;
use crate::io::names::{Names, NamesExtent};
use crate::io::store::{AuditKind, AuditState};
use crate::sumdb::data_tile::record_at;
use crate::sumdb::record::{AuthenticRecord, RecordText};
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::{Tile, TileLevel};
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// A tile has so many records.
const TILE_RECORDS: u64 = 256;

/// Fewer modules than this are not worth another thread.
const MODULES_FOR_A_THREAD: usize = 64;

/// A mirror that is complete up to a verified head.
#[derive(Debug)]
pub struct Mirror {
    folder: MirrorFolder,
    names: Names,
    head: ConsistentHead,
}

/// Why a mirror cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum MirrorFault {
    /// The index cannot be read.
    #[error("the index of the mirror cannot be read: {0}")]
    Names(#[from] io::Error),
    /// A tile is missing, or not the log's.
    #[error("the mirror is damaged where record {index} is: sumcheck mirror verify --repair")]
    Damaged {
        /// Index of the record.
        index: u64,
    },
}

impl Prover {
    /// The folder of this log's mirror, whether there is one or not.
    #[must_use]
    pub fn mirror_folder(&self) -> MirrorFolder {
        MirrorFolder::new(self.home.mirror_folder(self.key.name()))
    }

    /// The mirror, if this home has one with all records.
    ///
    /// # Errors
    /// [`ProveError`], and [`MirrorFault::Names`] in the inner result if its index cannot be read.
    pub fn mirror(&self) -> Result<Option<Result<Mirror, MirrorFault>>, ProveError> {
        let state = self.mirror_state(AuditKind::Mirror)?;
        let Some(state) = state.filter(|state| state.head_size > 0) else {
            return Ok(None);
        };
        let Some(head) = self.verified_head_at(state.head_size)? else {
            return Ok(None);
        };
        let extent = NamesExtent::from_bytes(&state.files);
        let extent = extent.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData));
        let folder = self.home.names_folder(self.key.name());
        let names = extent.and_then(|extent| Names::open(&folder, &extent));
        Ok(Some(names.map_err(MirrorFault::Names).map(|names| {
            Mirror {
                folder: self.mirror_folder(),
                names,
                head,
            }
        })))
    }

    /// How far a mirror of this kind has come.
    ///
    /// # Errors
    /// [`ProveError::Store`]
    pub fn mirror_state(&self, kind: AuditKind) -> Result<Option<AuditState>, ProveError> {
        let store = self.store.borrow();
        Ok(store.audit_state(&self.key.to_string(), kind)?)
    }

    /// Proves what the mirror has; what it has not is known not to be there if nobody may be asked.
    pub(super) fn prove_from_mirror(
        &self,
        modules: &BTreeSet<ModuleVersion>,
        proofs: &mut Proofs,
    ) -> Result<(), ProveError> {
        let is_unknown = |module: &&ModuleVersion| !proofs.outcomes.contains_key(*module);
        let unknown: Vec<&ModuleVersion> = modules.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let mirror = match self.mirror()? {
            None => return Ok(()),
            Some(Ok(mirror)) => mirror,
            Some(Err(fault)) => {
                proofs.warnings.push(fault.to_string());
                return Ok(());
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = unknown.len().div_ceil(threads).max(MODULES_FOR_A_THREAD);
        let found: Vec<Found<'_>> = std::thread::scope(|scope| {
            let chunks = unknown.chunks(share);
            let mirror = &mirror;
            let work: Vec<_> = chunks
                .map(|chunk| scope.spawn(move || mirror.prove(chunk)))
                .collect();
            let joined = work.into_iter().filter_map(|work| work.join().ok());
            joined.flatten().collect()
        });
        let asks_nobody = self.offline && !self.address.has_folder();
        for (module, found) in found {
            let outcome = match found {
                Ok(Some(record)) => Outcome::Proven(Box::new(record)),
                Ok(None) if asks_nobody => Outcome::NotRecorded {
                    size: mirror.head.tree_head().size(),
                },
                Err(fault) if asks_nobody => Outcome::Unavailable(fault.to_string()),
                Ok(None) => continue,
                Err(fault) => {
                    let warning = fault.to_string();
                    if !proofs.warnings.contains(&warning) {
                        proofs.warnings.push(warning);
                    }
                    continue;
                }
            };
            proofs.outcomes.insert(module.clone(), outcome);
        }
        Ok(())
    }
}

type Found<'m> = (
    &'m ModuleVersion,
    Result<Option<AuthenticRecord>, MirrorFault>,
);

impl Mirror {
    /// The head up to which it is complete.
    #[must_use]
    pub const fn head(&self) -> &ConsistentHead {
        &self.head
    }

    /// Which module versions are where, as the index says; beyond the head as well.
    #[must_use]
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// Its files.
    #[must_use]
    pub const fn folder(&self) -> &MirrorFolder {
        &self.folder
    }

    /// A tile of records as it lies there: as wide as it is under the head, or the full one.
    #[must_use]
    pub fn data_tile(&self, number: u64) -> Option<Vec<u8>> {
        let begin = number.checked_mul(TILE_RECORDS)?;
        let width = self.head.tree_head().size().checked_sub(begin)?;
        let width = u32::try_from(width.min(TILE_RECORDS)).ok()?;
        let tile = Tile::new(HEIGHT, TileLevel::Data, number, width).ok()?;
        self.folder.data_tile(&tile)
    }

    /// The first record of a module version; `None` if there is none under the head.
    ///
    /// # Errors
    /// [`MirrorFault`]
    pub fn find(&self, module: &ModuleVersion) -> Result<Option<AuthenticRecord>, MirrorFault> {
        let found = self.prove(&[module]).pop();
        found.map_or(Ok(None), |(_, found)| found)
    }

    /// The record at an index under the head.
    ///
    /// # Errors
    /// [`MirrorFault::Damaged`]
    pub fn record(&self, index: u64) -> Result<AuthenticRecord, MirrorFault> {
        let tiles = self.tiles_of(&[index]);
        let record = self.record_in(&tiles, index);
        record.ok_or(MirrorFault::Damaged { index })
    }

    fn prove<'m>(&self, modules: &[&'m ModuleVersion]) -> Vec<Found<'m>> {
        let size = self.head.tree_head().size();
        let first = |module: &ModuleVersion| {
            let found = self
                .names
                .find(module.path().as_str(), module.version().as_str())?;
            Ok::<_, io::Error>(found.into_iter().find(|index| *index < size))
        };
        let found: Vec<_> = modules
            .iter()
            .map(|module| (*module, first(module)))
            .collect();
        let indices: Vec<u64> = found
            .iter()
            .filter_map(|(_, index)| index.as_ref().ok().copied().flatten())
            .collect();
        let tiles = self.tiles_of(&indices);
        let proven = found.into_iter().map(|(module, index)| {
            let record = match index {
                Err(error) => Err(MirrorFault::Names(error)),
                Ok(None) => Ok(None),
                Ok(Some(index)) => {
                    let record = self.record_in(&tiles, index);
                    let record = record.filter(|record| record.is_about(module));
                    record.map(Some).ok_or(MirrorFault::Damaged { index })
                }
            };
            (module, record)
        });
        proven.collect()
    }

    fn tiles_of(&self, indices: &[u64]) -> AuthenticTiles {
        let head = self.head.tree_head();
        let mut plan = TilePlan::for_tree(HEIGHT, head.size());
        for index in indices {
            // What is beyond the tree is not proven.
            let _ = plan.add_record(*index);
        }
        let read = |tile: &Tile| {
            let bytes = self.folder.tiles().read(tile)?;
            Some(Arc::new(HashedTile::parse(tile, &bytes).ok()?))
        };
        AuthenticTiles::authenticate(&plan, head, read).0
    }

    fn record_in(&self, tiles: &AuthenticTiles, index: u64) -> Option<AuthenticRecord> {
        let proof = tiles.inclusion_proof(index)?;
        let bytes = self.data_tile(index / TILE_RECORDS)?;
        let position = u32::try_from(index % TILE_RECORDS).ok()?;
        let text = RecordText::parse(record_at(&bytes, position)?.as_bytes()).ok()?;
        AuthenticRecord::prove(&self.head, index, text, proof).ok()
    }
}
