//! Between a door and a provider: what one attempt sends, and how its answer is read.
//!
//! Where both speak the same format bytes pass as they are. Otherwise the request is read into the common form, once for
//! the call, and written in the provider's; the answer goes the other way.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::codec::{Fault, Heading, Invalid, ReadEvents, Target, WriteEvents, Written};
use super::events::Events;
use super::quality::{self, Flaw, judge_gists};
use super::surrogates::mended;
use super::verbatim::Judged;
use super::{anthropic, cohere, embeddings, gemini, mistral, openai_chat, openai_completions, openai_responses};
use crate::api::Usage;
use crate::api::chat::{ChatAnswer, ChatRequest, Field, Losses, OutputFormat};
use crate::call::{Call, Door};
use crate::config::{Dialect, LimitName, Preset, Quality};
use crate::error::FailureClass;

/// How a call comes to one provider.
#[derive(Debug, Clone, Copy)]
pub struct Bridge<'a> {
    call: &'a Call,
    preset: &'static Preset,
    target: Target<'a>,
    way: Way,
    quality: Quality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Bytes pass.
    Verbatim,
    Translated,
    /// Tokens are estimated here: the provider counts none.
    Estimated,
}

/// Which of the provider's doors is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Chat,
    Completions,
    Responses,
    Embeddings,
    CountTokens,
    /// None: the answer is known here.
    Nowhere,
}

/// A request, ready to be sent.
#[derive(Debug)]
pub struct Sent {
    pub body: Arc<[Bytes]>,
    pub losses: Losses,
    /// Usage was asked for where the client did not, on a stream that passes as it is.
    pub withhold_usage: bool,
}

/// A whole answer, ready for the client.
#[derive(Debug)]
pub struct Whole {
    pub bytes: Bytes,
    /// Events, as the client asked for a stream.
    pub events: bool,
    pub usage: Option<Usage>,
    /// Bytes of text, where `usage` does not say what it was.
    pub text_bytes: usize,
    /// Every choice ended by itself.
    pub complete: bool,
    /// What is wrong with it, of what it is judged by.
    pub flaw: Option<Flaw>,
}

impl<'a> Bridge<'a> {
    pub fn new(call: &'a Call, preset: &'static Preset, target: Target<'a>) -> Self {
        let way = way(call, preset, target.model);
        Self { call, preset, target, way, quality: Quality::default() }
    }

