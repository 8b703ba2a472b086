//! Other places that show the heads of a log. All heads must be of one timeline: whoever is shown
//! another one is shown another log.

use reqwest::Url;
use serde::Deserialize;

use crate::golang::base_url::BaseUrl;
use crate::io::database::{Database, DatabaseAddress};
use crate::io::http::Answer;
use crate::prover::Prover;
use crate::tlog::note::MAX_NOTE_BYTES;

/// A document of heads of a peer is no larger.
const MAX_HEADS_BYTES: usize = 16 << 20;

/// So many heads of a peer are compared, the newest ones.
const MAX_HEADS: usize = 64;

/// Something that shows heads.
#[derive(Debug, Clone)]
pub struct Place {
    /// By which people know it.
    pub name: String,
    /// How it is asked.
    pub kind: PlaceKind,
    /// Where.
    pub url: BaseUrl,
}

/// How a place is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// The log itself or a mirror: `/latest` and tiles below the URL.
    Log,
    /// A module proxy: the same below `/sumdb/NAME`.
    Proxy,
    /// A signed checkpoint at the URL, as the distributors of witnesses have it.
    Checkpoint,
    /// Another sumcheck: `/api/v1/heads` below the URL.
    Sumcheck,
}

/// Why a place has shown nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Silent(pub(super) String);

#[derive(Deserialize)]
struct Heads {
    heads: Vec<Head>,
}

#[derive(Deserialize)]
struct Head {
    note: String,
}

impl Place {
    /// Where it is, without a password.
    #[must_use]
    pub fn shown(&self) -> String {
        self.url.redacted()
    }

    /// Where a log is whose tiles this place has; `None` if it has none.
    pub(super) fn database(&self, log: &DatabaseAddress) -> Option<DatabaseAddress> {
        let url = match self.kind {
            PlaceKind::Log => self.url.clone(),
            PlaceKind::Proxy => {
                let base = self.url.as_str().trim_end_matches('/');
                BaseUrl::parse(&format!("{base}/sumdb/{}", log.name)).ok()?
            }
            PlaceKind::Checkpoint | PlaceKind::Sumcheck => return None,
        };
        Some(DatabaseAddress {
            url: Some(url),
            ..log.clone()
        })
    }

    /// The signed notes that it shows, unverified.
    pub(super) async fn ask(&self, prover: &Prover) -> Result<Vec<Vec<u8>>, Silent> {
        let silent = |error: &dyn std::fmt::Display| Silent(error.to_string());
        let name = prover.key.name();
        if let Some(address) = self.database(&prover.address) {
            let database = Database::connect(&address, &prover.http).await;
            let database = database.map_err(|error| silent(&error))?;
            let latest = database.latest().await.map_err(|error| silent(&error))?;
            return Ok(vec![found(latest)?]);
        }
        let base = Url::parse(self.url.as_str()).map_err(|error| silent(&error))?;
        if self.kind == PlaceKind::Checkpoint {
            let answer = prover.http.get(&base, MAX_NOTE_BYTES).await;
            return Ok(vec![found(answer.map_err(|error| silent(&error))?)?]);
        }
        let mut url = base.clone();
        url.set_path(&format!(
            "{}/api/v1/heads",
            base.path().trim_end_matches('/')
        ));
        url.query_pairs_mut()
            .append_pair("log", name)
            .append_pair("limit", &MAX_HEADS.to_string());
        let answer = prover.http.get(&url, MAX_HEADS_BYTES).await;
        let document = found(answer.map_err(|error| silent(&error))?)?;
        let document: Heads = serde_json::from_slice(&document)
            .map_err(|error| Silent(format!("it is not what /api/v1/heads answers: {error}")))?;
        let notes = document.heads.into_iter().take(MAX_HEADS);
        Ok(notes.map(|head| head.note.into_bytes()).collect())
    }
}

fn found(answer: Answer) -> Result<Vec<u8>, Silent> {
    match answer {
        Answer::Found(bytes) => Ok(bytes.to_vec()),
        Answer::Absent { status, .. } => Err(Silent(format!("it answered {status}"))),
    }
}
