//! Writing a stream.

use super::answer::Answering;
use super::event::{Event, Events};
use super::response::State;
use crate::api::chat::{ChatRequest, Delta};
use crate::dialects::{Heading, WriteEvents};

pub fn write_events(heading: Heading, request: &ChatRequest) -> EventWriter {
    EventWriter { answer: Answering::new(heading, request), sequence: 0 }
}

/// Every event tells its number and the item that it is about; the last repeats the whole answer. There is no `[DONE]`.
#[derive(Debug)]
pub struct EventWriter {
    answer: Answering,
    sequence: u64,
}

impl EventWriter {
    /// An answer that breaks off: the format's event for it, numbered as clients expect of every event.
    pub fn fail(&mut self, code: &str, message: &str, out: &mut Vec<u8>) {
        let event = Event { code: Some(code), message: Some(message), ..Event::default() };
        Events::new(out, &mut self.sequence).send("error", event);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        let response = self.answer.response(State::InProgress);
        let mut events = Events::new(out, &mut self.sequence);
        for kind in ["response.created", "response.in_progress"] {
            events.send(kind, Event { response: Some(&response), ..Event::default() });
        }
    }
}

impl WriteEvents for EventWriter {
    fn holds(&self) -> bool {
        true
    }

    fn write(&mut self, delta: Delta, out: &mut Vec<u8>) {
        let is_start = matches!(delta, Delta::Start { .. });
        if self.sequence == 0 && !is_start {
            self.begin(out);
        }
        self.answer.take(delta, &mut Events::new(out, &mut self.sequence));
        if self.sequence == 0 {
            self.begin(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.sequence == 0 {
            self.begin(out);
        }
        let mut events = Events::new(out, &mut self.sequence);
        let state = self.answer.finish(&mut events);
        let kind = if state.is_cut() { "response.incomplete" } else { "response.completed" };
        let response = self.answer.response(state);
        events.send(kind, Event { response: Some(&response), ..Event::default() });
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_grammar, heading, request};
    use super::*;
    use crate::api::Usage;
    use crate::api::chat::{Annotation, Finish, Format, Signature};

    fn stream(deltas: Vec<Delta>) -> String {
        let mut writer = write_events(heading(), &request());
        let mut out = Vec::new();
        for delta in deltas {
            writer.write(delta, &mut out);
        }
        writer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn text(text: &str) -> Delta {
        Delta::Text { choice: 0, text: text.into() }
    }

    fn call(call: u32, signature: Option<Signature>) -> Delta {
        Delta::ToolCall { choice: 0, call, id: format!("call_{call}"), name: "f".into(), custom: false, signature }
    }

    fn arguments(call: u32, text: &str) -> Delta {
        Delta::Arguments { choice: 0, call, text: text.into() }
    }

    fn kinds(stream: &str) -> Vec<&str> {
        stream.lines().filter_map(|line| line.strip_prefix("event: response.")).collect()
    }

    #[test]
    fn a_text_is_one_message_with_one_part() {
        let annotation = Annotation { url: Some("https://a".into()), ..Annotation::default() };
        let stream = stream(vec![
            Delta::Start { id: Some("x".into()), model: Some("big-1".into()), created: None },
            text(""),
            text("Hel"),
            text("lo"),
            Delta::Annotation { choice: 0, annotation },
            Delta::Finish { choice: 0, finish: Finish::Stop },
            Delta::Usage(Usage { input: 3, cached: 1, output: 2, ..Usage::default() }),
        ]);
        let wanted = [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.annotation.added",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(kinds(&stream), wanted);
        let response = check_grammar(&stream);
        assert_eq!(response["model"], "big-1");
        assert_eq!(response["output"][0]["content"][0]["text"], "Hello");
        assert_eq!(response["output"][0]["content"][0]["annotations"][0]["end_index"], 5);
        assert_eq!(response["usage"]["total_tokens"], 5);
        assert_eq!(response["usage"]["input_tokens_details"]["cached_tokens"], 1);
    }

    #[test]
    fn calls_that_grow_together_are_told_one_after_the_other() {
        let response = check_grammar(&stream(vec![
            call(0, None),
            call(1, None),
            arguments(1, "{\"b\""),
            arguments(0, "{\"a\""),
            text("so "),
            arguments(0, ":1}"),
            text("far"),
            arguments(1, ":2}"),
            call(2, None),
        ]));
        let output = response["output"].as_array().unwrap();
        let arguments: Vec<_> = output.iter().map(|item| item["arguments"].as_str()).collect();
        assert_eq!(arguments, [Some("{\"a\":1}"), Some("{\"b\":2}"), None, Some("{}")]);
        assert_eq!(output[2]["content"][0]["text"], "so far");
    }

    #[test]
    fn a_call_is_told_as_soon_as_the_one_before_is_complete() {
        let mut writer = write_events(heading(), &request());
        let mut out = Vec::new();
        for delta in [call(0, None), call(1, None), arguments(1, "{}"), arguments(0, "{}")] {
            writer.write(delta, &mut out);
        }
        let told = String::from_utf8(out).unwrap();
        assert_eq!(kinds(&told).iter().filter(|kind| **kind == "function_call_arguments.delta").count(), 2);
    }

    #[test]
    fn signatures_stand_where_the_client_hands_them_back() {
        let signature = |format, value: &str| Signature { format, value: value.into() };
        let response = check_grammar(&stream(vec![
            Delta::Reasoning { choice: 0, text: "hm".into() },
            Delta::Signature { choice: 0, signature: signature(Format::Anthropic, "s") },
            Delta::Redacted { choice: 0, data: signature(Format::Anthropic, "r") },
            call(0, Some(signature(Format::Gemini, "c"))),
            Delta::Signature { choice: 0, signature: signature(Format::OpenAiResponses, "own") },
        ]));
        let output = response["output"].as_array().unwrap();
        let sealed: Vec<_> = output.iter().map(|item| item["encrypted_content"].as_str().unwrap_or("-")).collect();
        assert_eq!(
            sealed,
            ["tollgate.anthropic.s", "tollgate.anthropic.redacted.r", "tollgate.gemini.call.c", "-", "own"]
        );
        assert_eq!(output[0]["summary"][0]["text"], "hm");
        assert_eq!(output[1]["summary"], serde_json::json!([]));
    }

    #[test]
    fn an_answer_cut_short_is_incomplete_in_its_last_item() {
        for (finish, reason) in [(Finish::Length, "max_output_tokens"), (Finish::ContentFilter, "content_filter")] {
            let response = check_grammar(&stream(vec![
                text("x"),
                call(0, None),
                arguments(0, "{\"a"),
                Delta::Finish { choice: 0, finish },
            ]));
            assert_eq!(response["status"], "incomplete");
            assert_eq!(response["incomplete_details"]["reason"], reason);
            assert_eq!(response["output"][0]["status"], "completed");
            assert_eq!(response["output"][1]["status"], "incomplete");
        }
    }

    #[test]
    fn nothing_said_is_an_empty_output() {
        let response = check_grammar(&stream(vec![Delta::Text { choice: 1, text: "another".into() }]));
        assert_eq!(response["output"], serde_json::json!([]));
        assert_eq!(response["status"], "completed");
    }

    #[test]
    fn an_error_has_the_next_number() {
        let mut writer = write_events(heading(), &request());
        let mut out = Vec::new();
        writer.write(text("x"), &mut out);
        out.clear();
        writer.fail("server_error", "broke", &mut out);
        let wanted = "event: error\ndata: {\"type\":\"error\",\"sequence_number\":5,\"code\":\"server_error\",\
                      \"message\":\"broke\"}\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
