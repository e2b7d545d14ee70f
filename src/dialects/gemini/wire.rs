//! Answers as Gemini sends them. Every member may be missing, and one of a wrong type counts as missing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::usage::Counts;
use crate::api::chat::{Content, Format, Signature, Source, ToolCall};
use crate::dialects::codec::made_id;
use crate::dialects::{Fault, lenient};

/// A whole answer, or one piece of a stream, which looks the same.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub candidates: Vec<Candidate<'a>>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    pub prompt_feedback: Option<Feedback<'a>>,
    #[serde(deserialize_with = "lenient::object")]
    pub usage_metadata: Option<Counts>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub model_version: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub response_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
}

/// One, or an array of them: a stream that was not asked for as events.
pub(super) fn read_chunks(json: &[u8]) -> Result<Vec<Chunk<'_>>, Fault> {
    match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice(json),
        _ => serde_json::from_slice(json).map(|chunk| vec![chunk]),
    }
    .map_err(|_| Fault::malformed())
}

impl Chunk<'_> {
    /// The prompt was refused, so that there will be no candidates.
    pub(super) fn is_blocked(&self) -> bool {
        self.candidates.is_empty() && self.prompt_feedback.as_ref().is_some_and(|said| said.block_reason.is_some())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Feedback<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    block_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Candidate<'a> {
    #[serde(deserialize_with = "lenient::count")]
    index: Option<u64>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    content: Option<Turn<'a>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub finish_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub logprobs_result: Option<&'a RawValue>,
}

impl<'a> Candidate<'a> {
    /// Vertex leaves out the first one's.
    pub(super) fn index(&self) -> u32 {
        self.index.and_then(|index| u32::try_from(index).ok()).unwrap_or_default()
    }

    pub(super) fn take_parts(&mut self) -> Vec<WirePart<'a>> {
        self.content.take().map(|content| content.parts).unwrap_or_default()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Turn<'a> {
    #[serde(borrow, deserialize_with = "lenient::list")]
    parts: Vec<WirePart<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WirePart<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    text: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::flag")]
    thought: bool,
    #[serde(borrow, deserialize_with = "lenient::text")]
    thought_signature: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    function_call: Option<Call<'a>>,
    #[serde(borrow, deserialize_with = "lenient::object")]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow)]
    file_data: Option<&'a RawValue>,
    #[serde(borrow)]
    executable_code: Option<&'a RawValue>,
    #[serde(borrow)]
    code_execution_result: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_call: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_response: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Blob<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    mime_type: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    data: Option<Cow<'a, str>>,
}

/// Makes ids for the calls that Gemini leaves without, which are most.
#[derive(Debug)]
pub(super) struct Ids {
    call_id: String,
    next: u32,
}

impl Ids {
    pub(super) fn new(call_id: &str) -> Self {
        Self { call_id: call_id.to_owned(), next: 0 }
    }

    fn make(&mut self) -> String {
        let id = made_id(&self.call_id, self.next);
        self.next += 1;
        id
    }
}

impl WirePart<'_> {
    /// A signature that is not a call's comes before what it signs, as reasoning that is not shown.
    pub(super) fn read(self, ids: &mut Ids, contents: &mut Vec<Content>) {
        let sign = |value: Cow<'_, str>| Signature { format: Format::Gemini, value: value.into_owned() };
        let signature = self.thought_signature.filter(|value| !value.is_empty()).map(sign);
        if let Some(call) = self.function_call {
            contents.push(Content::ToolCall(call.read(signature, ids)));
            return;
        }
        if self.thought {
            let text = self.text.unwrap_or_default().into_owned();
            if !text.is_empty() || signature.is_some() {
                contents.push(Content::Reasoning { text, signature });
            }
            return;
        }
        let foreign = [
            ("fileData", self.file_data),
            ("executableCode", self.executable_code),
            ("codeExecutionResult", self.code_execution_result),
            ("toolCall", self.tool_call),
            ("toolResponse", self.tool_response),
        ];
        let foreign = foreign.into_iter().find_map(|(name, raw)| Some((name, raw?)));
        if let Some((name, raw)) = foreign {
            contents.extend(read_foreign(name, raw, signature));
            return;
        }
        if let Some(signature) = signature {
            contents.push(Content::Reasoning { text: String::new(), signature: Some(signature) });
        }
        if let Some(text) = self.text.filter(|text| !text.is_empty()) {
            contents.push(Content::Text { text: text.into_owned(), annotations: Vec::new() });
        }
        contents.extend(self.inline_data.and_then(Blob::read));
    }
}

impl Call<'_> {
    fn read(self, signature: Option<Signature>, ids: &mut Ids) -> ToolCall {
        ToolCall {
            id: self.id.filter(|id| !id.is_empty()).map_or_else(|| ids.make(), Cow::into_owned),
            name: self.name.unwrap_or_default().into_owned(),
            arguments: self.args.map_or_else(|| "{}".into(), |args| compact(args.get())),
            custom: false,
            signature,
        }
    }
}

impl Blob<'_> {
    fn read(self) -> Option<Content> {
        let (media_type, data) = (self.mime_type?.into_owned(), self.data?.into_owned());
        let is_sound = media_type.starts_with("audio/");
        let source = Source::Data { media_type, data };
        Some(if is_sound { Content::Audio { source } } else { Content::Image { source, detail: None } })
    }
}

fn read_foreign(name: &str, raw: &RawValue, signature: Option<Signature>) -> Option<Content> {
    let mut members = Map::new();
    members.insert(name.to_owned(), serde_json::from_str(raw.get()).ok()?);
    if let Some(signature) = signature {
        members.insert("thoughtSignature".into(), Value::String(signature.value));
    }
    Some(Content::Foreign { format: Format::Gemini, value: Value::Object(members) })
}

/// JSON without the white space between its tokens. Numbers stay as they are written.
fn compact(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    let keep = |character: &char| {
        let keeps = inside || !character.is_ascii_whitespace();
        match character {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && !escaped && *character == '\\';
        keeps
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_space_between_tokens_goes() {
        let json = "{\n  \"a b\" : [ 1.0 , 12345678901234567890 ],\n \"c\\\" \\\\\" : \" d \" , \"e\": \" \"\n}";
        assert_eq!(compact(json), r#"{"a b":[1.0,12345678901234567890],"c\" \\":" d ","e":" "}"#);
    }

    #[test]
    fn made_ids_differ_and_given_ones_stay() {
        let mut ids = Ids::new("01ab");
        let mut contents = Vec::new();
        for json in [
            r#"{"functionCall":{"name":"f"}}"#,
            r#"{"functionCall":{"name":"g","id":"x1","args":null}}"#,
            r#"{"functionCall":{"name":"h","id":"","args":[1, 2]}}"#,
        ] {
            serde_json::from_str::<WirePart<'_>>(json).unwrap().read(&mut ids, &mut contents);
        }
        let calls: Vec<_> = contents
            .iter()
            .filter_map(|content| match content {
                Content::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(calls, [("call_01ab_0", "{}"), ("x1", "{}"), ("call_01ab_1", "[1,2]")]);
    }
}
