//! What an audit needs: the heads of the timeline, tiles of hashes that are authentic, and data tiles.

use super::tiles::TileSet;
use super::{ProveError, Prover};
use crate::io::database::{ConnectError, Database, DatabaseAddress};
use crate::io::http::{Answer, FetchError};
use crate::io::store::{Rows, StoredHead};
use crate::sumdb::data_tile::{MAX_DATA_TILE_BYTES, record_at};
use crate::sumdb::fork::{Contradiction, Fork};
use crate::sumdb::record::{AuthenticRecord, RecordText};
use crate::sumdb::timeline::{ConsistentHead, Timeline};
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hash::Hash;
use crate::tlog::tile::{Tile, TileLevel};
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// A tile has so many records.
const TILE_RECORDS: u64 = 256;

/// What could be had of a record.
#[derive(Debug, Clone)]
pub enum ShownRecord {
    /// All of it.
    Whole(Box<AuthenticRecord>),
    /// Its hash, authentic, and why not its text.
    Hash(Hash, String),
    /// Nothing, and why; not escaped.
    Unavailable(String),
}

/// Why a claim could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// There is no way to the log.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It was asked in vain.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

async fn claimed_tile(
    database: &Database<'_>,
    tile: &Tile,
    limit_bytes: usize,
) -> Result<Answer, ClaimError> {
    Ok(match tile.level() {
        TileLevel::Data => database.data_tile(tile, limit_bytes).await?,
        TileLevel::Hashes(_) => database.tile(tile).await?,
    })
}

