//! What a client asks for in its headers. Nothing here can loosen what the configuration allows.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use crate::call::CacheWish;
use crate::error::GatewayError;

/// `Cache-Control` and `x-tollgate-cache`.
pub(super) fn cache_wish(headers: &HeaderMap) -> Result<CacheWish, GatewayError> {
    let mut wish = CacheWish::default();
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or_default().split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => wish.bypass = true,
                "no-cache" => wish.refresh = true,
                // What is not understood is ignored, as RFC 9111 says.
                "max-age" => {
                    let age = argument.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
                    wish.max_age = wish.max_age.into_iter().chain(age).min();
                }
                _ => {}
            }
        }
    }
    if let Some(mode) = headers.get("x-tollgate-cache") {
        match mode.as_bytes() {
            b"off" => wish.bypass = true,
            b"refresh" => wish.refresh = true,
            // Modes that allow more than the exact tier allow nothing beyond it here.
            b"exact" | b"canonical" | b"semantic" => {}
            _ => {
                return Err(GatewayError::invalid(
                    "x-tollgate-cache must be off, exact or refresh",
                    Some("x-tollgate-cache"),
                ));
            }
        }
    }
    Ok(wish)
}

/// The shortest of our own limit and what the client is willing to wait.
pub(super) fn deadline(headers: &HeaderMap, limit: Duration) -> Result<Duration, GatewayError> {
    let mut shortest = limit;
    if let Some(value) = headers.get("x-tollgate-deadline-ms") {
        let millis = number(value).filter(|millis| *millis >= 1.0);
        let millis = millis.ok_or_else(|| {
            let name = "x-tollgate-deadline-ms";
            GatewayError::invalid(format!("{name} must be a number of milliseconds"), Some(name))
        })?;
        shortest = shortest.min(seconds(millis / 1000.0));
    }
    // OpenAI's SDKs tell how long they will wait. It is seconds; what is not a number is theirs to mend.
    if let Some(wait) = headers.get("x-stainless-read-timeout").and_then(number).filter(|wait| *wait > 0.0) {
        shortest = shortest.min(seconds(wait));
    }
    Ok(shortest)
}

fn number(value: &HeaderValue) -> Option<f64> {
    value.to_str().ok()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

/// Only JSON, and only as it is.
pub(super) fn check_media_type(headers: &HeaderMap) -> Result<(), GatewayError> {
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    });
    let is_plain =
        headers.get(CONTENT_ENCODING).is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_json && is_plain { Ok(()) } else { Err(GatewayError::UnsupportedMediaType) }
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

    #[test]
    fn cache_wishes_only_tighten() {
        let wish = |pairs: &[_]| cache_wish(&headers(pairs));
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
    fn deadlines_only_shorten() {
        let limit = Duration::from_secs(300);
        let read = |pairs: &[_]| deadline(&headers(pairs), limit);
        assert_eq!(read(&[]).unwrap(), limit);
        assert_eq!(read(&[("x-tollgate-deadline-ms", "1500")]).unwrap(), Duration::from_millis(1500));
        assert_eq!(read(&[("x-stainless-read-timeout", "600.0")]).unwrap(), limit);
        assert_eq!(read(&[("x-stainless-read-timeout", "20")]).unwrap(), Duration::from_secs(20));
        assert_eq!(read(&[("x-stainless-read-timeout", "NaN")]).unwrap(), limit);
        assert!(read(&[("x-tollgate-deadline-ms", "0")]).is_err());
        assert!(read(&[("x-tollgate-deadline-ms", "soon")]).is_err());
    }

    #[test]
    fn only_plain_json_is_taken() {
        let check = |pairs: &[_]| check_media_type(&headers(pairs)).is_ok();
        assert!(check(&[("content-type", "application/json")]));
        assert!(check(&[("content-type", "Application/JSON; charset=utf-8"), ("content-encoding", "identity")]));
        assert!(!check(&[]));
        assert!(!check(&[("content-type", "text/plain")]));
        assert!(!check(&[("content-type", "application/json"), ("content-encoding", "gzip")]));
    }
}
