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
    /// [`HashFormatError`] for every text that [`Hash`]'s `Display` would not print.
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
#[must_use]
pub fn record_hash(record: &[u8]) -> Hash {
    let digest = Sha256::new()
        .chain_update([0x00])
        .chain_update(record)
        .finalize();
    Hash(digest.into())
}

/// The hash of an interior node: SHA-256 of a one byte and both children (RFC 6962 section 2.1).
///
/// The input is always 65 bytes, which with SHA-256's padding are two fixed blocks; feeding them
/// to the compression function directly saves a general hasher's buffering.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    const FIRST_BLOCK_OF_RIGHT: usize = 31;
    let mut blocks = [[0_u8; 64]; 2];
    let [first, second] = &mut blocks;
    let (right_head, right_tail) = right.0.split_at(FIRST_BLOCK_OF_RIGHT);

    let (prefix, rest) = first.split_at_mut(1);
    let (left_part, right_part) = rest.split_at_mut(HASH_BYTES);
    prefix.copy_from_slice(&[0x01]);
    left_part.copy_from_slice(&left.0);
    right_part.copy_from_slice(right_head);

    let (last_byte, padding) = second.split_at_mut(1);
    let (padding, bit_length) = padding.split_at_mut(55);
    last_byte.copy_from_slice(right_tail);
    let (end_mark, _zeros) = padding.split_at_mut(1);
    end_mark.copy_from_slice(&[0x80]);
    bit_length.copy_from_slice(&NODE_INPUT_BITS.to_be_bytes());

    let mut state = SHA256_INITIAL_STATE;
    compress256(&mut state, &blocks);

    let mut digest = [0_u8; HASH_BYTES];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    Hash(digest)
}

/// A one byte and two hashes, in bits, as SHA-256's padding carries it.
const NODE_INPUT_BITS: u64 = 65 * 8;

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
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_sha256_of_nothing() {
        assert_eq!(EMPTY_ROOT.0, <[u8; 32]>::from(Sha256::digest([])));
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
}
