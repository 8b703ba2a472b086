//! What is served of the state: pages, JSON, a feed, metrics, and whether it is alive.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_DISPOSITION, HeaderMap, LOCATION};
use hyper::{Method, Request, Response, StatusCode, Uri};
use maud::Markup;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::api::{self, OPENAPI};
use super::host::Hosts;
use super::known::{Known, List, Older, ROWS, View, ViewError};
use super::query::{MAX_ROW, Query, QueryError};
use super::record::{RecordError, ShownRecord};
use super::reply::{JSON, Reply};
use super::{feed, metrics, page};
use crate::golang::module::ModuleVersion;
use crate::io::serve::{Activity, Peer, Site, SmallBody, plain_path};
use crate::io::store::{Decided, DecisionFilter, Finding, Rows};

/// So many look into the database at once: others wait, so that rounds are not kept from their work.
const LOOKS_AT_ONCE: usize = 2;

/// Nobody waits longer than this to be let look.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The state of a home, for those who may see it.
#[derive(Debug)]
pub struct StatusSite {
    view: RwLock<Arc<View>>,
    hosts: RwLock<Hosts>,
    looks: Arc<Semaphore>,
    /// For those who ask whether all is well: whoever reads much does not keep them waiting.
    probes: Arc<Semaphore>,
}

impl StatusSite {
    /// Serves what is known in a home.
    #[must_use]
    pub fn new(view: View) -> Self {
        Self {
            view: RwLock::new(Arc::new(view)),
            hosts: RwLock::default(),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            probes: Arc::new(Semaphore::new(1)),
        }
    }

    /// From now on it is looked at in this way.
    pub fn set_view(&self, view: View) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// From now on it answers to these names.
    pub fn set_hosts(&self, hosts: Hosts) {
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = hosts;
    }

    /// The answer to somebody who asks by a name that is not known.
    #[must_use]
    pub fn refusal(&self, headers: &HeaderMap, uri: &Uri) -> Option<Reply> {
        let hosts = self.hosts.read().unwrap_or_else(PoisonError::into_inner);
        let refused =
            "this is not known by that name: ask for localhost, or name it in hosts of [watch]";
        (!hosts.know(headers, uri))
            .then(|| Reply::error(uri.path(), StatusCode::MISDIRECTED_REQUEST, refused))
    }

