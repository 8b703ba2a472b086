//! Compact ranges: all that has to be remembered of a prefix of the log to go on from it.

use super::MAX_TREE_SIZE;
use super::hash::{EMPTY_ROOT, Hash, node_hash};

/// The roots of the perfect subtrees that a tree of `size` records falls into, largest first.
///
/// There is one for each set bit of the size, so 63 at most. Appending a record and computing the
/// root need nothing else (RFC 6962 section 2.1: the split at the largest power of two).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    subtree_roots: Vec<Hash>,
}

/// Why a compact range cannot be made or grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The number of hashes is not the number of perfect subtrees.
    #[error("a tree of {size} records has {expected} perfect subtrees, found {found} hashes")]
    WrongHashCount {
        /// Tree size in records.
        size: u64,
        /// One for each set bit of the size.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A subtree begins where the size is a multiple of its own.
    #[error("a subtree of {records} records cannot begin at {size}")]
    NotAligned {
        /// Tree size in records.
        size: u64,
        /// Size of the subtree in records.
        records: u64,
    },
    /// The tree would not fit the formats any more.
    #[error("a log holds at most {MAX_TREE_SIZE} records")]
    TooLarge,
}

impl CompactRange {
    /// The range of no records.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            size: 0,
            subtree_roots: Vec::new(),
        }
    }

    /// Takes up a range again from its subtree roots, largest subtree first.
    ///
    /// # Errors
    /// [`RangeError`] if the number of hashes does not fit the size.
    pub fn from_subtree_roots(size: u64, subtree_roots: Vec<Hash>) -> Result<Self, RangeError> {
        if size > MAX_TREE_SIZE {
            return Err(RangeError::TooLarge);
        }
        let expected = usize::try_from(size.count_ones()).map_err(|_| RangeError::TooLarge)?;
        if subtree_roots.len() != expected {
            return Err(RangeError::WrongHashCount {
                size,
                expected,
                found: subtree_roots.len(),
            });
        }
        Ok(Self {
            size,
            subtree_roots,
        })
    }

    /// Number of records.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The subtree roots, largest subtree first.
    #[must_use]
    pub fn subtree_roots(&self) -> &[Hash] {
        &self.subtree_roots
    }

    /// Adds one record by its hash; amortised two node hashes.
    ///
    /// # Errors
    /// [`RangeError::TooLarge`] at 2^63 - 1 records; the range is then unchanged.
    pub fn append(&mut self, record_hash: Hash) -> Result<(), RangeError> {
        self.append_subtree(0, record_hash)
    }

    /// Adds a perfect subtree of 2^level records by its root.
    ///
    /// # Errors
    /// [`RangeError`]; the range is then unchanged.
    pub fn append_subtree(&mut self, level: u32, root: Hash) -> Result<(), RangeError> {
        let records = 1_u64.checked_shl(level).ok_or(RangeError::TooLarge)?;
        if !self.size.is_multiple_of(records) {
            return Err(RangeError::NotAligned {
                size: self.size,
                records,
            });
        }
        let grown = self.size.checked_add(records);
        let grown = grown.filter(|grown| *grown <= MAX_TREE_SIZE);
        let grown = grown.ok_or(RangeError::TooLarge)?;
        let mut subtree = root;
        // Every set bit from there on is a subtree as large as the new one: a carry in binary.
        let carries = self.size.checked_shr(level).unwrap_or(0).trailing_ones();
        for _ in 0..carries {
            let Some(left) = self.subtree_roots.pop() else {
                break;
            };
            subtree = node_hash(&left, &subtree);
        }
        self.subtree_roots.push(subtree);
        self.size = grown;
        Ok(())
    }

    /// The tree's root (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_right(&self.subtree_roots).unwrap_or(EMPTY_ROOT)
    }
}

/// Joins neighbouring subtrees, largest first, to the root above them; `None` for no subtree.
pub(super) fn fold_right(subtree_roots: &[Hash]) -> Option<Hash> {
    let (last, larger) = subtree_roots.split_last()?;
    Some(
        larger
            .iter()
            .rev()
            .fold(*last, |right, left| node_hash(left, &right)),
    )
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::super::hash::record_hash;
    use super::*;

    /// RFC 6962 section 2.1, as written there.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_ROOT,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&root_by_definition(left), &root_by_definition(right))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        let mut range = CompactRange::empty();
        let mut leaves = Vec::new();
        for number in 0..300_u32 {
            assert_eq!(range.root(), root_by_definition(&leaves), "size {number}");
            let leaf = record_hash(&number.to_be_bytes());
            leaves.push(leaf);
            range.append(leaf).unwrap();
        }
    }

    #[test]
    fn subtrees_are_appended_as_their_records_are() {
        let leaves: Vec<Hash> = (0..96_u8).map(|number| record_hash(&[number])).collect();
        for level in 0..5 {
            let mut by_subtrees = CompactRange::empty();
            let mut by_records = CompactRange::empty();
            for subtree in leaves.chunks_exact(1 << level) {
                let root = root_by_definition(subtree);
                by_subtrees.append_subtree(level, root).unwrap();
                for leaf in subtree {
                    by_records.append(*leaf).unwrap();
                }
                assert_eq!(by_subtrees, by_records);
            }
        }
        let mut odd = CompactRange::empty();
        odd.append(EMPTY_ROOT).unwrap();
        let before = odd.clone();
        assert_eq!(
            odd.append_subtree(1, EMPTY_ROOT),
            Err(RangeError::NotAligned {
                size: 1,
                records: 2
            })
        );
        assert_eq!(
            odd.append_subtree(64, EMPTY_ROOT),
            Err(RangeError::TooLarge)
        );
        assert_eq!(odd, before);
    }

    #[test]
    fn a_range_is_taken_up_where_it_was_left() {
        let mut range = CompactRange::empty();
        for number in 0..77_u8 {
            range.append(record_hash(&[number])).unwrap();
        }
        assert_eq!(range.size(), 77);
        let again = CompactRange::from_subtree_roots(77, range.subtree_roots().to_vec()).unwrap();
        assert_eq!(again, range);
    }

    #[test]
    fn a_range_with_a_hash_too_few_is_refused() {
        let error = CompactRange::from_subtree_roots(7, vec![EMPTY_ROOT; 2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a tree of 7 records has 3 perfect subtrees, found 2 hashes"
        );
    }

    #[test]
    fn sizes_end_where_the_formats_end() {
        let full = CompactRange::from_subtree_roots(MAX_TREE_SIZE, vec![EMPTY_ROOT; 63]).unwrap();
        assert_eq!(full.clone().append(EMPTY_ROOT), Err(RangeError::TooLarge));
        assert_eq!(
            CompactRange::from_subtree_roots(MAX_TREE_SIZE + 1, vec![EMPTY_ROOT]),
            Err(RangeError::TooLarge)
        );
    }
}
