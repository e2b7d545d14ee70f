//! Why a candidate ended.
//!
//! <https://ai.google.dev/api/generate-content#FinishReason>

use crate::api::chat::Finish;

/// `None` while it goes on. Gemini says `STOP` after calls too.
pub(super) fn read_finish(reason: &str, called: bool) -> Option<Finish> {
    Some(match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if called => Finish::ToolCalls,
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::ContentFilter,
        other => Finish::Other(other.to_owned()),
    })
}

/// The model tried to call a tool and did not manage it. Where it said nothing else there is no answer.
pub(super) fn is_failure(reason: &str) -> bool {
    matches!(reason, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS")
}

/// For a whole answer that does not say why it ended.
pub(super) fn unspecified() -> Finish {
    Finish::Other("FINISH_REASON_UNSPECIFIED".to_owned())
}
