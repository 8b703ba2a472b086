//! The tiles of one run: from the home, from the go command's cache, from the network, and
//! authenticated before anybody looks at them.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::{Progress, Prover};
use crate::io::database::Database;
use crate::io::http::Answer;
use crate::io::tiles::{TileCache, TileReader};
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::{Tile, TileHeight, hashes_at_level};
use crate::tlog::tile_auth::{AuthenticTiles, TileFault, TilePlan};

/// Tiles that were read or fetched so far, none of them trusted.
#[derive(Debug)]
pub(super) struct TileSet {
    home: TileCache,
    mirror: TileReader,
    go_cache: Option<TileReader>,
    found: HashMap<Tile, Found>,
    /// Why a tile could not be had.
    failures: HashMap<Tile, String>,
}

#[derive(Debug, Clone)]
struct Found {
    hashed: Arc<HashedTile>,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Home,
    Mirror,
    GoCache,
    Network,
}

impl TileSet {
    pub(super) fn new(prover: &Prover) -> Self {
        Self {
            home: prover.tile_cache(),
            mirror: prover.mirror_folder().tiles().clone(),
            go_cache: prover
                .go_cache
                .as_ref()
                .map(|cache| TileReader::new(cache.tile_folder())),
            found: HashMap::new(),
            failures: HashMap::new(),
        }
    }

    /// Whether the partial tiles at the right edge of a tree are all on this disk.
    pub(super) fn has_right_edge(&mut self, height: TileHeight, size: u64) -> bool {
        (0..)
            .take_while(|&level| hashes_at_level(height, level, size) > 0)
            .filter_map(|level| Tile::right_edge(height, level, size))
            .all(|tile| self.read_from_disk(&tile))
    }

    /// Brings the planned tiles together and authenticates them. Tiles on the disk that are
    /// damaged, or not those of the log, are fetched afresh.
    pub(super) async fn authenticate(
        &mut self,
        plan: &TilePlan,
        head: TreeHead,
        database: Option<&Database<'_>>,
        progress: &Progress,
    ) -> (AuthenticTiles, Vec<String>) {
        let mut wanted: Vec<Tile> = plan
            .tiles()
            .filter(|tile| !self.read_from_disk(tile))
            .collect();
        loop {
            if let Some(database) = database {
                self.fetch(&wanted, database, progress).await;
            }
            let (authentic, faults) = AuthenticTiles::authenticate(plan, head, |tile| {
                self.found.get(tile).map(|found| Arc::clone(&found.hashed))
            });
            // Each tile of the disk is given up once, so this ends.
            wanted = faults
                .iter()
                .filter_map(|fault| self.give_up_on_disk(fault))
                .collect();
            if wanted.is_empty() || database.is_none() {
                return (authentic, self.describe(&faults));
            }
        }
    }

    /// The authentic tiles that the home does not have yet.
    pub(super) fn new_for_home<'a>(
        &'a self,
        authentic: &'a AuthenticTiles,
    ) -> impl Iterator<Item = (Tile, Arc<HashedTile>)> + 'a {
        authentic.iter().filter_map(|(tile, hashed)| {
            let source = self.found.get(&tile)?.source;
            let is_new = !matches!(source, Source::Home | Source::Mirror);
            is_new.then(|| (tile, Arc::clone(hashed)))
        })
    }

    /// After a write to the home, so that it is not written twice.
    pub(super) fn written(&mut self) {
        for found in self.found.values_mut() {
            found.source = Source::Home;
        }
    }

    pub(super) const fn home(&self) -> &TileCache {
        &self.home
    }

    /// A tile that came from the disk and is not authentic.
    fn give_up_on_disk(&mut self, fault: &TileFault) -> Option<Tile> {
        let tile = fault.tile();
        if matches!(fault, TileFault::Missing(_) | TileFault::Unvouched(_)) {
            return None;
        }
        if self.found.get(&tile)?.source == Source::Network {
            return None;
        }
        self.found.remove(&tile);
        Some(tile)
    }

    fn read_from_disk(&mut self, tile: &Tile) -> bool {
        if self.found.contains_key(tile) {
            return true;
        }
        let home = self
            .home
            .reader()
            .read(tile)
            .map(|bytes| (bytes, Source::Home));
        let mirror = || {
            let bytes = self.mirror.read(tile)?;
            Some((bytes, Source::Mirror))
        };
        let found = home.or_else(mirror).or_else(|| {
            let cache = self.go_cache.as_ref()?;
            cache.read(tile).map(|bytes| (bytes, Source::GoCache))
        });
        let Some((bytes, source)) = found else {
            return false;
        };
        let Ok(hashed) = HashedTile::parse(tile, &bytes) else {
            return false;
        };
        self.found.insert(
            *tile,
            Found {
                hashed: Arc::new(hashed),
                source,
            },
        );
        true
    }

    async fn fetch(&mut self, tiles: &[Tile], database: &Database<'_>, progress: &Progress) {
        progress.expect_tiles(tiles.len());
        let mut pending: FuturesUnordered<_> = tiles
            .iter()
            .map(|tile| async move { (*tile, database.tile(tile).await) })
            .collect();
        while let Some((tile, answer)) = pending.next().await {
            progress.tile_done();
            match answer {
                // Hashing here hides behind the requests that are still under way.
                Ok(Answer::Found(bytes)) => match HashedTile::parse(&tile, &bytes) {
                    Ok(hashed) => {
                        let hashed = Arc::new(hashed);
                        self.found.insert(
                            tile,
                            Found {
                                hashed,
                                source: Source::Network,
                            },
                        );
                    }
                    Err(error) => drop(self.failures.insert(tile, error.to_string())),
                },
                Ok(Answer::Absent { status, .. }) => {
                    self.failures
                        .insert(tile, format!("{tile}: the server answered {status}"));
                }
                Err(error) => {
                    self.failures.insert(tile, error.to_string());
                }
            }
        }
    }

    /// The cause of each fault, those first that explain the others.
    fn describe(&self, faults: &[TileFault]) -> Vec<String> {
        let (consequences, causes): (Vec<_>, Vec<_>) = faults
            .iter()
            .partition(|fault| matches!(fault, TileFault::Unvouched(_)));
        causes
            .into_iter()
            .chain(consequences)
            .map(
                |fault: &TileFault| match (fault, self.failures.get(&fault.tile())) {
                    (TileFault::Missing(_), Some(failure)) => failure.clone(),
                    _ => fault.to_string(),
                },
            )
            .collect()
    }
}
