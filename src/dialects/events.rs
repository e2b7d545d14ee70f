//! A stream's events on their way to the client.

use bytes::Bytes;
use serde::de::IgnoredAny;

use super::codec::{ReadEvents, WriteEvents};
use super::mistral;
use super::openai_chat::{EventReader, Seen};
use super::refusal::told;
use super::sse::Event;
use super::surrogates::mended;
use crate::api::chat::{Delta, Finish};
use crate::call::FrameKind;
use crate::error::{FailureClass, Refusal};

/// The longest text that a writer may hold, in bytes. No model says as much.
const HELD_LIMIT: usize = 32 << 20;
/// What has been written is copied up to this length. More would leave as much memory behind in each stream.
const COPIED: usize = 4 << 10;

/// Judges events, and puts them into the door's form where that is another.
#[derive(Debug)]
pub struct Events {
    way: Way,
    /// Mistral's events are OpenAI's but for some.
    adapts: bool,
    /// What an error said of the request.
    refusal: Option<Refusal>,
    /// What an error said at all.
    words: Option<String>,
    /// Room for an event's data that stands on several lines.
    joined: Vec<u8>,
    deltas: Vec<Delta>,
    /// What events have become, before it is copied into memory of just its size.
    out: Vec<u8>,
    /// A choice was ended by a filter or a refusal.
    refused: bool,
    /// Bytes of text so far.
    said: usize,
}

/// How an event goes on to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    AsItIs,
    /// Something has been written in its place, or nothing: see [`Events::take_written`].
    Written,
}

#[derive(Debug)]
enum Way {
    /// Chunks of OpenAI's, most of which need not be parsed.
    Passed(EventReader),
    /// Events of another format, that pass.
    Tapped(Box<dyn ReadEvents>),
    Translated {
        reader: Box<dyn ReadEvents>,
        writer: Box<dyn WriteEvents>,
        ended: bool,
    },
}

impl Events {
    pub(super) fn passed(reader: EventReader, adapts: bool) -> Self {
        Self::new(Way::Passed(reader), adapts)
    }

    pub(super) fn tapped(reader: Box<dyn ReadEvents>) -> Self {
        Self::new(Way::Tapped(reader), false)
    }

    pub(super) fn translated(reader: Box<dyn ReadEvents>, writer: Box<dyn WriteEvents>, adapts: bool) -> Self {
        Self::new(Way::Translated { reader, writer, ended: false }, adapts)
    }

    fn new(way: Way, adapts: bool) -> Self {
        Self {
            way,
            adapts,
            refusal: None,
            words: None,
            joined: Vec::new(),
            deltas: Vec::new(),
            out: Vec::new(),
            refused: false,
            said: 0,
        }
    }

    /// Judges one event, given with its line endings.
    pub fn read(&mut self, lines: &[u8]) -> (Seen, Passing) {
        let Some(adapted) = self.adapted(lines) else { return self.judge(lines) };
        let (seen, passing) = self.judge(&adapted);
        if passing == Passing::AsItIs {
            self.out.extend_from_slice(&adapted);
        }
        (seen, Passing::Written)
    }

    /// What has been written in place of events since the last time.
    pub fn take_written(&mut self) -> Bytes {
        if self.out.len() > COPIED {
            return std::mem::take(&mut self.out).into();
        }
        let written = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        written
    }

    fn adapted(&mut self, lines: &[u8]) -> Option<Vec<u8>> {
        if !self.adapts {
            return None;
        }
        let event = Event::parse(lines, &mut self.joined)?;
        let data = mistral::adapt_event(event.data)?;
        Some([b"data: ", &*data, b"\n\n"].concat())
    }

