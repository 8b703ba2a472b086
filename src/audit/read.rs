//! Tiles as a source has them: read, hashed and looked at, on all processors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::seen::{Fingerprint, SeenKey};
use super::{FalseTile, Strange, Watchlist};
use crate::io::database::DatabaseAddress;
use crate::io::http::{Answer, FetchError};
use crate::io::names::{NameBatch, NamesSum};
use crate::io::store::WatchedRecord;
use crate::prover::{ClaimError, HEIGHT, Prover};
use crate::sumdb::audit::{ReadTile, look};
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::{Tile, TileLevel};
use crate::tlog::tile_auth::AuthenticTiles;

/// A tile of the level above data tiles holds the roots of so many.
pub(super) const ROOTS_IN_TILE: u64 = 256;

/// Where tiles are read.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder in the log's own URL layout.
    Folder(PathBuf),
    /// Where the prover asks.
    Log,
    /// Somewhere else.
    Other(DatabaseAddress),
}

/// What is wanted of each tile.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Tiles of hashes are read, and no record.
    pub(super) hashes_only: bool,
    /// The tiles of hashes of the lowest level are read beside the records.
    pub(super) claimed_hashes: bool,
    /// For a mirror: names, and the bytes.
    pub(super) content: bool,
    /// What all names sum up to.
    pub(super) sum: bool,
    /// A longer data tile is not read.
    pub(super) limit_bytes: usize,
    pub(super) key: SeenKey,
    /// Records to be told of.
    pub(super) watchlist: Option<Arc<Watchlist>>,
}

/// A tile after it was read and hashed, and what it says of its records.
pub(super) struct Read {
    pub(super) tile: Tile,
    pub(super) hashed: HashedTile,
    pub(super) fingerprints: Vec<(Fingerprint, u64)>,
    pub(super) strange: Vec<Strange>,
    pub(super) watched: Vec<WatchedRecord>,
    pub(super) names: NameBatch,
    pub(super) sum: NamesSum,
    /// The records with a blank line after each.
    pub(super) content: Option<Bytes>,
    /// The tile of hashes as the source has it.
    pub(super) claimed: Option<Result<HashedTile, Unread>>,
}

/// Why a tile was not read.
#[derive(Debug, Clone)]
pub(super) enum Unread {
    /// 403, 404 or 410: it is not given out, or not there.
    Refused(u16),
    /// It could not be had.
    Unavailable(String),
    /// What came is none.
    False(String, Bytes),
}

impl Unread {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Refused(status) => format!("the server answered {status}"),
            Self::Unavailable(reason) | Self::False(reason, _) => reason.clone(),
        }
    }
}

