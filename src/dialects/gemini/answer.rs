//! A whole answer.

use super::error;
use super::finish::{is_failure, read_finish, unspecified};
use super::grounding::read_annotations;
use super::logprobs::read_logprobs;
use super::usage::Counts;
use super::wire::{Candidate, Chunk, Ids, read_chunks};
use crate::api::chat::{Annotation, ChatAnswer, Choice, Content, Finish, Part};
use crate::dialects::Fault;

/// `call_id` goes into the ids of tool calls that have none. A stream that came as one array (`alt` other than `sse`)
/// is put together.
pub fn read_answer(body: &[u8], call_id: &str) -> Result<ChatAnswer, Fault> {
    let mut answer = Reading::new(call_id);
    for chunk in read_chunks(body)? {
        answer.add(chunk)?;
    }
    answer.finish()
}

struct Reading {
    ids: Ids,
    answer: ChatAnswer,
    counts: Counts,
    /// Scratch.
    contents: Vec<Content>,
}

impl Reading {
    fn new(call_id: &str) -> Self {
        let answer =
            ChatAnswer { id: None, model: None, created: None, choices: Vec::new(), usage: None, service_tier: None };
        Self { ids: Ids::new(call_id), answer, counts: Counts::default(), contents: Vec::new() }
    }

    fn add(&mut self, chunk: Chunk<'_>) -> Result<(), Fault> {
        if let Some(said) = chunk.error {
            return Err(error::raw_fault(said));
        }
        if chunk.is_blocked() && self.answer.choices.is_empty() {
            self.choice(0).finish = Finish::ContentFilter;
        }
        let Self { answer, counts, .. } = self;
        answer.id = answer.id.take().or_else(|| chunk.response_id.map(Into::into));
        answer.model = answer.model.take().or_else(|| chunk.model_version.map(Into::into));
        counts.update(chunk.usage_metadata.unwrap_or_default());
        for candidate in chunk.candidates {
            self.candidate(candidate);
        }
        Ok(())
    }

    fn candidate(&mut self, mut candidate: Candidate<'_>) {
        let mut contents = std::mem::take(&mut self.contents);
        for part in candidate.take_parts() {
            part.read(&mut self.ids, &mut contents);
        }
        let choice = self.choice(candidate.index());
        for content in contents.drain(..) {
            append(&mut choice.parts, content);
        }
        let called = choice.parts.iter().any(|part| matches!(part.content, Content::ToolCall(_)));
        if let Some(finish) = candidate.finish_reason.and_then(|reason| read_finish(&reason, called)) {
            choice.finish = finish;
        }
        if let Some(metadata) = candidate.grounding_metadata {
            annotate(&mut choice.parts, |text| read_annotations(metadata, text));
        }
        choice.logprobs = candidate.logprobs_result.and_then(read_logprobs).or(choice.logprobs.take());
        self.contents = contents;
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let choices = &mut self.answer.choices;
        let at = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            choices.push(Choice { index, parts: Vec::new(), finish: unspecified(), logprobs: None });
            choices.len() - 1
        });
        &mut choices[at]
    }

    fn finish(mut self) -> Result<ChatAnswer, Fault> {
        if self.answer.choices.is_empty() {
            return Err(Fault::malformed());
        }
        let failed = |choice: &Choice| {
            choice.parts.is_empty() && matches!(&choice.finish, Finish::Other(reason) if is_failure(reason))
        };
        if self.answer.choices.iter().all(failed) {
            return Err(Fault::malformed());
        }
        self.answer.choices.sort_by_key(|choice| choice.index);
        self.answer.usage = self.counts.usage();
        Ok(self.answer)
    }
}