    /// The same, and answers are judged.
    pub fn judging(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// Whether a stream that says nothing is worth asking another provider.
    pub fn minds_empty(&self) -> bool {
        self.quality.empty
    }

    /// The same call by the provider's door for chat, where it might have no door of the call's own: many a server that
    /// speaks OpenAI's format has neither Responses nor completions.
    pub fn by_chat(&self) -> Option<Self> {
        let other = matches!(self.place(), Place::Responses | Place::Completions);
        other.then_some(Self { way: Way::Translated, ..*self })
    }

    /// The provider's bytes go to the client as they are.
    pub fn is_verbatim(&self) -> bool {
        self.way == Way::Verbatim
    }

    pub fn place(&self) -> Place {
        match (self.way, self.call.door) {
            (Way::Estimated, _) => Place::Nowhere,
            (_, Door::Embeddings) => Place::Embeddings,
            (_, Door::CountTokens) => Place::CountTokens,
            (Way::Verbatim, Door::Completions) => Place::Completions,
            (Way::Verbatim, Door::Responses) => Place::Responses,
            _ => Place::Chat,
        }
    }

    /// What is sent. `Err`: the request cannot be said to this provider.
    pub fn write(&self) -> Result<Sent, Invalid> {
        match (self.way, self.call.door) {
            (Way::Verbatim, _) => self.pass(),
            (Way::Estimated, _) => Ok(Sent { body: Arc::default(), losses: Losses::default(), withhold_usage: false }),
            (Way::Translated, Door::Embeddings) => self.write_embeddings().map(Sent::from),
            (Way::Translated, Door::CountTokens) => {
                gemini::count_tokens::write_request(&*asked(self.call)?, &self.target).map(Sent::from)
            }
            (Way::Translated, _) => self.write_chat(&*asked(self.call)?).map(Sent::from),
        }
    }

    fn pass(&self) -> Result<Sent, Invalid> {
        let Call { envelope, body, door, .. } = self.call;
        let chunks = matches!(door, Door::ChatCompletions | Door::Completions);
        let ask_usage = self.target.ask_usage && chunks && envelope.stream && !envelope.include_usage;
        let older_limit = self.preset.quirks.limit == LimitName::Older;
        let pieces = openai_chat::rewrite(body, envelope, self.target.model, ask_usage, older_limit);
        let mut sent = Sent { body: pieces, losses: Losses::default(), withhold_usage: ask_usage };
        match door {
            Door::ChatCompletions if self.preset.dialect == Dialect::Mistral => {
                if let Some((body, losses)) = mistral::adapt_request(&joined(&sent.body))? {
                    (sent.body, sent.losses) = ([Bytes::from(body)].into(), losses);
                }
            }
            Door::Embeddings if self.preset.dialect == Dialect::Mistral => {
                if let Some(body) = mistral::adapt_embeddings(&joined(&sent.body)) {
                    sent.body = [Bytes::from(body)].into();
                }
            }
            // What other vendors sealed would be refused here. Few bodies carry it, and only those are put together.
            Door::Responses if openai_responses::may_have_foreign_seals(body) => {
                if let Some(body) = openai_responses::without_foreign_seals(&joined(&sent.body)) {
                    sent.body = [Bytes::from(body)].into();
                    sent.losses.dropped(Field::Reasoning);
                }
            }
            _ => {}
        }
        Ok(sent)
    }

    fn write_chat(&self, request: &ChatRequest) -> Result<Written, Invalid> {
        match self.preset.dialect {
            Dialect::OpenAiChat => openai_chat::write_request(request, &self.target, &self.preset.quirks),
            Dialect::Mistral => {
                let target = Target { ask_usage: false, ..self.target };
                let mut written = openai_chat::write_request(request, &target, &self.preset.quirks)?;
                if let Some((body, losses)) = mistral::adapt_request(&written.body)? {
                    written.body = body;
                    written.losses.extend(losses);
                }
                Ok(written)
            }
            Dialect::Anthropic => anthropic::write_request(request, &self.target),
            Dialect::Gemini => gemini::write_request(request, &self.target),
            Dialect::Cohere => cohere::write_request(request, &self.target),
        }
    }

    fn write_embeddings(&self) -> Result<Written, Invalid> {
        let request = embeddings::read_request(&self.call.body)?;
        match self.preset.dialect {
            Dialect::Gemini => {
                let body = gemini::embeddings::write_request(&request.inputs, request.dimensions, self.target.model);
                Ok(Written { body, losses: request.losses() })
            }
            _ => cohere::write_embed(&request, self.target.model),
        }
    }

    /// Judges a whole answer with status 200, and puts it into the door's form.
    pub fn read_whole(&self, body: Bytes, created: u64) -> Result<Whole, Fault> {
        match (self.way, self.call.door) {
            (Way::Verbatim, door) => {
                let whole = self.judge(door, body)?;
                let flaw = if self.quality.judges() { self.flaw(door, &whole.bytes) } else { None };
                Ok(Whole { flaw, ..whole })
            }
            (_, Door::Embeddings) => self.read_embeddings(&body),
            (_, Door::CountTokens) => {
                gemini::count_tokens::read_answer(&body).map(counted).ok_or_else(Fault::malformed)
            }
            (_, door) => {
                let answer = self.read_chat(&body)?;
                let request = asked(self.call).map_err(|_| Fault::malformed())?;
                let flaw = quality::judge(&answer, request.output.as_ref(), self.quality);
                Ok(Whole { flaw, ..self.write_answer(door, answer, &request, created) })
            }
        }
    }

    /// A whole answer to a call that asked for a stream, told as one. `None`: it cannot be.
    pub fn as_stream(&self, body: &[u8], created: u64) -> Option<Whole> {
        let door = self.call.door;
        if (&self.way, door) == (&Way::Verbatim, Door::Responses) || !self.call.envelope.stream {
            return None;
        }
        let request = asked(self.call).ok()?;
        Some(self.write_answer(door, self.read_chat(body).ok()?, &request, created))
    }

    /// The answer that needs no provider.
    pub fn estimated(&self) -> Whole {
        counted(self.call.envelope.input_tokens)
    }

    fn judge(&self, door: Door, bytes: Bytes) -> Result<Whole, Fault> {
        let whole = |bytes, judged: Judged| {
            let Judged { usage, complete, text_bytes } = judged;
            Whole { bytes, events: false, usage, text_bytes, complete, flaw: None }
        };
        match door {
            Door::ChatCompletions if self.preset.dialect == Dialect::Mistral => {
                let judged = openai_chat::judge(&bytes)?;
                Ok(whole(mistral::adapt_answer(&bytes).map_or(bytes, Bytes::from), judged))
            }
            Door::ChatCompletions | Door::Completions => openai_chat::judge(&bytes).map(|judged| whole(bytes, judged)),
            Door::Responses => openai_responses::judge_answer(&bytes).map(|judged| whole(bytes, judged)),
            Door::Messages => {
                let answer = anthropic::read_answer(&mended(&bytes), &self.id())?;
                let judged =
                    Judged { usage: answer.usage, complete: answer.is_complete(), text_bytes: answer.text_bytes() };
                Ok(whole(bytes, judged))
            }
            Door::Embeddings => {
                let usage = embeddings::judge_answer(&bytes)?;
                Ok(whole(bytes, Judged { usage, complete: true, text_bytes: 0 }))
            }
            Door::CountTokens => {
                let count = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
                let is_count = count.is_some_and(|answer| answer["input_tokens"].is_u64());
                is_count.then(|| Whole { bytes, ..counted(0) }).ok_or_else(Fault::malformed)
            }
        }
    }

    /// What is wrong with an answer that passes as it is. What cannot be read passes too.
    fn flaw(&self, door: Door, bytes: &[u8]) -> Option<Flaw> {
        let answer = match door {
            Door::ChatCompletions | Door::Completions => openai_chat::read_answer(&mended(bytes), &self.id()),
            Door::Messages => anthropic::read_answer(&mended(bytes), &self.id()),
            Door::Responses => {
                return judge_gists(openai_responses::gist(bytes), self.output().as_ref(), self.quality);
            }
            Door::Embeddings | Door::CountTokens => return None,
        };
        quality::judge(&answer.ok()?, self.output().as_ref(), self.quality)
    }

    /// The form that a request which passes as it is asks for. Most ask for none, and are not read for it.
    fn output(&self) -> Option<OutputFormat> {
        if !self.quality.schema || memchr::memmem::find(&self.call.body, b"json_").is_none() {
            return None;
        }
        asked(self.call).ok()?.output.clone()
    }

    fn read_chat(&self, body: &[u8]) -> Result<ChatAnswer, Fault> {
        let (id, body) = (&self.id(), &*mended(body));
        match self.preset.dialect {
            Dialect::OpenAiChat | Dialect::Mistral => openai_chat::read_answer(body, id),
            Dialect::Anthropic => anthropic::read_answer(body, id),
            Dialect::Gemini => gemini::read_answer(body, id),
            Dialect::Cohere => cohere::read_answer(body, id),
        }
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Whole, Fault> {
        let (vectors, input) = match self.preset.dialect {
            Dialect::Gemini => gemini::embeddings::read_answer(body)?,
            _ => cohere::read_embeddings(body)?,
        };
        let request = embeddings::read_request(&self.call.body).map_err(|_| Fault::malformed())?;
        if vectors.len() != request.inputs.len() {
            return Err(Fault::malformed());
        }
        let bytes = embeddings::write_answer(&vectors, self.target.model, input, request.base64).into();
        let usage = input.map(|input| Usage { input, ..Usage::default() });
        Ok(Whole { bytes, events: false, usage, text_bytes: 0, complete: true, flaw: None })
    }

    fn write_answer(&self, door: Door, answer: ChatAnswer, request: &ChatRequest, created: u64) -> Whole {
        let heading = self.heading(created, request);
        let (usage, complete, text_bytes) = (answer.usage, answer.is_complete(), answer.text_bytes());
        let events = self.call.envelope.stream;
        let bytes = if events {
            let mut out = Vec::new();
            let mut writer = writer(door, heading, request);
            for delta in answer.into_deltas() {
                writer.write(delta, &mut out);
            }
            writer.end(&mut out);
            out
        } else {
            match door {
                Door::Completions => openai_completions::write_answer(answer, &heading, request),
                Door::Responses => openai_responses::write_answer(answer, &heading, request),
                Door::Messages => anthropic::write_answer(answer, &heading, request),
                Door::ChatCompletions | Door::Embeddings | Door::CountTokens => {
                    openai_chat::write_answer(answer, &heading, request)
                }
            }
        };
        Whole { bytes: bytes.into(), events, usage, text_bytes, complete, flaw: None }
    }

    /// For the answer to a streamed call.
    pub fn events(&self, created: u64) -> Events {
        let Call { door, envelope, .. } = self.call;
        let adapts = self.preset.dialect == Dialect::Mistral;
        match (self.way, asked(self.call)) {
            (Way::Translated, Ok(request)) => {
                let heading = self.heading(created, &request);
                Events::translated(self.reader(), writer(*door, heading, &request), adapts)
            }
            _ => match door {
                Door::Responses => Events::tapped(Box::new(openai_responses::VerbatimEvents::default())),
                Door::Messages => Events::tapped(Box::new(anthropic::read_events(&self.id()))),
                _ => Events::passed(openai_chat::EventReader::new(envelope.n), adapts),
            },
        }
    }

    fn reader(&self) -> Box<dyn ReadEvents> {
        let id = &self.id();
        match self.preset.dialect {
            Dialect::OpenAiChat | Dialect::Mistral => Box::new(openai_chat::read_events(id, self.call.envelope.n)),
            Dialect::Anthropic => Box::new(anthropic::read_events(id)),
            Dialect::Gemini => Box::new(gemini::read_events(id)),
            Dialect::Cohere => Box::new(cohere::read_events(id)),
        }
    }

    /// What ids that are made here are made of.
    fn id(&self) -> String {
        self.call.id.as_str().replace('-', "")
    }

    fn heading(&self, created: u64, request: &ChatRequest) -> Heading {
        Heading { id: self.id(), created, model: self.target.model.to_owned(), include_usage: request.include_usage }
    }

    /// How long an error's body asks to be waited.
    pub fn retry_after(&self, body: &[u8]) -> Option<Duration> {
        match self.preset.dialect {
            Dialect::Gemini => gemini::retry_delay(body),
            Dialect::OpenAiChat | Dialect::Mistral | Dialect::Anthropic | Dialect::Cohere => None,
        }
    }

    /// Which fault an error's body tells of, where its status says another one.
    pub fn error_class(&self, body: &[u8]) -> Option<FailureClass> {
        match self.preset.dialect {
            Dialect::Gemini => gemini::error_class(body),
            Dialect::Anthropic => {
                let class = anthropic::read_error(body).map(|fault| fault.class);
                class.filter(|class| *class == FailureClass::Billing)
            }
            Dialect::OpenAiChat | Dialect::Mistral | Dialect::Cohere => None,
        }
    }
}

impl From<Written> for Sent {
    fn from(written: Written) -> Self {
        Self { body: [Bytes::from(written.body)].into(), losses: written.losses, withhold_usage: false }
    }
}

fn way(call: &Call, preset: &Preset, model: &str) -> Way {
    let paths = &preset.paths;
    let openai = matches!(preset.dialect, Dialect::OpenAiChat | Dialect::Mistral);
    let passes = match call.door {
        Door::ChatCompletions | Door::Embeddings => openai,
        Door::Completions => paths
            .completions
            .is_some_and(|(_, models)| models.is_empty() || models.iter().any(|begin| model.starts_with(begin))),
        Door::Responses => paths.responses.is_some(),
        // A signature of ours has been put around another vendor's: Anthropic could not read it.
        Door::Messages => preset.dialect == Dialect::Anthropic && !has_foreign_signature(&call.body),
        Door::CountTokens => preset.dialect == Dialect::Anthropic,
    };
    match call.door {
        _ if passes => Way::Verbatim,
        Door::CountTokens if preset.dialect != Dialect::Gemini => Way::Estimated,
        _ => Way::Translated,
    }
}

/// A body in one piece, copied only where it is in several.
fn joined(pieces: &[Bytes]) -> Cow<'_, [u8]> {
    match pieces {
        [only] => Cow::Borrowed(only),
        _ => Cow::Owned(pieces.concat()),
    }
}

/// Whether a signature in a request of Anthropic's form is another vendor's, as this door marks them.
fn has_foreign_signature(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"\"tollgate.").is_some()
}

