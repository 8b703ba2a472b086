//! Evidence of two records of one module version with different hashes, both under one signed head.

use serde::{Deserialize, Serialize};

use super::{EvidenceHead, EvidenceLog, RefusedEvidence, parse_hashes};
use crate::sumdb::duplicate::{Duplicate, PlacedRecord};
use crate::sumdb::record::RecordText;
use crate::tlog::note::VerifierKey;
use crate::tlog::proof::InclusionProof;

/// Version 1 of the format.
pub const SCHEMA: &str = "sumcheck.evidence-duplicate/1";

/// The content of such a file: unproven, whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateEvidence {
    /// [`SCHEMA`]
    pub schema: String,
    /// What wrote the file.
    pub tool: String,
    /// Which log it is about.
    pub log: EvidenceLog,
    /// When the records were found: UTC, RFC 3339.
    pub found_at: String,
    /// The head that both records are under.
    pub head: EvidenceHead,
    /// The path of the module of which the log has two hashes.
    pub module: String,
    /// Its version; for a go.mod file it ends in `/go.mod`.
    pub version: String,
    /// The record that came first.
    pub first: EvidenceRecord,
    /// The record that came later.
    pub second: EvidenceRecord,
}

/// A record and the proof of its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRecord {
    /// Record index.
    pub index: u64,
    /// The text in full.
    pub text: String,
    /// From the record's hash up to the root: hashes in base64, lowest first.
    pub inclusion_proof: Vec<String>,
}

impl DuplicateEvidence {
    /// Proves both records and their contradiction again, from what stands here and the log's public
    /// key alone.
    ///
    /// # Errors
    /// [`RefusedEvidence`]: the file proves nothing about this log.
    pub fn prove(&self, key: &VerifierKey) -> Result<Duplicate, RefusedEvidence> {
        // 1. It must be about the log that was asked about.
        self.log.check(key)?;
        // 2. The head must be signed by the log's key.
        let head = self.head.open(key)?;
        // 3. Both records must be under it, and contradict each other.
        let (first, second) = (self.first.parse()?, self.second.parse()?);
        let duplicate = Duplicate::prove(head, first, second)?;
        // 4. In what the file says that they do.
        let file = duplicate.file();
        if file.path == self.module && file.version == self.version {
            Ok(duplicate)
        } else {
            Err(RefusedEvidence::OtherModule)
        }
    }
}

impl From<&PlacedRecord> for EvidenceRecord {
    fn from(record: &PlacedRecord) -> Self {
        let hashes = record.proof.hashes().iter();
        Self {
            index: record.index,
            text: record.text.as_str().to_owned(),
            inclusion_proof: hashes.map(ToString::to_string).collect(),
        }
    }
}

impl EvidenceRecord {
    fn parse(&self) -> Result<PlacedRecord, RefusedEvidence> {
        let index = self.index;
        let text = RecordText::parse(self.text.as_bytes())
            .map_err(|cause| RefusedEvidence::Record { index, cause })?;
        let proof = InclusionProof::from_hashes(parse_hashes(&self.inclusion_proof)?);
        Ok(PlacedRecord { index, text, proof })
    }
}
