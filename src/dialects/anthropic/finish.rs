//! Stop reasons. <https://docs.claude.com/en/api/handling-stop-reasons>

use crate::api::chat::Finish;

pub(super) fn read(reason: &str, sequence: Option<String>) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence),
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "pause_turn" => Finish::Pause,
        "refusal" => Finish::Refusal,
        other => Finish::Other(other.to_owned()),
    }
}

/// What has been answered, as far as the stop reason depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answered {
    pub(super) calls: bool,
    pub(super) refused: bool,
}

/// The stop reason and the stop sequence. Clients run tools only on `tool_use`, so a finished answer with calls has
/// that reason, whatever the provider said: OpenAI says `stop` where one tool was forced.
pub(super) fn write(finish: &Finish, answered: Answered) -> (&'static str, Option<&str>) {
    let reason = match finish {
        Finish::StopSequence(sequence) => return ("stop_sequence", sequence.as_deref()),
        Finish::Stop if answered.refused => "refusal",
        Finish::Stop | Finish::ToolCalls if answered.calls => "tool_use",
        Finish::Stop | Finish::ToolCalls => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ContentFilter | Finish::Refusal => "refusal",
        Finish::Pause => "pause_turn",
        Finish::Other(word) if word == "compaction" => "compaction",
        Finish::Other(_) if answered.calls => "tool_use",
        Finish::Other(_) => "end_turn",
    };
    (reason, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_survive_the_way_in_and_out() {
        let answered = Answered { calls: true, refused: false };
        for reason in ["max_tokens", "tool_use", "pause_turn", "refusal", "compaction"] {
            assert_eq!(write(&read(reason, None), answered), (reason, None));
        }
        let stop = read("stop_sequence", Some("END".into()));
        assert_eq!(write(&stop, answered), ("stop_sequence", Some("END")));
        assert_eq!(read("model_context_window_exceeded", None), Finish::Length);
    }

    #[test]
    fn calls_and_refusals_decide_where_the_provider_only_says_stop() {
        assert_eq!(write(&Finish::Stop, Answered::default()).0, "end_turn");
        assert_eq!(write(&Finish::ToolCalls, Answered::default()).0, "end_turn");
        assert_eq!(write(&Finish::Stop, Answered { calls: true, refused: false }).0, "tool_use");
        assert_eq!(write(&Finish::Stop, Answered { calls: false, refused: true }).0, "refusal");
        assert_eq!(write(&Finish::ContentFilter, Answered::default()).0, "refusal");
        assert_eq!(write(&Finish::Other("eos".into()), Answered::default()).0, "end_turn");
    }
}
