//! Judging the events of a stream one by one.
//!
//! Until the first content each event is parsed, since the commit point depends on it. After that JSON is parsed only
//! where a byte search says that usage, an error or a finish reason may be inside: most events pass unread.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::answer::{read_usage, read_wrapped_usage};
use crate::api::Usage;
use crate::api::json::{Kind, Malformed, Scanner};
use crate::call::FrameKind;
use crate::dialects::refusal::fault_inside;
use crate::dialects::sse::{Event, field, split_lines};
use crate::error::{FailureClass, Refusal};

/// What one event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub kind: FrameKind,
    /// Usage may come in any event.
    pub usage: Option<Usage>,
    /// Bytes of text in it; see [`crate::call::Frame::text_bytes`].
    pub text_bytes: usize,
}

impl Seen {
    pub(in crate::dialects) fn plain(kind: FrameKind) -> Self {
        Self { kind, usage: None, text_bytes: 0 }
    }
}

/// What has been seen of one stream.
#[derive(Debug)]
pub struct EventReader {
    choices: u32,
    /// One bit for each choice that has ended.
    finished: u128,
    done: bool,
    /// Some content has been seen.
    said: bool,
    /// A choice has ended in an error.
    failed: bool,
    /// A choice was ended by the provider's filter.
    filtered: bool,
    /// Bytes that stand around the text of an event, by the first that had any; until then there was no content.
    wrapping: Option<usize>,
    /// What an error said of the request.
    refusal: Option<Refusal>,
}

impl EventReader {
    /// For a request with `n` choices.
    pub fn new(choices: u32) -> Self {
        Self {
            choices,
            finished: 0,
            done: false,
            said: false,
            failed: false,
            filtered: false,
            wrapping: None,
            refusal: None,
        }
    }

    /// Whether the stream may end here: `[DONE]` came, or every choice has its finish reason (several vendors send no
    /// `[DONE]`).
    pub fn is_whole(&self) -> bool {
        self.done || self.finished.count_ones() >= self.choices
    }

    /// What the error that was seen last says of the request, where it was the request's fault.
    pub fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    pub fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// Judges one event, given with its line endings.
    pub fn read(&mut self, lines: &[u8]) -> Seen {
        if let Some(wrapping) = self.wrapping
            && !may_matter(lines)
        {
            let text_bytes = lines.len().saturating_sub(wrapping);
            return Seen { text_bytes, ..Seen::plain(FrameKind::Content) };
        }
        let mut joined = Vec::new();
        let Some(event) = Event::parse(lines, &mut joined) else {
            return Seen::plain(FrameKind::Lifecycle);
        };
        let seen = self.judge(event);
        if seen.kind == FrameKind::Content {
            self.wrapping.get_or_insert(lines.len() - seen.text_bytes);
        }
        seen
    }

    /// As [`Self::judge`], for who reads the text of every event himself: behind the first content one with nothing else
    /// in it is content.
    pub(super) fn glance(&mut self, event: Event<'_>) -> Seen {
        if self.said && event.name.is_none() && !may_matter(event.data) {
            return Seen::plain(FrameKind::Content);
        }
        self.judge(event)
    }

    /// Judges one event by what it says.
    pub(super) fn judge(&mut self, event: Event<'_>) -> Seen {
        if event.data.trim_ascii() == b"[DONE]" {
            // The end of nothing: no choice has said anything, nor that it is over.
            if !self.said && self.finished == 0 {
                return Seen::plain(FrameKind::Error(FailureClass::Malformed));
            }
            self.done = true;
            return Seen::plain(FrameKind::Done);
        }
        // What is not JSON is not ours to judge; it passes.
        self.chunk(event.data, event.name == Some("error")).unwrap_or(Seen::plain(FrameKind::Lifecycle))
    }

