//! The one way from module versions to authentic records: state, caches and network around the
//! pure [`Session`](crate::sumdb::session::Session).
//!
//! A run under one head takes seven steps; the comments below number them. It costs one `/latest`
//! (after one `/supported` for each proxy tried), one lookup for each unknown module version and
//! one request for each distinct missing tile, in two dependent rounds; a run in which everything
//! is known costs nothing.

mod evidence;
mod keep;
pub mod mirror;
mod outcome;
mod progress;
mod replay;
mod run;
mod tile;
mod tiles;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::evidence::EvidenceError;
pub use self::outcome::{Fault, Outcome, Proofs, ProveError};
pub use self::progress::Progress;
pub use self::replay::{ClaimError, ShownRecord};
use self::run::Run;
pub use self::tile::TileOutcome;
use crate::golang::module::ModuleVersion;
use crate::io::database::{ConnectError, Database, DatabaseAddress, Route};
use crate::io::go_cache::GoCache;
use crate::io::home::Home;
use crate::io::http::HttpClient;
use crate::io::store::Store;
use crate::tlog::note::VerifierKey;
use crate::tlog::tile::TileHeight;

/// Everything that proving needs of the outside.
#[derive(Debug)]
pub struct Prover {
    /// The log's key.
    pub key: VerifierKey,
    /// Where the log is.
    pub address: DatabaseAddress,
    /// The way to it, as it was last found.
    pub route: Route,
    /// The HTTP client.
    pub http: HttpClient,
    /// The folder of all state.
    pub home: Home,
    /// The database in it.
    pub store: RefCell<Store>,
    /// The go command's own files.
    pub go_cache: Option<GoCache>,
    /// Never send a packet.
    pub offline: bool,
    /// Ask for the newest head even if everything is known.
    pub refresh: bool,
    /// Ask for the newest head with each round of lookups, though these bring heads themselves.
    pub latest_with_lookups: bool,
    /// Counts for whoever shows them.
    pub progress: Arc<Progress>,
}

/// The checksum database's tiles have this height, and no other is served.
pub const HEIGHT: TileHeight = TileHeight::EIGHT;

impl Prover {
    /// Proves each module version, under one head, or says why not.
    ///
    /// # Errors
    /// [`ProveError`] if the log misbehaved or the state cannot be used; all that is merely
    /// unavailable stands in the [`Proofs`].
    pub async fn prove(&self, modules: &BTreeSet<ModuleVersion>) -> Result<Proofs, ProveError> {
        self.prove_under(modules, self.refresh).await
    }

    /// Asks for the log's newest head, and ties it into the timeline.
    ///
    /// # Errors
    /// As [`Prover::prove`].
    pub async fn newest_head(&self) -> Result<Proofs, ProveError> {
        self.prove_under(&BTreeSet::new(), true).await
    }

    /// Ties heads that somebody else keeps into the timeline: each note as the log signed it. They
    /// are kept as heads of this home's own.
    ///
    /// # Errors
    /// As [`Prover::prove`]: a head that contradicts this home's is misbehaviour of the log.
    pub async fn adopt_heads(&self, notes: &[&[u8]]) -> Result<Proofs, ProveError> {
        let mut proofs = Proofs::default();
        let timeline = self.restore(&BTreeSet::new(), &mut proofs)?;
        let mut run = Run::new(self, timeline, proofs);
        run.adopt_heads(notes).await?;
        Ok(run.end())
    }

    /// Ties heads into the timeline that somebody shows, whose name stands in evidence and in the home.
    /// Tiles are those of this prover's log; no newer head is asked for.
    ///
    /// # Errors
    /// As [`Prover::prove`]: a head that contradicts this home's is misbehaviour of the log.
    pub async fn tie_heads(&self, notes: &[&[u8]], shown_by: &str) -> Result<Proofs, ProveError> {
        let mut proofs = Proofs::default();
        let timeline = self.restore(&BTreeSet::new(), &mut proofs)?;
        let mut run = Run::new(self, timeline, proofs);
        run.tie_heads(notes, shown_by).await?;
        Ok(run.end())
    }

    async fn database(&self) -> Result<Database<'_>, ConnectError> {
        self.route.connect(&self.address, &self.http).await
    }

    async fn prove_under(
        &self,
        modules: &BTreeSet<ModuleVersion>,
        refresh: bool,
    ) -> Result<Proofs, ProveError> {
        // 3. What is already proven, then the mirror, then what the go command has, then the network.
        let mut proofs = Proofs::default();
        let timeline = self.restore(modules, &mut proofs)?;
        self.prove_from_mirror(modules, &mut proofs)?;
        let unknown: Vec<&ModuleVersion> = modules
            .iter()
            .filter(|module| !proofs.outcomes.contains_key(*module))
            .collect();
        if unknown.is_empty() && !refresh {
            return Ok(proofs);
        }

        let mut run = Run::new(self, timeline, proofs);
        let cached = run.read_go_cache(&unknown);
        let all_on_disk = cached.len() == unknown.len() && !refresh;
        let proven = (all_on_disk || self.offline) && run.prove_from_disk().await?;
        if self.offline && !self.address.has_folder() {
            return Ok(run.end_offline(&unknown));
        }
        if !proven {
            run.prove_from_network(&unknown, cached).await?;
        }
        let proofs = run.end();
        if proofs.has_gaps() {
            self.route.forget();
        }
        Ok(proofs)
    }
}
