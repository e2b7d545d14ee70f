//! Writing a whole answer.

use super::assembly::Assembly;
use super::event::Events;
use super::response::{Echo, Head, Response, State};
use crate::api::Usage;
use crate::api::chat::{ChatAnswer, ChatRequest, Delta, Finish};
use crate::dialects::Heading;

/// Only the first choice has a place in the format. What it says is what a stream's last event would say.
pub fn write_answer(mut answer: ChatAnswer, heading: &Heading, request: &ChatRequest) -> Vec<u8> {
    let mut answering = Answering::new(heading.clone(), request);
    answering.head.service_tier = answer.service_tier.take();
    let mut events = Events::none();
    for delta in answer.into_deltas() {
        answering.take(delta, &mut events);
    }
    let state = answering.finish(&mut events);
    serde_json::to_vec(&answering.response(state)).expect("maps with text keys always serialise")
}

/// An answer while it comes.
#[derive(Debug)]
pub(super) struct Answering {
    head: Head,
    assembly: Assembly,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl Answering {
    pub(super) fn new(heading: Heading, request: &ChatRequest) -> Self {
        let head = Head {
            id: format!("resp_{}", heading.id),
            created: heading.created,
            model: heading.model,
            service_tier: None,
            echo: Echo::new(request),
        };
        Self { head, assembly: Assembly::new(heading.id), usage: None, finish: None }
    }

    pub(super) fn take(&mut self, delta: Delta, events: &mut Events<'_>) {
        match delta {
            Delta::Start { model, .. } => {
                if let Some(model) = model.filter(|model| !model.is_empty()) {
                    self.head.model = model;
                }
            }
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Finish { choice: 0, finish } => self.finish = Some(finish),
            delta => self.assembly.take(delta, events),
        }
    }

    /// Ends every item, and tells how the answer ended.
    pub(super) fn finish(&mut self, events: &mut Events<'_>) -> State {
        let state = State::of(self.finish.as_ref(), self.assembly.refused);
        self.assembly.finish(state.is_cut(), events);
        state
    }

    pub(super) fn response(&self, state: State) -> Response<'_> {
        self.head.response(state, &self.assembly.output, self.usage)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read_request;
    use super::super::testing::heading;
    use super::*;
    use crate::api::chat::{Choice, Content, Format, Message, Part, Role, Signature, ToolCall};

    fn answer(parts: Vec<Part>, finish: Finish) -> ChatAnswer {
        ChatAnswer {
            id: None,
            model: Some("big-1".into()),
            created: None,
            choices: vec![Choice { index: 0, parts, finish, logprobs: None }],
            usage: Some(Usage { input: 3, output: 5, reasoning: 2, ..Usage::default() }),
            service_tier: Some("default".into()),
        }
    }

    fn write(answer: ChatAnswer, request: &Value) -> Value {
        let request = read_request(request.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&write_answer(answer, &heading(), &request)).unwrap()
    }

    #[test]
    fn an_answer_repeats_its_request() {
        let request = json!({
            "instructions": "be brief", "input": "hi", "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.9,
            "parallel_tool_calls": false, "tool_choice": { "type": "function", "name": "f" }, "user": "u",
            "tools": [{ "type": "function", "name": "f", "description": null, "parameters": {}, "strict": true }],
            "text": { "format": { "type": "json_schema", "name": "n", "schema": {} }, "verbosity": "low" },
            "reasoning": { "effort": "low", "summary": "detailed" }, "metadata": { "k": "v" },
            "safety_identifier": "s", "prompt_cache_key": "p", "top_logprobs": 0,
        });
        let written = write(answer(vec![Part::text("hello")], Finish::Stop), &request);
        let wanted = json!({
            "id": "resp_0a1b", "object": "response", "created_at": 1_700_000_000, "status": "completed",
            "background": false, "error": null, "incomplete_details": null, "model": "big-1",
            "output": [{ "type": "message", "id": "msg_0a1b_0", "status": "completed", "role": "assistant",
                "content": [{ "type": "output_text", "text": "hello", "annotations": [], "logprobs": [] }] }],
            "max_tool_calls": null, "previous_response_id": null, "service_tier": "default", "store": false,
            "truncation": "disabled", "instructions": "be brief", "max_output_tokens": 9,
            "parallel_tool_calls": false, "temperature": 0.5, "top_p": 0.9, "top_logprobs": 0,
            "reasoning": { "effort": "low", "summary": "auto" },
            "text": { "format": { "type": "json_schema", "name": "n", "description": null, "schema": {},
                "strict": null }, "verbosity": "low" },
            "tool_choice": request["tool_choice"], "tools": request["tools"], "metadata": { "k": "v" },
            "prompt_cache_key": "p", "safety_identifier": "s", "user": "u",
            "usage": { "input_tokens": 3, "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
                "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 2 }, "total_tokens": 8 },
        });
        assert_eq!(written, wanted);
    }

    #[test]
    fn texts_and_refusals_share_a_message_and_calls_stand_alone() {
        let call = |custom, arguments: &str| {
            let (id, name, arguments) = ("c".into(), "f".into(), arguments.into());
            Part::from(Content::ToolCall(ToolCall { id, name, arguments, custom, signature: None }))
        };
        let parts = vec![
            Content::Reasoning { text: "hm".into(), signature: None }.into(),
            Part::text("one "),
            Part::text("two"),
            Content::Refusal("no".into()).into(),
            call(false, "not json"),
            call(false, ""),
            call(true, "free"),
            Part::text("after"),
        ];
        let written = write(answer(parts, Finish::ToolCalls), &json!({ "input": "hi" }));
        let wanted = json!([
            { "type": "reasoning", "id": "rs_0a1b_0", "summary": [{ "type": "summary_text", "text": "hm" }] },
            { "type": "message", "id": "msg_0a1b_1", "status": "completed", "role": "assistant", "content": [
                { "type": "output_text", "text": "one two", "annotations": [], "logprobs": [] },
                { "type": "refusal", "refusal": "no" } ] },
            { "type": "function_call", "id": "fc_0a1b_2", "status": "completed", "arguments": "not json",
              "call_id": "c", "name": "f" },
            { "type": "function_call", "id": "fc_0a1b_3", "status": "completed", "arguments": "{}",
              "call_id": "c", "name": "f" },
            { "type": "custom_tool_call", "id": "ctc_0a1b_4", "status": "completed", "call_id": "c",
              "input": "free", "name": "f" },
            { "type": "message", "id": "msg_0a1b_5", "status": "completed", "role": "assistant", "content": [
                { "type": "output_text", "text": "after", "annotations": [], "logprobs": [] } ] },
        ]);
        assert_eq!(written["output"], wanted);
        assert_eq!(written["instructions"], Value::Null);
    }

    #[test]
    fn what_a_client_hands_back_is_what_the_model_said() {
        let signature = |format, value: &str| Signature { format, value: value.into() };
        let call = |id: &str, signature| {
            let (id, name, arguments) = (id.into(), "f".into(), "{\"a\":1}".into());
            Part::from(Content::ToolCall(ToolCall { id, name, arguments, custom: false, signature }))
        };
        let parts = vec![
            Content::Reasoning { text: "hm".into(), signature: Some(signature(Format::Anthropic, "s")) }.into(),
            Content::Redacted(signature(Format::Anthropic, "r")).into(),
            Part::text("calling"),
            call("a", Some(signature(Format::Gemini, "g"))),
            call("b", None),
            Content::Reasoning { text: String::new(), signature: Some(signature(Format::Gemini, "late")) }.into(),
            Content::Refusal("no".into()).into(),
        ];
        let written = write(answer(parts.clone(), Finish::ToolCalls), &json!({ "input": "hi" }));
        let request = json!({ "input": written["output"] });
        let request = read_request(request.to_string().as_bytes()).unwrap();
        assert_eq!(request.messages, [Message::new(Role::Assistant, parts)]);
    }

    #[test]
    fn ends_have_the_formats_words() {
        for (finish, status, details) in [
            (Finish::Stop, "completed", Value::Null),
            (Finish::ToolCalls, "completed", Value::Null),
            (Finish::Other("eos".into()), "completed", Value::Null),
            (Finish::Length, "incomplete", json!({ "reason": "max_output_tokens" })),
            (Finish::ContentFilter, "incomplete", json!({ "reason": "content_filter" })),
            (Finish::Refusal, "incomplete", json!({ "reason": "content_filter" })),
            (Finish::Pause, "incomplete", json!({})),
        ] {
            let written = write(answer(vec![Part::text("x")], finish), &json!({ "input": "hi" }));
            assert_eq!(written["status"], status);
            assert_eq!(written["incomplete_details"], details);
            assert_eq!(written["output"][0]["status"], status);
        }
        let refused = answer(vec![Content::Refusal("no".into()).into()], Finish::Refusal);
        assert_eq!(write(refused, &json!({ "input": "hi" }))["status"], "completed");
    }

    #[test]
    fn log_probabilities_stand_with_the_text() {
        let mut answer = answer(vec![Part::text("a")], Finish::Stop);
        answer.choices[0].logprobs = Some(json!({ "content": [{ "token": "a", "logprob": -1 }] }));
        let written = write(answer, &json!({ "input": "hi" }));
        assert_eq!(written["output"][0]["content"][0]["logprobs"][0]["bytes"], json!([97]));
    }
}
