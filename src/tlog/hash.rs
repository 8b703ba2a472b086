//! The two hash functions of a Merkle tree (RFC 6962 section 2.1) and the hash value itself.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// Length of a hash in bytes.
pub const HASH_BYTES: usize = 32;

/// Length of a hash in standard base64 with padding.
const HASH_BASE64_CHARS: usize = 44;

/// A SHA-256 hash in a Merkle tree: of a record, of an interior node, or of a whole tree.
///
/// It is plain data: holding a `Hash` says nothing about where it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

/// The root of the tree without records: the SHA-256 of nothing (RFC 6962 section 2.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Why a text is not the base64 form of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 44 characters of standard base64 with its last bits zero")]
pub struct HashFormatError;

impl Hash {
    /// Wraps 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Reads the canonical base64 form, as checkpoints carry it.
    ///
    /// # Errors
    /// [`HashFormatError`] for every text that the `Display` of a hash would not print.
    pub fn from_base64(text: &str) -> Result<Self, HashFormatError> {
        if text.len() != HASH_BASE64_CHARS {
            return Err(HashFormatError);
        }
        // The engine refuses missing padding and non-zero trailing bits, so that each hash has
        // exactly one form.
        let bytes = STANDARD.decode(text).map_err(|_| HashFormatError)?;
        bytes.try_into().map(Self).map_err(|_| HashFormatError)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The leaf hash of a record: SHA-256 of a zero byte and the record (RFC 6962 section 2.1).
///
/// A record of usual length is laid out whole, with the padding of FIPS 180-4 section 5.1.1, and
/// hashed in one go, which saves a general hasher's buffering.
#[must_use]
pub fn record_hash(record: &[u8]) -> Hash {
    let mut layout = NO_BLOCKS;
    match lay_out(record, &mut layout) {
        Some(blocks) => hash_blocks(blocks),
        None => unusual_record_hash(record),
    }
}

/// The leaf hashes of many records.
///
/// Several are laid out before the first is hashed: a block that is read right after it was written
/// waits until the writes are through.
#[must_use]
pub fn record_hashes(records: &[&str]) -> Vec<Hash> {
    const RECORDS_AT_ONCE: usize = 8;
    let mut hashes = Vec::with_capacity(records.len());
    let mut layouts = [NO_BLOCKS; RECORDS_AT_ONCE];
    for records in records.chunks(RECORDS_AT_ONCE) {
        let mut laid_out: [Option<&[Block]>; RECORDS_AT_ONCE] = [None; RECORDS_AT_ONCE];
        for ((blocks, layout), record) in laid_out.iter_mut().zip(&mut layouts).zip(records) {
            *blocks = lay_out(record.as_bytes(), layout);
        }
        hashes.extend(records.iter().zip(laid_out).map(|(record, blocks)| {
            let blocks = blocks.map(hash_blocks);
            blocks.unwrap_or_else(|| unusual_record_hash(record.as_bytes()))
        }));
    }
    hashes
}

fn hash_blocks(blocks: &[Block]) -> Hash {
    let mut state = SHA256_INITIAL_STATE;
    compress256(&mut state, blocks);
    digest(state)
}

fn unusual_record_hash(record: &[u8]) -> Hash {
    let prefixed = Sha256::new().chain_update([LEAF_PREFIX]);
    Hash(prefixed.chain_update(record).finalize().into())
}

type Block = [u8; BLOCK_BYTES];

/// What records of usual length fit into.
type Layout = [Block; 8];

const NO_BLOCKS: Layout = [[0; BLOCK_BYTES]; 8];

/// What SHA-256 hashes for a record; `None` if it is longer than usual.
fn lay_out<'l>(record: &[u8], layout: &'l mut Layout) -> Option<&'l [Block]> {
    const END_MARK: u8 = 0x80;
    let hashed_bytes = record.len().checked_add(1)?;
    let padded_bytes = hashed_bytes.checked_add(1 + LENGTH_BYTES)?;
    let (blocks, _) = layout.split_at_mut_checked(padded_bytes.div_ceil(BLOCK_BYTES))?;
    let [prefix, rest @ ..] = blocks.as_flattened_mut() else {
        return None;
    };
    *prefix = LEAF_PREFIX;
    let (text, padding) = rest.split_at_mut_checked(record.len())?;
    text.copy_from_slice(record);
    // The layout may have held another record.
    padding.fill(0);
    *padding.first_mut()? = END_MARK;
    let length_bits = u64::try_from(hashed_bytes).ok()?.checked_mul(8)?;
    *blocks.as_flattened_mut().last_chunk_mut()? = length_bits.to_be_bytes();
    Some(blocks)
}

const LEAF_PREFIX: u8 = 0x00;

/// The hash of an interior node: SHA-256 of a one byte and both children (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut blocks = NODE_BLOCKS;
    put_children(&mut blocks, left, right);
    hash_blocks(&blocks)
}

