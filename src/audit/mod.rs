//! The audit: every record of the log read and hashed again up to a signed root, and what the tree
//! alone cannot show.
//!
//! Tiles of records are read and hashed on all processors, in stretches. In the order of the log each
//! is then compared with the authentic tile of hashes above it, which says at once whose fault a
//! difference is, and its hashes go into a [`Replay`].

pub mod seen;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::StreamExt as _;

use self::seen::{Extent, Fingerprint, Seen, SeenKey};
use crate::io::http::Answer;
use crate::io::store::{AuditState, StoredAnomaly};
use crate::prover::{HEIGHT, ProveError, Prover};
use crate::sumdb::audit::{Anomaly, ReadTile, Replay, ReplayError, anomaly, named};
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hash::{HASH_BYTES, Hash};
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::range::CompactRange;
use crate::tlog::tile::{Tile, hashes_at_level};
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// Tiles that are read and hashed in one go: some milliseconds of work.
const STRETCH_TILES: usize = 32;

/// Stretches that are under way.
const STRETCHES_AT_ONCE: usize = 12;

/// For so many tiles the hashes above them are fetched and held together: four million records.
const WINDOW_TILES: usize = 1 << 14;

/// So much work at most is done again after a crash.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// A tile of the level above data tiles holds the roots of so many.
const ROOTS_IN_TILE: u64 = 256;

/// Where data tiles are read.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder in the log's own URL layout.
    Folder(PathBuf),
    /// Where verify would ask.
    Log,
}

/// Something strange about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    /// Index of the record.
    pub index: u64,
    /// What it is.
    pub anomaly: Anomaly,
    /// The whole record.
    pub text: String,
}

/// A tile that is not the log's, whatever the source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseTile {
    /// Which.
    pub tile: Tile,
    /// What is wrong with it, not escaped.
    pub reason: String,
}

/// Why an audit ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log misbehaved, or the state cannot be used.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The disk.
    #[error("cannot keep what was seen: {0}")]
    Disk(#[from] io::Error),
    /// A tile could not be had, or is not the log's.
    #[error("{}: {}", .0.tile.path(), .0.reason)]
    Tile(FalseTile),
    /// The tiles of hashes could not be had.
    #[error("the tiles of hashes could not be had: {0}")]
    Hashes(String),
    /// The state of the last audit is damaged.
    #[error(
        "the state of the last audit in this home is damaged: remove its folder audit, and the audit \
         begins anew"
    )]
    Damaged,
    /// The records contradict a head that is proven to be of the same log.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Heads whose root was compared.
    pub heads: usize,
    /// Records that are strange by themselves.
    pub strange: Vec<Strange>,
}

impl From<&Strange> for StoredAnomaly {
    fn from(strange: &Strange) -> Self {
        Self {
            record_index: strange.index,
            kind: strange.anomaly.as_str().to_owned(),
            text: strange.text.clone(),
        }
    }
}

/// A tile after it was read and hashed, and what it says of its records.
struct Read {
    tile: Tile,
    hashed: HashedTile,
    fingerprints: Vec<Option<Fingerprint>>,
    strange: Vec<Strange>,
}

/// An audit under way.
pub struct Audit<'p> {
    prover: &'p Prover,
    source: Source,
    replay: Replay,
    seen: Seen,
    key: SeenKey,
    found: Found,
    /// How many of the strange records are kept already.
    kept_strange: usize,
    kept_at: Instant,
}

