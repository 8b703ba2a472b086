//! Evidence files: two signed heads that cannot both be of one append-only log, or two records under
//! one head that contradict each other, and the proof.
//!
//! docs/evidence.md describes the formats. What is read from a file is a claim; it becomes a [`Fork`]
//! or a [`Duplicate`] again only through signatures and proof.

pub mod duplicate;

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::duplicate::DuplicateEvidence;
use crate::golang::quoted::Quoted;
use crate::sumdb::duplicate::{Duplicate, NotADuplicate};
use crate::sumdb::fork::{Contradiction, Fork, NotAFork};
use crate::sumdb::head::{HeadError, open_head};
use crate::sumdb::record::RecordTextError;
use crate::tlog::checkpoint::{Checkpoint, TreeHead};
use crate::tlog::hash::Hash;
use crate::tlog::note::VerifierKey;
use crate::tlog::proof::{ConsistencyProof, MAX_PROOF_HASHES};

/// Version 1 of the format.
pub const SCHEMA: &str = "sumcheck.evidence/1";

/// Two notes of 1 MiB at most, escaped, and a proof: a larger file is none of ours.
const MAX_EVIDENCE_BYTES: u64 = 16 << 20;

/// The content of an evidence file of any kind: unproven, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Evidence {
    /// Of two heads.
    Fork(Box<ForkEvidence>),
    /// Of two records.
    Duplicate(Box<DuplicateEvidence>),
}

/// What evidence shows, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Two heads that cannot both be of one log.
    Fork(Box<Fork>),
    /// Two records that contradict each other.
    Duplicate(Box<Duplicate>),
}

/// The content of a file about two heads: unproven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkEvidence {
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
    #[error(
        "{path} is not an evidence file ({SCHEMA} or {}): {cause}",
        duplicate::SCHEMA
    )]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        cause: NotEvidence,
    },
}

/// Why bytes are not the content of an evidence file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEvidence {
    /// Longer than any that is written here.
    #[error("it is too large")]
    TooLarge,
    /// Not JSON, or without what the format asks for.
    #[error("{0}")]
    Json(Quoted),
    /// Another format.
    #[error("its schema is {0}")]
    Schema(Quoted),
}

