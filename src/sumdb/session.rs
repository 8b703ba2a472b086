//! One run against the log, as a state machine without I/O: heads and lookups go in, a plan of
//! tiles comes out, authentic tiles go in, proven records come out.

use std::collections::{BTreeMap, HashSet};

use super::fork::Fork;
use super::head::{HeadError, open_head};
use super::lookup::{LookupError, LookupReply};
use super::record::{AuthenticRecord, RecordText};
use super::timeline::{Candidates, ConsistentHead, DamagedHead, OrderError, TiedHeads, Timeline};
use crate::golang::module::ModuleVersion;
use crate::tlog::checkpoint::{Checkpoint, TreeHead};
use crate::tlog::proof::ProofError;
use crate::tlog::tile::TileHeight;
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// What has been claimed so far, in the course of one run, by servers and caches.
#[derive(Debug, Clone)]
pub struct Session {
    timeline: Timeline,
    height: TileHeight,
    heads: BTreeMap<Vec<u8>, Checkpoint>,
    claims: BTreeMap<ModuleVersion, Claim>,
}

/// A lookup reply whose note opened.
#[derive(Debug, Clone)]
struct Claim {
    index: u64,
    text: RecordText,
    head: TreeHead,
}

/// What one plan of tiles is to prove.
#[derive(Debug)]
pub struct Plan {
    candidates: Candidates,
    tiles: TilePlan,
}

/// What a run has proven.
#[derive(Debug)]
pub struct Conclusion {
    /// The newest verified head; `None` if the tiles did not prove any.
    pub head: Option<ConsistentHead>,
    /// Older heads that are now tied to it.
    pub older_heads: Vec<ConsistentHead>,
    /// Heads that the tiles do not tie to it, for want of a tile: they may be of another tree.
    pub untied_heads: Vec<TreeHead>,
    /// The records that were proven, by what was asked for.
    pub records: BTreeMap<ModuleVersion, AuthenticRecord>,
    /// Claims that could not be proven.
    pub unproven: BTreeMap<ModuleVersion, Unproven>,
}

/// Why a lookup reply is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not a reply.
    #[error(transparent)]
    Reply(#[from] LookupError),
    /// The head that came along does not open.
    #[error("the tree head in the lookup reply is not valid: {0}")]
    Head(#[from] HeadError),
}

/// Why a claimed record is not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// The index lies beyond the tree.
    #[error("the reply names record {index}, but the log has only {size} records")]
    BeyondTree {
        /// Claimed record index.
        index: u64,
        /// Tree size in records.
        size: u64,
    },
    /// Tiles are missing, or not authentic.
    #[error("the tiles that would prove record {index} are missing or not authentic")]
    NoTiles {
        /// Claimed record index.
        index: u64,
    },
    /// The head in the reply could not be tied to the verified one.
    #[error(
        "the tiles that would tie the reply's tree head of {size} records are missing or not authentic"
    )]
    HeadNotTied {
        /// Size of the reply's tree in records.
        size: u64,
    },
    /// The text is not what the log has at that index.
    #[error("the reply's text is not record {index} of the log: {cause}")]
    OtherRecord {
        /// Claimed record index.
        index: u64,
        /// What the check said.
        cause: ProofError,
    },
    /// The record is authentic, and about something else.
    #[error("the reply is an authentic record, {index}, of another module version")]
    OtherModule {
        /// Record index.
        index: u64,
    },
}

impl Session {
    /// Begins a run on a verified timeline, which may be empty.
    #[must_use]
    pub const fn new(timeline: Timeline, height: TileHeight) -> Self {
        Self {
            timeline,
            height,
            heads: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }

    /// The verified timeline that the run stands on.
    #[must_use]
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Goes on with what was claimed, on a timeline that another process has moved.
    pub fn rebase(&mut self, timeline: Timeline) {
        self.timeline = timeline;
    }

    /// Takes a signed head, as from `/latest`.
    ///
    /// # Errors
    /// [`HeadError`]; nothing is kept of it.
    pub fn see_head(&mut self, note: &[u8]) -> Result<TreeHead, HeadError> {
        // Thousands of replies carry the same few notes: each is verified once.
        if let Some(known) = self.heads.get(note) {
            return Ok(known.head());
        }
        let checkpoint = open_head(note, self.timeline.key())?;
        let head = checkpoint.head();
        self.heads.insert(note.to_vec(), checkpoint);
        Ok(head)
    }

    /// Takes a lookup reply, and tells the head that came with it.
    ///
    /// # Errors
    /// [`ClaimError`]; nothing is kept of it.
    pub fn see_lookup(
        &mut self,
        module: &ModuleVersion,
        reply: &[u8],
    ) -> Result<TreeHead, ClaimError> {
        let reply = LookupReply::parse(reply)?;
        let head = self.see_head(reply.note)?;
        let claim = Claim {
            index: reply.index,
            text: reply.text,
            head,
        };
        self.claims.insert(module.clone(), claim);
        Ok(head)
    }

    /// Size of the newest head of the timeline; 0 if there is none.
    ///
    /// # Errors
    /// [`DamagedHead`]
    pub fn newest_verified(&self) -> Result<u64, DamagedHead> {
        let newest = self.timeline.newest()?;
        Ok(newest.map_or(0, |head| head.tree_head().size()))
    }

    /// Drops the claim for a module version. The head that came with it stays: it is signed.
    pub fn forget(&mut self, module: &ModuleVersion) {
        self.claims.remove(module);
    }

    /// Leaves out signed heads above a size, for want of the tiles that would prove them; tells
    /// whether there were any.
    pub fn ignore_heads_above(&mut self, size: u64) -> bool {
        let before = self.heads.len();
        self.heads.retain(|_, head| head.head().size() <= size);
        self.heads.len() < before
    }

    /// Sizes of the heads seen in this run, largest first.
    #[must_use]
    pub fn seen_sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.heads.values().map(|head| head.head().size()).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        sizes
    }

