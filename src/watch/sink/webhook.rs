//! POST of an event, signed as by Standard Webhooks (specification 1.0.0, sections "Signature scheme" and
//! "Webhook headers").

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use sha2::Sha256;

use super::SinkError;
use crate::io::http::{HttpClient, ShownUrl};
use crate::io::store::StoredEvent;

/// What stands before a secret.
const PREFIX: &str = "whsec_";

/// Bytes that a secret has (section "Signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What the receiver knows as well.
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Why a text is no secret. It is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook's secret is whsec_ and 24 to 64 random bytes in base64: make one with \
     echo whsec_$(head -c 32 /dev/urandom | base64)"
)]
pub struct SecretError;

impl Secret {
    /// Reads a secret; white space around it is no part of it.
    ///
    /// # Errors
    /// [`SecretError`]
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError)?;
        if SECRET_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(SecretError)
        }
    }
}

/// The value of `webhook-signature`: of id, time in seconds since 1970 and body.
#[must_use]
pub fn signature(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
    // A key of any length is one for HMAC (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret.0) else {
        return String::new();
    };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

pub(super) async fn tell(
    http: &HttpClient,
    url: &Url,
    secret: Option<&Secret>,
    event: &StoredEvent,
    document: String,
    now: Timestamp,
) -> Result<(), SinkError> {
    let seconds = now.as_second();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set("webhook-id", event.uid.clone());
    set("webhook-timestamp", seconds.to_string());
    if let Some(secret) = secret {
        let signature = signature(secret, &event.uid, seconds, &document);
        set("webhook-signature", signature);
    }
    match http.post(url, headers, Bytes::from(document)).await {
        Ok(200..300) => Ok(()),
        Ok(status @ (408 | 429 | 500..)) => Err(SinkError::Away(format!("answered {status}"))),
        Ok(status) => Err(SinkError::Refused(format!("answered {status}"))),
        Err(error) => {
            let shown = ShownUrl::new(url).to_string();
            let host = url.host_str().unwrap_or_default();
            // Whoever knows the path may post to it.
            Err(SinkError::Away(error.to_string().replace(&shown, host)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the specification's libraries.
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#);
        assert_eq!(
            signature(&secret, id, 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_that_is_none_is_not_repeated() {
        let (short, long) = (STANDARD.encode([7; 23]), STANDARD.encode([7; 65]));
        for text in [
            "",
            "secret",
            "whsec_",
            "whsec_???",
            &format!("whsec_{short}"),
            &long,
        ] {
            let error = Secret::parse(text).unwrap_err();
            assert!(!error.to_string().contains("???"), "{error}");
        }
        let secret = Secret::parse(&format!("whsec_{}", STANDARD.encode([7; 24]))).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
