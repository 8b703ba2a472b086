//! One module version, as far as this home can prove it without asking anybody.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::known::{View, ViewError};
use crate::golang::goproxy::ProxyList;
use crate::golang::module::ModuleVersion;
use crate::io::database::{DatabaseAddress, Route};
use crate::io::http::{HttpClient, HttpSettings};
use crate::prover::{Outcome, Progress, ProveError, Prover};
use crate::sumdb::record::AuthenticRecord;
use crate::tlog::note::VerifierKey;

/// A record that is proven.
#[derive(Debug)]
pub struct ShownRecord {
    /// Name of the log.
    pub log: String,
    /// Its verifier key.
    pub verifier_key: String,
    /// Whose record it is.
    pub module: ModuleVersion,
    /// The record.
    pub record: AuthenticRecord,
    /// The signed note of the tree head under which it is proven.
    pub note: String,
}

/// Why a record cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The home.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The state.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

impl View {
    /// The record of a module version in the first log that this home can prove it in. Nobody is asked.
    ///
    /// # Errors
    /// [`RecordError`]
    pub async fn record(&self, module: &ModuleVersion) -> Result<Option<ShownRecord>, RecordError> {
        if self.private.matches(module.path().as_str()) {
            return Ok(None);
        }
        let (_, store) = self.open()?;
        for (name, verifier_key) in self.logs(&store)? {
            let Ok(key) = VerifierKey::parse(&verifier_key) else {
                continue;
            };
            let (home, store) = self.open()?;
            // No proxy is named, and it is offline besides.
            let Ok(proxies) = ProxyList::parse("off") else {
                continue;
            };
            let prover = Prover {
                address: DatabaseAddress {
                    name: name.clone(),
                    url: None,
                    proxies,
                    only_on_disk: true,
                },
                key,
                route: Route::default(),
                http: HttpClient::new(HttpSettings::default()),
                home,
                store: RefCell::new(store),
                go_cache: None,
                offline: true,
                refresh: false,
                latest_with_lookups: false,
                progress: Arc::new(Progress::default()),
            };
            let mut proofs = prover.prove(&BTreeSet::from([module.clone()])).await?;
            if let Some(Outcome::Proven(record)) = proofs.outcomes.remove(module)
                && let Some(head) = prover.verified_head_at(record.head().size())?
            {
                return Ok(Some(ShownRecord {
                    log: name,
                    verifier_key,
                    module: module.clone(),
                    record: *record,
                    note: head.checkpoint().note().as_str().to_owned(),
                }));
            }
        }
        Ok(None)
    }
}
