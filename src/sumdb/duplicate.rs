//! Proof that the log says two things of one module version: two records with different hashes, both
//! under one signed head. The tree alone cannot show it, since both records are honestly in it.

use std::collections::BTreeMap;

use super::record::RecordText;
use crate::golang::dirhash::H1;
use crate::tlog::checkpoint::Checkpoint;
use crate::tlog::hash::record_hash;
use crate::tlog::proof::{InclusionProof, ProofError};

/// How two records stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// They are of different module versions.
    Unrelated,
    /// They are of one module version, and no hash in one contradicts the other.
    Repeated,
    /// They have different hashes of one file.
    Contradicting(RecordedFile),
}

/// A file of which records have hashes, in the words of the records: the version of a go.mod file ends
/// in `/go.mod`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedFile {
    /// Module path.
    pub path: String,
    /// Version, with or without `/go.mod`.
    pub version: String,
}

/// Compares two records, line by line.
#[must_use]
pub fn relation(first: &str, second: &str) -> Relation {
    let (first, second) = (hashes(first), hashes(second));
    let mut relation = Relation::Unrelated;
    for (file, hashes) in &first {
        let Some(others) = second.get(file) else {
            continue;
        };
        let is_shared = hashes.iter().any(|hash| others.contains(hash));
        if !is_shared && !hashes.is_empty() && !others.is_empty() {
            return Relation::Contradicting(file.clone());
        }
        relation = Relation::Repeated;
    }
    relation
}

/// The `h1:` hashes of each file that a record names.
fn hashes(text: &str) -> BTreeMap<RecordedFile, Vec<H1>> {
    let mut hashes: BTreeMap<_, Vec<H1>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        if let (Some(path), Some(version)) = (words.next(), words.next()) {
            let file = RecordedFile {
                path: path.to_owned(),
                version: version.to_owned(),
            };
            let of_file = hashes.entry(file).or_default();
            of_file.extend(words.next().and_then(|hash| H1::parse(hash).ok()));
        }
    }
    hashes
}

/// A record with the proof that it stands at its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRecord {
    /// Record index.
    pub index: u64,
    /// Its text.
    pub text: RecordText,
    /// From its hash up to the root.
    pub proof: InclusionProof,
}

/// Two records under one head of the log that contradict each other.
///
/// Whoever has the log's public key can check it: the signature is in the head's note, and both
/// inclusion proofs lead to its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    head: Checkpoint,
    file: RecordedFile,
    first: PlacedRecord,
    second: PlacedRecord,
}

/// Why two records prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADuplicate {
    /// One record is no two.
    #[error("the records are not at two indices, the smaller one first")]
    SameIndex,
    /// A record is not in the tree.
    #[error("record {index} is not proven: {cause}")]
    Unproven {
        /// Record index.
        index: u64,
        /// What is wrong with the proof.
        cause: ProofError,
    },
    /// They can both be true.
    #[error("the two records do not contradict each other")]
    NoContradiction,
}

impl Duplicate {
    /// Checks proofs and contradiction: the only way to make a `Duplicate`.
    ///
    /// # Errors
    /// [`NotADuplicate`]
    pub fn prove(
        head: Checkpoint,
        first: PlacedRecord,
        second: PlacedRecord,
    ) -> Result<Self, NotADuplicate> {
        if first.index >= second.index {
            return Err(NotADuplicate::SameIndex);
        }
        for record in [&first, &second] {
            let index = record.index;
            let hash = record_hash(record.text.as_str().as_bytes());
            let proven = record.proof.verify(hash, index, &head.head());
            proven.map_err(|cause| NotADuplicate::Unproven { index, cause })?;
        }
        match relation(first.text.as_str(), second.text.as_str()) {
            Relation::Contradicting(file) => Ok(Self {
                head,
                file,
                first,
                second,
            }),
            Relation::Unrelated | Relation::Repeated => Err(NotADuplicate::NoContradiction),
        }
    }

    /// The head that both are under.
    #[must_use]
    pub const fn head(&self) -> &Checkpoint {
        &self.head
    }

    /// The file of which the log has two hashes.
    #[must_use]
    pub const fn file(&self) -> &RecordedFile {
        &self.file
    }

    /// The record that came first.
    #[must_use]
    pub const fn first(&self) -> &PlacedRecord {
        &self.first
    }

    /// The record that came later.
    #[must_use]
    pub const fn second(&self) -> &PlacedRecord {
        &self.second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "h1:/ZObjBqWevD1ug7akA7rx7xBJuQoYUOcWtaP87reXLk=";
    const TWO: &str = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn two_records_contradict_each_other_in_a_hash() {
        let m = "example.com/m v1.0.0";
        let both = format!("{m} {ONE}\n{m}/go.mod {ONE}\n");
        let contradicts = |version: &str| {
            Relation::Contradicting(RecordedFile {
                path: "example.com/m".to_owned(),
                version: version.to_owned(),
            })
        };
        for (second, expected) in [
            (both.clone(), Relation::Repeated),
            (format!("{m} {ONE}\n"), Relation::Repeated),
            (format!("{m} {TWO}\n{m} {ONE}\n"), Relation::Repeated),
            // Another algorithm contradicts nothing.
            (format!("{m} h2:{}\n", &TWO[3..]), Relation::Repeated),
            (format!("{m} {TWO}\n"), contradicts("v1.0.0")),
            (
                format!("{m} {ONE}\n{m}/go.mod {TWO}\n"),
                contradicts("v1.0.0/go.mod"),
            ),
            (
                format!("example.com/n v1.0.0 {ONE}\n{m} {TWO}\n"),
                contradicts("v1.0.0"),
            ),
            (format!("example.com/m v1.0.1 {TWO}\n"), Relation::Unrelated),
            ("example.com/m\n".to_owned(), Relation::Unrelated),
        ] {
            assert_eq!(relation(&both, &second), expected, "{second}");
        }
    }
}
