//! The one secret of the admin door. It is not kept: hashes under a random key of this process are compared, in constant
//! time, which also makes every length alike.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::error::GatewayError;
use crate::layers::bearer;

/// The longest that is looked at; a longer one is wrong.
const LONGEST: usize = 1024;

pub struct Secret {
    hash_key: [u8; 32],
    hash: [u8; 32],
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// `hash_key` must come from a secure source.
    pub fn new(hash_key: [u8; 32], secret: &str) -> Self {
        Self { hash_key, hash: *blake3::keyed_hash(&hash_key, secret.as_bytes()).as_bytes() }
    }

    /// Wants it as `Authorization: Bearer SECRET`, once.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(GatewayError::InvalidKey(
                "no admin secret was given; send it as `Authorization: Bearer SECRET`",
            ));
        };
        if values.next().is_some() {
            return Err(GatewayError::invalid("more than one Authorization header", None));
        }
        match bearer(value.as_bytes()) {
            None => Err(GatewayError::InvalidKey("the Authorization header is not a Bearer token")),
            Some(secret) if self.is(secret) => Ok(()),
            Some(_) => Err(GatewayError::InvalidKey("this is not the admin secret")),
        }
    }

    fn is(&self, secret: &[u8]) -> bool {
        let hash = blake3::keyed_hash(&self.hash_key, &secret[..secret.len().min(LONGEST + 1)]);
        bool::from(self.hash.ct_eq(hash.as_bytes())) && secret.len() <= LONGEST
    }
}

/// A secret where the configuration has none. `Err`: the system has no randomness to give.
pub fn random_secret() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)?;
    Ok(format!("tg-admin-{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)).into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    const SECRET: &str = "the-secret-of-the-door";

    fn outcome(values: &[&str]) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Secret::new([3; 32], SECRET).admit(&headers).map_err(|error| error.outcome())
    }

    #[test]
    fn only_the_whole_secret_opens() {
        assert_eq!(outcome(&["Bearer the-secret-of-the-door"]), Ok(()));
        assert_eq!(outcome(&["bearer  the-secret-of-the-door "]), Ok(()));
        let long = format!("Bearer {SECRET}{}", "x".repeat(100_000));
        for wrong in [
            "Bearer the-secret-of-the-doo",
            "Bearer the-secret-of-the-door2",
            "Bearer ",
            "Bearer",
            SECRET,
            "Basic eA==",
            &long,
        ] {
            assert_eq!(outcome(&[wrong]), Err("unauthorized"), "{wrong:.40}");
        }
        assert_eq!(outcome(&[]), Err("unauthorized"));
        assert_eq!(outcome(&["Bearer the-secret-of-the-door"; 2]), Err("invalid_request"));
    }

    #[test]
    fn random_secrets_differ_and_are_fit_for_a_header() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(one.expose_secret().len() >= 40 && one.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