    fn view(&self) -> Arc<View> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&view)
    }

    /// The answer to a GET.
    pub async fn get(&self, uri: &Uri) -> Reply {
        if uri.path() == "/" {
            return self.reply("/", uri.query()).await;
        }
        match plain_path(uri.path().trim_start_matches('/')) {
            Some(path) => self.reply(&format!("/{path}"), uri.query()).await,
            None => Reply::error(uri.path(), StatusCode::NOT_FOUND, "nothing is here"),
        }
    }

    async fn reply(&self, path: &str, query: Option<&str>) -> Reply {
        match path {
            "/healthz" => return Reply::text(StatusCode::OK, "ok"),
            "/style.css" => {
                return Reply::new(StatusCode::OK, "text/css; charset=utf-8", page::STYLE);
            }
            "/icon.svg" => return Reply::new(StatusCode::OK, "image/svg+xml", page::ICON),
            "/api/v1/openapi.json" => return Reply::new(StatusCode::OK, JSON, OPENAPI),
            _ => {}
        }
        let query = Query::parse(query);
        let error = match self.look(path, &query).await {
            Ok(reply) => return reply,
            Err(error) => error,
        };
        let status = match error {
            LookError::Query(_) => StatusCode::BAD_REQUEST,
            LookError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ if path == "/readyz" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Reply::error(path, status, &error.to_string())
    }

    async fn look(&self, path: &str, query: &Query) -> Result<Reply, LookError> {
        if let Some(rest) = path.strip_prefix("/api/v1/") {
            return self.api(rest, query).await;
        }
        if let Some(id) = evidence_id(path) {
            return self.evidence(id).await;
        }
        let (probes, looks) = (&self.probes, &self.looks);
        let older = query.older()?;
        match path {
            "/readyz" => self.shown(probes, readiness).await,
            "/metrics" => {
                let counts = Arc::clone(&self.view().counts);
                let text = move |known: &Known| metrics::text(known, &counts);
                let reply = move |known: &Known| {
                    Reply::new(StatusCode::OK, metrics::MEDIA_TYPE, text(known))
                };
                self.shown(probes, reply).await
            }
            "/" => {
                self.shown(looks, |known| Reply::ok(page::overview(known)))
                    .await
            }
            "/findings" => {
                self.shown(looks, |known| Reply::ok(page::findings(known)))
                    .await
            }
            "/heads" => self.listed(List::Heads, older, page::heads).await,
            "/modules" => self.listed(List::Modules, older, page::modules).await,
            "/rounds" => self.listed(List::Runs, older, page::rounds).await,
            "/events" => self.listed(List::Events, older, page::events).await,
            "/decisions" => self.decisions(query).await,
            "/feed.atom" => {
                let feed =
                    |known: &Known| Reply::new(StatusCode::OK, feed::MEDIA_TYPE, feed::text(known));
                self.shown(looks, feed).await
            }
            "/module" => {
                let asked = query.get("m")?.unwrap_or_default();
                match module_version(&asked) {
                    Some(module) => {
                        let link =
                            page::module_link(module.path().as_str(), module.version().as_str());
                        Ok(Reply::text(StatusCode::SEE_OTHER, &link).with(LOCATION, &link))
                    }
                    None => {
                        let page =
                            move |known: &Known| Reply::ok(page::ask_module(known.state, &asked));
                        self.shown(looks, page).await
                    }
                }
            }
            _ => match path.strip_prefix("/module/") {
                Some(asked) => self.module(asked).await,
                None => {
                    let page =
                        |known: &Known| Reply::page(StatusCode::NOT_FOUND, page::not_found(known));
                    self.shown(looks, page).await
                }
            },
        }
    }

    async fn module(&self, asked: &str) -> Result<Reply, LookError> {
        let shown = match module_version(asked) {
            Some(module) => Some(self.record(module).await?),
            None => None,
        };
        let asked = asked.to_owned();
        let page = move |known: &Known| match &shown {
            Some(Some(shown)) => Reply::ok(page::module(known, shown)),
            Some(None) => Reply::page(StatusCode::NOT_FOUND, page::unknown_module(known, &asked)),
            None => {
                let page = page::ask_module(known.state, &asked);
                Reply::page(StatusCode::NOT_FOUND, page)
            }
        };
        self.shown(&self.looks, page).await
    }

    async fn api(&self, path: &str, query: &Query) -> Result<Reply, LookError> {
        let wanted = query.wanted()?;
        let looks = &self.looks;
        let document = match path {
            "status" => Some(
                self.read(looks, |view| Ok(api::status(&view.read()?)))
                    .await?,
            ),
            "findings" => {
                let read = |view: &View| Ok(api::findings(&view.read()?.findings));
                Some(self.read(looks, read).await?)
            }
            "heads" => {
                let read = move |view: &View| Ok(view.heads_document(&wanted)?);
                self.read(looks, read).await?
            }
            "runs" => {
                let read = move |view: &View| Ok(view.runs_document(&wanted)?);
                self.read(looks, read).await?
            }
            "modules" => {
                let read = move |view: &View| Ok(view.modules_document(&wanted)?);
                self.read(looks, read).await?
            }
            "module" => match query.get("m")?.as_deref().map(module_version) {
                None | Some(None) => return Err(QueryError::NoModule.into()),
                Some(Some(module)) => self.record(module).await?.map(|shown| api::module(&shown)),
            },
            _ => None,
        };
        Ok(match document {
            Some(document) => Reply::json(StatusCode::OK, &document),
            None => Reply::error("/api/", StatusCode::NOT_FOUND, "there is no such thing"),
        })
    }

    /// What a page shows of all that is known.
    async fn shown(
        &self,
        looks: &Arc<Semaphore>,
        page: impl FnOnce(&Known) -> Reply + Send + 'static,
    ) -> Result<Reply, LookError> {
        self.read(looks, |view| Ok(page(&view.read()?))).await
    }

    /// A page with a list of which older rows can be seen.
    async fn listed(
        &self,
        list: List,
        older: Older,
        page: impl FnOnce(&Known) -> Markup + Send + 'static,
    ) -> Result<Reply, LookError> {
        let read = move |view: &View| Ok(Reply::ok(page(&view.read_older(list, &older)?)));
        self.read(&self.looks, read).await
    }

    async fn record(&self, module: ModuleVersion) -> Result<Option<ShownRecord>, LookError> {
        let runtime = tokio::runtime::Handle::current();
        let read = move |view: &View| Ok(runtime.block_on(view.record(&module))?);
        self.read(&self.looks, read).await
    }

    async fn evidence(&self, id: i64) -> Result<Reply, LookError> {
        let read = move |view: &View| Ok(view.evidence(id)?);
        Ok(match self.read(&self.looks, read).await? {
            None => Reply::text(StatusCode::NOT_FOUND, "there is no such evidence"),
            Some((name, bytes)) => {
                let disposition = format!("attachment; filename=\"{name}\"");
                Reply::new(StatusCode::OK, JSON, bytes).with(CONTENT_DISPOSITION, &disposition)
            }
        })
    }

    /// Decisions about private modules are not even counted: whoever filters by the beginning of a name
    /// could spell it out.
    async fn decisions(&self, query: &Query) -> Result<Reply, LookError> {
        let filter = DecisionFilter {
            verdict: query.get("verdict")?,
            module: query.get("module")?,
            client: query.get("client")?,
        };
        let rows = Rows {
            limit: ROWS,
            before: query.number("before", MAX_ROW)?,
        };
        let read = move |view: &View| {
            let (_, store) = view.open()?;
            let is_public = |decided: &Decided| !view.private.matches(&decided.module);
            let decisions = store.decisions(&filter, rows, is_public);
            let decisions = decisions.map_err(ViewError::from)?;
            let known = view.read()?;
            Ok(Reply::ok(page::decisions(&known, &filter, &decisions)))
        };
        self.read(&self.looks, read).await
    }

    /// Reads in the home, on a thread that may wait. Whoever does not wait for the answer any more has
    /// been let look all the same until that is done.
    async fn read<T: Send + 'static>(
        &self,
        looks: &Arc<Semaphore>,
        work: impl FnOnce(&View) -> Result<T, LookError> + Send + 'static,
    ) -> Result<T, LookError> {
        let look = Arc::clone(looks).acquire_owned();
        let look = timeout(LONGEST_WAIT, look).await;
        let look = look.map_err(|_| LookError::Busy)?;
        let view = self.view();
        let read = move || {
            let _look = look;
            work(&view)
        };
        tokio::task::spawn_blocking(read).await?
    }
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("many ask at once: ask again")]
    Busy,
    #[error("the state cannot be read: {0}")]
    View(#[from] ViewError),
    #[error("the state cannot be read: {0}")]
    Record(#[from] RecordError),
    #[error("the state was not read to its end: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// Whether this may be relied on: the last good round of each log is young enough, and none misbehaved.
fn readiness(known: &Known) -> Reply {
    let is_open = |finding: &Finding| finding.acknowledged_at.is_none();
    let is_ready = known.logs.iter().all(|log| log.is_ready);
    if is_ready && !known.findings.iter().any(is_open) {
        Reply::text(StatusCode::OK, "ready")
    } else {
        Reply::text(StatusCode::SERVICE_UNAVAILABLE, &known.reasons.join("\n"))
    }
}

fn module_version(text: &str) -> Option<ModuleVersion> {
    ModuleVersion::parse(text).ok()
}

fn evidence_id(path: &str) -> Option<i64> {
    let id = path.strip_prefix("/findings/")?.strip_suffix("/evidence")?;
    id.parse().ok()
}

impl Site for StatusSite {
    type Body = SmallBody;
    type Counted = ();

    fn connected(&self) {}

    async fn answer(
        &self,
        _peer: Peer,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
    ) -> Response<SmallBody> {
        let is_head = request.method() == Method::HEAD;
        let path = request.uri().path();
        let mut reply = if let Some(refusal) = self.refusal(request.headers(), request.uri()) {
            refusal
        } else if is_head || request.method() == Method::GET {
            self.get(request.uri()).await
        } else {
            Reply::error(path, StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only")
                .with(ALLOW, "GET, HEAD")
        };
        if is_head {
            reply.body = Bytes::new();
        }
        reply.respond(|body| SmallBody::new(body, Arc::clone(activity)))
    }
}
