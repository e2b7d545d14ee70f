//! What a client asks for in its headers. Nothing here can loosen what the configuration allows.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::respond::names::REQUEST_ID;
use crate::call::{Betas, CacheWish};
use crate::error::GatewayError;

static CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");
static DEADLINE_MS: HeaderName = HeaderName::from_static("x-tollgate-deadline-ms");
/// OpenAI's SDKs tell how long they will wait, in seconds.
static SDK_TIMEOUT: HeaderName = HeaderName::from_static("x-stainless-read-timeout");
static OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");
static ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
static ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
static STRICT: HeaderName = HeaderName::from_static("x-tollgate-strict");

/// What the headers of a call say, besides who calls.
#[derive(Debug, Default)]
pub(super) struct Wishes<'a> {
    pub(super) cache: CacheWish,
    /// How long the client is willing to wait.
    pub(super) deadline: Option<Duration>,
    /// Handed on, several as one list.
    pub(super) betas: Betas,
    /// Nothing of the request may be dropped.
    pub(super) strict: bool,
    /// The client's own id of the call.
    pub(super) request_id: Option<&'a HeaderValue>,
}

impl<'a> Wishes<'a> {
    /// Reads every header once: there are many more than are of interest here. Only JSON is taken, and only as it is.
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, GatewayError> {
        let mut wishes = Self::default();
        let mut json = false;
        for (name, value) in headers {
            if *name == CONTENT_TYPE {
                if !is_json(value) {
                    return Err(GatewayError::UnsupportedMediaType);
                }
                json = true;
            } else if *name == CONTENT_ENCODING {
                if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
                    return Err(GatewayError::UnsupportedMediaType);
                }
            } else if *name == CACHE_CONTROL {
                wishes.heed_cache_control(value);
            } else if *name == CACHE {
                wishes.set_cache_mode(value)?;
            } else if *name == DEADLINE_MS {
                wishes.wait_at_most(deadline_ms(value)?);
            } else if *name == SDK_TIMEOUT {
                // What is not a number is theirs to mend.
                if let Some(wait) = number(value).filter(|wait| *wait > 0.0) {
                    wishes.wait_at_most(seconds(wait));
                }
            } else if *name == OPENAI_BETA {
                wishes.betas.openai = Some(joined(wishes.betas.openai.take(), value));
            } else if *name == ANTHROPIC_BETA {
                wishes.betas.anthropic = Some(joined(wishes.betas.anthropic.take(), value));
            } else if *name == ANTHROPIC_VERSION {
                wishes.betas.anthropic_version = Some(value.clone());
            } else if *name == STRICT {
                wishes.strict |= strictness(value)?;
            } else if *name == REQUEST_ID {
                wishes.request_id = wishes.request_id.or(Some(value));
            }
        }
        if json { Ok(wishes) } else { Err(GatewayError::UnsupportedMediaType) }
    }

    fn wait_at_most(&mut self, wait: Duration) {
        self.deadline = Some(self.deadline.map_or(wait, |deadline| deadline.min(wait)));
    }

    /// What is not understood is ignored, as RFC 9111 says.
    fn heed_cache_control(&mut self, value: &HeaderValue) {
        let wish = &mut self.cache;
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => wish.bypass = true,
                "no-cache" => wish.refresh = true,
                "max-age" => {
                    let age = argument.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
                    wish.max_age = wish.max_age.into_iter().chain(age).min();
                }
                _ => {}
            }
        }
    }

    fn set_cache_mode(&mut self, value: &HeaderValue) -> Result<(), GatewayError> {
        match value.as_bytes() {
            b"off" => self.cache.bypass = true,
            b"refresh" => self.cache.refresh = true,
            // Modes that allow more than the exact tier allow nothing beyond it here.
            b"exact" | b"canonical" | b"semantic" => {}
            _ => {
                let why = "x-tollgate-cache must be off, exact or refresh";
                return Err(GatewayError::invalid(why, Some(CACHE.as_str())));
            }
        }
        Ok(())
    }
}

