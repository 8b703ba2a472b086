//! The verified timeline: signed heads of which each is a prefix of the next.

use std::collections::BTreeMap;

use super::fork::{Contradiction, Fork};
use super::head::{HeadError, open_head};
use crate::tlog::checkpoint::{Checkpoint, TreeHead};
use crate::tlog::note::VerifierKey;
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// A signed head that is tied into the verified timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistentHead(Checkpoint);

impl ConsistentHead {
    /// Size and root.
    #[must_use]
    pub const fn tree_head(&self) -> TreeHead {
        self.0.head()
    }

    /// The signed checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.0
    }
}

/// The heads that were verified before, by size, as the home keeps them: signed notes, whose
/// signatures are checked again when a head is used.
#[derive(Debug, Clone)]
pub struct Timeline {
    key: VerifierKey,
    notes: BTreeMap<u64, Vec<u8>>,
}

/// A head in the home is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DamagedHead {
    /// The note does not open any more.
    #[error("the stored tree head of {size} records is damaged: {cause}")]
    Note {
        /// Tree size under which it is stored.
        size: u64,
        /// What is wrong with it.
        cause: HeadError,
    },
    /// The note is of another size than the one it is stored under.
    #[error("the stored tree head of {size} records is damaged: its note is of {found} records")]
    Size {
        /// Tree size under which it is stored.
        size: u64,
        /// Tree size in the note.
        found: u64,
    },
}

/// How heads that a session has seen are to be tied into the timeline.
#[derive(Debug, Clone)]
pub struct Candidates {
    working: Checkpoint,
    verified: Option<ConsistentHead>,
    older: Vec<Checkpoint>,
}

/// Heads after the check.
#[derive(Debug, Clone)]
pub struct TiedHeads {
    /// The newest head; `None` if the tiles do not tie it to the verified timeline.
    pub working: Option<ConsistentHead>,
    /// Other heads that are now proven prefixes of it.
    pub older: Vec<ConsistentHead>,
    /// Other heads that the tiles do not tie to it.
    pub untied: Vec<TreeHead>,
}

impl Timeline {
    /// The timeline of a home without heads.
    #[must_use]
    pub const fn empty(key: VerifierKey) -> Self {
        Self {
            key,
            notes: BTreeMap::new(),
        }
    }

    /// Takes up the heads that a home has kept, as pairs of tree size and signed note. They were
    /// tied to each other before they were stored; their signatures are checked at each use.
    #[must_use]
    pub fn restore(key: VerifierKey, notes: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Self {
        Self {
            key,
            notes: notes.into_iter().collect(),
        }
    }

    /// The log's key.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The head of the largest tree.
    ///
    /// # Errors
    /// [`DamagedHead`]
    pub fn newest(&self) -> Result<Option<ConsistentHead>, DamagedHead> {
        self.notes
            .last_key_value()
            .map(|(&size, _)| self.at(size))
            .transpose()
            .map(Option::flatten)
    }

    /// The sizes of all trees, smallest first.
    pub fn sizes(&self) -> impl DoubleEndedIterator<Item = u64> + use<'_> {
        self.notes.keys().copied()
    }

    /// The head of that size, if it was ever verified.
    ///
    /// # Errors
    /// [`DamagedHead`]
    pub fn at(&self, size: u64) -> Result<Option<ConsistentHead>, DamagedHead> {
        let Some(note) = self.notes.get(&size) else {
            return Ok(None);
        };
        let head = open_head(note, &self.key).map_err(|cause| DamagedHead::Note { size, cause })?;
        match head.head().size() {
            found if found == size => Ok(Some(ConsistentHead(head))),
            found => Err(DamagedHead::Size { size, found }),
        }
    }
}

/// Why heads cannot be put into an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Two of them are of one size and have two roots.
    #[error("two signed tree heads of one size have different roots")]
    Fork(Box<Fork>),
    /// The home is damaged.
    #[error(transparent)]
    Damaged(#[from] DamagedHead),
}

