//! Reading a whole answer.

use serde_json::{Map, Value, json};

use super::citation::{Cites, cites, read_citation};
use super::fault::read_fault;
use super::usage::{read_finish, read_logprob, read_usage};
use crate::api::chat::{Annotation, ChatAnswer, Choice, Content, Part, ToolCall};
use crate::dialects::Fault;
use crate::dialects::codec::made_id;

/// `call_id` is ours; ids of calls that came without one are made of it.
pub fn read_answer(body: &[u8], call_id: &str) -> Result<ChatAnswer, Fault> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| Fault::malformed())?;
    let Some(message) = answer.get("message").and_then(Value::as_object) else {
        let words = answer.get("message").or_else(|| answer.get("error"));
        return Err(if words.is_some_and(Value::is_string) { read_fault(&answer) } else { Fault::malformed() });
    };
    let finish = read_finish(answer.get("finish_reason").and_then(Value::as_str), &answer)?;
    let logprobs: Vec<Value> = list(answer.get("logprobs")).iter().filter_map(read_logprob).collect();
    let choice = Choice {
        index: 0,
        parts: read_parts(message, call_id),
        finish,
        logprobs: (!logprobs.is_empty()).then(|| json!({"content": logprobs, "refusal": null})),
    };
    Ok(ChatAnswer {
        id: string(answer.get("id")),
        model: None,
        created: None,
        choices: vec![choice],
        usage: answer.get("usage").and_then(read_usage),
        service_tier: None,
    })
}

/// The plan stands between what was said and the calls that it plans.
fn read_parts(message: &Map<String, Value>, call_id: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut texts = Texts::default();
    match message.get("content") {
        Some(Value::String(text)) => texts.add(Cites::Text(Some(0)), text, &mut parts),
        content => {
            for (index, item) in list(content).iter().enumerate() {
                if let Some(text) = item.get("text").and_then(Value::as_str) {
                    texts.add(Cites::Text(Some(index as u64)), text, &mut parts);
                } else if let Some(text) = string(item.get("thinking")) {
                    parts.push(Content::Reasoning { text, signature: None }.into());
                }
            }
        }
    }
    if let Some(plan) = message.get("tool_plan").and_then(Value::as_str) {
        texts.add(Cites::Plan, plan, &mut parts);
    }
    for citation in list(message.get("citations")) {
        texts.cite(citation, &mut parts);
    }
    for (number, call) in list(message.get("tool_calls")).iter().enumerate() {
        parts.push(Content::ToolCall(read_call(call, call_id, number)).into());
    }
    parts
}

