//! Evidence files: two signed heads that cannot both be of one append-only log, and the proof.
//!
//! docs/evidence.md describes the format. What is read from a file is a claim; it becomes a
//! [`Fork`] again only through signatures and proof.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sumdb::fork::{Contradiction, Fork, NotAFork};
use crate::sumdb::head::{HeadError, open_head};
use crate::tlog::checkpoint::{Checkpoint, TreeHead};
use crate::tlog::hash::Hash;
use crate::tlog::note::VerifierKey;
use crate::tlog::proof::{ConsistencyProof, MAX_PROOF_HASHES};

/// Version 1 of the format.
pub const SCHEMA: &str = "sumcheck.evidence/1";

/// Two notes of 1 MiB at most, escaped, and a proof: a larger file is none of ours.
const MAX_EVIDENCE_BYTES: u64 = 16 << 20;

/// The content of an evidence file: unproven, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`SCHEMA`]
    pub schema: String,
    /// What wrote the file.
    pub tool: String,
    /// Which log it is about.
    pub log: EvidenceLog,
    /// When the contradiction was found: UTC, RFC 3339.
    pub found_at: String,
    /// The head of the smaller tree.
    pub smaller: EvidenceHead,
    /// The head of the larger tree, or the second of the same size.
    pub larger: EvidenceHead,
    /// What shows that both cannot be true.
    pub contradiction: EvidenceContradiction,
}

/// The log that the evidence is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLog {
    /// Its name.
    pub name: String,
    /// Its verifier key.
    pub verifier_key: String,
}

/// A signed head, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceHead {
    /// Tree size in records, as in the note.
    pub size: u64,
    /// Root in base64, as in the note.
    pub root: String,
    /// The signed note in full.
    pub note: String,
    /// Where it was first seen.
    pub obtained_from: String,
    /// When it was first seen: UTC, RFC 3339.
    pub obtained_at: String,
}

/// What shows that two heads are not of one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EvidenceContradiction {
    /// One size, two roots.
    TwoRoots,
    /// The larger tree begins otherwise.
    OtherBeginning {
        /// Root of its beginning of the smaller size, in base64.
        root: String,
        /// Proof of that beginning: hashes in base64, lowest first.
        consistency_proof: Vec<String>,
    },
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// What happened.
        cause: io::Error,
    },
    /// It is no evidence file of a version that is known here.
    #[error("{path} is not an evidence file ({SCHEMA}): {cause}")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        cause: String,
    },
}

/// Why evidence is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedEvidence {
    /// It is about a log with another key.
    #[error("it is about the log with the key {found}, not about {expected}")]
    OtherLog {
        /// The key in the file.
        found: String,
        /// The key that was to be checked against.
        expected: String,
    },
    /// A head is not signed by the log.
    #[error("the head of {size} records is not the log's: {cause}")]
    Head {
        /// Size as the file says.
        size: u64,
        /// What is wrong with the note.
        cause: HeadError,
    },
    /// Size and root beside the note are not those in the note.
    #[error("the head of {size} records is not what its own note says")]
    HeadDiffersFromNote {
        /// Size as the file says.
        size: u64,
    },
    /// The proof is not written as hashes.
    #[error("its proof is not a list of hashes in base64")]
    ProofFormat,
    /// The heads can be of one log, for all that the file shows.
    #[error("nothing contradicts: {0}")]
    NoContradiction(#[from] NotAFork),
}

impl Evidence {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EvidenceFileError`]
    pub fn read(path: &Path) -> Result<Self, EvidenceFileError> {
        let name = path.display().to_string();
        let bytes = match fs::metadata(path) {
            Ok(metadata) if metadata.len() > MAX_EVIDENCE_BYTES => {
                let cause = "it is too large".to_owned();
                return Err(EvidenceFileError::Format { path: name, cause });
            }
            Ok(_) => fs::read(path),
            Err(cause) => Err(cause),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(cause) => return Err(EvidenceFileError::Read { path: name, cause }),
        };
        let evidence: Self =
            serde_json::from_slice(&bytes).map_err(|cause| EvidenceFileError::Format {
                path: name.clone(),
                cause: cause.to_string(),
            })?;
        if evidence.schema == SCHEMA {
            Ok(evidence)
        } else {
            let cause = format!("its schema is {:?}", evidence.schema);
            Err(EvidenceFileError::Format { path: name, cause })
        }
    }

    /// Proves the contradiction again, from what stands here and the log's public key alone.
    ///
    /// # Errors
    /// [`RefusedEvidence`]: the file proves nothing about this log.
    pub fn prove(&self, key: &VerifierKey) -> Result<Fork, RefusedEvidence> {
        // 1. It must be about the log that was asked about.
        if self.log.verifier_key != key.to_string() {
            return Err(RefusedEvidence::OtherLog {
                found: self.log.verifier_key.clone(),
                expected: key.to_string(),
            });
        }
        // 2. Both heads must be signed by the log's key.
        let smaller = self.smaller.open(key)?;
        let larger = self.larger.open(key)?;
        // 3. And they must contradict each other.
        let contradiction = match &self.contradiction {
            EvidenceContradiction::TwoRoots => Contradiction::TwoRoots,
            EvidenceContradiction::OtherBeginning {
                root,
                consistency_proof,
            } => Contradiction::OtherBeginning {
                root: parse_hash(root)?,
                proof: parse_proof(consistency_proof)?,
            },
        };
        Ok(Fork::prove(smaller, larger, contradiction)?)
    }

    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers alone: serializing them cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl EvidenceHead {
    /// A head that was seen there and then.
    #[must_use]
    pub fn new(head: &Checkpoint, obtained_from: String, obtained_at: String) -> Self {
        Self {
            size: head.head().size(),
            root: head.head().root().to_string(),
            note: head.note().as_str().to_owned(),
            obtained_from,
            obtained_at,
        }
    }

    fn open(&self, key: &VerifierKey) -> Result<Checkpoint, RefusedEvidence> {
        let size = self.size;
        let checkpoint = open_head(self.note.as_bytes(), key)
            .map_err(|cause| RefusedEvidence::Head { size, cause })?;
        let differs = RefusedEvidence::HeadDiffersFromNote { size };
        let root = Hash::from_base64(&self.root).map_err(|_| differs.clone())?;
        if checkpoint.head() == TreeHead::new(size, root) {
            Ok(checkpoint)
        } else {
            Err(differs)
        }
    }
}

impl From<&Contradiction> for EvidenceContradiction {
    fn from(contradiction: &Contradiction) -> Self {
        match contradiction {
            Contradiction::TwoRoots => Self::TwoRoots,
            Contradiction::OtherBeginning { root, proof } => Self::OtherBeginning {
                root: root.to_string(),
                consistency_proof: proof.hashes().iter().map(ToString::to_string).collect(),
            },
        }
    }
}

fn parse_hash(text: &str) -> Result<Hash, RefusedEvidence> {
    Hash::from_base64(text).map_err(|_| RefusedEvidence::ProofFormat)
}

fn parse_proof(hashes: &[String]) -> Result<ConsistencyProof, RefusedEvidence> {
    if hashes.len() > MAX_PROOF_HASHES {
        return Err(RefusedEvidence::ProofFormat);
    }
    let hashes = hashes
        .iter()
        .map(|hash| parse_hash(hash))
        .collect::<Result<_, _>>()?;
    Ok(ConsistencyProof::from_hashes(hashes))
}
