//! One item of an answer while it grows, and the events that tell of it.

use super::event::{Event, Events, PartOf};
use super::item::{Citation, ContentPart, Item, Status, Summary, characters};
use crate::dialects::json_end::JsonEnd;

/// An item that has not ended. Whoever calls says by `events` whether the client is told of it yet.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) item: Item,
    /// Its place in the output.
    pub(super) index: usize,
    /// Which of the answer's calls it is.
    pub(super) call: Option<u32>,
    arguments_end: JsonEnd,
}

impl Draft {
    pub(super) fn new(item: Item, index: usize, call: Option<u32>) -> Self {
        Self { item, index, call, arguments_end: JsonEnd::default() }
    }

    /// Nothing is missing if it ends here. A custom tool's free text may always go on.
    pub(super) fn may_end(&self) -> bool {
        match self.item {
            Item::Reasoning { .. } | Item::Message { .. } => true,
            Item::FunctionCall { .. } => self.arguments_end.has_come(),
            Item::CustomToolCall { .. } => false,
        }
    }

    fn about(&self) -> Event<'_> {
        Event { item_id: Some(self.item.id()), output_index: Some(self.index), ..Event::default() }
    }

    fn about_part(&self, content_index: usize) -> Event<'_> {
        Event { content_index: Some(content_index), ..self.about() }
    }

    fn about_summary(&self) -> Event<'_> {
        Event { summary_index: Some(0), ..self.about() }
    }

    /// Announces the item, and what it already holds.
    pub(super) fn open(&self, events: &mut Events<'_>) {
        let blank = self.item.blank();
        let index = Some(self.index);
        events
            .send("response.output_item.added", Event { output_index: index, item: Some(&blank), ..Event::default() });
        match &self.item {
            Item::Reasoning { summary, .. } => {
                if let Some(summary) = summary.first() {
                    self.open_summary(events);
                    self.tell_summary(&summary.text, events);
                }
            }
            Item::Message { content, .. } => {
                for at in 0..content.len() {
                    if at > 0 {
                        self.close_part(at - 1, events);
                    }
                    self.open_part(at, events);
                    self.tell_part(at, events);
                }
            }
            Item::FunctionCall { arguments: text, .. } | Item::CustomToolCall { input: text, .. } => {
                if !text.is_empty() {
                    self.tell_arguments(text, events);
                }
            }
        }
    }

    pub(super) fn add_reasoning(&mut self, more: &str, events: &mut Events<'_>) {
        let Item::Reasoning { summary, .. } = &mut self.item else { return };
        match summary.first_mut() {
            Some(summary) => summary.text.push_str(more),
            None => {
                summary.push(Summary { text: more.to_owned() });
                self.open_summary(events);
            }
        }
        self.tell_summary(more, events);
    }

    fn open_summary(&self, events: &mut Events<'_>) {
        let blank = Summary { text: String::new() };
        let part = Some(PartOf::Reasoning(&blank));
        events.send("response.reasoning_summary_part.added", Event { part, ..self.about_summary() });
    }

    fn tell_summary(&self, delta: &str, events: &mut Events<'_>) {
        events.send("response.reasoning_summary_text.delta", Event { delta: Some(delta), ..self.about_summary() });
    }

    /// Adds text to the message's last part, or begins one.
    pub(super) fn add_text(&mut self, more: &str, events: &mut Events<'_>) {
        let Item::Message { content, .. } = &mut self.item else { return };
        match content.last_mut() {
            Some(ContentPart::OutputText { text, .. }) => text.push_str(more),
            _ => self.begin_part(ContentPart::text(more.to_owned()), events),
        }
        self.tell_text(self.last_part(), more, events);
    }

    pub(super) fn add_refusal(&mut self, more: &str, events: &mut Events<'_>) {
        let Item::Message { content, .. } = &mut self.item else { return };
        match content.last_mut() {
            Some(ContentPart::Refusal { refusal }) => refusal.push_str(more),
            _ => self.begin_part(ContentPart::Refusal { refusal: more.to_owned() }, events),
        }
        self.tell_refusal(self.last_part(), more, events);
    }

    fn last_part(&self) -> usize {
        match &self.item {
            Item::Message { content, .. } => content.len().saturating_sub(1),
            _ => 0,
        }
    }

    fn begin_part(&mut self, part: ContentPart, events: &mut Events<'_>) {
        let Item::Message { content, .. } = &self.item else { return };
        if !content.is_empty() {
            self.close_part(content.len() - 1, events);
        }
        if let Item::Message { content, .. } = &mut self.item {
            content.push(part);
        }
        self.open_part(self.last_part(), events);
    }

    /// Adds to the text of the last part that has some.
    pub(super) fn add_citation(&mut self, make: impl FnOnce(&str) -> Option<Citation>, events: &mut Events<'_>) {
        let Item::Message { content, .. } = &mut self.item else { return };
        let last = content.len().wrapping_sub(1);
        let Some(ContentPart::OutputText { text, annotations, .. }) = content.last_mut() else { return };
        if let Some(citation) = make(text) {
            annotations.push(citation);
            let at = annotations.len() - 1;
            self.tell_citation(last, at, events);
        }
    }

    fn part(&self, at: usize) -> Option<&ContentPart> {
        match &self.item {
            Item::Message { content, .. } => content.get(at),
            _ => None,
        }
    }

    fn open_part(&self, at: usize, events: &mut Events<'_>) {
        let Some(part) = self.part(at) else { return };
        let blank = part.blank();
        let part = Some(PartOf::Message(&blank));
        events.send("response.content_part.added", Event { part, ..self.about_part(at) });
    }

    fn tell_part(&self, at: usize, events: &mut Events<'_>) {
        match self.part(at) {
            Some(ContentPart::OutputText { text, annotations, .. }) => {
                self.tell_text(at, text, events);
                for annotation in 0..annotations.len() {
                    self.tell_citation(at, annotation, events);
                }
            }
            Some(ContentPart::Refusal { refusal }) => self.tell_refusal(at, refusal, events),
            None => {}
        }
    }

    fn tell_text(&self, at: usize, delta: &str, events: &mut Events<'_>) {
        let event = Event { delta: Some(delta), logprobs: Some(&[]), ..self.about_part(at) };
        events.send("response.output_text.delta", event);
    }

    fn tell_refusal(&self, at: usize, delta: &str, events: &mut Events<'_>) {
        events.send("response.refusal.delta", Event { delta: Some(delta), ..self.about_part(at) });
    }

    fn tell_citation(&self, at: usize, number: usize, events: &mut Events<'_>) {
        let Some(ContentPart::OutputText { annotations, .. }) = self.part(at) else { return };
        let event =
            Event { annotation_index: Some(number), annotation: annotations.get(number), ..self.about_part(at) };
        events.send("response.output_text.annotation.added", event);
    }

    fn close_part(&self, at: usize, events: &mut Events<'_>) {
        let Some(part) = self.part(at) else { return };
        match part {
            ContentPart::OutputText { text, logprobs, .. } => {
                let event = Event { text: Some(text), logprobs: Some(logprobs), ..self.about_part(at) };
                events.send("response.output_text.done", event);
            }
            ContentPart::Refusal { refusal } => {
                events.send("response.refusal.done", Event { refusal: Some(refusal), ..self.about_part(at) });
            }
        }
        let part = Some(PartOf::Message(part));
        events.send("response.content_part.done", Event { part, ..self.about_part(at) });
    }

    pub(super) fn add_arguments(&mut self, more: &str, events: &mut Events<'_>) {
        match &mut self.item {
            Item::FunctionCall { arguments: text, .. } | Item::CustomToolCall { input: text, .. } => {
                text.push_str(more);
            }
            Item::Reasoning { .. } | Item::Message { .. } => return,
        }
        self.arguments_end.read(more);
        self.tell_arguments(more, events);
    }

    fn tell_arguments(&self, delta: &str, events: &mut Events<'_>) {
        let kind = match self.item {
            Item::CustomToolCall { .. } => "response.custom_tool_call_input.delta",
            _ => "response.function_call_arguments.delta",
        };
        events.send(kind, Event { delta: Some(delta), ..self.about() });
    }

    /// Ends the item. Returns it, and how many characters of text it holds.
    pub(super) fn close(mut self, status: Status, events: &mut Events<'_>) -> (Item, u32) {
        self.item.set_status(status);
        // A call that takes nothing.
        if matches!(&self.item, Item::FunctionCall { arguments, .. } if arguments.trim_ascii().is_empty()) {
            self.add_arguments("{}", events);
        }
        let mut text = 0;
        match &self.item {
            Item::Reasoning { summary, .. } => {
                if let Some(summary) = summary.first() {
                    let done = Event { text: Some(&summary.text), ..self.about_summary() };
                    events.send("response.reasoning_summary_text.done", done);
                    let part = Some(PartOf::Reasoning(summary));
                    events.send("response.reasoning_summary_part.done", Event { part, ..self.about_summary() });
                }
            }
            Item::Message { content, .. } => {
                self.close_part(content.len().saturating_sub(1), events);
                text = content.iter().map(length).fold(0, u32::saturating_add);
            }
            Item::FunctionCall { arguments, .. } => {
                let done = Event { arguments: Some(arguments), ..self.about() };
                events.send("response.function_call_arguments.done", done);
            }
            Item::CustomToolCall { input, .. } => {
                events.send("response.custom_tool_call_input.done", Event { input: Some(input), ..self.about() });
            }
        }
        let (item, output_index) = (Some(&self.item), Some(self.index));
        events.send("response.output_item.done", Event { output_index, item, ..Event::default() });
        (self.item, text)
    }
}

fn length(part: &ContentPart) -> u32 {
    match part {
        ContentPart::OutputText { text, .. } => characters(text),
        ContentPart::Refusal { .. } => 0,
    }
}
