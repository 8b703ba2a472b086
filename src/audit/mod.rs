//! The audit: every record of the log read and hashed again up to a signed root, and what the tree
//! alone cannot show; on the way a mirror, if one is kept.
//!
//! Tiles are read and hashed on all processors, in stretches. In the order of the log each is then
//! compared with the authentic tile of hashes above it, which says at once whose fault a difference is,
//! and its hashes go into a [`Replay`]. What a record says counts from there on.

mod duplicates;
mod keeper;
mod progress;
mod read;
pub mod seen;
mod watchlist;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::StreamExt as _;

pub use self::duplicates::Contradiction;
use self::keeper::Keeper;
use self::progress::End;
pub use self::read::Source;
use self::read::{ROOTS_IN_TILE, Read, Unread, Wanted, belongs, not_of_the_log, read_stretch};
use self::seen::{Seen, SeenKey};
pub use self::watchlist::{KnownHash, Watchlist};
use crate::io::database::DatabaseAddress;
use crate::io::names::NamesSum;
use crate::io::store::{AuditKind, WatchedRecord};
use crate::prover::{HEIGHT, ProveError, Prover};
use crate::sumdb::audit::{Anomaly, OtherRoot, Replay, ReplayError};
use crate::sumdb::data_tile::MAX_DATA_TILE_BYTES;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hashed_tile::HashedTile;
use crate::tlog::tile::{Tile, TileLevel, hashes_at_level};
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// Tiles that are read and hashed in one go: some milliseconds of work.
const STRETCH_TILES: usize = 32;

/// Stretches that are under way: so many tiles are asked for or held at once.
const STRETCHES_AT_ONCE: usize = 12;

/// For so many tiles the hashes above them are fetched and held together: four million records.
const WINDOW_TILES: usize = 1 << 14;

/// A data tile has 48 KiB. Whatever is longer is read alone, so that a server cannot fill the memory
/// with all that is under way.
const USUAL_TILE_BYTES: usize = 256 << 10;

/// So much work at most is done again after a crash.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// A log in which everything is strange does not fill memory and disk: so many records of one audit are
/// kept, and the others counted.
const MAX_STRANGE: usize = 100_000;

/// So many bytes of strange records are held and kept of one audit, for the same reason.
const MAX_STRANGE_BYTES: usize = 32 << 20;

/// So many bytes of watched records are held at most before they are kept.
const MAX_WATCHED_BYTES: usize = 4 << 20;

/// What a watched record takes beside its text.
const WATCHED_BYTES: usize = 400;

/// How long it may take to notice that it is to stop.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// What is to be audited, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Up to this size; by default all.
    pub to: Option<u64>,
    /// From this size on; by default from where the last audit ended.
    pub from: Option<u64>,
    /// Replay the tiles of hashes, and read no record.
    pub hashes_only: bool,
    /// Compare the served tiles of hashes of all levels with what the records hash to.
    pub check_tiles: bool,
    /// Keep a mirror.
    pub mirror: bool,
    /// Look at all of it from the beginning, and change nothing.
    pub look_only: bool,
    /// Where nothing was audited yet, begin with the record of this index, and remember that.
    pub since: Option<u64>,
    /// Records to be told of.
    pub watchlist: Option<Arc<Watchlist>>,
}

/// Where tiles are read.
#[derive(Debug, Clone)]
pub struct Sources {
    /// First.
    pub first: Source,
    /// When the first one gives what is not the log's.
    pub second: Option<DatabaseAddress>,
}

/// Something strange about a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    /// Index of the record.
    pub index: u64,
    /// What it is.
    pub anomaly: Anomaly,
    /// Index of the record that it repeats.
    pub earlier: Option<u64>,
    /// The whole record.
    pub text: String,
}

/// A tile that is not the log's, whatever the source says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", tile.path())]
pub struct FalseTile {
    /// Which.
    pub tile: Tile,
    /// What is wrong with it, not escaped.
    pub reason: String,
    /// The file that has what was served.
    pub kept: Option<PathBuf>,
}