pub(super) fn read_call(call: &Value, call_id: &str, number: usize) -> ToolCall {
    let function = call.get("function").unwrap_or(&Value::Null);
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
    };
    ToolCall {
        id: string(call.get("id")).filter(|id| !id.is_empty()).unwrap_or_else(|| made_id(call_id, number)),
        name: string(function.get("name")).unwrap_or_default(),
        arguments,
        custom: false,
        signature: None,
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn string(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// Where the answer's texts are, so that citations find theirs.
#[derive(Default)]
struct Texts {
    /// What it is, which part it became, and the characters of text before it.
    known: Vec<(Cites, usize, u32)>,
    characters: u32,
}

impl Texts {
    fn add(&mut self, what: Cites, text: &str, parts: &mut Vec<Part>) {
        if text.is_empty() {
            return;
        }
        self.known.push((what, parts.len(), self.characters));
        self.characters = self.characters.saturating_add(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
        parts.push(Part::text(text));
    }

    fn cite(&self, citation: &Value, parts: &mut [Part]) {
        let what = cites(citation);
        let exact = self.known.iter().find(|(it, ..)| *it == what);
        let known = match what {
            Cites::Text(_) => exact.or_else(|| self.known.iter().find(|(it, ..)| matches!(it, Cites::Text(_)))),
            Cites::Plan => exact,
            Cites::Thinking => None,
        };
        let Some(&(_, part, before)) = known else { return };
        if let Some(Part { content: Content::Text { annotations, .. }, .. }) = parts.get_mut(part) {
            annotations.extend::<Vec<Annotation>>(read_citation(citation, before));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Usage;
    use crate::api::chat::Finish;
    use crate::error::FailureClass;

    fn read(answer: &Value) -> Result<ChatAnswer, Fault> {
        read_answer(answer.to_string().as_bytes(), "abcd")
    }

    #[test]
    fn a_plan_stands_before_the_calls_and_calls_get_ids() {
        let answer = read(&json!({"id": "x", "finish_reason": "TOOL_CALL", "message": {
            "content": [{"type": "thinking", "thinking": "hm"}],
            "tool_plan": "I will look.",
            "tool_calls": [{"id": "", "function": {"name": "f", "arguments": "{}"}}, {"id": "k", "function": {"name": "g"}}],
        }}))
        .unwrap();
        let [thought, plan, first, second] = answer.choices[0].parts.as_slice() else { panic!("{answer:?}") };
        assert_eq!(thought.content, Content::Reasoning { text: "hm".into(), signature: None });
        assert_eq!(plan, &Part::text("I will look."));
        assert!(
            matches!(&first.content, Content::ToolCall(call) if call.id == "call_abcd_0" && call.arguments == "{}")
        );
        assert!(matches!(&second.content, Content::ToolCall(call) if call.id == "k" && call.arguments.is_empty()));
        assert_eq!(answer.choices[0].finish, Finish::ToolCalls);
    }

    #[test]
    fn citations_annotate_their_text_once_for_each_source() {
        let answer = read(&json!({"finish_reason": "COMPLETE", "message": {
            "content": [{"type": "text", "text": "Ähm, "}, {"type": "text", "text": "16"}],
            "citations": [
                {"start": 0, "end": 2, "content_index": 1, "sources": [
                    {"type": "document", "id": "d", "document": {"title": "T", "text": "it is 16"}},
                    {"type": "tool", "id": "t:0", "tool_output": {"url": "https://a.b/c", "content": "16"}},
                ]},
                {"start": 0, "end": 1, "type": "THINKING_CONTENT", "sources": []},
            ],
        }}))
        .unwrap();
        let Content::Text { annotations, .. } = &answer.choices[0].parts[1].content else { panic!("{answer:?}") };
        let [document, tool] = annotations.as_slice() else { panic!("{annotations:?}") };
        assert_eq!((document.title.as_deref(), document.cited.as_deref()), (Some("T"), Some("it is 16")));
        assert_eq!((tool.url.as_deref(), tool.title.as_deref()), (Some("https://a.b/c"), Some("t:0")));
        assert_eq!(document.span, Some((5, 7)));
    }

    #[test]
    fn errors_inside_a_200_are_faults() {
        let class = |answer: Value| read(&answer).unwrap_err().class;
        let message = json!({"content": []});
        assert_eq!(class(json!({"message": message, "finish_reason": "ERROR"})), FailureClass::ServerError);
        assert_eq!(class(json!({"message": "something broke"})), FailureClass::ServerError);
        assert_eq!(class(json!({"message": "You are using a Trial key"})), FailureClass::RateLimited);
        for nothing in [json!({}), json!([]), json!(7), json!({"choices": []})] {
            assert_eq!(class(nothing), FailureClass::Malformed);
        }
        let long = read(&json!({"message": "too many tokens: 9", "error_type": "TOO_MANY_TOKENS"})).unwrap_err();
        assert_eq!(long.class, FailureClass::CallerError);
        assert_eq!(long.refusal.unwrap().code.as_deref(), Some("TOO_MANY_TOKENS"));
    }

    #[test]
    fn absurd_members_do_no_harm() {
        let answer = read(&json!({"id": 7, "finish_reason": "COMPLETE", "logprobs": 1,
            "usage": {"tokens": {"input_tokens": -1, "output_tokens": "x"}, "billed_units": {"input_tokens": 3.0, "output_tokens": 4}},
            "message": {"content": [{"type": "text", "text": "a"}, 7, null, {"type": "new"}], "tool_calls": "no",
                "citations": [{"start": "x"}, 4], "tool_plan": []}}))
        .unwrap();
        assert_eq!(answer.usage, Some(Usage { input: 3, output: 4, ..Usage::default() }));
        assert_eq!(answer.text_bytes(), 1);
        assert_eq!(answer.id, None);
    }

    #[test]
    fn log_probabilities_take_openais_form() {
        let answer =
            read(&json!({"finish_reason": "COMPLETE", "message": {"content": [{"type": "text", "text": "ab"}]},
            "logprobs": [{"text": "ab", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}]}))
            .unwrap();
        let content = &answer.choices[0].logprobs.as_ref().unwrap()["content"];
        assert_eq!((content[0]["token"].as_str(), content[0]["logprob"].as_f64()), (Some("ab"), Some(-0.75)));
    }
}
