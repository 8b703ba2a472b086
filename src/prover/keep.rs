//! What stays in the home between runs, and how it is taken up again.

use std::collections::{BTreeMap, BTreeSet};

use super::run::Run;
use super::{Outcome, Proofs, ProveError, Prover};
use crate::golang::module::ModuleVersion;
use crate::io::store::{Commit, CommitOutcome, NewHead, StoreError, StoredRecord};
use crate::io::tiles::TileCache;
use crate::sumdb::record::{AuthenticRecord, RecordText};
use crate::sumdb::session::Conclusion;
use crate::sumdb::timeline::{ConsistentHead, DamagedHead, Timeline};
use crate::tlog::hash::{HASH_BYTES, Hash};
use crate::tlog::proof::InclusionProof;
use crate::tlog::tile_auth::AuthenticTiles;

/// What became of a commit.
pub(super) enum Kept {
    Done,
    /// Another process has moved the head since the timeline was read.
    HeadMoved,
}

impl Prover {
    pub(super) fn tile_cache(&self) -> TileCache {
        TileCache::new(self.home.tile_folder(self.key.name()))
    }

    /// The verified heads of this home.
    pub(super) fn timeline(&self) -> Result<Timeline, ProveError> {
        let heads = self.store.borrow().heads(&self.key.to_string())?;
        let notes = heads.into_iter().map(|head| (head.size, head.note));
        Ok(Timeline::restore(self.key.clone(), notes))
    }

    pub(super) fn damaged(&self, cause: DamagedHead) -> ProveError {
        ProveError::Damaged {
            path: self.home.database(),
            cause,
        }
    }

    /// Takes from the store what is already proven. Each record is checked again against its
    /// head, so a damaged row is merely unknown.
    pub(super) fn restore(
        &self,
        modules: &BTreeSet<ModuleVersion>,
        proofs: &mut Proofs,
    ) -> Result<Timeline, ProveError> {
        let timeline = self.timeline()?;
        proofs.head = timeline.newest().map_err(|cause| self.damaged(cause))?;
        if proofs.head.is_none() && self.home.tile_folder(self.key.name()).exists() {
            proofs.warnings.push(format!(
                "{} knows no tree head of this log, though tiles of earlier runs are there: what \
                 was verified before is lost, and the timeline begins anew",
                self.home.database().display()
            ));
        }
        self.record_orphaned_evidence()?;
        for finding in self.store.borrow().open_findings(&self.key.to_string())? {
            proofs.warnings.push(format!(
                "this log has misbehaved before: the evidence of {} stands in {} (finding {}: sumcheck \
                 findings ack {} once you have seen to it)",
                finding.found_at, finding.evidence_path, finding.id, finding.id
            ));
        }
        let wanted: Vec<(&str, &str)> = modules
            .iter()
            .map(|module| (module.path().as_str(), module.version().as_str()))
            .collect();
        let mut heads = BTreeMap::new();
        for row in self
            .store
            .borrow()
            .records(&self.key.to_string(), &wanted)?
        {
            let size = row.proof_head_size;
            let head = heads
                .entry(size)
                .or_insert_with(|| timeline.at(size).ok().flatten());
            let Some(head) = head else { continue };
            let Some((module, record)) = prove_again(&row, head) else {
                continue;
            };
            if modules.contains(&module) {
                proofs
                    .outcomes
                    .insert(module, Outcome::Proven(Box::new(record)));
            }
        }
        Ok(timeline)
    }
}

fn prove_again(
    row: &StoredRecord,
    head: &ConsistentHead,
) -> Option<(ModuleVersion, AuthenticRecord)> {
    let (hashes, []) = row.proof.as_chunks::<HASH_BYTES>() else {
        return None;
    };
    let hashes = hashes
        .iter()
        .map(|bytes| Hash::from_bytes(*bytes))
        .collect();
    let module = ModuleVersion::new(&row.module, &row.version).ok()?;
    let text = RecordText::parse(&row.text).ok()?;
    let proof = InclusionProof::from_hashes(hashes);
    let record = AuthenticRecord::prove(head, row.record_index, text, proof).ok()?;
    record.is_about(&module).then_some((module, record))
}

