//! What may be wrong with an answer that is one: it says nothing, says no, is cut, or is not in the form that was asked
//! for.

use jsonschema::PatternOptions;
use serde_json::Value;

use crate::api::chat::{ChatAnswer, Choice, Content, Finish, OutputFormat};
use crate::config::Quality;

/// What another candidate might do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Neither text nor a call of a tool nor a refusal.
    Empty,
    /// The model would not, or the provider's filter cut in.
    Refused,
    /// Cut at a limit of tokens.
    Truncated,
    /// Not the JSON that was asked for.
    Schema,
}

impl Flaw {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Refused => "refused",
            Self::Truncated => "truncated",
            Self::Schema => "schema",
        }
    }
}

/// As much of one choice as is judged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gist {
    pub(super) text: String,
    /// A tool is called, or there is something else than text: a picture, sound, a part that only its format has.
    pub(super) acts: bool,
    pub(super) refused: bool,
    pub(super) truncated: bool,
}

impl From<&Choice> for Gist {
    fn from(choice: &Choice) -> Self {
        let mut gist = Self {
            refused: matches!(choice.finish, Finish::Refusal | Finish::ContentFilter),
            truncated: choice.finish == Finish::Length,
            ..Self::default()
        };
        for part in &choice.parts {
            match &part.content {
                Content::Text { text, .. } => gist.text += text,
                Content::Refusal(text) => gist.refused |= !text.is_empty(),
                Content::Reasoning { .. } | Content::Redacted(_) => {}
                _ => gist.acts = true,
            }
        }
        gist
    }
}

/// The first flaw of a whole answer that `quality` asks about. `output` is what the request wanted.
pub(super) fn judge(answer: &ChatAnswer, output: Option<&OutputFormat>, quality: Quality) -> Option<Flaw> {
    judge_gists(answer.choices.iter().map(Gist::from), output, quality)
}

pub(super) fn judge_gists(
    gists: impl IntoIterator<Item = Gist>,
    output: Option<&OutputFormat>,
    quality: Quality,
) -> Option<Flaw> {
    let form = Form::asked(output.filter(|_| quality.schema));
    gists.into_iter().find_map(|gist| flaw(&gist, &form, quality))
}

fn flaw(gist: &Gist, form: &Form, quality: Quality) -> Option<Flaw> {
    let silent = gist.text.trim().is_empty();
    match () {
        () if gist.refused => quality.refusal.then_some(Flaw::Refused),
        () if quality.empty && silent && !gist.acts => Some(Flaw::Empty),
        () if quality.truncated && gist.truncated => Some(Flaw::Truncated),
        // Who calls a tool has not come to the answer yet.
        () if silent && gist.acts => None,
        () => (!form.fits(&gist.text)).then_some(Flaw::Schema),
    }
}

/// What the text of an answer must be.
enum Form {
    Any,
    Json,
    Object,
    Schema(Box<jsonschema::Validator>),
}

impl Form {
    fn asked(output: Option<&OutputFormat>) -> Self {
        match output {
            None | Some(OutputFormat::Text) => Self::Any,
            Some(OutputFormat::Json) => Self::Object,
            Some(OutputFormat::Schema { schema, .. }) => compile(schema).map_or(Self::Json, Self::Schema),
        }
    }

    fn fits(&self, text: &str) -> bool {
        if matches!(self, Self::Any) {
            return true;
        }
        let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
        match self {
            Self::Any | Self::Json => true,
            Self::Object => value.is_object(),
            Self::Schema(validator) => validator.is_valid(&value),
        }
    }
}

/// `None`: the schema is none, or costs too much to check. Callers write schemas: nothing in one may be fetched, and no
/// pattern or reference may take time without measure.
fn compile(schema: &Value) -> Option<Box<jsonschema::Validator>> {
    /// Of the schema with each reference replaced by what it points at.
    const MOST_NODES: usize = 10_000;
    unfolded(schema, schema, 0, MOST_NODES)?;
    let options = jsonschema::options().offline().with_pattern_options(PatternOptions::regex());
    options.build(schema).ok().map(Box::new)
}

