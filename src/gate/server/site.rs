//! What is served at an address, and to whom.

use std::sync::{Arc, PoisonError, RwLock};

use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};

use super::answer::{denied, file, small, text};
use super::body::Body;
use super::exchange::Exchange;
use super::tokens::Tokens;
use crate::gate::client::Client;
use crate::gate::metrics::{self, Counted, verdict_label};
use crate::gate::target::Target;
use crate::gate::trace::Trace;
use crate::gate::{Denial, Gate, Reply};
use crate::io::serve::{self, Activity, Peer};
use crate::status::StatusSite;

/// What is served at one address.
#[derive(Debug)]
pub struct Site {
    gate: Arc<Gate>,
    serves: Serves,
    tokens: RwLock<Option<Arc<Tokens>>>,
    trace: Option<Arc<Trace>>,
}

#[derive(Debug)]
enum Serves {
    /// Modules, below a path that begins and ends with `/`.
    Modules { prefix: String },
    /// How the gate is, for those who run it, and what its home knows.
    Status(StatusSite),
}

/// An answer before it is on its way, and what is said of it in counts and traces.
pub(super) struct Answered {
    pub(super) response: Response<Body>,
    pub(super) file: &'static str,
    pub(super) verdict: &'static str,
    /// Why, if it was denied.
    pub(super) reason: Option<String>,
}

impl serve::Site for Site {
    type Body = Body;
    type Counted = Counted;

    fn connected(&self) -> Counted {
        self.gate.metrics().connection()
    }

    async fn answer(
        &self,
        peer: Peer,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        Self::answer(self, peer, activity, &request).await
    }
}

impl Site {
    /// Modules, below a path that begins and ends with `/`.
    #[must_use]
    pub fn modules(gate: Arc<Gate>, prefix: &str, trace: Option<Arc<Trace>>) -> Self {
        Self {
            gate,
            serves: Serves::Modules {
                prefix: prefix.to_owned(),
            },
            tokens: RwLock::default(),
            trace,
        }
    }

    /// `/metrics`, `/healthz` and `/readyz` of the gate, and the pages of its home.
    #[must_use]
    pub fn status(gate: Arc<Gate>, pages: StatusSite) -> Self {
        Self {
            gate,
            serves: Serves::Status(pages),
            tokens: RwLock::default(),
            trace: None,
        }
    }

    /// From now on these tokens are known, and no others.
    pub fn set_tokens(&self, tokens: Tokens) {
        let mut known = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(tokens));
    }

    async fn answer(
        &self,
        peer: Peer,
        activity: &Arc<Activity>,
        request: &Request<Incoming>,
    ) -> Response<Body> {
        let client = &Client {
            name: peer.address.to_string(),
            authenticated: false,
            loopback: peer.is_loopback,
        };
        let (prefix, trace) = match &self.serves {
            Serves::Modules { prefix } => (prefix.as_str(), self.trace.as_ref()),
            Serves::Status(_) => ("/", None),
        };
        let metrics = Arc::clone(self.gate.metrics());
        let mut exchange = Exchange::begin(Arc::clone(activity), metrics, trace, request, prefix);
        let answered = match self.identify(client, request) {
            Ok(client) => {
                exchange.set_client(&client);
                self.respond(&client, prefix, request).await
            }
            Err(denial) => denial_of("other", &denial),
        };
        let mut response = answered.response;
        if request.method() == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        exchange.answered(
            &response,
            answered.file,
            answered.verdict,
            answered.reason,
            matches!(self.serves, Serves::Modules { .. }),
        );
        response.map(|body| body.with(exchange))
    }

    /// Who asks. A token that is not known is refused, even for what all may have: a client that
    /// shows one means to be known.
    fn identify(&self, client: &Client, request: &Request<Incoming>) -> Result<Client, Denial> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        match (&*tokens, request.headers().get(AUTHORIZATION)) {
            (Some(tokens), Some(authorization)) => match tokens.name_of(authorization) {
                Some(name) => Ok(Client {
                    name: name.to_owned(),
                    authenticated: true,
                    ..client.clone()
                }),
                None => Err(Denial::UnknownToken),
            },
            _ => Ok(client.clone()),
        }
    }

    async fn respond(
        &self,
        client: &Client,
        prefix: &str,
        request: &Request<Incoming>,
    ) -> Answered {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(
                StatusCode::METHOD_NOT_ALLOWED,
                "sumcheck: GET and HEAD only",
            );
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return other(response, "unknown");
        }
        if !hyper::body::Body::is_end_stream(request.body()) {
            let mut response = text(
                StatusCode::BAD_REQUEST,
                "sumcheck: a request has no body here",
            );
            // What it sends is not read, so nothing can follow.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
            return other(response, "unknown");
        }
        if let Serves::Status(pages) = &self.serves
            && let Some(refusal) = pages.refusal(request.headers(), request.uri())
        {
            return other(refusal.respond(Body::small), "unknown");
        }
        let path = request.uri().path();
        match (&self.serves, path) {
            (_, "/healthz") if prefix == "/" => other(text(StatusCode::OK, "ok"), "released"),
            (_, "/readyz") if prefix == "/" => self.ready().await,
            (Serves::Status(_), "/metrics") => other(self.metrics(), "released"),
            (Serves::Status(pages), _) => {
                let reply = pages.get(request.uri()).await;
                other(reply.respond(Body::small), "released")
            }
            (Serves::Modules { .. }, _) => match path.strip_prefix(prefix) {
                Some(path) => self.module(client, path, request).await,
                None => other(
                    text(StatusCode::NOT_FOUND, "sumcheck: nothing is here"),
                    "unknown",
                ),
            },
        }
    }

    async fn module(&self, client: &Client, path: &str, request: &Request<Incoming>) -> Answered {
        let target = match Target::parse(path) {
            Ok(target) => target,
            Err(error) => return denial_of("other", &Denial::Unknown(error.to_string())),
        };
        let label = target.label();
        let response = match self.gate.answer(client, &target).await {
            Ok(Reply::File(released)) => file(released, request.headers()),
            Ok(Reply::Text { media_type, body }) => small(media_type, body),
            Err(denial) => return denial_of(label, &denial),
        };
        Answered {
            response,
            file: label,
            verdict: verdict_label(None),
            reason: None,
        }
    }

    async fn ready(&self) -> Answered {
        match self.gate.readiness().await {
            Ok(()) => other(text(StatusCode::OK, "ready"), "released"),
            Err(denial) => denial_of("other", &denial),
        }
    }

    fn metrics(&self) -> Response<Body> {
        let standing = self.gate.standing();
        let head_size = standing.head().map_or(0, |head| head.tree_head().size());
        let is_closed = standing.closed().is_some();
        let text = self.gate.metrics().text(head_size, is_closed);
        small(metrics::MEDIA_TYPE, text.into())
    }
}

fn other(response: Response<Body>, verdict: &'static str) -> Answered {
    Answered {
        response,
        file: "other",
        verdict,
        reason: None,
    }
}

fn denial_of(file: &'static str, denial: &Denial) -> Answered {
    let mut response = denied(denial);
    if response.status() == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"sumcheck gate\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
    }
    Answered {
        response,
        file,
        verdict: verdict_label(Some(denial)),
        reason: Some(denial.to_string()),
    }
}