/// Pieces of one text come together.
fn append(parts: &mut Vec<Part>, content: Content) {
    match (parts.last_mut().map(|part| &mut part.content), content) {
        (Some(Content::Text { text, .. }), Content::Text { text: more, .. }) => text.push_str(&more),
        (
            Some(Content::Reasoning { text, signature: signature @ None }),
            Content::Reasoning { text: more, signature: signs },
        ) if !more.is_empty() => {
            text.push_str(&more);
            *signature = signs;
        }
        (_, content) => parts.push(content.into()),
    }
}

/// All annotations go to the last text; their spans are of all texts together.
fn annotate(parts: &mut [Part], read: impl FnOnce(&str) -> Vec<Annotation>) {
    let texts = parts.iter().filter_map(|part| match &part.content {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let found = read(&texts.collect::<String>());
    let last = parts.iter_mut().rev().find_map(|part| match &mut part.content {
        Content::Text { annotations, .. } => Some(annotations),
        _ => None,
    });
    if let Some(annotations) = last.filter(|_| !found.is_empty()) {
        *annotations = found;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Usage;
    use crate::api::chat::{Format, Signature, Source, ToolCall};
    use crate::error::FailureClass;

    fn read(body: &Value) -> ChatAnswer {
        read_answer(body.to_string().as_bytes(), "01").unwrap()
    }

    fn contents(answer: &ChatAnswer) -> Vec<&Content> {
        answer.choices[0].parts.iter().map(|part| &part.content).collect()
    }

    fn text(text: &str) -> Content {
        Content::Text { text: text.into(), annotations: Vec::new() }
    }

    fn signed(value: &str) -> Option<Signature> {
        Some(Signature { format: Format::Gemini, value: value.into() })
    }

    #[test]
    fn parts_keep_their_order_and_signatures_their_place() {
        let answer = read(&json!({
            "candidates": [{"content": {"role": "model", "parts": [
                {"text": "Hm", "thought": true},
                {"text": "a", "thoughtSignature": "s1"},
                {"text": "b"},
                {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "s2"},
                {"executableCode": {"code": "1"}},
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                {"futureThing": {}}
            ]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
            "modelVersion": "gemini-2.5-flash", "responseId": "r"
        }));
        let (id, name, arguments) = ("call_01_0".into(), "f".into(), r#"{"x":1}"#.into());
        let source = Source::Data { media_type: "image/png".into(), data: "AA==".into() };
        let expected = [
            Content::Reasoning { text: "Hm".into(), signature: None },
            Content::Reasoning { text: String::new(), signature: signed("s1") },
            text("ab"),
            Content::ToolCall(ToolCall { id, name, arguments, custom: false, signature: signed("s2") }),
            Content::Foreign { format: Format::Gemini, value: json!({"executableCode": {"code": "1"}}) },
            Content::Image { source, detail: None },
        ];
        assert_eq!(contents(&answer), expected.iter().collect::<Vec<_>>());
        assert_eq!(answer.choices[0].finish, Finish::ToolCalls);
        assert_eq!(answer.usage, Some(Usage { input: 3, output: 2, ..Usage::default() }));
        assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("r"), Some("gemini-2.5-flash")));
    }

    #[test]
    fn each_reason_has_its_meaning() {
        for (reason, finish) in [
            (json!("STOP"), Finish::Stop),
            (json!("MAX_TOKENS"), Finish::Length),
            (json!("SAFETY"), Finish::ContentFilter),
            (json!("RECITATION"), Finish::ContentFilter),
            (json!("IMAGE_SAFETY"), Finish::ContentFilter),
            (json!("NEW_REASON"), Finish::Other("NEW_REASON".into())),
            (json!(null), unspecified()),
            (json!(7), unspecified()),
        ] {
            let answer = read(&json!({"candidates": [{"finishReason": reason}]}));
            assert_eq!(answer.choices[0].finish, finish, "{reason}");
        }
    }

    #[test]
    fn a_call_that_the_model_did_not_manage_is_no_answer() {
        let failed = |parts: Value| {
            let candidate = json!({"content": {"parts": parts}, "finishReason": "MALFORMED_FUNCTION_CALL"});
            read_answer(json!({"candidates": [candidate]}).to_string().as_bytes(), "1")
        };
        assert_eq!(failed(json!([])), Err(Fault::malformed()));
        let said = failed(json!([{"text": "I try."}])).unwrap();
        assert_eq!(said.choices[0].finish, Finish::Other("MALFORMED_FUNCTION_CALL".into()));
    }

    #[test]
    fn a_refused_prompt_is_an_empty_answer() {
        let feedback = json!({"blockReason": "PROHIBITED_CONTENT"});
        let usage = json!({"promptTokenCount": 5});
        let answer = read(&json!({"promptFeedback": feedback, "usageMetadata": usage}));
        assert_eq!((contents(&answer).len(), &answer.choices[0].finish), (0, &Finish::ContentFilter));
        assert_eq!(answer.usage.map(|usage| usage.input), Some(5));
    }

    #[test]
    fn candidates_stay_apart() {
        let candidate = |index: u32, text: &str| json!({"index": index, "content": {"parts": [{"text": text}]}});
        let chunks = json!([
            {"candidates": [candidate(1, "b"), candidate(0, "a")]},
            {"candidates": [candidate(0, "A"), {"index": 1, "finishReason": "STOP"}]}
        ]);
        let answer = read(&chunks);
        let indices: Vec<_> = answer.choices.iter().map(|choice| choice.index).collect();
        assert_eq!(indices, [0, 1]);
        assert_eq!(contents(&answer), [&text("aA")]);
        assert_eq!(answer.choices[1].finish, Finish::Stop);
    }

    #[test]
    fn sources_are_annotations_of_the_text() {
        let answer = read(&json!({"candidates": [{
            "content": {"parts": [{"text": "It is warm."}]},
            "finishReason": "STOP",
            "groundingMetadata": {
                "groundingChunks": [{"web": {"uri": "https://a.example"}}],
                "groundingSupports": [{"segment": {"startIndex": 6, "text": "warm"}, "groundingChunkIndices": [0]}]
            }
        }]}));
        let annotation =
            Annotation { url: Some("https://a.example".into()), span: Some((6, 10)), ..Annotation::default() };
        let expected = Content::Text { text: "It is warm.".into(), annotations: vec![annotation] };
        assert_eq!(contents(&answer), [&expected]);
    }

    #[test]
    fn members_of_wrong_types_count_as_missing() {
        let answer = read(&json!({
            "candidates": [3, {"index": "x", "content": {"parts": [
                null, {"text": 5}, {"text": "a", "thought": "yes", "thoughtSignature": {}},
                {"functionCall": {"name": [], "args": "x", "id": 9}}, {"functionCall": true}, {"inlineData": {"data": 1}}
            ]}, "finishReason": "STOP", "groundingMetadata": 3, "logprobsResult": []}],
            "promptFeedback": [], "usageMetadata": "none", "modelVersion": 2, "responseId": {}
        }));
        let arguments = "\"x\"".into();
        let call = ToolCall { id: "call_01_0".into(), name: String::new(), arguments, custom: false, signature: None };
        assert_eq!(contents(&answer), [&text("a"), &Content::ToolCall(call)]);
        assert_eq!((answer.usage, answer.model), (None, None));
    }

    #[test]
    fn an_error_inside_a_success_is_a_fault() {
        let error = json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}});
        for body in [error.clone(), json!([error.clone()]), json!([{"candidates": []}, error])] {
            let fault = read_answer(body.to_string().as_bytes(), "1").unwrap_err();
            assert_eq!(fault.class, FailureClass::ServerError);
        }
    }

    #[test]
    fn what_is_no_answer_is_malformed() {
        for body in ["", " ", "{}", "[]", "3", "null", "<html>", "[3]", r#"{"candidates":[]}"#, r#"{"candidates":[{"#] {
            assert_eq!(read_answer(body.as_bytes(), "1"), Err(Fault::malformed()), "{body}");
        }
    }
}