    fn judge(&mut self, lines: &[u8]) -> (Seen, Passing) {
        let (reader, writer) = match &mut self.way {
            Way::Passed(reader) => {
                let seen = reader.read(lines);
                if let FrameKind::Error(class) = seen.kind {
                    self.refusal = reader.take_refusal();
                    self.words = Event::parse(lines, &mut self.joined).and_then(|event| told(class, event.data));
                }
                return (seen, Passing::AsItIs);
            }
            Way::Tapped(reader) => (reader, None),
            Way::Translated { reader, writer, .. } => (reader, Some(writer)),
        };
        let passing = if writer.is_some() { Passing::Written } else { Passing::AsItIs };
        let Some(event) = Event::parse(lines, &mut self.joined) else {
            return (Seen::plain(FrameKind::Lifecycle), passing);
        };
        self.deltas.clear();
        let data = mended(event.data);
        match reader.read(Event { data: &data, ..event }, &mut self.deltas) {
            Ok(()) => {}
            // What passes need not be understood; what is translated must be, or it would be missing.
            Err(fault) if fault.class == FailureClass::Malformed && writer.is_none() => {
                return (Seen::plain(FrameKind::Lifecycle), passing);
            }
            Err(fault) => {
                self.words = told(fault.class, &data);
                self.refusal = fault.refusal;
                return (Seen::plain(FrameKind::Error(fault.class)), passing);
            }
        }
        let mut seen = Seen::plain(FrameKind::Lifecycle);
        for delta in &self.deltas {
            if delta.is_content() {
                seen.kind = FrameKind::Content;
            }
            match delta {
                Delta::Usage(usage) => seen.usage = Some(*usage),
                Delta::Finish { finish: Finish::ContentFilter | Finish::Refusal, .. } => self.refused = true,
                _ => {}
            }
            seen.text_bytes += delta.text_bytes();
        }
        self.said += seen.text_bytes;
        if self.said > HELD_LIMIT && writer.as_ref().is_some_and(|writer| writer.holds()) {
            return (Seen::plain(FrameKind::Error(FailureClass::Malformed)), passing);
        }
        // Gone with the event either way: the next may be long in coming.
        let deltas = self.deltas.drain(..);
        if let Some(writer) = writer {
            deltas.for_each(|delta| writer.write(delta, &mut self.out));
        }
        (seen, passing)
    }

    /// Whether the stream may end here.
    pub fn is_whole(&self) -> bool {
        match &self.way {
            Way::Passed(reader) => reader.is_whole(),
            Way::Tapped(reader) | Way::Translated { reader, .. } => reader.is_whole(),
        }
    }

    /// Whether these lines, with which the provider's bytes end, are only the beginning of an event. The blank line behind
    /// the last event, which is often missing, does not matter, nor do comments.
    pub fn is_half(&mut self, lines: &[u8]) -> bool {
        let is_event = lines.trim_ascii().first().is_some_and(|first| *first != b':');
        is_event
            && Event::parse(lines, &mut self.joined).is_none_or(|event| {
                let data = event.data.trim_ascii();
                data != b"[DONE]" && serde_json::from_slice::<IgnoredAny>(data).is_err()
            })
    }

    /// Whether the provider or the model would not answer: a stream without content is then not an empty one.
    pub fn is_refused(&self) -> bool {
        match &self.way {
            Way::Passed(reader) => reader.is_filtered(),
            Way::Tapped(_) | Way::Translated { .. } => self.refused,
        }
    }

    /// A stream whose end is not an event of its own.
    pub fn ends_silently(&self) -> bool {
        !matches!(self.way, Way::Passed(_))
    }

    /// The provider's stream is over and whole: what the client's still lacks. Only the first time.
    pub fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        match &mut self.way {
            Way::Passed(_) => {}
            Way::Tapped(reader) => return Bytes::from_static(reader.lacks()),
            Way::Translated { writer, ended, .. } => {
                if !std::mem::replace(ended, true) {
                    writer.end(&mut out);
                }
            }
        }
        out.into()
    }

    /// What the error that was seen last says.
    pub fn take_words(&mut self) -> Option<String> {
        self.words.take()
    }

    /// What the error that was seen last says of the request, where it was the request's fault.
    pub fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }
}