/// How many nodes of `left` are left after all of `node`; `None`: too few. A schema that refers to itself has no end.
fn unfolded(root: &Value, node: &Value, depth: usize, left: usize) -> Option<usize> {
    const DEEPEST: usize = 200;
    if depth > DEEPEST {
        return None;
    }
    let mut left = left.checked_sub(1)?;
    match node {
        Value::Array(items) => {
            for item in items {
                left = unfolded(root, item, depth + 1, left)?;
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    // What stands there counts where it is referred to.
                    ("$defs" | "definitions", _) if depth == 0 => {}
                    // From there on references would mean other places.
                    ("$id" | "id", Value::String(_)) if depth > 0 => return None,
                    ("$dynamicRef" | "$recursiveRef", _) => return None,
                    ("$ref", Value::String(place)) => {
                        let target = root.pointer(place.strip_prefix('#')?)?;
                        left = unfolded(root, target, depth + 1, left)?;
                    }
                    _ => left = unfolded(root, member, depth + 1, left)?,
                }
            }
        }
        _ => {}
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: Quality = Quality { empty: true, schema: true, refusal: true, truncated: true };

    fn said(text: &str) -> Gist {
        Gist { text: text.to_owned(), ..Gist::default() }
    }

    fn of(gist: Gist, output: Option<&OutputFormat>, quality: Quality) -> Option<Flaw> {
        judge_gists([said("{\"a\":1}"), gist], output, quality)
    }

    fn asked(schema: Value) -> OutputFormat {
        OutputFormat::Schema { name: None, description: None, schema, strict: None }
    }

    #[test]
    fn each_flaw_is_one_only_where_it_is_asked_about() {
        let refused = || Gist { refused: true, ..said("") };
        let truncated = || Gist { truncated: true, ..said("half") };
        let acts = || Gist { acts: true, ..said("") };
        assert_eq!(of(said(" \n"), None, ALL), Some(Flaw::Empty));
        assert_eq!(of(refused(), None, ALL), Some(Flaw::Refused));
        assert_eq!(of(truncated(), None, ALL), Some(Flaw::Truncated));
        assert_eq!(of(said("plain"), Some(&OutputFormat::Json), ALL), Some(Flaw::Schema));
        for gist in [acts(), said("fine")] {
            assert_eq!(of(gist, None, ALL), None);
        }
        assert_eq!(of(acts(), Some(&OutputFormat::Json), ALL), None, "a call is not the answer yet");
        let usual = Quality { refusal: false, truncated: false, ..ALL };
        assert_eq!((of(refused(), None, usual), of(truncated(), None, usual)), (None, None));
        assert_eq!(of(said(""), None, Quality { empty: false, ..ALL }), None);
    }

    #[test]
    fn what_was_asked_for_as_json_must_be_that() {
        let count =
            asked(json!({"type": "object", "properties": {"count": {"$ref": "#/$defs/n"}}, "required": ["count"],
            "additionalProperties": false, "$defs": {"n": {"type": "integer", "minimum": 1}}}));
        for (text, output, fits) in [
            ("{}", &OutputFormat::Json, true),
            ("[1]", &OutputFormat::Json, false),
            ("```json\n{}\n```", &OutputFormat::Json, false),
            (r#"{"count": 1}"#, &count, true),
            (r#"{"count": 0}"#, &count, false),
            (r#"{"count": "1"}"#, &count, false),
            (r#"{"count": 1, "more": 2}"#, &count, false),
            (r#"{"count": 1"#, &count, false),
        ] {
            assert_eq!(judge_gists([said(text)], Some(output), ALL).is_none(), fits, "{text}");
        }
    }

    #[test]
    fn schemas_that_cannot_be_checked_in_measure_ask_for_json_alone() {
        let mut doubling = json!({"$defs": {"d0": {"type": "string"}}, "$ref": "#/$defs/d40"});
        for level in 1..=40 {
            let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
            doubling["$defs"][format!("d{level}")] = json!({"allOf": [below.clone(), below]});
        }
        let hidden = json!({"properties": {"$defs": {"allOf": [{"$ref": "#/properties/$defs"}]}}});
        for schema in [
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"properties": {"child": {"$ref": "#"}}}),
            json!({"properties": {"a": {"$id": "urn:b", "$ref": "#/c"}}}),
            json!({"type": 7}),
            doubling,
            hidden,
        ] {
            assert!(compile(&schema).is_none(), "{schema}");
            assert_eq!(judge_gists([said("7")], Some(&asked(schema)), ALL), None);
        }
        assert!(compile(&json!({"properties": {"x": {"pattern": "^a+$"}}})).is_some());
    }
}
