//! Lists of versions, the latest one, branches and commits: hints, which nothing in the log vouches
//! for. Whatever they lead to is proven when it is asked for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::upstream::Fetched;
use super::wanted::Wanted;
use super::{Denial, Gate, Reply};
use crate::golang::module::ModulePath;

/// A list of versions has some thousand lines at most.
const MAX_HINT_BYTES: usize = 16 << 20;

/// So long a hint is given out again without asking: the go command asks for the same list many
/// times within one build, and a new version may be seen so much later.
const FRESH: Duration = Duration::from_secs(60);

/// More hints than this are not kept: a client that asks for made-up modules fills no memory.
const MAX_HINTS: usize = 10_000;

const LIST: &str = "text/plain; charset=utf-8";
const INFO: &str = "application/json";

/// The hints of the last minute, and older ones for when nobody can be asked.
#[derive(Debug, Default)]
pub(super) struct Hints(Mutex<HashMap<String, (Instant, Bytes)>>);

impl Hints {
    fn get(&self, path: &str) -> Option<(Instant, Bytes)> {
        let hints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hints.get(path).cloned()
    }

    fn keep(&self, path: String, hint: Bytes) {
        let mut hints = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hints.len() >= MAX_HINTS {
            hints.retain(|_, (since, _)| since.elapsed() < FRESH);
        }
        if hints.len() < MAX_HINTS {
            hints.insert(path, (Instant::now(), hint));
        }
    }
}

impl Gate {
    pub(super) async fn list(&self, module: &ModulePath) -> Result<Reply, Denial> {
        self.hint(Wanted::List(module), module, LIST).await
    }

    pub(super) async fn latest(&self, module: &ModulePath) -> Result<Reply, Denial> {
        self.hint(Wanted::Latest(module), module, INFO).await
    }

    /// `query` is a branch or a commit.
    pub(super) async fn query(&self, module: &ModulePath, query: &str) -> Result<Reply, Denial> {
        self.hint(Wanted::Query(module, query), module, INFO).await
    }

    async fn hint(
        &self,
        wanted: Wanted<'_>,
        module: &ModulePath,
        media_type: &'static str,
    ) -> Result<Reply, Denial> {
        self.may_be_asked(module)?;
        let path = wanted.path();
        let known = self.hints.get(&path);
        if let Some((since, body)) = &known
            && since.elapsed() < FRESH
        {
            let body = body.clone();
            return Ok(Reply::Text { media_type, body });
        }
        match self.upstream.get(wanted, MAX_HINT_BYTES).await {
            Ok(Fetched::Found { content, .. }) => {
                self.hints.keep(path, content.clone());
                Ok(Reply::Text {
                    media_type,
                    body: content,
                })
            }
            Ok(Fetched::Absent { words }) => Err(Denial::absent(module.as_str(), words)),
            // An old hint is as good as a new one while nobody can be asked.
            Err(error) => match known {
                Some((_, body)) => Ok(Reply::Text { media_type, body }),
                None => Err(error.into()),
            },
        }
    }

    /// What is not let through is not asked for.
    pub(super) fn may_be_asked(&self, module: &ModulePath) -> Result<(), Denial> {
        self.policy().hides(module).map_err(Denial::Refused)?;
        if self.private.is_denied() && self.private.matches(module.as_str()) {
            return Err(Denial::Refused(super::Refusal::PrivateDenied {
                path: module.clone(),
            }));
        }
        Ok(())
    }
}
