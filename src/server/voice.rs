//! How errors sound at each door.

use http::StatusCode;
use serde_json::json;

use crate::api::ErrorBody;
use crate::api::chat::Format;
use crate::call::{CallId, Door};
use crate::dialects::anthropic;

/// A door's shape of errors, and whose call it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice {
    pub(super) door: Door,
    pub(super) id: CallId,
}

impl Voice {
    /// A whole body.
    #[cold]
    pub(super) fn error(self, status: StatusCode, body: &ErrorBody<'_>) -> Vec<u8> {
        match self.door.format() {
            Format::Anthropic => anthropic::write_error(status.as_u16(), body.message, Some(self.id.as_str())),
            _ => body.to_json(),
        }
    }

    /// The last event of a stream. `last` is the event before it: OpenAI's Responses are numbered.
    #[cold]
    pub(super) fn error_event(self, status: StatusCode, body: &ErrorBody<'_>, last: &[u8]) -> Vec<u8> {
        match self.door.format() {
            Format::Anthropic => {
                let mut event = Vec::new();
                anthropic::write_error_event(status.as_u16(), body.message, &mut event);
                event
            }
            Format::OpenAiResponses => {
                let ErrorBody { message, param, code, kind } = *body;
                let number = number_of(last).map_or(0, |number| number + 1);
                let code = code.unwrap_or(kind);
                let data = json!({
                    "type": "error", "code": code, "message": message, "param": param, "sequence_number": number,
                });
                format!("event: error\ndata: {data}\n\n").into_bytes()
            }
            _ => body.to_event(),
        }
    }
}

/// The last `sequence_number` in a piece of a stream of Responses.
fn number_of(events: &[u8]) -> Option<u64> {
    const MEMBER: &[u8] = b"\"sequence_number\":";
    let at = memchr::memmem::rfind(events, MEMBER)? + MEMBER.len();
    let digits = events[at..].trim_ascii_start();
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..length]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: ErrorBody<'_> = ErrorBody { message: "broken", kind: "api_error", param: None, code: None };

    #[test]
    fn an_error_continues_the_numbers_of_a_stream() {
        let voice = Voice { door: Door::Responses, id: CallId::new() };
        let last = b"data: {\"type\":\"x\",\"sequence_number\": 7}\n\n";
        let event = String::from_utf8(voice.error_event(StatusCode::BAD_GATEWAY, &BODY, last)).unwrap();
        assert!(event.starts_with("event: error\n") && event.contains("\"sequence_number\":8"), "{event}");
        let first = String::from_utf8(voice.error_event(StatusCode::BAD_GATEWAY, &BODY, b"")).unwrap();
        assert!(first.contains("\"sequence_number\":0"), "{first}");
    }
}