    fn chunk(&mut self, data: &[u8], mut is_error: bool) -> Result<Seen, Malformed> {
        let mut usage = None;
        let mut tells_usage = false;
        let mut choices = 0;
        let mut text: Option<usize> = None;
        let mut error = None;
        let mut scanner = Scanner::lenient(data);
        scanner.object(|value, key, _| {
            match (key.raw(), value.kind()?) {
                (b"choices", Kind::Array) => {
                    choices = value.array(|choice, _| {
                        add(&mut text, self.choice(choice)?);
                        Ok::<_, Malformed>(())
                    })?;
                }
                (b"usage", kind) if kind != Kind::Null => {
                    tells_usage = true;
                    match kind {
                        Kind::Object => usage = read_usage(value)?.or(usage),
                        _ => value.skip()?,
                    }
                }
                (b"x_groq", Kind::Object) => usage = usage.or(read_wrapped_usage(value)?),
                (b"error", Kind::Object | Kind::String) => error = Some(value.span()?),
                // The error is the document: Mistral's and older vLLM's way.
                (b"object", Kind::String) => is_error |= value.string()?.raw() == b"error",
                _ => value.skip()?,
            }
            Ok::<_, Malformed>(())
        })?;
        scanner.end()?;
        self.said |= text.is_some();
        let kind = match error.or_else(|| is_error.then_some(0..data.len())) {
            Some(span) => {
                let fault = fault_inside(&serde_json::from_slice(&data[span]).unwrap_or_default());
                self.refusal = fault.refusal;
                FrameKind::Error(fault.class)
            }
            None if self.failed => FrameKind::Error(FailureClass::ServerError),
            None if text.is_some() => FrameKind::Content,
            None if (tells_usage || usage.is_some()) && choices == 0 => FrameKind::Usage,
            None => FrameKind::Lifecycle,
        };
        Ok(Seen { kind, usage, text_bytes: text.unwrap_or(0) })
    }

    /// Bytes of what the user reads in this choice's delta; `None`: there is nothing.
    fn choice(&mut self, choice: &mut Scanner<'_>) -> Result<Option<usize>, Malformed> {
        if choice.kind()? != Kind::Object {
            return choice.skip().map(|()| None);
        }
        let mut index = 0;
        let mut finished = false;
        let (mut text, mut legacy) = (None, None);
        choice.object(|value, key, _| {
            match (key.raw(), value.kind()?) {
                (b"index", Kind::Number) => index = value.number()?.parse().unwrap_or(0_u32),
                (b"finish_reason", Kind::String) => {
                    let word = value.string()?;
                    finished = !word.is_empty();
                    // OpenRouter's and Mistral's word for an answer that their server did not finish.
                    self.failed |= word.raw() == b"error";
                    self.filtered |= word.raw() == b"content_filter";
                }
                (b"delta" | b"message", Kind::Object) => add(&mut text, text_of(value)?),
                (b"text", Kind::String) => legacy = string(value)?,
                _ => value.skip()?,
            }
            Ok::<_, Malformed>(())
        })?;
        if finished {
            self.finished |= 1 << index.min(127);
        }
        // Together has both, and they are the same.
        Ok(text.or(legacy))
    }
}

/// Text, reasoning, a refusal, a tool call or sound; a role alone is not.
pub(super) fn text_of(delta: &mut Scanner<'_>) -> Result<Option<usize>, Malformed> {
    let mut text = None;
    delta.object(|value, key, _| {
        match (key.raw(), value.kind()?) {
            (b"content" | b"reasoning_content" | b"reasoning" | b"refusal", Kind::String) => {
                add(&mut text, string(value)?);
            }
            // Mistral sends `content` as an array of parts while it thinks.
            (b"content" | b"reasoning_details" | b"tool_calls", Kind::Array) => {
                let start = value.position();
                let parts = value.array(|part, _| part.skip())?;
                add(&mut text, (parts > 0).then(|| value.position_behind() - start));
            }
            (b"function_call" | b"audio", Kind::Object) => add(&mut text, Some(value.span()?.len())),
            _ => value.skip()?,
        }
        Ok::<_, Malformed>(())
    })?;
    Ok(text)
}

/// The length of a string that says something.
fn string(value: &mut Scanner<'_>) -> Result<Option<usize>, Malformed> {
    let text = value.string()?.raw();
    Ok((!text.is_empty()).then_some(text.len()))
}

fn add(sum: &mut Option<usize>, more: Option<usize>) {
    if let Some(more) = more {
        *sum = Some(sum.unwrap_or(0) + more);
    }
}

