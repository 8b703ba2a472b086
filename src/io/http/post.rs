//! POST of something small to somebody who is to be told.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::attempt::not_sent;
use super::connect::Encoding;
use super::error::{FetchError, ShownUrl, Timeout, without_credentials};
use super::{HttpClient, credential};

/// Whoever takes longer is told again later.
const POST_TIMEOUT: Duration = Duration::from_secs(20);

impl HttpClient {
    /// Posts once: no second attempt, and no redirect is followed. Gives the status.
    ///
    /// # Errors
    /// [`FetchError`] if there was no answer; any status is one.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<u16, FetchError> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(FetchError::InvalidUrl {
                url: ShownUrl::new(url),
                reason: "its scheme is neither https nor http",
            });
        }
        let authorization = credential::authorization(url, &self.settings.credentials)?;
        let _turn = self.turn(url).await?;
        let client = self.connections.client(url, Encoding::Any)?;
        let mut request = client.post(without_credentials(url)).headers(headers);
        if let Some(authorization) = authorization {
            request = request.header(reqwest::header::AUTHORIZATION, authorization);
        }
        let sent = request.body(body).timeout(POST_TIMEOUT).send().await;
        match sent {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => Err(FetchError::Timeout {
                url: ShownUrl::new(url),
                timeout: Timeout::Attempt(POST_TIMEOUT),
            }),
            Err(error) => Err(not_sent(url, &error)),
        }
    }
}
