//! Where a provider is called, and what goes into the request's head.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, InvalidHeaderValue, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use secrecy::{ExposeSecret, SecretString};

use crate::net::{Origin, RequestBody};

/// How long the phases of an attempt may take. Connecting has its own clock in [`Origin`].
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub first_byte: Duration,
    pub response: Duration,
    pub idle: Duration,
    pub total: Duration,
}

/// The chat address of one provider.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) origin: Arc<Origin>,
    uri: Uri,
    pub(super) timeouts: Timeouts,
}

/// One of a provider's keys, ready to be sent.
#[derive(Debug)]
pub struct ProviderKey {
    header: HeaderValue,
    secret: SecretString,
}

impl ProviderKey {
    /// For `Authorization: Bearer`.
    pub fn bearer(secret: &SecretString) -> Result<Self, InvalidHeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))?;
        header.set_sensitive(true);
        Ok(Self { header, secret: secret.clone() })
    }
}

impl Endpoint {
    /// `path` begins with a slash.
    pub fn new(origin: Arc<Origin>, path: &str, timeouts: Timeouts) -> Result<Self, InvalidUri> {
        Ok(Self { origin, uri: path.parse()?, timeouts })
    }

    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// A request with exactly these headers; nothing of the client's but `openai-beta`.
    pub(super) fn request(
        &self,
        key: Option<&ProviderKey>,
        beta: Option<&HeaderValue>,
        stream: bool,
        body: RequestBody,
    ) -> Request<RequestBody> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let accept = if stream { "text/event-stream" } else { "application/json" };
        let headers: &mut HeaderMap = request.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, self.origin.authority());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
        if let Some(key) = key {
            headers.insert(AUTHORIZATION, key.header.clone());
        }
        if let Some(beta) = beta {
            headers.insert(HeaderName::from_static("openai-beta"), beta.clone());
        }
        request
    }

    /// Takes the provider's key and our address for it out of a text that goes to a client.
    pub(super) fn redact(&self, text: &str, key: Option<&ProviderKey>) -> String {
        const REDACTED: &str = "[redacted]";
        let mut text = match key {
            Some(key) => text.replace(key.secret.expose_secret(), REDACTED),
            None => text.to_owned(),
        };
        if let Ok(authority) = self.origin.authority().to_str() {
            for scheme in ["https://", "http://"] {
                text = text.replace(&format!("{scheme}{authority}"), REDACTED);
            }
        }
        text
    }
}