    /// Plans the tiles that prove all claims under the newest head and tie all heads to it;
    /// `None` if there is nothing to prove.
    ///
    /// # Errors
    /// [`OrderError`] if heads of one size contradict each other, or the timeline is damaged.
    pub fn plan(&self) -> Result<Option<Plan>, OrderError> {
        let seen = self.heads.values().cloned();
        let Some(candidates) = Candidates::order(&self.timeline, seen)? else {
            return Ok(None);
        };
        if candidates.is_settled() && self.claims.is_empty() {
            return Ok(None);
        }
        let mut tiles = TilePlan::for_tree(self.height, candidates.working().head().size());
        candidates.add_to(&mut tiles);
        for claim in self.claims.values() {
            // A record beyond the tree is told when the run concludes.
            let _ = tiles.add_record(claim.index);
        }
        Ok(Some(Plan { candidates, tiles }))
    }

    /// Draws the conclusion from the tiles that came.
    ///
    /// # Errors
    /// [`Fork`] if authentic tiles contradict a signed head. No verdict may be given then.
    pub fn conclude(&self, plan: Plan, tiles: &AuthenticTiles) -> Result<Conclusion, Box<Fork>> {
        let tied = plan.candidates.tie(tiles)?;
        let vouched = self.vouched_heads(&tied);
        let mut conclusion = Conclusion {
            head: tied.working,
            older_heads: tied.older,
            untied_heads: tied.untied,
            records: BTreeMap::new(),
            unproven: BTreeMap::new(),
        };
        for (module, claim) in &self.claims {
            let head = conclusion.head.as_ref();
            match prove(module, claim, head, &vouched, tiles) {
                Ok(record) => drop(conclusion.records.insert(module.clone(), record)),
                Err(unproven) => drop(conclusion.unproven.insert(module.clone(), unproven)),
            }
        }
        Ok(conclusion)
    }

    /// The heads that claims may have come with: those tied now, and those of the timeline.
    fn vouched_heads(&self, tied: &TiedHeads) -> HashSet<TreeHead> {
        let mut vouched: HashSet<TreeHead> = tied
            .working
            .iter()
            .chain(&tied.older)
            .map(ConsistentHead::tree_head)
            .collect();
        let claimed: HashSet<TreeHead> = self.claims.values().map(|claim| claim.head).collect();
        for head in claimed {
            let stored = self.timeline.at(head.size()).ok().flatten();
            vouched.extend(stored.map(|stored| stored.tree_head()));
        }
        vouched
    }
}

fn prove(
    module: &ModuleVersion,
    claim: &Claim,
    head: Option<&ConsistentHead>,
    vouched: &HashSet<TreeHead>,
    tiles: &AuthenticTiles,
) -> Result<AuthenticRecord, Unproven> {
    let index = claim.index;
    let head = head.ok_or(Unproven::NoTiles { index })?;
    if !vouched.contains(&claim.head) {
        return Err(Unproven::HeadNotTied {
            size: claim.head.size(),
        });
    }
    let size = head.tree_head().size();
    if index >= size {
        return Err(Unproven::BeyondTree { index, size });
    }
    let proof = tiles
        .inclusion_proof(index)
        .ok_or(Unproven::NoTiles { index })?;
    let record = AuthenticRecord::prove(head, index, claim.text.clone(), proof)
        .map_err(|cause| Unproven::OtherRecord { index, cause })?;
    if record.is_about(module) {
        Ok(record)
    } else {
        Err(Unproven::OtherModule { index })
    }
}

impl Conclusion {
    /// Whether nothing is left that other tiles or replies could prove.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unproven.is_empty() && self.untied_heads.is_empty()
    }
}

impl Plan {
    /// The head under which everything is to be proven.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.candidates.working().head()
    }

    /// The tiles to fetch.
    #[must_use]
    pub const fn tiles(&self) -> &TilePlan {
        &self.tiles
    }
}

#[cfg(test)]
mod tests;
