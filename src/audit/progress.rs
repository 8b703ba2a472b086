//! Where an audit begins, and what is not done again.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::keeper::Keeper;
use super::seen::{Extent, Seen, SeenKey};
use super::{Audit, AuditError, Found, Options, Sources, Strange, kinds};
use crate::io::names::NamesExtent;
use crate::io::store::{AuditKind, AuditState, StoredAnomaly};
use crate::prover::{HEIGHT, ProveError, Prover};
use crate::sumdb::audit::Replay;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::hash::{HASH_BYTES, Hash};
use crate::tlog::range::CompactRange;
use crate::tlog::tile::Tile;
use crate::tlog::tile_auth::TilePlan;

/// How far one kind of replay has come.
#[derive(Debug)]
pub(super) struct Done {
    kind: AuditKind,
    size: u64,
    head_size: u64,
    /// What is below was never replayed.
    pub(super) since: u64,
    /// What is replayed now goes on from there, with nothing between.
    goes_on: bool,
}

/// What is at its end when it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    NotYet,
    /// What was replayed is compared with all before it.
    Settled,
    /// And a mirror has all that belongs to the head of this size.
    Mirrored(u64),
}

/// One of them as it was kept.
struct Kept {
    range: CompactRange,
    head_size: u64,
    files: Vec<u8>,
    since: u64,
}

impl Kept {
    fn nothing() -> Self {
        Self {
            range: CompactRange::empty(),
            head_size: 0,
            files: Vec::new(),
            since: 0,
        }
    }
}

/// What is noted of module versions: audits that begin in the middle know nothing of what is before.
fn seen_folder(prover: &Prover, kind: AuditKind) -> PathBuf {
    let log = prover.key.name();
    match kind {
        AuditKind::RecordsSince => prover.home.seen_since_folder(log),
        _ => prover.home.seen_folder(log),
    }
}

