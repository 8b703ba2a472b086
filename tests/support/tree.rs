//! A Merkle tree as RFC 6962 section 2.1 words it, with the complete subtrees kept.

use std::ops::Range;

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// A list of leaves and the hashes of all its complete subtrees.
#[derive(Clone, Default)]
pub struct Tree {
    /// `levels[k][i]` is the hash of leaves `i << k` up to `(i + 1) << k`.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf with this data.
    pub fn push(&mut self, data: &[u8]) {
        self.push_leaf(leaf_hash(data));
    }

    /// Appends a leaf with this [`leaf_hash`].
    pub fn push_leaf(&mut self, hash: Hash) {
        self.push_at(0, hash);
    }

    fn push_at(&mut self, level: usize, hash: Hash) {
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        let row = &mut self.levels[level];
        row.push(hash);
        if let [.., left, right] = row.as_slice()
            && row.len().is_multiple_of(2)
        {
            let parent = node_hash(left, right);
            self.push_at(level + 1, parent);
        }
    }

    /// Gives the leaf at `index` other data: the tree of a log that rewrote a record.
    pub fn replace(&mut self, index: u64, data: &[u8]) {
        let mut index = usize::try_from(index).unwrap();
        self.levels[0][index] = leaf_hash(data);
        for level in 1..self.levels.len() {
            index /= 2;
            if index == self.levels[level].len() {
                break;
            }
            let below = &self.levels[level - 1];
            self.levels[level][index] = node_hash(&below[2 * index], &below[2 * index + 1]);
        }
    }

    /// Forgets all leaves from `size` on.
    pub fn truncate(&mut self, size: u64) {
        for (level, row) in self.levels.iter_mut().enumerate() {
            row.truncate(usize::try_from(size >> level).unwrap());
        }
        self.levels.retain(|row| !row.is_empty());
    }

    /// The hash of the complete subtree of `1 << level` leaves that is the `index`-th of its kind.
    pub fn subtree(&self, level: u32, index: u64) -> Option<Hash> {
        let row = self.levels.get(level as usize)?;
        row.get(usize::try_from(index).ok()?).copied()
    }

    /// The root when the tree had `size` leaves.
    pub fn root_at(&self, size: u64) -> Hash {
        if size == 0 {
            return Sha256::digest(b"").into();
        }
        self.range(0..size)
    }

    /// RFC 6962 section 2.1: MTH(D\[range\]), for a range that the recursion from 0 comes by.
    fn range(&self, range: Range<u64>) -> Hash {
        let count = range.end - range.start;
        if count.is_power_of_two() {
            let level = count.trailing_zeros();
            return self
                .subtree(level, range.start >> level)
                .expect("size is at most the tree's");
        }
        let split = range.start + left_count(count);
        node_hash(
            &self.range(range.start..split),
            &self.range(split..range.end),
        )
    }

    /// RFC 6962 section 2.1.1: PATH(index, D\[0..size\]), the leaf's neighbour first.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Vec<Hash> {
        assert!(index < size, "no leaf {index} in a tree of {size}");
        self.path(index, 0..size)
    }

    fn path(&self, index: u64, range: Range<u64>) -> Vec<Hash> {
        let count = range.end - range.start;
        if count == 1 {
            return Vec::new();
        }
        let split = range.start + left_count(count);
        let (inside, outside) = halves(index < split, &range, split);
        let mut path = self.path(index, inside);
        path.push(self.range(outside));
        path
    }

    /// RFC 6962 section 2.1.2: PROOF(old, D\[0..new\]); empty for the empty tree and for equals.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Vec<Hash> {
        assert!(old <= new, "a tree of {new} cannot extend one of {old}");
        if old == 0 || old == new {
            return Vec::new();
        }
        self.subproof(old, 0..new, true)
    }

    /// `old` counts from the start of the tree; `whole` is RFC 6962's b.
    fn subproof(&self, old: u64, range: Range<u64>, whole: bool) -> Vec<Hash> {
        if old == range.end {
            return if whole {
                Vec::new()
            } else {
                vec![self.range(range)]
            };
        }
        let split = range.start + left_count(range.end - range.start);
        let (inside, outside) = halves(old <= split, &range, split);
        let mut proof = self.subproof(old, inside, whole && old <= split);
        proof.push(self.range(outside));
        proof
    }
}

/// RFC 6962 section 2.1: the largest power of two smaller than `count`, which is 2 or more.
fn left_count(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

fn halves(left: bool, range: &Range<u64>, split: u64) -> (Range<u64>, Range<u64>) {
    let (a, b) = (range.start..split, split..range.end);
    if left { (a, b) } else { (b, a) }
}

/// RFC 6962 section 2.1: SHA-256(0x00 || data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(data)
        .finalize()
        .into()
}

/// RFC 6962 section 2.1: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}
