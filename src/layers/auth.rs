//! From a request's headers to its caller, before the body is read.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use crate::call::Caller;
use crate::error::GatewayError;
use crate::keys::Directory;

/// Where clients put a key, besides `Authorization: Bearer`: the SDKs of Anthropic, Azure and Google.
static KEY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Knows who may call.
#[derive(Debug, Clone)]
pub struct Auth {
    directory: Arc<Directory>,
    /// Who calls without a key, where none is required.
    anonymous: Option<Arc<Caller>>,
}

impl Auth {
    pub fn new(directory: Arc<Directory>, anonymous: Option<Arc<Caller>>) -> Self {
        Self { directory, anonymous }
    }

    /// The caller of a request.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, GatewayError> {
        match (presented(headers)?, &self.anonymous) {
            (None, Some(anonymous)) => Ok(Arc::clone(anonymous)),
            (None, None) => {
                Err(GatewayError::InvalidKey("no API key was given; send it as `Authorization: Bearer KEY`"))
            }
            (Some(secret), anonymous) => match (self.directory.find(secret), anonymous) {
                (Some(caller), _) => Ok(Arc::clone(caller)),
                // SDKs cannot be made to send none: where no key is needed, any will do.
                (None, Some(anonymous)) => Ok(Arc::clone(anonymous)),
                (None, None) => Err(GatewayError::InvalidKey("the API key is not known here")),
            },
        }
    }
}

/// The one key that the headers hold.
fn presented(headers: &HeaderMap) -> Result<Option<&[u8]>, GatewayError> {
    let mut authorized = false;
    let mut found = None;
    for (name, value) in headers {
        let key = if *name == AUTHORIZATION {
            if std::mem::replace(&mut authorized, true) {
                return Err(GatewayError::invalid("more than one Authorization header", None));
            }
            bearer(value.as_bytes())
                .ok_or(GatewayError::InvalidKey("the Authorization header is not a Bearer token"))?
        } else if KEY_HEADERS.contains(name) {
            value.as_bytes()
        } else {
            continue;
        };
        if found.is_some_and(|found| found != key) {
            return Err(GatewayError::InvalidKey("two different API keys were given"));
        }
        found = Some(key);
    }
    Ok(found)
}

/// The token behind `Bearer`, whose case does not matter (RFC 9110, 11.1).
pub fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn auth(required: bool) -> Auth {
        let caller = |id: &str| Arc::new(Caller { key: id.into(), user: id.into(), team: None, models: Vec::new() });
        let directory = Directory::new([0; 32], [("sk-alice", caller("alice"))]);
        Auth::new(Arc::new(directory), (!required).then(|| caller("anonymous")))
    }

    fn caller(auth: &Auth, headers: &[(&'static str, &'static str)]) -> Result<String, String> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        auth.caller(&headers).map(|caller| caller.key.to_string()).map_err(|error| error.outcome().to_owned())
    }

    #[test]
    fn a_key_is_taken_from_any_of_its_headers() {
        let auth = auth(true);
        for header in [
            ("authorization", "Bearer sk-alice"),
            ("authorization", "bearer  sk-alice "),
            ("x-api-key", "sk-alice"),
            ("api-key", "sk-alice"),
            ("x-goog-api-key", "sk-alice"),
        ] {
            assert_eq!(caller(&auth, &[header]).as_deref(), Ok("alice"), "{header:?}");
        }
        let twice = [("authorization", "Bearer sk-alice"), ("x-api-key", "sk-alice")];
        assert_eq!(caller(&auth, &twice).as_deref(), Ok("alice"));
    }

    #[test]
    fn anything_else_is_refused() {
        let auth = auth(true);
        let refused = Err("unauthorized".to_owned());
        assert_eq!(caller(&auth, &[]), refused);
        assert_eq!(caller(&auth, &[("authorization", "Bearer sk-alicf")]), refused);
        assert_eq!(caller(&auth, &[("authorization", "Basic sk-alice")]), refused);
        assert_eq!(caller(&auth, &[("authorization", "Bearer sk-alice"), ("api-key", "sk-bob")]), refused);
        let two = [("authorization", "Bearer sk-alice"), ("authorization", "Bearer sk-alice")];
        assert_eq!(caller(&auth, &two), Err("invalid_request".to_owned()));
    }

    #[test]
    fn without_a_required_key_everybody_is_somebody() {
        let auth = auth(false);
        assert_eq!(caller(&auth, &[]).as_deref(), Ok("anonymous"));
        assert_eq!(caller(&auth, &[("authorization", "Bearer whatever")]).as_deref(), Ok("anonymous"));
        assert_eq!(caller(&auth, &[("authorization", "Bearer sk-alice")]).as_deref(), Ok("alice"));
    }
}