impl<'p> Audit<'p> {
    /// Goes on where the last audit of this home ended.
    ///
    /// # Errors
    /// [`AuditError`] if its state cannot be used.
    pub fn resume(prover: &'p Prover, source: Source) -> Result<Self, AuditError> {
        let stored = prover.store.borrow().audit_state(&prover.key.to_string());
        let stored = stored.map_err(ProveError::from)?;
        let folder = prover.home.audit_folder(prover.key.name());
        let (range, extent, key) = match stored {
            None => {
                let mut key = [0; 16];
                getrandom::fill(&mut key)
                    .map_err(|error| AuditError::Disk(io::Error::other(error.to_string())))?;
                (CompactRange::empty(), Extent::default(), key)
            }
            Some(state) => {
                let (roots, []) = state.subtree_roots.as_chunks::<HASH_BYTES>() else {
                    return Err(AuditError::Damaged);
                };
                let roots = roots.iter().map(|root| Hash::from_bytes(*root)).collect();
                let range = CompactRange::from_subtree_roots(state.size, roots);
                let extent = Extent::from_bytes(&state.seen_extent);
                let (Ok(range), Some(extent)) = (range, extent) else {
                    return Err(AuditError::Damaged);
                };
                (range, extent, state.seen_key)
            }
        };
        Ok(Self {
            prover,
            source,
            replay: Replay::new(range, prover.verified_heads()?),
            seen: Seen::open(&folder, extent)?,
            key,
            found: Found::default(),
            kept_strange: 0,
            kept_at: Instant::now(),
        })
    }

    /// How many records are audited.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.replay.range().size()
    }

    /// Replays everything below a head.
    ///
    /// # Errors
    /// [`AuditError`]; what was replayed until then stays.
    pub async fn run(&mut self, head: TreeHead) -> Result<(), AuditError> {
        loop {
            let tiles: Vec<Tile> = self.replay.tiles(head.size()).take(WINDOW_TILES).collect();
            let (Some(first), Some(last)) = (tiles.first(), tiles.last()) else {
                return Ok(());
            };
            let above = self.hashes_above(head, first.index(), last.index()).await?;
            let stretches = tiles.chunks(STRETCH_TILES).map(<[Tile]>::to_vec);
            let (prover, source, key) = (self.prover, self.source.clone(), self.key);
            let mut stretches = futures_util::stream::iter(stretches)
                .map(|tiles| read_stretch(prover, source.clone(), key, tiles))
                .buffered(STRETCHES_AT_ONCE);
            while let Some(stretch) = stretches.next().await {
                for read in stretch.map_err(AuditError::Tile)? {
                    let read = match belongs(&above, &read) {
                        Ok(()) => read,
                        // Once more, afresh.
                        Err(_) => {
                            let again =
                                read_stretch(prover, source.clone(), key, vec![read.tile]).await;
                            let again = again.map_err(AuditError::Tile)?.into_iter().next();
                            let read = again.unwrap_or(read);
                            belongs(&above, &read).map_err(AuditError::Tile)?;
                            read
                        }
                    };
                    self.found.heads += self.replay.append(read.tile.index(), &read.hashed)?;
                    let begin = read.tile.index() * 256;
                    for (index, fingerprint) in (begin..).zip(read.fingerprints) {
                        if let Some(fingerprint) = fingerprint {
                            self.seen.push(fingerprint, index)?;
                        }
                    }
                    self.found.strange.extend(read.strange);
                }
                if self.kept_at.elapsed() >= KEPT_EVERY {
                    self.seen.flush()?;
                    self.keep()?;
                }
            }
        }
    }

    /// What is done from here on is not done again. The files of what was seen are on the disk by now.
    fn keep(&mut self) -> Result<(), AuditError> {
        let range = self.replay.range();
        let roots = range.subtree_roots().iter();
        let state = AuditState {
            size: range.size(),
            subtree_roots: roots.flat_map(|root| *root.as_bytes()).collect(),
            seen_key: self.key,
            seen_extent: self.seen.extent().to_bytes(),
        };
        let strange = self
            .found
            .strange
            .get(self.kept_strange..)
            .unwrap_or_default();
        let strange: Vec<StoredAnomaly> = strange.iter().map(Into::into).collect();
        let (name, key) = (self.prover.key.name(), self.prover.key.to_string());
        let kept = self
            .prover
            .store
            .borrow()
            .keep_audit(name, &key, &state, &strange);
        kept.map_err(ProveError::from)?;
        self.kept_strange = self.found.strange.len();
        self.kept_at = Instant::now();
        Ok(())
    }

    /// The pairs of records that may be of one module version.
    ///
    /// # Errors
    /// [`AuditError::Disk`]
    pub fn settle(&mut self) -> Result<Vec<seen::Pair>, AuditError> {
        let pairs = self.seen.settle()?;
        self.keep()?;
        self.seen.sweep()?;
        Ok(pairs)
    }

    /// What was found.
    #[must_use]
    pub const fn found(&self) -> &Found {
        &self.found
    }

    /// The authentic hashes of these data tiles.
    async fn hashes_above(
        &self,
        head: TreeHead,
        first: u64,
        last: u64,
    ) -> Result<AuthenticTiles, AuditError> {
        let mut plan = TilePlan::for_tree(HEIGHT, head.size());
        let roots = hashes_at_level(HEIGHT, 1, head.size());
        for tile in first / ROOTS_IN_TILE..=last / ROOTS_IN_TILE {
            if tile * ROOTS_IN_TILE < roots {
                // It is in the tree.
                let _ = plan.add_tile(1, tile);
            }
        }
        let (authentic, faults) = self.prover.authentic_tiles(&plan, head).await?;
        match faults.into_iter().next() {
            None => Ok(authentic),
            Some(fault) => Err(AuditError::Hashes(fault)),
        }
    }
}