/// Reads tiles in order of the log, each as wide as it is in the tree; `tiles` are data tiles also where
/// hashes alone are wanted.
pub(super) async fn read_stretch(
    prover: &Prover,
    source: Source,
    wanted: Wanted,
    tiles: Vec<Tile>,
) -> Vec<(Tile, Result<Read, Unread>)> {
    let fetched = match &source {
        Source::Folder(_) => Vec::new(),
        Source::Log | Source::Other(_) => {
            let fetches = tiles
                .iter()
                .map(|tile| fetch(prover, &source, &wanted, tile));
            futures_util::future::join_all(fetches).await
        }
    };
    let work = move || {
        let folder: Option<Arc<Path>> = match &source {
            Source::Folder(folder) => Some(folder.as_path().into()),
            Source::Log | Source::Other(_) => None,
        };
        let mut fetched = fetched.into_iter();
        let mut bodies = |tile: &Tile| match &folder {
            Some(folder) => read_files(folder, &wanted, tile),
            None => fetched.next().unwrap_or_default(),
        };
        let read = |tile: Tile| (tile, read_tile(tile, bodies(&tile), &wanted));
        tiles.into_iter().map(read).collect()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(read) => read,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The tile of records and that of hashes, as far as they are wanted.
#[derive(Default)]
struct Bodies {
    records: Option<Result<Bytes, Unread>>,
    hashes: Option<Result<Bytes, Unread>>,
}

impl Wanted {
    const fn records(&self) -> bool {
        !self.hashes_only
    }

    const fn hashes(&self) -> bool {
        self.hashes_only || self.claimed_hashes
    }
}

async fn fetch(prover: &Prover, source: &Source, wanted: &Wanted, tile: &Tile) -> Bodies {
    let limit_bytes = wanted.limit_bytes;
    let hashes = async {
        match leaves_of(tile) {
            Some(leaves) if wanted.hashes() => {
                Some(ask(prover, source, &leaves, limit_bytes).await)
            }
            _ => None,
        }
    };
    let records = async {
        if wanted.records() {
            Some(ask(prover, source, tile, limit_bytes).await)
        } else {
            None
        }
    };
    let (records, hashes) = futures_util::future::join(records, hashes).await;
    Bodies { records, hashes }
}

pub(super) async fn ask(
    prover: &Prover,
    source: &Source,
    tile: &Tile,
    limit_bytes: usize,
) -> Result<Bytes, Unread> {
    let answer = match source {
        Source::Folder(folder) => return read_file(folder, tile),
        Source::Log => prover.claimed_tile(tile, limit_bytes).await,
        Source::Other(address) => prover.claimed_tile_of(address, tile, limit_bytes).await,
    };
    match answer {
        Ok(Answer::Found(bytes)) => Ok(bytes),
        Ok(Answer::Absent { status, .. }) => Err(Unread::Refused(status)),
        Err(ClaimError::Fetch(FetchError::Status { status: 403, .. })) => Err(Unread::Refused(403)),
        Err(error) => Err(Unread::Unavailable(error.to_string())),
    }
}

fn read_files(folder: &Path, wanted: &Wanted, tile: &Tile) -> Bodies {
    let leaves = leaves_of(tile).filter(|_| wanted.hashes());
    Bodies {
        records: wanted.records().then(|| read_file(folder, tile)),
        hashes: leaves.map(|leaves| read_file(folder, &leaves)),
    }
}

/// The file of a tile, or of the full one that has come in its place.
fn read_file(folder: &Path, tile: &Tile) -> Result<Bytes, Unread> {
    let read = |tile: &Tile| std::fs::read(folder.join(tile.path()));
    let read = match read(tile) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => read(&tile.full()),
        read => read,
    };
    read.map(Bytes::from)
        .map_err(|error| Unread::Unavailable(error.to_string()))
}

/// The tile with the hashes of a data tile's records.
pub(super) fn leaves_of(tile: &Tile) -> Option<Tile> {
    Tile::new(HEIGHT, TileLevel::Hashes(0), tile.index(), tile.width()).ok()
}

fn read_tile(tile: Tile, bodies: Bodies, wanted: &Wanted) -> Result<Read, Unread> {
    let claimed = bodies.hashes.map(|bytes| {
        let bytes = bytes?;
        let leaves = leaves_of(&tile);
        let length = leaves
            .map_or(0, |leaves| leaves.hash_bytes())
            .min(bytes.len());
        let hashed = leaves.map(|leaves| HashedTile::parse(&leaves, &bytes.slice(..length)));
        match hashed {
            Some(Ok(hashed)) => Ok(hashed),
            Some(Err(error)) => Err(Unread::False(error.to_string(), bytes)),
            None => Err(Unread::Unavailable(String::new())),
        }
    });
    let Some(records) = bodies.records else {
        let unavailable = Err(Unread::Unavailable(String::new()));
        return Ok(Read {
            tile,
            hashed: claimed.unwrap_or(unavailable)?,
            fingerprints: Vec::new(),
            strange: Vec::new(),
            watched: Vec::new(),
            names: NameBatch::default(),
            sum: NamesSum::default(),
            content: None,
            claimed: None,
        });
    };
    let bytes = records?;
    let read = ReadTile::read(&bytes, tile.width());
    let read = read.map_err(|error| Unread::False(error.to_string(), bytes.clone()))?;
    let begin = tile.index() * ROOTS_IN_TILE;
    let mut fingerprints = Vec::with_capacity(read.texts().len());
    let (mut strange, mut names) = (Vec::new(), NameBatch::default());
    let mut sum = NamesSum::default();
    let mut watched = Vec::new();
    for (index, text) in (begin..).zip(read.texts()) {
        let look = look(text);
        for (path, version) in look.first.into_iter().chain(look.others) {
            fingerprints.push((Fingerprint::new(&wanted.key, path, version), index));
            if wanted.content {
                names.push(path, version, index);
            }
            if wanted.sum {
                sum.add(path, version, index);
            }
            if let Some(watchlist) = &wanted.watchlist {
                watchlist.look(path, version, index, text, &mut watched);
            }
        }
        if let Some(anomaly) = look.anomaly {
            strange.push(Strange {
                index,
                anomaly,
                earlier: None,
                text: (*text).to_owned(),
            });
        }
    }
    let content = wanted.content.then(|| content(&bytes, read.texts()));
    Ok(Read {
        tile,
        fingerprints,
        strange,
        watched,
        names,
        sum,
        content,
        claimed,
        hashed: read.into_hashed(),
    })
}

/// The records with a blank line after each, as the log itself has them.
fn content(bytes: &Bytes, texts: &[&str]) -> Bytes {
    let length: usize = texts.iter().map(|text| text.len() + 1).sum();
    if bytes.len() == length {
        return bytes.clone();
    }
    let mut content = Vec::with_capacity(length);
    for text in texts {
        content.extend_from_slice(text.as_bytes());
        content.push(b'\n');
    }
    content.into()
}

/// Whether these are the hashes of the log.
pub(super) fn belongs(above: &AuthenticTiles, tile: &Tile, hashed: &HashedTile) -> bool {
    let index = tile.index();
    if tile.is_full() {
        let roots = above.tile(1, index / ROOTS_IN_TILE);
        let place = usize::try_from(index % ROOTS_IN_TILE).unwrap_or(usize::MAX);
        let root = roots.and_then(|roots| roots.hashes().get(place).copied());
        root.is_some() && root == hashed.perfect_root()
    } else {
        let leaves = above.tile(0, index);
        leaves.is_some_and(|leaves| leaves.hashes() == hashed.hashes())
    }
}

/// What is wrong with a tile that was read and does not belong.
pub(super) fn not_of_the_log(tile: &Tile, hashes_only: bool) -> FalseTile {
    let what = if hashes_only {
        "it does not hash into the tile above it, whose hashes the log has signed"
    } else {
        "its records are not those whose hashes the log has signed"
    };
    FalseTile {
        tile: if hashes_only {
            leaves_of(tile).unwrap_or(*tile)
        } else {
            *tile
        },
        reason: what.to_owned(),
        kept: None,
    }
}
