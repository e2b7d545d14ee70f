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

/// For a whole answer that does not say why it ended.
pub(super) fn unspecified() -> Finish {
    Finish::Other("FINISH_REASON_UNSPECIFIED".to_owned())
}