/// Why evidence is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedEvidence {
    /// It is about a log with another key.
    #[error("it is about the log with the key {found}, not about {expected}")]
    OtherLog {
        /// The key in the file.
        found: Quoted,
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
    /// A record is no record.
    #[error("record {index} is none: {cause}")]
    Record {
        /// Record index as the file says.
        index: u64,
        /// What is wrong with the text.
        cause: RecordTextError,
    },
    /// The records can both be true, or are not in the log.
    #[error("nothing contradicts: {0}")]
    NoDuplicate(#[from] NotADuplicate),
    /// The records contradict each other in something else.
    #[error("its records do not contradict each other in the module version that it names")]
    OtherModule,
}

impl Evidence {
    /// Reads a file.
    ///
    /// # Errors
    /// [`EvidenceFileError`]
    pub fn read(path: &Path) -> Result<Self, EvidenceFileError> {
        let name = path.display().to_string();
        let format = |cause| EvidenceFileError::Format {
            path: name.clone(),
            cause,
        };
        let bytes = match fs::metadata(path) {
            Ok(metadata) if metadata.len() > MAX_EVIDENCE_BYTES => {
                return Err(format(NotEvidence::TooLarge));
            }
            Ok(_) => fs::read(path),
            Err(cause) => Err(cause),
        };
        match bytes {
            Ok(bytes) => Self::parse(&bytes).map_err(format),
            Err(cause) => Err(EvidenceFileError::Read { path: name, cause }),
        }
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// [`NotEvidence`]
    pub fn parse(bytes: &[u8]) -> Result<Self, NotEvidence> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let json = |error: serde_json::Error| NotEvidence::Json(Quoted::new(&error.to_string()));
        let Schema { schema } = serde_json::from_slice(bytes).map_err(json)?;
        match schema.as_str() {
            SCHEMA => serde_json::from_slice(bytes).map(Self::Fork),
            duplicate::SCHEMA => serde_json::from_slice(bytes).map(Self::Duplicate),
            _ => return Err(NotEvidence::Schema(Quoted::new(&schema))),
        }
        .map_err(json)
    }

    /// Proves it again, from what stands here and the log's public key alone.
    ///
    /// # Errors
    /// [`RefusedEvidence`]: the file proves nothing about this log.
    pub fn prove(&self, key: &VerifierKey) -> Result<Misbehaviour, RefusedEvidence> {
        match self {
            Self::Fork(fork) => fork.prove(key).map(Box::new).map(Misbehaviour::Fork),
            Self::Duplicate(duplicate) => {
                let duplicate = duplicate.prove(key)?;
                Ok(Misbehaviour::Duplicate(Box::new(duplicate)))
            }
        }
    }

    /// Which log it is about.
    #[must_use]
    pub fn log(&self) -> &EvidenceLog {
        match self {
            Self::Fork(fork) => &fork.log,
            Self::Duplicate(duplicate) => &duplicate.log,
        }
    }

    /// When it was found: UTC, RFC 3339.
    #[must_use]
    pub fn found_at(&self) -> &str {
        match self {
            Self::Fork(fork) => &fork.found_at,
            Self::Duplicate(duplicate) => &duplicate.found_at,
        }
    }

    /// The word for what it shows.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Fork(_) => "fork",
            Self::Duplicate(_) => "duplicate",
        }
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

impl EvidenceLog {
    /// Of a log.
    #[must_use]
    pub fn new(key: &VerifierKey) -> Self {
        Self {
            name: key.name().to_owned(),
            verifier_key: key.to_string(),
        }
    }

    fn check(&self, key: &VerifierKey) -> Result<(), RefusedEvidence> {
        if self.verifier_key == key.to_string() {
            return Ok(());
        }
        Err(RefusedEvidence::OtherLog {
            found: Quoted::new(&self.verifier_key),
            expected: key.to_string(),
        })
    }
}

impl ForkEvidence {
    /// Proves the contradiction again, from what stands here and the log's public key alone.
    ///
    /// # Errors
    /// [`RefusedEvidence`]: the file proves nothing about this log.
    pub fn prove(&self, key: &VerifierKey) -> Result<Fork, RefusedEvidence> {
        // 1. It must be about the log that was asked about.
        self.log.check(key)?;
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
                proof: ConsistencyProof::from_hashes(parse_hashes(consistency_proof)?),
            },
        };
        Ok(Fork::prove(smaller, larger, contradiction)?)
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

fn parse_hashes(hashes: &[String]) -> Result<Vec<Hash>, RefusedEvidence> {
    if hashes.len() > MAX_PROOF_HASHES {
        return Err(RefusedEvidence::ProofFormat);
    }
    hashes.iter().map(|hash| parse_hash(hash)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "x\n::error::\u{1b}[2J\u{202e}";

    fn file(change: impl FnOnce(&mut serde_json::Value)) -> Result<Evidence, NotEvidence> {
        let head = serde_json::json!({
            "size": 1, "root": "", "note": "", "obtained_from": "", "obtained_at": "",
        });
        let mut file = serde_json::json!({
            "schema": SCHEMA, "tool": "", "log": {"name": "", "verifier_key": ""}, "found_at": "",
            "smaller": head, "larger": head, "contradiction": {"kind": "two-roots"},
        });
        change(&mut file);
        Evidence::parse(file.to_string().as_bytes())
    }

    #[test]
    fn hostile_text_is_escaped_and_cut_in_messages() {
        let shown = r#""x\n::error::\u{1b}[2J\u{202e}""#;
        let schema = file(|file| file["schema"] = HOSTILE.into()).unwrap_err();
        assert_eq!(schema.to_string(), format!("its schema is {shown}"));

        let kind = file(|file| file["contradiction"]["kind"] = HOSTILE.repeat(50).into());
        let kind = kind.unwrap_err().to_string();
        assert!(
            kind.starts_with("\"unknown variant `x\\n::error::"),
            "{kind}"
        );
        assert!(kind.ends_with("\"…"), "{kind}");

        let key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let other = file(|file| file["log"]["verifier_key"] = HOSTILE.into()).unwrap();
        let refused = other.prove(&VerifierKey::parse(key).unwrap()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("it is about the log with the key {shown}, not about {key}")
        );
    }
}
