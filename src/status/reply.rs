//! An answer, with the headers that all of them have.

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use maud::Markup;
use serde_json::{Value, json};

use super::page;

/// Nothing is loaded from elsewhere, no script runs, nobody frames a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its content.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Reply {
    pub(super) fn new(
        status: StatusCode,
        media_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let body = body.into();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-store"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Self {
            status,
            body,
            headers,
        }
    }

    pub(super) fn page(status: StatusCode, page: Markup) -> Self {
        Self::new(status, HTML, page::visible(&page.into_string()))
    }

    pub(super) fn ok(page: Markup) -> Self {
        Self::page(StatusCode::OK, page)
    }

    pub(super) fn json(status: StatusCode, document: &Value) -> Self {
        let mut text = format!("{document:#}");
        text.push('\n');
        Self::new(status, JSON, text)
    }

    /// Why there is nothing, as JSON for those who read that.
    pub(super) fn error(path: &str, status: StatusCode, error: &str) -> Self {
        if path.starts_with("/api/") {
            Self::json(status, &json!({ "error": error }))
        } else {
            Self::text(status, error)
        }
    }

    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        let plain = |c: char| {
            if page::is_unseen(c) && c != '\n' {
                '?'
            } else {
                c
            }
        };
        let mut text: String = text.chars().map(plain).collect();
        text.push('\n');
        Self::new(status, TEXT, text)
    }

    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The response, with a body of whatever kind the server has.
    pub fn respond<B>(self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let mut response = Response::new(body(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