/// Whether the records of a tile are those of the log.
fn belongs(above: &AuthenticTiles, read: &Read) -> Result<(), FalseTile> {
    let index = read.tile.index();
    let is_right = if read.tile.is_full() {
        let roots = above.tile(1, index / ROOTS_IN_TILE);
        let place = usize::try_from(index % ROOTS_IN_TILE).unwrap_or(usize::MAX);
        let root = roots.and_then(|roots| roots.hashes().get(place).copied());
        root.is_some() && root == read.hashed.perfect_root()
    } else {
        let leaves = above.tile(0, index);
        leaves.is_some_and(|leaves| leaves.hashes() == read.hashed.hashes())
    };
    if is_right {
        return Ok(());
    }
    Err(FalseTile {
        tile: read.tile,
        reason: "its records are not those whose hashes the log has signed".to_owned(),
    })
}

async fn read_stretch(
    prover: &Prover,
    source: Source,
    key: SeenKey,
    tiles: Vec<Tile>,
) -> Result<Vec<Read>, FalseTile> {
    let mut bodies: Vec<Option<Bytes>> = vec![None; tiles.len()];
    if let Source::Log = source {
        let fetches = tiles.iter().map(|tile| async move {
            let failed = |reason| FalseTile {
                tile: *tile,
                reason,
            };
            match prover.data_tile(tile).await.map_err(failed)? {
                Answer::Found(bytes) => Ok(Some(bytes)),
                Answer::Absent { status, .. } => {
                    Err(failed(format!("the server answered {status}")))
                }
            }
        });
        bodies = futures_util::future::try_join_all(fetches).await?;
    }
    let folder: Option<Arc<Path>> = match source {
        Source::Folder(folder) => Some(folder.into()),
        Source::Log => None,
    };
    let work = move || {
        let tiles = tiles.into_iter().zip(bodies);
        tiles
            .map(|(tile, body)| {
                let failed = |reason| FalseTile { tile, reason };
                let bytes = match (body, &folder) {
                    (Some(bytes), _) => bytes,
                    (None, Some(folder)) => std::fs::read(folder.join(tile.path()))
                        .map_err(|error| failed(error.to_string()))?
                        .into(),
                    (None, None) => Bytes::new(),
                };
                read_tile(tile, &bytes, &key).map_err(failed)
            })
            .collect()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn read_tile(tile: Tile, bytes: &[u8], key: &SeenKey) -> Result<Read, String> {
    let read = ReadTile::read(bytes, tile.width()).map_err(|error| error.to_string())?;
    let begin = tile.index() * 256;
    let (mut fingerprints, mut strange) = (Vec::with_capacity(256), Vec::new());
    for (index, text) in (begin..).zip(read.texts()) {
        let names = named(text);
        fingerprints.push(names.map(|(path, version)| Fingerprint::new(key, path, version)));
        if let Some(anomaly) = anomaly(text) {
            strange.push(Strange {
                index,
                anomaly,
                text: (*text).to_owned(),
            });
        }
    }
    Ok(Read {
        tile,
        fingerprints,
        strange,
        hashed: read.into_hashed(),
    })
}
