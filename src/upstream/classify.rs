//! From a status to a failure.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use super::retry_after::{LONGEST_WAIT, retry_after};
use crate::dialects::{is_out_of_money, read_refusal, told};
use crate::error::{Failure, FailureClass, Refusal};

/// What the body of an error says in its vendor's own way, beside its message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meant {
    /// Where the status is one for many things (Gemini's 400 for a bad key).
    pub(super) class: Option<FailureClass>,
    pub(super) retry_after: Option<Duration>,
}

/// What an answer with a status other than 200 means. `body` may be cut; it is only read for its message.
pub(super) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], meant: Meant, now: SystemTime) -> Failure {
    let class = match status.as_u16() {
        400 | 403 | 429 if let Some(class) = meant.class => class,
        400 | 413 | 422 => FailureClass::CallerError,
        401 => FailureClass::Unauthorized,
        402 => FailureClass::Billing,
        403 => FailureClass::Forbidden,
        404 => FailureClass::NotFound,
        429 if is_out_of_money(body) => FailureClass::Billing,
        429 => FailureClass::RateLimited,
        408 | 409 | 425 | 500..=599 => FailureClass::ServerError,
        // 204 and other successes without an answer; redirects, which are never followed.
        200..=299 => FailureClass::Malformed,
        _ => FailureClass::UnexpectedStatus,
    };
    let refusal = (class == FailureClass::CallerError).then(|| {
        let silent = || Refusal {
            status: status.as_u16(),
            message: "the provider refused the request without saying why".into(),
            param: None,
            code: None,
        };
        Box::new(read_refusal(status.as_u16(), body).unwrap_or_else(silent))
    });
    let words = told(class, body).filter(|_| class != FailureClass::CallerError).map(Into::into);
    let retry_after = retry_after(headers, now).or(meant.retry_after).map(|wait| wait.min(LONGEST_WAIT));
    Failure { class, retry_after, refusal, may_be_billed: false, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_class() {
        for (status, class) in [
            (204, FailureClass::Malformed),
            (301, FailureClass::UnexpectedStatus),
            (307, FailureClass::UnexpectedStatus),
            (400, FailureClass::CallerError),
            (401, FailureClass::Unauthorized),
            (402, FailureClass::Billing),
            (403, FailureClass::Forbidden),
            (404, FailureClass::NotFound),
            (408, FailureClass::ServerError),
            (413, FailureClass::CallerError),
            (418, FailureClass::UnexpectedStatus),
            (422, FailureClass::CallerError),
            (429, FailureClass::RateLimited),
            (500, FailureClass::ServerError),
            (529, FailureClass::ServerError),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = classify(status, &HeaderMap::new(), b"<html>", Meant::default(), SystemTime::UNIX_EPOCH);
            assert_eq!(failure.class, class, "{status}");
            assert_eq!(failure.refusal.is_some(), class == FailureClass::CallerError);
        }
    }

    #[test]
    fn a_providers_trouble_is_told_in_its_words_and_what_is_about_keys_is_not() {
        let told = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
            classify(status, &HeaderMap::new(), body, Meant::default(), SystemTime::UNIX_EPOCH).words
        };
        assert_eq!(told(529).as_deref(), Some("Overloaded"));
        assert_eq!(told(429).as_deref(), Some("Overloaded"));
        assert_eq!((told(401), told(403), told(402)), (None, None, None));
    }

    #[test]
    fn a_spent_quota_is_not_a_passing_limit() {
        let body = br#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        let failure =
            classify(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body, Meant::default(), SystemTime::UNIX_EPOCH);
        assert_eq!(failure.class, FailureClass::Billing);
    }
}