/// Whether an event may carry usage, an error or an end. A quotation mark inside a string is escaped, so a needle that
/// ends in one cannot match text.
fn may_matter(event: &[u8]) -> bool {
    static NEEDLES: LazyLock<[Finder<'static>; 3]> =
        LazyLock::new(|| [r#""usage""#, r#""finish_reason""#, r#""error""#].map(Finder::new));
    // `"usage":null` stands in every chunk of a stream with usage, as does `"finish_reason":null`.
    let set = |needle: &Finder<'_>| {
        needle.find_iter(event).any(|at| {
            let value = event[at + needle.needle().len()..].iter().find(|byte| !matches!(byte, b' ' | b':'));
            !matches!(value, Some(b'n'))
        })
    };
    event.len() < 24 || NEEDLES.iter().any(set) || is_error_event(event)
}

fn is_error_event(event: &[u8]) -> bool {
    event.starts_with(b"event:") && split_lines(event).any(|line| field(line, b"event") == Some(b"error"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(events: &[&str]) -> Vec<FrameKind> {
        let mut reader = EventReader::new(1);
        events.iter().map(|event| reader.read(event.as_bytes()).kind).collect()
    }

    #[test]
    fn content_is_what_a_user_reads() {
        for (delta, kind) in [
            (r#"{"role":"assistant","content":""}"#, FrameKind::Lifecycle),
            (r#"{"role":"assistant","content":null}"#, FrameKind::Lifecycle),
            (r#"{"content":"x"}"#, FrameKind::Content),
            (r#"{"reasoning_content":"x"}"#, FrameKind::Content),
            (r#"{"refusal":"no"}"#, FrameKind::Content),
            (r#"{"tool_calls":[{"index":0}]}"#, FrameKind::Content),
            (r#"{"content":[{"type":"thinking"}]}"#, FrameKind::Content),
            (r#"{"tool_calls":[]}"#, FrameKind::Lifecycle),
        ] {
            let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
            assert_eq!(kinds(&[&event]), [kind], "{delta}");
        }
        assert_eq!(kinds(&[": OPENROUTER PROCESSING\n\n", "data: {\"oops\": \n\n"]), [FrameKind::Lifecycle; 2]);
    }

    #[test]
    fn text_is_measured_also_where_it_is_not_read() {
        let event =
            |text: &str| format!("data: {{\"id\":\"x\",\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let mut reader = EventReader::new(1);
        for text in ["first", "a", "", "and many more words than that"] {
            assert_eq!(reader.read(event(text).as_bytes()).text_bytes, text.len());
        }
    }

    #[test]
    fn usage_is_taken_from_any_event() {
        let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":2}"#;
        for (event, kind) in [
            (format!("data: {{\"choices\":[],{usage}}}\n\n"), FrameKind::Usage),
            (format!("data: {{\"choices\":[{{\"delta\":{{}}}}],{usage}}}\r\n\r\n"), FrameKind::Lifecycle),
            (format!("data:{{\"x_groq\":{{{usage}}},\"choices\":[]}}\n\n"), FrameKind::Usage),
        ] {
            for earlier in [None, Some("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":null}\n\n")] {
                let mut reader = EventReader::new(1);
                earlier.map(|event| reader.read(event.as_bytes()));
                let seen = reader.read(event.as_bytes());
                assert_eq!(seen.kind, kind, "{event}");
                assert_eq!(seen.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)), "{event}");
            }
        }
    }

    #[test]
    fn errors_are_seen_before_and_after_content() {
        let content = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
        for error in [
            "data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n",
            "event: error\ndata: {\"message\":\"failed\"}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],\"error\":{\"code\":502}}\n\n",
        ] {
            let broken = FrameKind::Error(FailureClass::ServerError);
            assert_eq!(kinds(&[error]), [broken], "{error}");
            assert_eq!(kinds(&[content, error])[1], broken, "{error}");
        }
        let quoted = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\": {\\\"usage\\\":1}\"}}]}\n\n";
        assert_eq!(kinds(&[content, quoted])[1], FrameKind::Content);
    }

    #[test]
    fn a_stream_is_whole_after_done_or_all_finish_reasons() {
        let finish = |index| {
            format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n")
        };
        let mut reader = EventReader::new(2);
        reader.read(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n");
        reader.read(finish(0).as_bytes());
        reader.read(finish(0).as_bytes());
        assert!(!reader.is_whole());
        reader.read(finish(1).as_bytes());
        assert!(reader.is_whole());
        let mut reader = EventReader::new(1);
        assert_eq!(reader.read(b"data: [DONE]\n\n").kind, FrameKind::Error(FailureClass::Malformed));
        reader.read(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n");
        assert_eq!(reader.read(b"data: [DONE]\n\n").kind, FrameKind::Done);
        assert!(reader.is_whole());
    }
}
