//! What an audit needs: the heads of the timeline, tiles of hashes that are authentic, and data tiles.

use super::tiles::TileSet;
use super::{ProveError, Prover};
use crate::io::http::Answer;
use crate::sumdb::timeline::ConsistentHead;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::tile::Tile;
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

impl Prover {
    /// All verified heads of this home.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn verified_heads(&self) -> Result<Vec<TreeHead>, ProveError> {
        let timeline = self.timeline()?;
        let sizes = self.store.borrow().heads(&self.key.to_string())?;
        let mut heads = Vec::with_capacity(sizes.len());
        for stored in sizes {
            let head = timeline.at(stored.size);
            heads.extend(head.map_err(|cause| self.damaged(cause))?);
        }
        Ok(heads.iter().map(ConsistentHead::tree_head).collect())
    }

    /// The planned tiles that could be had and are authentic under a head, and what is wrong with the
    /// others. They are kept in the home.
    ///
    /// # Errors
    /// [`ProveError`]
    pub async fn authentic_tiles(
        &self,
        plan: &TilePlan,
        head: TreeHead,
    ) -> Result<(AuthenticTiles, Vec<String>), ProveError> {
        let mut tiles = TileSet::new(self);
        let on_disk = tiles.authenticate(plan, head, None, &self.progress).await;
        let (authentic, faults) = if on_disk.1.is_empty() {
            on_disk
        } else {
            match self.database().await {
                Ok(database) => {
                    let database = Some(&database);
                    tiles
                        .authenticate(plan, head, database, &self.progress)
                        .await
                }
                Err(error) => return Ok((on_disk.0, vec![error.to_string()])),
            }
        };
        let new: Vec<_> = tiles.new_for_home(&authentic).collect();
        if !self.store.borrow().is_read_only() {
            // What is not kept is asked for again.
            let _ = tiles.home().write(&new);
        }
        Ok((authentic, faults))
    }

    /// A data tile, as a server claims it.
    ///
    /// # Errors
    /// Why it could not be had; not escaped.
    pub async fn data_tile(&self, tile: &Tile) -> Result<Answer, String> {
        let database = self.database().await.map_err(|error| error.to_string())?;
        let answer = database.data_tile(tile).await;
        answer.map_err(|error| error.to_string())
    }
}