/// Why an audit ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log misbehaved, or the state cannot be used.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The disk.
    #[error("cannot keep what was audited: {0}")]
    Disk(#[from] io::Error),
    /// Another process audits for the same home.
    #[error("another audit of this log is under way in this home")]
    Busy,
    /// A tile is not the log's.
    #[error("{0}: the server's fault, and not the log's: try again, or another --source")]
    False(FalseTile),
    /// A tile is not given out.
    #[error(
        "{} is refused ({status}): most proxies have no records. Audit the tree alone with \
         --hashes-only, or read the records elsewhere with --source", tile.path()
    )]
    Refused {
        /// Which.
        tile: Tile,
        /// 403, 404 or 410.
        status: u16,
    },
    /// A tile could not be had.
    #[error("{} could not be had: {reason}", tile.path())]
    Unavailable {
        /// Which.
        tile: Tile,
        /// Why, not escaped.
        reason: String,
    },
    /// The tiles of hashes could not be had.
    #[error("the tiles of hashes could not be had: {0}")]
    Hashes(String),
    /// The state of the last audit is damaged.
    #[error(
        "the state of the last audit in this home is damaged ({0}): sumcheck audit --restart begins anew"
    )]
    Damaged(String),
    /// What was replayed contradicts a verified head, and no evidence shows it.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The mirror ends with a signed head.
    #[error(
        "a mirror ends at the size of a verified tree head, and {0} is none: see sumcheck heads"
    )]
    NoHead(u64),
    /// There is nothing up to there.
    #[error("the newest verified tree head has {newest} records: {size} is beyond it")]
    Beyond {
        /// What was asked for.
        size: u64,
        /// What there is.
        newest: u64,
    },
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Found {
    /// Records, or hashes of records, that were replayed.
    pub replayed: u64,
    /// Heads whose root was compared.
    pub heads: usize,
    /// Records that are strange: the first ones, if there are very many.
    pub strange: Vec<Strange>,
    /// Length of the texts of all of them, also those that are not here.
    strange_bytes: usize,
    /// How many there are.
    pub anomalies: u64,
    /// Whether what was replayed was compared with all before it.
    pub compared: bool,
    /// Records that contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Served tiles of hashes that differ from what the records hash to.
    pub false_tiles: Vec<FalseTile>,
    /// Records that are like others, and more than could be compared.
    pub untold_alike: u64,
    /// What the names of all records sum up to, if nothing was to be changed.
    pub sum: NamesSum,
}

impl Found {
    fn note(&mut self, strange: Strange) {
        self.anomalies += 1;
        self.strange_bytes += strange.text.len();
        if self.strange.len() < MAX_STRANGE && self.strange_bytes <= MAX_STRANGE_BYTES {
            self.strange.push(strange);
        }
    }
}

/// How a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All is done.
    Whole,
    /// Somebody wanted it to.
    Stopped,
}

/// What comes after some tiles.
enum Next {
    /// Those that follow.
    Go,
    /// Somebody wants it to stop.
    Stop,
    /// This one is to be read again.
    Again(Tile, Box<Result<Read, Unread>>),
    /// The log signed something else.
    OtherRoot(OtherRoot),
}

/// An audit under way.
pub struct Audit<'p> {
    prover: &'p Prover,
    sources: Sources,
    options: Options,
    replay: Replay,
    begin: u64,
    progress: Vec<progress::Done>,
    seen: Option<Seen>,
    key: SeenKey,
    keeper: Option<Keeper>,
    found: Found,
    /// How many of the strange records are kept already.
    kept_strange: usize,
    /// Records that are watched for, and are not kept yet.
    watched: Vec<WatchedRecord>,
    kept_at: Instant,
    stop: Arc<AtomicBool>,
    _lock: File,
}