impl Run<'_> {
    /// Writes authentic tiles, records and heads; the newest head last and only if it is still
    /// the one that this run started from.
    pub(super) fn keep(
        &mut self,
        conclusion: &Conclusion,
        tiles: &AuthenticTiles,
    ) -> Result<Kept, ProveError> {
        let Some(head) = &conclusion.head else {
            return Ok(Kept::Done);
        };
        let newest = self.session.timeline().newest();
        let started_from = newest
            .map_err(|cause| self.prover.damaged(cause))?
            .map(|head| head.tree_head().size());
        let nothing_new = conclusion.records.is_empty()
            && conclusion.older_heads.is_empty()
            && started_from == Some(head.tree_head().size());
        if nothing_new {
            return Ok(Kept::Done);
        }
        if self.prover.store.borrow().is_read_only() {
            self.not_kept("the home is read-only, or its disk is full");
            return Ok(Kept::Done);
        }
        let commit = Commit {
            log_name: self.prover.key.name().to_owned(),
            verifier_key: self.prover.key.to_string(),
            started_from,
            records: conclusion.records.iter().map(new_record).collect(),
            heads: self.new_heads(conclusion, head, started_from),
        };
        // The tiles first: another process that sees the head must find what proves it.
        let new_tiles: Vec<_> = self.tiles.new_for_home(tiles).collect();
        match self.tiles.home().write(&new_tiles) {
            Ok(()) => self.tiles.written(),
            Err(error) => self.not_kept(&error.to_string()),
        }
        match self.prover.store.borrow_mut().commit(&commit) {
            Ok(CommitOutcome::Committed) => Ok(Kept::Done),
            Ok(CommitOutcome::HeadMoved) => Ok(Kept::HeadMoved),
            Err(error @ (StoreError::ConflictingHead { .. } | StoreError::Corrupt { .. })) => {
                Err(error.into())
            }
            Err(error) => {
                self.not_kept(&error.to_string());
                Ok(Kept::Done)
            }
        }
    }

    /// The verdicts hold without state; the next run only has to ask again.
    fn not_kept(&mut self, reason: &str) {
        let warning = format!("nothing was kept for the next run: {reason}");
        if !self.proofs.warnings.contains(&warning) {
            self.proofs.warnings.push(warning);
        }
    }

    fn new_heads(
        &self,
        conclusion: &Conclusion,
        newest: &ConsistentHead,
        started_from: Option<u64>,
    ) -> Vec<NewHead> {
        let source = self.source();
        let row = |head: &ConsistentHead, tied_to_size, tie| NewHead {
            size: head.tree_head().size(),
            root: *head.tree_head().root().as_bytes(),
            note: head.checkpoint().note().as_str().as_bytes().to_vec(),
            source: source.clone(),
            tied_to_size,
            tie,
        };
        let newest_size = newest.tree_head().size();
        let mut rows: Vec<NewHead> = conclusion
            .older_heads
            .iter()
            .map(|head| row(head, Some(newest_size), "prefix"))
            .collect();
        match started_from {
            Some(size) if size == newest_size => {}
            Some(size) => rows.push(row(newest, Some(size), "extension")),
            None => rows.push(row(newest, None, "first")),
        }
        rows
    }
}

fn new_record((module, record): (&ModuleVersion, &AuthenticRecord)) -> StoredRecord {
    StoredRecord {
        module: module.path().as_str().to_owned(),
        version: module.version().as_str().to_owned(),
        record_index: record.index(),
        text: record.text().as_str().as_bytes().to_vec(),
        proof: record
            .proof()
            .hashes()
            .iter()
            .flat_map(|hash| *hash.as_bytes())
            .collect(),
        proof_head_size: record.head().size(),
    }
}