impl Prover {
    /// The verified heads of this home with more records than this.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn verified_heads_above(&self, size: u64) -> Result<Vec<TreeHead>, ProveError> {
        let timeline = self.timeline()?;
        let mut heads = Vec::new();
        // Each costs a signature, and there are years of them.
        for size in timeline.sizes().filter(|known| *known > size) {
            let head = timeline.at(size).map_err(|cause| self.damaged(cause))?;
            heads.extend(head.map(|head| head.tree_head()));
        }
        Ok(heads)
    }

    /// The verified head of this home with the most records.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn newest_verified_head(&self) -> Result<Option<TreeHead>, ProveError> {
        self.newest_verified_head_within(u64::MAX)
    }

    /// The verified head with the most records that has no more than this.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn newest_verified_head_within(&self, size: u64) -> Result<Option<TreeHead>, ProveError> {
        let rows = Rows {
            limit: 1,
            before: size.checked_add(1),
        };
        let key = self.key.to_string();
        let stored = self.store.borrow().newest_heads(&key, rows)?.pop();
        let head = self.opened(stored)?;
        Ok(head.map(|head| head.tree_head()))
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

    /// A tile of records or hashes, as the server claims it; one of records has at most `limit_bytes`.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub async fn claimed_tile(
        &self,
        tile: &Tile,
        limit_bytes: usize,
    ) -> Result<Answer, ClaimError> {
        claimed_tile(&self.database().await?, tile, limit_bytes).await
    }

    /// The same of a log that is reached in another way.
    ///
    /// # Errors
    /// [`ClaimError`]
    pub async fn claimed_tile_of(
        &self,
        address: &DatabaseAddress,
        tile: &Tile,
        limit_bytes: usize,
    ) -> Result<Answer, ClaimError> {
        let database = Database::connect(address, &self.http).await?;
        claimed_tile(&database, tile, limit_bytes).await
    }

    /// The signed note of a verified head.
    ///
    /// # Errors
    /// [`ProveError`]
    pub fn verified_head_at(&self, size: u64) -> Result<Option<ConsistentHead>, ProveError> {
        let stored = self.store.borrow().head_at(&self.key.to_string(), size)?;
        self.opened(stored)
    }

    /// A head of the home, once its signature was checked again.
    fn opened(&self, stored: Option<StoredHead>) -> Result<Option<ConsistentHead>, ProveError> {
        let notes = stored.map(|head| (head.size, head.note));
        let timeline = Timeline::restore(self.key.clone(), notes);
        timeline.newest().map_err(|cause| self.damaged(cause))
    }

    /// Keeps the evidence that a verified head is none of the log's under a newer one, out of tiles that
    /// are authentic under that.
    ///
    /// # Errors
    /// [`ProveError::Misbehaviour`] if it is so.
    pub async fn contradict(&self, older: TreeHead, newer: TreeHead) -> Result<(), ProveError> {
        let mut plan = TilePlan::for_tree(super::HEIGHT, newer.size());
        if plan.add_prefix(older.size()).is_err() {
            return Ok(());
        }
        let (tiles, _) = self.authentic_tiles(&plan, newer).await?;
        let (root, proof) = (
            tiles.root_at(older.size()),
            tiles.consistency_proof(older.size()),
        );
        let (Some(root), Some(proof)) = (root, proof) else {
            return Ok(());
        };
        let (Some(older), Some(newer)) = (
            self.verified_head_at(older.size())?,
            self.verified_head_at(newer.size())?,
        ) else {
            return Ok(());
        };
        let contradiction = Contradiction::OtherBeginning { root, proof };
        let (older, newer) = (older.checkpoint().clone(), newer.checkpoint().clone());
        match Fork::prove(older, newer, contradiction) {
            Ok(fork) => Err(self.misbehaved(fork, &self.source().await)),
            Err(_) => Ok(()),
        }
    }

    /// The record at an index, from the mirror or the log's tiles of records; its hash alone where those
    /// are refused.
    ///
    /// # Errors
    /// [`ProveError`]
    pub async fn record_at(
        &self,
        index: u64,
        head: &ConsistentHead,
    ) -> Result<ShownRecord, ProveError> {
        let mut plan = TilePlan::for_tree(super::HEIGHT, head.tree_head().size());
        if plan.add_record(index).is_err() {
            return Ok(ShownRecord::Unavailable(format!(
                "record {index} is beyond the tree"
            )));
        }
        let (tiles, faults) = self.authentic_tiles(&plan, head.tree_head()).await?;
        let number = index.checked_div(TILE_RECORDS).unwrap_or(0);
        let position = index.checked_rem(TILE_RECORDS).unwrap_or(0);
        let leaves = tiles.tile(0, number);
        let hash = leaves.and_then(|leaves| {
            let hashes = leaves.hashes();
            hashes.get(usize::try_from(position).ok()?).copied()
        });
        let (Some(hash), Some(proof)) = (hash, tiles.inclusion_proof(index)) else {
            let fault = faults.into_iter().next();
            return Ok(ShownRecord::Unavailable(fault.unwrap_or_default()));
        };
        let width = Tile::in_tree(super::HEIGHT, 0, number, head.tree_head().size());
        let width = width.map_or(1, |tile| tile.width());
        let Ok(tile) = Tile::new(super::HEIGHT, TileLevel::Data, number, width) else {
            return Ok(ShownRecord::Hash(hash, "no such tile".to_owned()));
        };
        let prove = |bytes: &[u8]| {
            let text = record_at(bytes, u32::try_from(position).ok()?)?;
            let text = RecordText::parse(text.as_bytes()).ok()?;
            AuthenticRecord::prove(head, index, text, proof.clone()).ok()
        };
        let mirrored = self.mirror_folder().data_tile(&tile);
        if let Some(record) = mirrored.and_then(|bytes| prove(&bytes)) {
            return Ok(ShownRecord::Whole(Box::new(record)));
        }
        let claimed = self.claimed_tile(&tile, MAX_DATA_TILE_BYTES).await;
        let reason = match claimed {
            Ok(Answer::Found(bytes)) => match prove(&bytes) {
                Some(record) => return Ok(ShownRecord::Whole(Box::new(record))),
                None => format!("{tile} is not the log's: the server's fault"),
            },
            Ok(Answer::Absent { status, .. }) => {
                format!("the text of the record is not given out: {tile} was answered {status}")
            }
            Err(error) => format!("the text of the record could not be had: {error}"),
        };
        Ok(ShownRecord::Hash(hash, reason))
    }

    /// Where the log is asked, without a password.
    pub async fn source(&self) -> String {
        match self.database().await {
            Ok(database) => database.source(),
            Err(_) => "this disk".to_owned(),
        }
    }
}