/// The hashes of many nodes.
///
/// The blocks of several are put together before the first is hashed: a block that is read right
/// after it was written waits until the writes are through, half as long again as hashing takes.
#[must_use]
pub(super) fn node_hashes(children: &[[Hash; 2]]) -> Vec<Hash> {
    const NODES_AT_ONCE: usize = 32;
    let mut hashes = Vec::with_capacity(children.len());
    let mut nodes = [NODE_BLOCKS; NODES_AT_ONCE];
    for children in children.chunks(NODES_AT_ONCE) {
        for (blocks, [left, right]) in nodes.iter_mut().zip(children) {
            put_children(blocks, left, right);
        }
        hashes.extend(
            nodes
                .iter()
                .take(children.len())
                .map(|node| hash_blocks(node)),
        );
    }
    hashes
}

/// What SHA-256 hashes for a node: a prefix, 64 bytes of children and the padding of 65 bytes.
type NodeBlocks = [[u8; BLOCK_BYTES]; 2];

const NODE_BLOCKS: NodeBlocks = {
    let mut second = [0; BLOCK_BYTES];
    let [_, end_mark, .., length_high, length_low] = &mut second;
    *end_mark = 0x80;
    [*length_high, *length_low] = (65_u16 * 8).to_be_bytes();
    let mut first = [0; BLOCK_BYTES];
    let [prefix, ..] = &mut first;
    *prefix = 0x01;
    [first, second]
};

fn put_children(blocks: &mut NodeBlocks, left: &Hash, right: &Hash) {
    let [[_, children @ ..], [last_byte, ..]] = blocks;
    let (left_half, right_half) = children.split_at_mut(HASH_BYTES);
    let [right_beginning @ .., right_end] = &right.0;
    left_half.copy_from_slice(&left.0);
    right_half.copy_from_slice(right_beginning);
    *last_byte = *right_end;
}

/// Length of SHA-256's blocks, and of the length field that ends the last one.
const BLOCK_BYTES: usize = 64;
const LENGTH_BYTES: usize = 8;

fn digest(state: [u32; 8]) -> Hash {
    let mut digest = [0_u8; HASH_BYTES];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Hash(digest)
}

/// FIPS 180-4 section 5.3.3.
const SHA256_INITIAL_STATE: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[cfg(test)]
#[allow(clippy::as_conversions)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_sha256_of_nothing() {
        assert_eq!(EMPTY_ROOT.0, <[u8; 32]>::from(Sha256::digest([])));
    }

    #[test]
    fn a_record_hash_is_the_sha256_of_a_zero_byte_and_the_record() {
        let bytes: Vec<u8> = (0..700_u16).map(|number| number as u8).collect();
        for length in 0..bytes.len() {
            let record = &bytes[..length];
            let plain = Sha256::new()
                .chain_update([0])
                .chain_update(record)
                .finalize();
            assert_eq!(
                record_hash(record).0,
                <[u8; 32]>::from(plain),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn hashing_many_records_is_hashing_each() {
        let text: String = "abcdefghijklmnopqrstuvwxyz\n".repeat(40);
        let lengths = [
            1, 190, 55, 54, 56, 119, 502, 503, 504, 700, 191, 64, 63, 3, 2,
        ];
        let texts: Vec<&str> = lengths.iter().map(|length| &text[..*length]).collect();
        for end in 0..=texts.len() {
            let texts = &texts[..end];
            let each: Vec<Hash> = texts
                .iter()
                .map(|text| record_hash(text.as_bytes()))
                .collect();
            assert_eq!(record_hashes(texts), each);
        }
    }

    #[test]
    fn a_node_hash_is_the_sha256_of_its_65_bytes() {
        let mut left = record_hash(b"left");
        let mut right = record_hash(b"right");
        for _ in 0..100 {
            let plain = Sha256::new()
                .chain_update([0x01])
                .chain_update(left.0)
                .chain_update(right.0)
                .finalize();
            let node = node_hash(&left, &right);
            assert_eq!(node.0, <[u8; 32]>::from(plain));
            (left, right) = (right, node);
        }
    }

    #[test]
    fn hashing_many_nodes_is_hashing_each() {
        let hashes: Vec<Hash> = (0..140_u8).map(|number| record_hash(&[number])).collect();
        let (children, _) = hashes.as_chunks::<2>();
        for count in 0..children.len() {
            let each: Vec<Hash> = children[..count]
                .iter()
                .map(|[left, right]| node_hash(left, right))
                .collect();
            assert_eq!(node_hashes(&children[..count]), each);
        }
    }

    #[test]
    fn a_record_and_a_node_of_the_same_bytes_hash_differently() {
        let (left, right) = (record_hash(b"a"), record_hash(b"b"));
        let mut record = left.0.to_vec();
        record.extend(right.0);
        assert_ne!(record_hash(&record), node_hash(&left, &right));
    }

    #[test]
    fn base64_has_one_form_for_each_hash() {
        let text = "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=";
        assert_eq!(Hash::from_base64(text).unwrap().to_string(), text);
        for bad in [
            "",
            "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA",
            "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFB=",
            "iHqVxqh8cyFgqTcentUiEjZ88MD_U2r6w-0h9y1wcFA=",
            "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=\n",
            " HqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFA=",
            "iHqVxqh8cyFgqTcentUiEjZ88MD/U2r6w+0h9y1wcFAA",
        ] {
            assert_eq!(Hash::from_base64(bad), Err(HashFormatError), "{bad:?}");
        }
    }

    #[test]
    fn hashes_are_shown_in_base64() {
        let hash = record_hash(b"");
        assert_eq!(format!("{hash:?}"), format!("Hash({hash})"));
    }
}