/// RFC 9110, 5.3: repeated headers are one list.
fn joined(list: Option<HeaderValue>, next: &HeaderValue) -> HeaderValue {
    let Some(list) = list else { return next.clone() };
    HeaderValue::from_bytes(&[list.as_bytes(), b", ", next.as_bytes()].concat()).unwrap_or(list)
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn deadline_ms(value: &HeaderValue) -> Result<Duration, GatewayError> {
    let millis = number(value).filter(|millis| *millis >= 1.0);
    millis.map(|millis| seconds(millis / 1000.0)).ok_or_else(|| {
        let name = DEADLINE_MS.as_str();
        GatewayError::invalid(format!("{name} must be a number of milliseconds"), Some(name))
    })
}

fn strictness(value: &HeaderValue) -> Result<bool, GatewayError> {
    match value.as_bytes() {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(GatewayError::invalid("x-tollgate-strict must be true or false", Some(STRICT.as_str()))),
    }
}

fn number(value: &HeaderValue) -> Option<f64> {
    value.to_str().ok()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    /// With a body of JSON.
    fn read<T>(pairs: &[(&'static str, &'static str)], take: impl Fn(Wishes<'_>) -> T) -> Result<T, GatewayError> {
        Wishes::read(&headers(&[&[("content-type", "application/json")], pairs].concat())).map(take)
    }

    #[test]
    fn cache_wishes_only_tighten() {
        let wish = |pairs: &[_]| read(pairs, |wishes| wishes.cache);
        let plain = CacheWish::default();
        assert_eq!(wish(&[]).unwrap(), plain);
        assert_eq!(wish(&[("x-tollgate-cache", "semantic")]).unwrap(), plain);
        assert!(wish(&[("cache-control", "No-Store")]).unwrap().bypass);
        assert!(wish(&[("x-tollgate-cache", "off")]).unwrap().bypass);
        assert!(wish(&[("cache-control", "private, no-cache")]).unwrap().refresh);
        let aged = wish(&[("cache-control", "max-age=60"), ("cache-control", "max-age=5")]).unwrap();
        assert_eq!(aged.max_age, Some(Duration::from_secs(5)));
        assert!(wish(&[("x-tollgate-cache", "on")]).is_err());
    }

    #[test]
    fn repeated_betas_are_one_list() {
        let beta = read(&[("openai-beta", "a=1"), ("openai-beta", "b=2")], |wishes| wishes.betas.openai.clone());
        assert_eq!(beta.unwrap().unwrap(), "a=1, b=2");
    }

    #[test]
    fn deadlines_only_shorten() {
        let deadline = |pairs: &[_]| read(pairs, |wishes| wishes.deadline);
        assert_eq!(deadline(&[]).unwrap(), None);
        let longer_wins_nothing = [("x-tollgate-deadline-ms", "1500"), ("x-stainless-read-timeout", "600.0")];
        assert_eq!(deadline(&longer_wins_nothing).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(deadline(&[("x-stainless-read-timeout", "20")]).unwrap(), Some(Duration::from_secs(20)));
        assert_eq!(deadline(&[("x-stainless-read-timeout", "NaN")]).unwrap(), None);
        assert!(deadline(&[("x-tollgate-deadline-ms", "0")]).is_err());
        assert!(deadline(&[("x-tollgate-deadline-ms", "soon")]).is_err());
    }

    #[test]
    fn only_plain_json_is_taken() {
        let check = |pairs: &[_]| Wishes::read(&headers(pairs)).is_ok();
        assert!(check(&[("content-type", "application/json")]));
        assert!(check(&[("content-type", "Application/JSON; charset=utf-8"), ("content-encoding", "identity")]));
        assert!(!check(&[]));
        assert!(!check(&[("content-type", "text/plain")]));
        assert!(!check(&[("content-type", "application/json"), ("content-type", "text/plain")]));
        assert!(!check(&[("content-type", "application/json"), ("content-encoding", "gzip")]));
    }
}
