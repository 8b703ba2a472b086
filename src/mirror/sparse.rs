//! A mirror of what this home has asked for: each record that it has proven, under the newest head, with
//! the tiles that prove it, as files that any web server can give to a go command.

use std::io;

use crate::golang::module::ModuleVersion;
use crate::io::store::{AuditKind, AuditState};
use crate::prover::{HEIGHT, Outcome, ProveError, Prover};
use crate::sumdb::lookup;
use crate::tlog::tile_auth::TilePlan;

/// What is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sparse {
    /// Size of the head that all of it is under.
    pub head_size: u64,
    /// Module versions.
    pub records: usize,
    /// Tiles of hashes.
    pub tiles: usize,
}

/// Why it was not made.
#[derive(Debug, thiserror::Error)]
pub enum SparseError {
    /// The log misbehaved, or the state cannot be used.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The log could not be asked, or had not what it should have.
    #[error("{0}")]
    Unavailable(String),
    /// Another process writes to it.
    #[error("an audit of this log is under way in this home")]
    Busy,
    /// The disk.
    #[error("cannot write the mirror: {0}")]
    Disk(#[from] io::Error),
}

/// Brings the mirror up to the newest head.
///
/// # Errors
/// [`SparseError`]; what was there before stays.
pub async fn bring_up_to_date(prover: &Prover) -> Result<Sparse, SparseError> {
    let proofs = prover.newest_head().await?;
    if let Some(fault) = proofs.faults.first() {
        return Err(SparseError::Unavailable(fault.message().to_owned()));
    }
    let Some(head) = proofs.head else {
        return Err(SparseError::Unavailable("no tree head is known".to_owned()));
    };
    let key = prover.key.to_string();
    let known = prover.store.borrow().record_names(&key);
    let known = known.map_err(ProveError::from)?;
    let modules = known
        .iter()
        .filter_map(|(path, version)| ModuleVersion::new(path, version).ok());
    let modules = modules.collect();
    let proven = prover.prove(&modules).await?;

    let mut plan = TilePlan::for_tree(HEIGHT, head.tree_head().size());
    let mut records = Vec::new();
    for (module, outcome) in proven.outcomes {
        match outcome {
            Outcome::Proven(record) => {
                // It lies in the tree of a head that this one continues.
                let _ = plan.add_record(record.index());
                records.push((module, record));
            }
            Outcome::Unavailable(reason) => return Err(SparseError::Unavailable(reason)),
            Outcome::Absent { .. } | Outcome::NotRecorded { .. } => {}
        }
    }
    let (tiles, faults) = prover.authentic_tiles(&plan, head.tree_head()).await?;
    if let Some(fault) = faults.into_iter().next() {
        return Err(SparseError::Unavailable(fault));
    }
    let lock = prover.home.lock_audit(prover.key.name());
    let lock = lock.map_err(|error| SparseError::Disk(io::Error::other(error)))?;
    let _lock = lock.ok_or(SparseError::Busy)?;
    let files = prover.mirror_folder().begin()?;
    let mut sparse = Sparse {
        head_size: head.tree_head().size(),
        records: records.len(),
        tiles: 0,
    };
    for (tile, hashed) in tiles.iter() {
        files.add(&tile.path(), &hashed.to_bytes())?;
        sparse.tiles += 1;
    }
    for (module, record) in &records {
        let path = format!("lookup/{}", module.escaped());
        files.add(&path, lookup::reply(record, &head).as_bytes())?;
    }
    files.add("supported", b"")?;
    files.add("latest", head.checkpoint().note().as_str().as_bytes())?;
    files.commit()?;
    let state = AuditState {
        size: sparse.head_size,
        subtree_roots: Vec::new(),
        head_size: sparse.head_size,
        files: Vec::new(),
        since: 0,
    };
    let states = [(AuditKind::MirrorSparse, state)];
    let store = prover.store.borrow();
    let kept = store.keep_audit(prover.key.name(), &key, &states, &[], &[]);
    kept.map_err(ProveError::from)?;
    Ok(sparse)
}
