//! What the simulated providers read and say: OpenAI's chat completions and Anthropic's messages, written out by hand.
//!
//! Each word of an answer names the provider and the exchange that it comes from, and its place: `~alpha.12.3~`.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    OpenAi,
    Anthropic,
}

/// What is asked of a provider. How much it is to say stands in the prompt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) stream: bool,
    /// Usage has to be told on a stream too.
    pub(crate) tell_usage: bool,
    pub(crate) words: usize,
    /// Bytes that each word is longer by.
    pub(crate) filler: usize,
    /// The request is one that providers refuse.
    pub(crate) mistake: bool,
}

/// The prompt that a [`Question`] is read from. `nonce` tells prompts apart that are otherwise equal.
pub(crate) fn prompt(words: usize, filler: usize, mistake: bool, nonce: usize) -> String {
    format!("words={words} filler={filler} mistake={} nonce={nonce}", usize::from(mistake))
}

impl Question {
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).expect("requests are UTF-8");
        let json: Value = serde_json::from_str(text).expect("requests are JSON");
        let number = |name: &str| -> usize {
            let at = text.find(name).expect("the prompt arrives") + name.len();
            let digits = text[at..].chars().take_while(char::is_ascii_digit).collect::<String>();
            digits.parse().expect("the prompt arrives whole")
        };
        Self {
            stream: json["stream"] == true,
            tell_usage: json["stream_options"]["include_usage"] == true,
            words: number("words="),
            filler: number("filler="),
            mistake: number("mistake=") == 1,
        }
    }
}

/// The word at a place of an answer.
fn word(tag: &str, place: usize, filler: usize) -> String {
    format!("~{tag}.{place}~ {}", "x".repeat(filler))
}

/// A word as a client has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) provider: String,
    pub(crate) exchange: usize,
    pub(crate) place: usize,
}

/// All words in what a client has read, in order.
pub(crate) fn words(read: &[u8]) -> Vec<Heard> {
    let text = std::str::from_utf8(read).expect("answers are UTF-8");
    let tags = text.split('~').filter_map(|tag| {
        let mut parts = tag.split('.');
        let (provider, exchange, place) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then(|| Heard { provider: provider.to_owned(), exchange, place })
    });
    tags.collect()
}

/// One event of a stream, and whether it is a word.
pub(crate) type Said = (String, bool);

/// An answer to be given.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) format: Format,
    /// Of each word: provider and exchange.
    pub(crate) tag: String,
    pub(crate) words: usize,
    pub(crate) filler: usize,
    pub(crate) tell_usage: bool,
    /// The last event of OpenAI's streams, which some servers forget.
    pub(crate) done: bool,
}

/// Tokens of every prompt.
const INPUT: usize = 10;

impl Answer {
    pub(crate) fn whole(&self) -> String {
        let text: String = (0..self.words).map(|place| word(&self.tag, place, self.filler)).collect();
        let (tokens, total) = (self.words, INPUT + self.words);
        match self.format {
            Format::OpenAi => json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{
                    "index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"
                }],
                "usage": {"prompt_tokens": INPUT, "completion_tokens": tokens, "total_tokens": total}
            }),
            Format::Anthropic => {
                let content = if self.words == 0 { json!([]) } else { json!([{"type": "text", "text": text}]) };
                json!({
                    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content,
                    "stop_reason": "end_turn", "stop_sequence": null,
                    "usage": {"input_tokens": INPUT, "output_tokens": tokens}
                })
            }
        }
        .to_string()
    }

    pub(crate) fn events(&self) -> Vec<Said> {
        match self.format {
            Format::OpenAi => self.chunks(),
            Format::Anthropic => self.messages(),
        }
    }

    fn chunks(&self) -> Vec<Said> {
        let chunk = |choices: Value, more: Value| {
            let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"});
            chunk["choices"] = choices;
            if !more.is_null() {
                chunk["usage"] = more;
            }
            format!("data: {chunk}\n\n")
        };
        let choice = |delta: Value, finish: Value| {
            chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), Value::Null)
        };
        let mut said = vec![(choice(json!({"role": "assistant", "content": ""}), Value::Null), false)];
        for place in 0..self.words {
            let text = word(&self.tag, place, self.filler);
            said.push((choice(json!({"content": text}), Value::Null), true));
        }
        said.push((choice(json!({}), "stop".into()), false));
        if self.tell_usage {
            let (tokens, total) = (self.words, INPUT + self.words);
            let usage = json!({"prompt_tokens": INPUT, "completion_tokens": tokens, "total_tokens": total});
            said.push((chunk(json!([]), usage), false));
        }
        if self.done {
            said.push(("data: [DONE]\n\n".to_owned(), false));
        }
        said
    }

    fn messages(&self) -> Vec<Said> {
        let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
        let start = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": INPUT, "output_tokens": self.words.min(1)}
        });
        let mut said = vec![(event(json!({"type": "message_start", "message": start})), false)];
        if self.words > 0 {
            let block = json!({"type": "text", "text": ""});
            said.push((event(json!({"type": "content_block_start", "index": 0, "content_block": block})), false));
            said.push((event(json!({"type": "ping"})), false));
            for place in 0..self.words {
                let delta = json!({"type": "text_delta", "text": word(&self.tag, place, self.filler)});
                said.push((event(json!({"type": "content_block_delta", "index": 0, "delta": delta})), true));
            }
            said.push((event(json!({"type": "content_block_stop", "index": 0})), false));
        }
        let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
        let usage = json!({"output_tokens": self.words});
        said.push((event(json!({"type": "message_delta", "delta": delta, "usage": usage})), false));
        said.push((event(json!({"type": "message_stop"})), false));
        said
    }
}

/// What goes wrong, in the format's words.
pub(crate) fn error_body(format: Format) -> String {
    match format {
        Format::OpenAi => {
            json!({"error": {"message": "scripted", "type": "server_error", "param": null, "code": null}})
        }
        Format::Anthropic => json!({"type": "error", "error": {"type": "overloaded_error", "message": "scripted"}}),
    }
    .to_string()
}

/// The same inside a stream.
pub(crate) fn error_event(format: Format) -> String {
    match format {
        Format::OpenAi => format!("data: {}\n\n", error_body(format)),
        Format::Anthropic => format!("event: error\ndata: {}\n\n", error_body(format)),
    }
}

/// A sign of life and nothing else.
pub(crate) fn babble(format: Format) -> &'static str {
    match format {
        Format::OpenAi => ": still here\n\n",
        Format::Anthropic => "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    }
}