/// The request in the common form, read once.
fn asked(call: &Call) -> Result<Arc<ChatRequest>, Invalid> {
    if let Some(asked) = call.asked.get() {
        return Ok(Arc::clone(asked));
    }
    let request = match call.door {
        Door::ChatCompletions | Door::Embeddings => openai_chat::read_request(&call.body)?,
        Door::Completions => openai_completions::read_request(&call.body)?,
        Door::Responses => openai_responses::read_request(&call.body)?,
        Door::Messages | Door::CountTokens => anthropic::read_request(&call.body)?,
    };
    Ok(Arc::clone(call.asked.get_or_init(|| Arc::new(request))))
}

fn writer(door: Door, heading: Heading, request: &ChatRequest) -> Box<dyn WriteEvents> {
    match door {
        Door::Completions => Box::new(openai_completions::write_events(heading, request)),
        Door::Responses => Box::new(openai_responses::write_events(heading, request)),
        Door::Messages => Box::new(anthropic::write_events(heading, request)),
        Door::ChatCompletions | Door::Embeddings | Door::CountTokens => {
            Box::new(openai_chat::write_events(heading, request))
        }
    }
}

/// Counting costs nothing.
fn counted(tokens: u64) -> Whole {
    let bytes = format!(r#"{{"input_tokens":{tokens}}}"#).into();
    Whole { bytes, events: false, usage: Some(Usage::default()), text_bytes: 0, complete: true, flaw: None }
}
