//! Where a provider is called, and what goes into the request's head.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, InvalidHeaderValue, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use secrecy::{ExposeSecret, SecretString};

use crate::call::Betas;
use crate::config::{AuthStyle, Dialect};
use crate::net::{Origin, RequestBody};

static OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");
static ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
static ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// The only version that there is. <https://docs.claude.com/en/api/versioning>
const VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// How long the phases of an attempt may take. Connecting has its own clock in [`Origin`].
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub first_byte: Duration,
    pub response: Duration,
    pub idle: Duration,
    pub total: Duration,
}

/// One provider's address and manners.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) origin: Arc<Origin>,
    /// In front of every path.
    base: String,
    pub(super) timeouts: Timeouts,
    dialect: Dialect,
}

/// One of a provider's keys, ready to be sent.
#[derive(Debug)]
pub struct ProviderKey {
    name: HeaderName,
    value: HeaderValue,
    pub(super) secret: Arc<SecretString>,
}

impl ProviderKey {
    pub fn new(style: AuthStyle, secret: &SecretString) -> Result<Self, InvalidHeaderValue> {
        let plain = secret.expose_secret();
        let (name, text) = match style {
            AuthStyle::Bearer => (AUTHORIZATION, format!("Bearer {plain}")),
            AuthStyle::XApiKey => (HeaderName::from_static("x-api-key"), plain.to_owned()),
            AuthStyle::GoogApiKey => (HeaderName::from_static("x-goog-api-key"), plain.to_owned()),
            AuthStyle::ApiKey => (HeaderName::from_static("api-key"), plain.to_owned()),
        };
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        Ok(Self { name, value, secret: Arc::new(secret.clone()) })
    }
}

impl Endpoint {
    /// `base` is the path of the base URL, without a slash at its end.
    pub fn new(origin: Arc<Origin>, base: &str, timeouts: Timeouts, dialect: Dialect) -> Self {
        Self { origin, base: base.to_owned(), timeouts, dialect }
    }

    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The address of one of the provider's doors. `path` is a row's template; a model's name is escaped, so that it stays
    /// one segment of the path.
    pub fn address(&self, path: &str, model: &str, api_version: &str) -> Result<Uri, InvalidUri> {
        let path = path.replace("{id}", &escaped(model)).replace("{api_version}", &escaped(api_version));
        format!("{}{path}", self.base).parse()
    }

    /// A request with exactly these headers; nothing of the client's but what its own vendor's betas are.
    pub(super) fn request(
        &self,
        address: &Uri,
        key: Option<&ProviderKey>,
        betas: &Betas,
        stream: bool,
        body: RequestBody,
    ) -> Request<RequestBody> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = address.clone();
        let accept = if stream { "text/event-stream" } else { "application/json" };
        let headers: &mut HeaderMap = request.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, self.origin.authority());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
        if let Some(key) = key {
            headers.insert(key.name.clone(), key.value.clone());
        }
        match self.dialect {
            Dialect::Anthropic => {
                headers.insert(ANTHROPIC_VERSION.clone(), betas.anthropic_version.clone().unwrap_or(VERSION));
                if let Some(beta) = &betas.anthropic {
                    headers.insert(ANTHROPIC_BETA.clone(), beta.clone());
                }
            }
            Dialect::OpenAiChat => {
                if let Some(beta) = &betas.openai {
                    headers.insert(OPENAI_BETA.clone(), beta.clone());
                }
            }
            Dialect::Mistral | Dialect::Gemini | Dialect::Cohere => {}
        }
        request
    }

    /// A request for what costs nothing, such as the list of models.
    pub(super) fn free_request(&self, address: &Uri, key: Option<&ProviderKey>) -> Request<RequestBody> {
        let mut request = self.request(address, key, &Betas::default(), false, RequestBody::new([]));
        *request.method_mut() = Method::GET;
        request.headers_mut().remove(CONTENT_TYPE);
        request
    }
}

/// Percent-encoded but for what may stand in a path's segment (RFC 3986, 3.3).
fn escaped(segment: &str) -> String {
    // These two mean another place.
    if matches!(segment, "." | "..") {
        return segment.replace('.', "%2E");
    }
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => {
                escaped.push(byte.into())
            }
            _ => write!(escaped, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(escaped("gemini-2.5-flash"), "gemini-2.5-flash");
        assert_eq!(escaped(".."), "%2E%2E");
        assert_eq!(escaped("../a b?c#d%/é"), "..%2Fa%20b%3Fc%23d%25%2F%C3%A9");
    }
}
