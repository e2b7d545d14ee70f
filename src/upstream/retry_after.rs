//! How long a provider asks to be left alone, in each of the spellings that occur.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// No provider's word keeps it out for longer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What Anthropic limits. <https://docs.anthropic.com/en/api/rate-limits#response-headers>
const ANTHROPIC_LIMITS: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];

/// Reads, in this order: `retry-after-ms` (OpenAI's SDKs, Azure), `x-ms-retry-after-ms` (Azure), `retry-after` as
/// seconds or as a date (RFC 9110, 10.2.3), and the resets of the rate limits that are used up: OpenAI's as spans,
/// Anthropic's as times of RFC 3339. What is negative or not understood is not there; a time in the past is zero; an hour
/// is the longest.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = |name| text(name).and_then(|value| seconds(value, 1e-3));
    millis("retry-after-ms")
        .or_else(|| millis("x-ms-retry-after-ms"))
        .or_else(|| text("retry-after").and_then(|value| seconds(value, 1.0).or_else(|| date(value, now))))
        .or_else(|| {
            let reset = |what: &str| {
                let used_up = text(&format!("x-ratelimit-remaining-{what}")).is_none_or(|left| left == "0");
                text(&format!("x-ratelimit-reset-{what}")).filter(|_| used_up).and_then(compound)
            };
            reset("requests").max(reset("tokens"))
        })
        .or_else(|| {
            let reset = |what: &&str| {
                let used_up = text(&format!("anthropic-ratelimit-{what}-remaining")).is_none_or(|left| left == "0");
                text(&format!("anthropic-ratelimit-{what}-reset")).filter(|_| used_up).and_then(|at| time(at, now))
            };
            ANTHROPIC_LIMITS.iter().filter_map(reset).max()
        })
        .map(|wait| wait.min(LONGEST_WAIT))
}

fn seconds(value: &str, unit: f64) -> Option<Duration> {
    let number: f64 = value.parse().ok()?;
    // `clamp` leaves what is not a number alone, and that is no duration.
    Duration::try_from_secs_f64((number * unit).clamp(-1.0, LONGEST_WAIT.as_secs_f64())).ok()
}

fn date(value: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn time(value: &str, now: SystemTime) -> Option<Duration> {
    let at = SystemTime::from(value.parse::<jiff::Timestamp>().ok()?);
    Some(at.duration_since(now).unwrap_or_default())
}

/// `1m30s`, `6m0s`, `17ms`, `1.5s`, or bare seconds.
fn compound(value: &str) -> Option<Duration> {
    if let Some(bare) = seconds(value, 1.0) {
        return Some(bare);
    }
    let mut rest = value;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        let unit = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += seconds(number, unit)?;
        rest = next;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Option<f64> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap()));
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        retry_after(&headers.collect(), now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_spelling_is_read() {
        for (name, value, wait) in [
            ("retry-after", "7", Some(7.0)),
            ("retry-after", "1.5", Some(1.5)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", Some(10.0)),
            ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", Some(0.0)),
            ("retry-after", "999999", Some(3600.0)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
            ("retry-after", "inf", Some(3600.0)),
            ("retry-after-ms", "1500", Some(1.5)),
            ("x-ms-retry-after-ms", "250", Some(0.25)),
            ("x-ratelimit-reset-requests", "1m30s", Some(90.0)),
            ("x-ratelimit-reset-requests", "17ms", Some(0.017)),
            ("x-ratelimit-reset-tokens", "6m0s", Some(360.0)),
            ("x-ratelimit-reset-requests", "1x", None),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:57Z", Some(20.0)),
            ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:49:37.5Z", Some(0.5)),
            ("anthropic-ratelimit-tokens-reset", "1994-11-06T08:00:00Z", Some(0.0)),
            ("anthropic-ratelimit-tokens-reset", "soon", None),
        ] {
            assert_eq!(read(&[(name, value)]), wait, "{name}: {value}");
        }
    }

    #[test]
    fn the_plainest_word_wins_and_only_spent_limits_count() {
        assert_eq!(read(&[("retry-after", "7"), ("x-ratelimit-reset-requests", "90s")]), Some(7.0));
        let headers = [
            ("x-ratelimit-remaining-requests", "12"),
            ("x-ratelimit-reset-requests", "8h"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "2s"),
        ];
        assert_eq!(read(&headers), Some(2.0));
        let headers = [
            ("anthropic-ratelimit-requests-remaining", "3999"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T09:49:37Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            ("anthropic-ratelimit-output-tokens-reset", "1994-11-06T08:50:07Z"),
        ];
        assert_eq!(read(&headers), Some(30.0));
    }
}
