//! What is done first when the log was caught: the evidence is written.

use std::path::{Path, PathBuf};

use super::{ProveError, Prover};
use crate::io::clock;
use crate::io::evidence::duplicate::{self, DuplicateEvidence};
use crate::io::evidence::{
    Evidence, EvidenceHead, EvidenceLog, ForkEvidence, Misbehaviour, SCHEMA,
};
use crate::io::home::HomeError;
use crate::io::store::Finding;
use crate::sumdb::duplicate::Duplicate;
use crate::sumdb::fork::Fork;
use crate::tlog::checkpoint::Checkpoint;

/// What the files are said to be written by.
const TOOL: &str = concat!("sumcheck ", env!("CARGO_PKG_VERSION"));

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

impl Prover {
    /// Keeps the evidence of a fork, before anything else happens.
    pub(super) fn misbehaved(&self, fork: Fork, source: &str) -> ProveError {
        let evidence = self.write_fork(&fork, source);
        ProveError::Misbehaviour {
            fork: Box::new(fork),
            evidence,
        }
    }

    /// Keeps the evidence of two records that contradict each other; what is kept already stays.
    ///
    /// # Errors
    /// [`EvidenceError`]
    pub fn keep_duplicate(
        &self,
        duplicate: &Duplicate,
        source: &str,
    ) -> Result<PathBuf, EvidenceError> {
        let found_at = clock::now();
        let (first, second) = (duplicate.first(), duplicate.second());
        let stem = format!("duplicate-{}-{}", first.index, second.index);
        if let Some(kept) = self.kept_duplicate(&stem, duplicate) {
            return Ok(kept);
        }
        let evidence = Evidence::Duplicate(Box::new(DuplicateEvidence {
            schema: duplicate::SCHEMA.to_owned(),
            tool: TOOL.to_owned(),
            log: EvidenceLog::new(&self.key),
            found_at: found_at.clone(),
            head: self.describe(duplicate.head(), source, &found_at),
            module: duplicate.file().path.clone(),
            version: duplicate.file().version.clone(),
            first: first.into(),
            second: second.into(),
        }));
        self.write_evidence(&stem, &evidence)
    }

    /// The evidence of the same two records, from an audit that did not come to its end.
    fn kept_duplicate(&self, stem: &str, duplicate: &Duplicate) -> Option<PathBuf> {
        let files = self.home.evidence_files().ok()?;
        files.into_iter().find(|file| {
            let is_named = |name: &str| name.contains(stem);
            let name = file.file_stem().and_then(|name| name.to_str());
            let shown = name.is_some_and(is_named).then(|| {
                let evidence = Evidence::read(file).ok()?;
                evidence.prove(&self.key).ok()
            });
            let Some(Some(Misbehaviour::Duplicate(kept))) = shown else {
                return false;
            };
            kept.first() == duplicate.first() && kept.second() == duplicate.second()
        })
    }

    fn write_fork(&self, fork: &Fork, source: &str) -> Result<PathBuf, EvidenceError> {
        if let Some(kept) = self.open_fork(fork) {
            return Ok(kept);
        }
        let found_at = clock::now();
        let evidence = Evidence::Fork(Box::new(ForkEvidence {
            schema: SCHEMA.to_owned(),
            tool: TOOL.to_owned(),
            log: EvidenceLog::new(&self.key),
            smaller: self.describe(fork.smaller(), source, &found_at),
            larger: self.describe(fork.larger(), source, &found_at),
            contradiction: fork.contradiction().into(),
            found_at: found_at.clone(),
        }));
        let root = hex::encode(fork.larger().head().root().as_bytes());
        let short_root = root.get(..8).unwrap_or(&root);
        let stem = format!("{}-{short_root}", clock::compact(&found_at));
        self.write_evidence(&stem, &evidence)
    }

    /// The evidence of the same two heads that nobody has acknowledged yet.
    fn open_fork(&self, fork: &Fork) -> Option<PathBuf> {
        let open = self.store.borrow().open_findings(&self.key.to_string());
        let open = open.ok()?;
        let paths = open.iter().map(|finding| Path::new(&finding.evidence_path));
        let names: Vec<_> = paths.filter_map(Path::file_name).collect();
        let files = self.home.evidence_files().ok()?.into_iter();
        let mut files = files.filter(|file| {
            let name = file.file_name();
            name.is_some_and(|name| names.contains(&name))
        });
        files.find(|file| {
            let proven = Evidence::read(file).map(|evidence| evidence.prove(&self.key));
            let Ok(Ok(Misbehaviour::Fork(kept))) = proven else {
                return false;
            };
            let heads = |fork: &Fork| (fork.smaller().head(), fork.larger().head());
            heads(&kept) == heads(fork)
        })
    }

    fn write_evidence(&self, stem: &str, evidence: &Evidence) -> Result<PathBuf, EvidenceError> {
        let text = evidence.to_json();
        let path = self
            .home
            .write_evidence(self.key.name(), stem, text.as_bytes())
            .map_err(|cause| EvidenceError { cause, text })?;
        self.record_finding(evidence, &path);
        Ok(path)
    }

    /// The file is the evidence; the row only reminds of it at the next run.
    fn record_finding(&self, evidence: &Evidence, path: &Path) {
        let (name, key) = (self.key.name(), self.key.to_string());
        let (kind, found_at) = (evidence.kind(), evidence.found_at());
        let path = path.display().to_string();
        let store = self.store.borrow();
        let _ = store.record_finding(name, &key, kind, found_at, &path);
    }

    /// What this log did wrong and nobody has acknowledged, oldest first.
    ///
    /// # Errors
    /// [`ProveError::Store`]
    pub fn open_findings(&self) -> Result<Vec<Finding>, ProveError> {
        self.record_orphaned_evidence()?;
        Ok(self.store.borrow().open_findings(&self.key.to_string())?)
    }

    /// A run that ended between file and row left a file that no run would remind of.
    pub(super) fn record_orphaned_evidence(&self) -> Result<(), ProveError> {
        let Ok(files) = self.home.evidence_files() else {
            return Ok(());
        };
        if files.is_empty() {
            return Ok(());
        }
        let recorded = self.store.borrow().evidence_paths(&self.key.to_string())?;
        // The home may have moved, or be named by another path.
        let recorded: Vec<_> = recorded
            .iter()
            .filter_map(|path| Path::new(path).file_name())
            .collect();
        let orphans = files.iter().filter(|file| {
            file.file_name()
                .is_some_and(|name| !recorded.contains(&name))
        });
        for file in orphans {
            let Ok(evidence) = Evidence::read(file) else {
                continue;
            };
            if evidence.prove(&self.key).is_ok() {
                self.record_finding(&evidence, file);
            }
        }
        Ok(())
    }

    /// A head that the home knows was seen when it was stored, any other one now.
    fn describe(&self, head: &Checkpoint, source: &str, now: &str) -> EvidenceHead {
        let note = head.note().as_str().as_bytes();
        let stored = self.store.borrow().heads(&self.key.to_string());
        let known = stored
            .unwrap_or_default()
            .into_iter()
            .find(|stored| stored.note == note);
        match known {
            Some(known) => EvidenceHead::new(head, known.source, known.seen_at),
            None => EvidenceHead::new(head, source.to_owned(), now.to_owned()),
        }
    }
}