impl Audit<'_> {
    /// Where the replay began.
    #[must_use]
    pub const fn begin(&self) -> u64 {
        self.begin
    }

    /// The size at which all of it began, in this audit and those that it goes on with.
    #[must_use]
    pub fn since(&self) -> u64 {
        let since = self.progress.iter().map(|done| done.since);
        since.max().unwrap_or(0)
    }

    fn watched_bytes(&self) -> usize {
        let records = self.watched.iter();
        records
            .map(|record| WATCHED_BYTES + record.text.len())
            .sum()
    }

    /// How many records are replayed.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.replay.range().size()
    }

    /// What was found.
    #[must_use]
    pub fn into_found(self) -> Found {
        self.found
    }

    /// Replays everything up to `to` records of the tree under a head.
    ///
    /// # Errors
    /// [`AuditError`]; what was replayed until then stays.
    pub async fn run(&mut self, head: TreeHead, to: u64) -> Result<Ended, AuditError> {
        let replayed = self.replay_all(head, to).await;
        // Whatever ends it, what was done is not done again.
        self.keep(End::NotYet).await?;
        replayed
    }

    async fn replay_all(&mut self, head: TreeHead, to: u64) -> Result<Ended, AuditError> {
        let rest = to.saturating_sub(self.size());
        self.prover.progress.expect_records(rest);
        // Whoever refuses one tile is not asked for hundreds.
        let mut tiles_ahead = 1;
        loop {
            let tiles: Vec<Tile> = self.replay.tiles(to).take(tiles_ahead).collect();
            let (Some(first), Some(last)) = (tiles.first(), tiles.last()) else {
                return Ok(Ended::Whole);
            };
            let above = self.hashes_above(head, first.index(), last.index()).await?;
            self.look_above(&above).await?;
            tiles_ahead = WINDOW_TILES;
            let tiles: Vec<Tile> = tiles.iter().map(|tile| as_in_tree(tile, head)).collect();
            match self.replay_tiles(&tiles, &above, to).await? {
                Next::Go => {}
                Next::Stop => return Ok(Ended::Stopped),
                Next::Again(tile, first) => {
                    if self.options.look_only {
                        self.found.false_tiles.push(self.damaged(&tile, &first));
                    }
                    let read = self.once_more(&above, tile, *first).await?;
                    self.take(to, &read)?;
                    if let Some(keeper) = &mut self.keeper {
                        keeper.take(vec![read]).await?;
                    }
                }
                Next::OtherRoot(other) => {
                    self.prover.contradict(other.head, head).await?;
                    return Err(ReplayError::OtherRoot(other).into());
                }
            }
        }
    }

    /// Replays tiles until something needs more than these: requests that are under way hold their
    /// places, and nothing else may be asked for meanwhile.
    async fn replay_tiles(
        &mut self,
        tiles: &[Tile],
        above: &AuthenticTiles,
        to: u64,
    ) -> Result<Next, AuditError> {
        let (prover, source, wanted) = (self.prover, self.sources.first.clone(), self.wanted());
        let stretches = tiles.chunks(STRETCH_TILES).map(<[Tile]>::to_vec);
        let mut stretches = futures_util::stream::iter(stretches)
            .map(|tiles| read_stretch(prover, source.clone(), wanted.clone(), tiles))
            .buffered(STRETCHES_AT_ONCE);
        loop {
            let stretch = tokio::select! {
                stretch = stretches.next() => stretch,
                () = stopped(&self.stop) => return Ok(Next::Stop),
            };
            let Some(stretch) = stretch else {
                return Ok(Next::Go);
            };
            let mut reads = Vec::with_capacity(stretch.len());
            let mut next = Next::Go;
            for (tile, read) in stretch {
                match read {
                    Ok(read) if belongs(above, &tile, &read.hashed) => {
                        match self.take(to, &read) {
                            Err(AuditError::Replay(ReplayError::OtherRoot(other))) => {
                                next = Next::OtherRoot(other);
                                break;
                            }
                            taken => taken?,
                        }
                        reads.push(read);
                    }
                    first => {
                        next = Next::Again(tile, Box::new(first));
                        break;
                    }
                }
            }
            if let Some(keeper) = &mut self.keeper {
                keeper.take(reads).await?;
            }
            if !matches!(next, Next::Go) {
                return Ok(next);
            }
            if self.kept_at.elapsed() >= KEPT_EVERY || self.watched_bytes() >= MAX_WATCHED_BYTES {
                self.keep(End::NotYet).await?;
            }
        }
    }

    /// What is to be done with the tiles above before those below are read.
    async fn look_above(&mut self, above: &AuthenticTiles) -> Result<(), AuditError> {
        if self.options.check_tiles || self.options.hashes_only {
            self.check_above(above).await?;
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.take_above(above)?;
        }
        Ok(())
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            hashes_only: self.options.hashes_only,
            claimed_hashes: self.options.check_tiles,
            content: self.options.mirror && !self.options.hashes_only,
            sum: self.options.look_only,
            limit_bytes: USUAL_TILE_BYTES,
            key: self.key,
            watchlist: self.options.watchlist.clone(),
        }
    }

    /// Takes up a tile that is authentic.
    fn take(&mut self, to: u64, read: &Read) -> Result<(), AuditError> {
        let begin = read.tile.index() * ROOTS_IN_TILE;
        let size = self.size();
        let beyond = begin + u64::from(read.tile.width()) > to;
        let appended = if beyond {
            let some = usize::try_from(to - begin).unwrap_or(usize::MAX);
            let hashes = read.hashed.hashes().iter().take(some).copied();
            let hashed = HashedTile::of(hashes.collect());
            self.replay.append(read.tile.index(), &hashed)
        } else {
            self.replay.append(read.tile.index(), &read.hashed)
        };
        self.found.heads += appended?;
        let is_new = |index: u64| index >= size && index < to;
        if let Some(seen) = &mut self.seen {
            for (fingerprint, index) in &read.fingerprints {
                if is_new(*index) && *index >= seen.size() {
                    seen.push(*fingerprint, *index)?;
                }
            }
            seen.set_size(self.replay.range().size());
        }
        self.found.sum.join(read.sum);
        let strange = read.strange.iter().filter(|strange| is_new(strange.index));
        strange.for_each(|strange| self.found.note(strange.clone()));
        let watched = read.watched.iter().filter(|of| is_new(of.record_index));
        self.watched.extend(watched.cloned());
        if let Some(claimed) = &read.claimed {
            self.compare_claimed(&read.tile, &read.hashed, claimed)?;
        }
        let replayed = self.size() - size;
        self.found.replayed += replayed;
        self.prover.progress.replayed(replayed);
        Ok(())
    }

    /// A tile of a mirror that is not what was written, though a better one may be had.
    fn damaged(&self, tile: &Tile, read: &Result<Read, Unread>) -> FalseTile {
        let mut fault = not_of_the_log(tile, self.options.hashes_only);
        if let Err(unread) = read {
            fault.reason = unread.reason();
        }
        fault
    }

    /// A tile that is not the log's is asked for afresh, and then elsewhere.
    async fn once_more(
        &self,
        above: &AuthenticTiles,
        tile: Tile,
        first: Result<Read, Unread>,
    ) -> Result<Read, AuditError> {
        let mut wanted = self.wanted();
        wanted.limit_bytes = MAX_DATA_TILE_BYTES;
        let second = self.sources.second.clone().map(Source::Other);
        let sources = [Some(self.sources.first.clone()), second];
        let mut refused = match first {
            Err(unread) => unread,
            Ok(_) => Unread::Unavailable(String::new()),
        };
        let mut false_tile = None;
        for source in sources.into_iter().flatten() {
            let read = read_stretch(self.prover, source.clone(), wanted.clone(), vec![tile]).await;
            let Some((_, read)) = read.into_iter().next() else {
                continue;
            };
            match read {
                Ok(read) if belongs(above, &tile, &read.hashed) => return Ok(read),
                Ok(_) => {
                    let mut fault = not_of_the_log(&tile, wanted.hashes_only);
                    let bytes = read::ask(self.prover, &source, &fault.tile, MAX_DATA_TILE_BYTES);
                    if let Ok(bytes) = bytes.await {
                        fault.kept = self.keep_false(&fault.tile, &bytes);
                    }
                    false_tile = false_tile.or(Some(fault));
                }
                Err(Unread::False(reason, bytes)) => {
                    let mut fault = not_of_the_log(&tile, wanted.hashes_only);
                    fault.reason = reason;
                    fault.kept = self.keep_false(&fault.tile, &bytes);
                    false_tile = false_tile.or(Some(fault));
                }
                Err(unread) => refused = unread,
            }
        }
        Err(match (false_tile, refused) {
            (Some(fault), _) => AuditError::False(fault),
            (None, Unread::Refused(status)) => AuditError::Refused { tile, status },
            (None, unread) => AuditError::Unavailable {
                tile,
                reason: unread.reason(),
            },
        })
    }

    /// What a server gives for a tile of hashes that is known.
    fn compare_claimed(
        &mut self,
        tile: &Tile,
        hashed: &HashedTile,
        claimed: &Result<HashedTile, Unread>,
    ) -> Result<(), AuditError> {
        let Some(leaves) = read::leaves_of(tile) else {
            return Ok(());
        };
        let (reason, bytes) = match claimed {
            Ok(claimed) if claimed.hashes() == hashed.hashes() => return Ok(()),
            Ok(claimed) => {
                let reason = "its hashes are not those of the records";
                (reason.to_owned(), claimed.to_bytes())
            }
            Err(Unread::False(reason, bytes)) => (reason.clone(), bytes.to_vec()),
            Err(unread) => {
                return Err(AuditError::Unavailable {
                    tile: leaves,
                    reason: unread.reason(),
                });
            }
        };
        let kept = self.keep_false(&leaves, &bytes);
        self.found.false_tiles.push(FalseTile {
            tile: leaves,
            reason,
            kept,
        });
        Ok(())
    }

    /// Asks for the tiles above the lowest level as well, though it is known what they must be.
    async fn check_above(&mut self, above: &AuthenticTiles) -> Result<(), AuditError> {
        let upper = above
            .iter()
            .filter(|(tile, _)| tile.level() != TileLevel::Hashes(0));
        let (prover, source) = (self.prover, &self.sources.first);
        let mut claims = futures_util::stream::iter(upper)
            .map(|(tile, hashed)| async move {
                let bytes = read::ask(prover, source, &tile, MAX_DATA_TILE_BYTES).await;
                (tile, hashed, bytes)
            })
            .buffered(STRETCH_TILES);
        let mut faults = Vec::new();
        while let Some((tile, hashed, bytes)) = claims.next().await {
            let bytes = bytes.map_err(|unread| AuditError::Unavailable {
                tile,
                reason: unread.reason(),
            })?;
            let wanted = bytes.get(..tile.hash_bytes().min(bytes.len()));
            if wanted != Some(&hashed.to_bytes()) {
                faults.push((tile, bytes));
            }
        }
        drop(claims);
        for (tile, bytes) in faults {
            let kept = self.keep_false(&tile, &bytes);
            self.found.false_tiles.push(FalseTile {
                tile,
                reason: "its hashes are not those of the tiles below it".to_owned(),
                kept,
            });
        }
        Ok(())
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
        self.authentic(&plan, head).await
    }

    async fn authentic(
        &self,
        plan: &TilePlan,
        head: TreeHead,
    ) -> Result<AuthenticTiles, AuditError> {
        let (authentic, faults) = self.prover.authentic_tiles(plan, head).await?;
        match faults.into_iter().next() {
            None => Ok(authentic),
            Some(fault) => Err(AuditError::Hashes(fault)),
        }
    }

    fn keep_false(&self, tile: &Tile, bytes: &[u8]) -> Option<PathBuf> {
        let (home, log) = (&self.prover.home, self.prover.key.name());
        home.keep_false_tile(log, &tile.path(), bytes)
    }
}

/// Until somebody wants it to stop.
async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOKS_EVERY).await;
    }
}

/// The same tile as wide as the tree has it.
fn as_in_tree(tile: &Tile, head: TreeHead) -> Tile {
    let begin = tile.index() * ROOTS_IN_TILE;
    let width = (head.size() - begin).min(ROOTS_IN_TILE);
    let width = u32::try_from(width).unwrap_or(u32::MAX);
    Tile::new(HEIGHT, tile.level(), tile.index(), width).unwrap_or(*tile)
}

/// Which audits a kind of replay goes on with.
#[must_use]
pub const fn kinds(options: &Options) -> &'static [AuditKind] {
    if options.look_only {
        return &[];
    }
    if options.since.is_some() {
        return match options.hashes_only {
            false => &[AuditKind::RecordsSince],
            true => &[AuditKind::HashesSince],
        };
    }
    match (options.hashes_only, options.mirror) {
        (false, false) => &[AuditKind::Records],
        (false, true) => &[AuditKind::Records, AuditKind::Mirror],
        (true, false) => &[AuditKind::Hashes],
        (true, true) => &[AuditKind::Hashes, AuditKind::MirrorHashes],
    }
}
