//! Evidence of misbehaviour: a file that convinces whoever has the log's public key.

use std::path::PathBuf;

use serde::Serialize;

use super::{ProveError, Prover};
use crate::io::clock;
use crate::io::home::HomeError;
use crate::io::store::Finding;
use crate::sumdb::fork::{Contradiction, Fork};
use crate::tlog::checkpoint::Checkpoint;

/// Version 1 of the format, which docs/evidence.md describes.
const SCHEMA: &str = "sumcheck.evidence/1";

/// Evidence could not be written; it is here in full, so that it is not lost.
#[derive(Debug, thiserror::Error)]
#[error("the evidence could not be written: {cause}")]
pub struct EvidenceError {
    /// What happened.
    #[source]
    pub cause: HomeError,
    /// The text of the file that should have been.
    pub text: String,
}

#[derive(Serialize)]
struct Evidence {
    schema: &'static str,
    tool: &'static str,
    log: Log,
    found_at: String,
    smaller: Head,
    larger: Head,
    contradiction: ContradictionJson,
}

#[derive(Serialize)]
struct Log {
    name: String,
    verifier_key: String,
}

#[derive(Serialize)]
struct Head {
    size: u64,
    root: String,
    note: String,
    obtained_from: String,
    obtained_at: String,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum ContradictionJson {
    TwoRoots,
    OtherBeginning {
        root: String,
        consistency_proof: Vec<String>,
    },
}

impl Prover {
    /// Keeps the evidence of a fork, before anything else happens.
    pub(super) fn misbehaved(&self, fork: Fork, source: &str) -> ProveError {
        let evidence = self.write_evidence(&fork, source);
        ProveError::Misbehaviour {
            fork: Box::new(fork),
            evidence,
        }
    }

    fn write_evidence(&self, fork: &Fork, source: &str) -> Result<PathBuf, EvidenceError> {
        let found_at = clock::now();
        let evidence = Evidence {
            schema: SCHEMA,
            tool: concat!("sumcheck ", env!("CARGO_PKG_VERSION")),
            log: Log {
                name: self.key.name().to_owned(),
                verifier_key: self.key.to_string(),
            },
            smaller: self.describe(fork.smaller(), source, &found_at),
            larger: self.describe(fork.larger(), source, &found_at),
            contradiction: match fork.contradiction() {
                Contradiction::TwoRoots => ContradictionJson::TwoRoots,
                Contradiction::OtherBeginning { root, proof } => {
                    ContradictionJson::OtherBeginning {
                        root: root.to_string(),
                        consistency_proof: proof.hashes().iter().map(ToString::to_string).collect(),
                    }
                }
            },
            found_at: found_at.clone(),
        };
        let text = to_json(&evidence);
        let root = hex::encode(fork.larger().head().root().as_bytes());
        let short_root = root.get(..8).unwrap_or(&root);
        let stem = format!("{}-{short_root}", clock::compact(&found_at));
        let path = self
            .home
            .write_evidence(self.key.name(), &stem, text.as_bytes())
            .map_err(|cause| EvidenceError { cause, text })?;
        let finding = Finding {
            found_at,
            evidence_path: path.display().to_string(),
        };
        let (name, key) = (self.key.name(), self.key.to_string());
        // The file is the evidence; the row only reminds of it at the next run.
        let _ = self
            .store
            .borrow()
            .record_finding(name, &key, "fork", &finding);
        Ok(path)
    }

    fn describe(&self, head: &Checkpoint, source: &str, now: &str) -> Head {
        let note = head.note().as_str();
        let stored = self
            .store
            .borrow()
            .heads(&self.key.to_string())
            .unwrap_or_default();
        let known = stored
            .into_iter()
            .find(|stored| stored.note == note.as_bytes());
        let (obtained_from, obtained_at) = match known {
            Some(known) => (known.source, known.seen_at),
            None => (source.to_owned(), now.to_owned()),
        };
        Head {
            size: head.head().size(),
            root: head.head().root().to_string(),
            note: note.to_owned(),
            obtained_from,
            obtained_at,
        }
    }
}

fn to_json(evidence: &Evidence) -> String {
    // Strings and numbers alone: serializing them cannot fail.
    let mut text = serde_json::to_string_pretty(evidence).unwrap_or_default();
    text.push('\n');
    text
}
