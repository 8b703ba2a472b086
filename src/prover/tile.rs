//! A single tile, for whoever asks us as they would ask the log.

use std::cmp::Ordering;

use super::tiles::TileSet;
use super::{HEIGHT, ProveError, Prover};
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::tile::{Tile, TileLevel};
use crate::tlog::tile_auth::TilePlan;

/// What became of a tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TileOutcome {
    /// Its bytes, authentic under the newest verified head.
    Authentic(Vec<u8>),
    /// The tree has no such tile.
    Absent,
    /// It could not be had, and why; not escaped.
    Unavailable(String),
}

impl Prover {
    /// The verified head of this home that is the newest; nothing is asked.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn verified_head(&self) -> Result<Option<ConsistentHead>, ProveError> {
        let timeline = self.timeline()?;
        timeline.newest().map_err(|cause| self.damaged(cause))
    }

    /// A tile of hashes, authenticated. A tile that lies beyond the newest verified head makes us
    /// ask for a newer one.
    ///
    /// # Errors
    /// [`ProveError`] as for [`Prover::prove`].
    pub async fn tile(&self, tile: &Tile) -> Result<TileOutcome, ProveError> {
        let TileLevel::Hashes(level) = tile.level() else {
            return Ok(TileOutcome::Absent);
        };
        if tile.height() != HEIGHT {
            return Ok(TileOutcome::Absent);
        }
        let mut head = self.verified_head()?.filter(|head| reaches(head, tile));
        if head.is_none() {
            let proofs = self.newest_head().await?;
            if let (None, Some(fault)) = (&proofs.head, proofs.faults.first()) {
                return Ok(TileOutcome::Unavailable(fault.message().to_owned()));
            }
            head = proofs.head.filter(|head| reaches(head, tile));
        }
        let Some(head) = head else {
            return Ok(TileOutcome::Absent);
        };
        let head = head.tree_head();
        let mut plan = TilePlan::for_tree(HEIGHT, head.size());
        if plan.add_tile(level, tile.index()).is_err() {
            return Ok(TileOutcome::Absent);
        }
        let mut tiles = TileSet::new(self);
        let on_disk = tiles.authenticate(&plan, head, None, &self.progress).await;
        let (authentic, faults) = if on_disk.0.tile(level, tile.index()).is_some() {
            on_disk
        } else {
            match self.database().await {
                Ok(database) => {
                    let database = Some(&database);
                    tiles
                        .authenticate(&plan, head, database, &self.progress)
                        .await
                }
                Err(error) => return Ok(TileOutcome::Unavailable(error.to_string())),
            }
        };
        let Some(hashed) = authentic.tile(level, tile.index()) else {
            self.route.forget();
            let reason = faults.into_iter().next();
            return Ok(TileOutcome::Unavailable(reason.unwrap_or_default()));
        };
        let new: Vec<_> = tiles.new_for_home(&authentic).collect();
        if !self.store.borrow().is_read_only() {
            // What is not kept is asked for again.
            let _ = tiles.home().write(&new);
        }
        let mut bytes = hashed.to_bytes();
        bytes.truncate(tile.hash_bytes());
        Ok(TileOutcome::Authentic(bytes))
    }
}

/// Whether the tree has this tile, at least as wide.
fn reaches(head: &ConsistentHead, tile: &Tile) -> bool {
    let TileLevel::Hashes(level) = tile.level() else {
        return false;
    };
    Tile::in_tree(HEIGHT, level, tile.index(), head.tree_head().size())
        .is_some_and(|there| there.width().cmp(&tile.width()) != Ordering::Less)
}