impl<'p> Audit<'p> {
    /// Goes on where the last audit of this home ended.
    ///
    /// # Errors
    /// [`AuditError`] if its state cannot be used.
    pub async fn resume(
        prover: &'p Prover,
        sources: Sources,
        options: Options,
        head: TreeHead,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, AuditError> {
        let log = prover.key.name();
        let lock = prover.home.lock_audit(log);
        let lock = lock.map_err(|error| AuditError::Disk(io::Error::other(error)))?;
        let lock = lock.ok_or(AuditError::Busy)?;
        let mut kept = Vec::new();
        for kind in kinds(&options) {
            let state = match (read(prover, *kind)?, options.since) {
                (Some(state), _) => state,
                (None, None) => Kept::nothing(),
                (None, Some(since)) => Kept {
                    range: range_at(prover, since, head).await?,
                    since,
                    ..Kept::nothing()
                },
            };
            kept.push((*kind, state));
        }
        let range = match options.from {
            None => {
                let ranges = kept.iter().map(|(_, kept)| &kept.range);
                let least = ranges.min_by_key(|range| range.size());
                least.cloned().unwrap_or_else(CompactRange::empty)
            }
            Some(from) => range_at(prover, from, head).await?,
        };
        let begin = range.size();
        let (mut seen, mut keeper, mut key) = (None, None, new_key()?);
        let mut progress = Vec::new();
        for (kind, kept) in kept {
            let size = kept.range.size();
            let goes_on = begin <= size;
            progress.push(Done {
                kind,
                size,
                head_size: kept.head_size,
                since: kept.since,
                goes_on,
            });
            let damaged = || AuditError::Damaged("of what was seen".to_owned());
            match kind {
                _ if !goes_on => {}
                AuditKind::Records | AuditKind::RecordsSince => {
                    let extent = match kept.files.split_first_chunk() {
                        None => Some(Extent::default()),
                        Some((known, extent)) => {
                            key = *known;
                            Extent::from_bytes(extent)
                        }
                    };
                    let extent = extent.ok_or_else(damaged)?;
                    let opened = Seen::open(&seen_folder(prover, kind), extent, size);
                    seen = Some(opened.map_err(|error| AuditError::Damaged(error.to_string()))?);
                }
                AuditKind::Mirror => {
                    let extent = if kept.files.is_empty() {
                        NamesExtent::default()
                    } else {
                        NamesExtent::from_bytes(&kept.files).ok_or_else(damaged)?
                    };
                    keeper = Some(Keeper::open(&prover.home, log, size, Some(extent))?);
                }
                AuditKind::MirrorHashes => {
                    keeper = Some(Keeper::open(&prover.home, log, size, None)?);
                }
                AuditKind::Hashes | AuditKind::HashesSince | AuditKind::MirrorSparse => {}
            }
        }
        Ok(Self {
            prover,
            sources,
            options,
            replay: Replay::new(range, prover.verified_heads_above(begin)?),
            begin,
            progress,
            seen,
            key,
            keeper,
            found: Found::default(),
            kept_strange: 0,
            watched: Vec::new(),
            kept_at: Instant::now(),
            stop,
            _lock: lock,
        })
    }

    /// Forgets how far the last audit came.
    ///
    /// # Errors
    /// [`AuditError`]
    pub fn forget(prover: &Prover, kinds: &[AuditKind]) -> Result<(), AuditError> {
        let store = prover.store.borrow();
        for kind in kinds {
            let forgotten = store.forget_audit(&prover.key.to_string(), *kind);
            forgotten.map_err(ProveError::from)?;
        }
        Ok(())
    }

    /// Whether what was replayed is remembered: it is not if records between it and the last audit were
    /// left out.
    #[must_use]
    pub fn is_remembered(&self) -> bool {
        self.progress.iter().all(|done| done.goes_on)
    }

    /// What is done from here on is not done again; the files beside the database are on the disk
    /// before it says so.
    pub(super) async fn keep(&mut self, end: End) -> Result<(), AuditError> {
        if self.options.look_only {
            return Ok(());
        }
        let extent = match &mut self.seen {
            Some(seen) => seen.flush()?.to_bytes(),
            None => Vec::new(),
        };
        let names = match &mut self.keeper {
            Some(keeper) => keeper.flush(end != End::NotYet).await?,
            None => Vec::new(),
        };
        let range = self.replay.range();
        let reached = self.reached_head()?;
        let roots = range.subtree_roots().iter();
        let subtree_roots: Vec<u8> = roots.flat_map(|root| *root.as_bytes()).collect();
        let mut states = Vec::new();
        for done in &mut self.progress {
            if !done.goes_on || range.size() < done.size {
                continue;
            }
            done.size = range.size();
            let reached = match (done.kind, end) {
                // The tiles at the right edge of this head are there, and of no smaller one.
                (AuditKind::Mirror | AuditKind::MirrorHashes, End::Mirrored(size)) => size,
                (AuditKind::Mirror | AuditKind::MirrorHashes, End::Settled) | (_, End::NotYet) => 0,
                _ => reached,
            };
            done.head_size = done.head_size.max(reached);
            let files = match done.kind {
                AuditKind::Records | AuditKind::RecordsSince => {
                    [self.key.as_slice(), &extent].concat()
                }
                AuditKind::Mirror => names.clone(),
                _ => Vec::new(),
            };
            states.push((
                done.kind,
                AuditState {
                    size: range.size(),
                    subtree_roots: subtree_roots.clone(),
                    head_size: done.head_size,
                    files,
                    since: done.since,
                },
            ));
        }
        let strange = self.found.strange.get(self.kept_strange..);
        let strange: Vec<_> = strange.unwrap_or_default().iter().map(Into::into).collect();
        let (name, key) = (self.prover.key.name(), self.prover.key.to_string());
        let store = self.prover.store.borrow();
        let kept = store.keep_audit(name, &key, &states, &strange, &self.watched);
        kept.map_err(ProveError::from)?;
        self.watched.clear();
        self.kept_strange = self.found.strange.len();
        self.kept_at = Instant::now();
        Ok(())
    }

    /// Ends an audit, whole or not: what was replayed is compared with all that was seen before, and a
    /// mirror that has reached a signed head says so.
    ///
    /// # Errors
    /// [`AuditError`]
    pub async fn settle(&mut self, head: TreeHead) -> Result<(), AuditError> {
        if let Some(keeper) = &mut self.keeper {
            keeper.begin_to_merge(true).await?;
        }
        if let Some(mut seen) = self.seen.take() {
            let settled = tokio::task::spawn_blocking(move || {
                let alike = seen.settle();
                (seen, alike)
            });
            let (seen, alike) = settled.await.map_err(io::Error::other)?;
            self.seen = Some(seen);
            self.compare(alike?, head).await?;
            self.found.compared = true;
        }
        let end = if self.size() == head.size() && head.size() > 0 {
            self.end_mirror(head).await?;
            End::Mirrored(head.size())
        } else {
            End::Settled
        };
        self.keep(end).await?;
        if let Some(seen) = &self.seen {
            seen.sweep()?;
        }
        if let Some(keeper) = &self.keeper {
            keeper.sweep()?;
        }
        Ok(())
    }

    /// The tiles at the right edge, and the signed head itself.
    async fn end_mirror(&mut self, head: TreeHead) -> Result<(), AuditError> {
        if self.keeper.is_none() {
            return Ok(());
        }
        let plan = TilePlan::for_tree(HEIGHT, head.size());
        let edge = self.authentic(&plan, head).await?;
        let edge: Vec<_> = edge
            .iter()
            .map(|(tile, hashed)| (tile, Arc::clone(hashed)))
            .collect();
        let note = self.prover.verified_head_at(head.size())?;
        if let (Some(keeper), Some(note)) = (&mut self.keeper, note) {
            keeper.take_edge(&edge, note.checkpoint().note().as_str())?;
        }
        Ok(())
    }

    /// Size of the newest verified head that the replay has reached.
    fn reached_head(&self) -> Result<u64, AuditError> {
        let reached = self.prover.newest_verified_head_within(self.size())?;
        Ok(reached.map_or(0, |head| head.size()))
    }

    /// Where a data tile of the mirror lies, if that has it.
    pub(super) fn mirrored(&self, tile: &Tile) -> Option<Vec<u8>> {
        let keeper = self.keeper.as_ref()?;
        keeper.folder().data_tile(tile)
    }
}

/// How far the last replay of this kind has come.
fn read(prover: &Prover, kind: AuditKind) -> Result<Option<Kept>, AuditError> {
    let state = prover
        .store
        .borrow()
        .audit_state(&prover.key.to_string(), kind);
    let Some(state) = state.map_err(ProveError::from)? else {
        return Ok(None);
    };
    let (roots, rest) = state.subtree_roots.as_chunks::<HASH_BYTES>();
    let roots = roots.iter().map(|root| Hash::from_bytes(*root)).collect();
    match CompactRange::from_subtree_roots(state.size, roots) {
        Ok(range) if rest.is_empty() => Ok(Some(Kept {
            range,
            head_size: state.head_size,
            files: state.files,
            since: state.since,
        })),
        _ => Err(AuditError::Damaged("its compact range".to_owned())),
    }
}

/// The compact range in the middle of a tree.
async fn range_at(prover: &Prover, size: u64, head: TreeHead) -> Result<CompactRange, AuditError> {
    let mut plan = TilePlan::for_tree(HEIGHT, head.size());
    if plan.add_prefix(size).is_err() {
        return Err(AuditError::Beyond {
            size,
            newest: head.size(),
        });
    }
    let (authentic, faults) = prover.authentic_tiles(&plan, head).await?;
    let missing = || AuditError::Hashes(faults.into_iter().next().unwrap_or_default());
    authentic.range_at(size).ok_or_else(missing)
}

/// What nobody who writes records can know.
fn new_key() -> Result<SeenKey, AuditError> {
    let mut key = [0; 16];
    let filled = getrandom::fill(&mut key);
    filled.map_err(|error| AuditError::Disk(io::Error::other(error.to_string())))?;
    Ok(key)
}

impl From<&Strange> for StoredAnomaly {
    fn from(strange: &Strange) -> Self {
        Self {
            record_index: strange.index,
            kind: strange.anomaly.as_str().to_owned(),
            earlier: strange.earlier,
            text: strange.text.clone(),
        }
    }
}
