//! What a simulated provider says: a few sentences about the question, the same each time it is asked.

use std::num::NonZeroU16;

use super::ask::Ask;
use super::tools;

/// An answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) choices: Vec<Choice>,
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
}

/// One of the `n` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) content: Content,
    pub(super) finish_reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Words, each with the space before it.
    Text(Vec<String>),
    /// A call of one function, with its arguments as JSON text.
    Tool { name: String, arguments: String },
}

impl Answer {
    /// The answer of the provider `name` to `ask`, `words` words long unless the caller's limit is shorter. A word
    /// counts as a token.
    pub(super) fn to(ask: &Ask, name: &str, words: NonZeroU16) -> Self {
        let limit = ask.max_tokens.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let choices: Vec<_> = (0..ask.n)
            .map(|index| match &ask.tool {
                Some(function) => call(function),
                None => tell(&speech(ask, name, index), words.get().into(), limit),
            })
            .collect();
        Self {
            completion_tokens: choices.iter().map(Choice::tokens).fold(0, u32::saturating_add),
            choices,
            prompt_tokens: ask.prompt_tokens,
        }
    }
}

impl Choice {
    fn tokens(&self) -> u32 {
        let tokens = match &self.content {
            Content::Text(words) => words.len(),
            Content::Tool { name, arguments } => (name.len() + arguments.len()).div_ceil(4),
        };
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}

fn call(function: &serde_json::Value) -> Choice {
    let content = Content::Tool {
        name: function["name"].as_str().unwrap_or_default().to_owned(),
        arguments: tools::sample(&function["parameters"]).to_string(),
    };
    Choice { content, finish_reason: "tool_calls" }
}

fn tell(speech: &str, words: usize, limit: usize) -> Choice {
    let text = (speech.split_whitespace().chain(FILLER.split_whitespace().cycle()))
        .take(words.min(limit))
        .enumerate()
        .map(|(place, word)| if place == 0 { word.to_owned() } else { format!(" {word}") });
    Choice { content: Content::Text(text.collect()), finish_reason: if limit < words { "length" } else { "stop" } }
}

fn speech(ask: &Ask, name: &str, index: u32) -> String {
    const QUOTED: usize = 12;
    let mut quoted: Vec<_> = ask.text.split_whitespace().take(QUOTED + 1).collect();
    if quoted.len() > QUOTED {
        quoted[QUOTED] = "…";
    }
    let opening = OPENINGS[(ask.text.len() + index as usize) % OPENINGS.len()];
    format!("{opening} “{}”. This is the simulated provider {name}, answering as {}.", quoted.join(" "), ask.model)
}

const OPENINGS: [&str; 3] = ["You asked:", "Your question was:", "Let me think about"];

const FILLER: &str = "Nothing was computed and nothing was billed: these words only show how an answer travels. \
    Ask the same again and the same comes back, so a cache has something to keep. \
    Ask for a stream and it arrives word by word, as from any other model.";