impl Candidates {
    /// Orders the signed heads that a session has seen: the newest of them and of the timeline is
    /// the working head. `None` if there is no head at all.
    ///
    /// # Errors
    /// [`OrderError::Fork`] if two heads of one size have different roots: no tile is needed to
    /// see that.
    pub fn order(
        timeline: &Timeline,
        seen: impl IntoIterator<Item = Checkpoint>,
    ) -> Result<Option<Self>, OrderError> {
        let verified = timeline.newest()?;
        let mut by_size: BTreeMap<u64, Checkpoint> = BTreeMap::new();
        for head in seen {
            let size = head.head().size();
            let known = match by_size.get(&size) {
                Some(known) => Some(known.clone()),
                None => timeline.at(size)?.map(|known| known.0),
            };
            match known {
                None => {
                    by_size.insert(size, head);
                }
                Some(known) => no_two_roots(known, head)?,
            }
        }
        let newest_seen = by_size.last_key_value().map(|(&size, _)| size);
        let newest_verified = verified.as_ref().map(|head| head.tree_head().size());
        let working = if newest_seen > newest_verified {
            by_size.pop_last().map(|(_, head)| head)
        } else {
            verified.as_ref().map(|head| head.0.clone())
        };
        let older = by_size.into_values().collect();
        Ok(working.map(|working| Self {
            working,
            verified,
            older,
        }))
    }

    /// The head under which everything is to be proven.
    #[must_use]
    pub const fn working(&self) -> &Checkpoint {
        &self.working
    }

    /// Whether the working head is the timeline's own and no other head is to be tied.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.older.is_empty()
            && self
                .verified
                .as_ref()
                .is_some_and(|verified| verified.0 == self.working)
    }

    /// Adds to a plan for the working head what ties the other heads to it.
    pub fn add_to(&self, plan: &mut TilePlan) {
        let verified = self.verified.iter().map(ConsistentHead::tree_head);
        let older = self.older.iter().map(Checkpoint::head);
        for head in verified.chain(older) {
            // None of them is larger than the working head, so planning cannot fail.
            let _ = plan.add_prefix(head.size());
        }
    }

    /// Checks that each head is a prefix of the working head.
    ///
    /// Heads that the tiles do not reach are untied: to withhold tiles is no misbehaviour of the
    /// log, and no reason to pass over a head that may be of another tree.
    ///
    /// # Errors
    /// [`Fork`] if a signed head is contradicted by tiles that are authentic under the working
    /// head.
    pub fn tie(self, tiles: &AuthenticTiles) -> Result<TiedHeads, Box<Fork>> {
        let nothing = TiedHeads {
            working: None,
            older: Vec::new(),
            untied: self.older.iter().map(Checkpoint::head).collect(),
        };
        if tiles.head() != self.working.head() {
            return Ok(nothing);
        }
        let verified_is_prefix = match &self.verified {
            Some(verified) => is_prefix(&verified.0, &self.working, tiles)?,
            // The first head of a home: its tiles are authentic, and nothing older binds it.
            None => tiles.iter().next().is_some(),
        };
        let mut older = Vec::new();
        let mut untied = Vec::new();
        for head in self.older {
            if is_prefix(&head, &self.working, tiles)? && verified_is_prefix {
                older.push(ConsistentHead(head));
            } else {
                untied.push(head.head());
            }
        }
        if verified_is_prefix {
            Ok(TiedHeads {
                working: Some(ConsistentHead(self.working)),
                older,
                untied,
            })
        } else {
            Ok(nothing)
        }
    }
}

/// `Ok(false)` if the tiles do not tell.
fn is_prefix(
    older: &Checkpoint,
    working: &Checkpoint,
    tiles: &AuthenticTiles,
) -> Result<bool, Box<Fork>> {
    if older == working {
        return Ok(true);
    }
    let Some(root) = tiles.root_at(older.head().size()) else {
        return Ok(false);
    };
    if root == older.head().root() {
        return Ok(true);
    }
    let Some(proof) = tiles.consistency_proof(older.head().size()) else {
        return Ok(false);
    };
    let contradiction = Contradiction::OtherBeginning { root, proof };
    match Fork::prove(older.clone(), working.clone(), contradiction) {
        Ok(fork) => Err(Box::new(fork)),
        Err(_) => Ok(false),
    }
}

fn no_two_roots(known: Checkpoint, other: Checkpoint) -> Result<(), OrderError> {
    match Fork::prove(known, other, Contradiction::TwoRoots) {
        Ok(fork) => Err(OrderError::Fork(Box::new(fork))),
        Err(_) => Ok(()),
    }
}
