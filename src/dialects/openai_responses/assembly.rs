//! The output of an answer, put together from what a stream says. Whole answers and streams are written by this one, so
//! that both say the same.
//!
//! Clients expect one item at a time: an item begins when the one before it has ended. Other formats allow several calls
//! to grow at once; of those the first is told, and the others wait until it is complete.

use std::collections::VecDeque;

use serde_json::Value;

use super::draft::Draft;
use super::event::Events;
use super::item::{Citation, ContentPart, Item, Status, read_logprobs};
use super::seal::Seal;
use crate::api::chat::Delta;

#[derive(Debug)]
pub(super) struct Assembly {
    /// Of the answer; its items' are made of it.
    id: String,
    pub(super) output: Vec<Item>,
    /// The first is open; the others wait. None waits for anything but calls to be complete.
    drafts: VecDeque<Draft>,
    /// Characters of text in `output`.
    text: u32,
    /// Some that came before the text they belong to.
    logprobs: Vec<Value>,
    pub(super) refused: bool,
}

impl Assembly {
    pub(super) fn new(id: String) -> Self {
        Self { id, output: Vec::new(), drafts: VecDeque::new(), text: 0, logprobs: Vec::new(), refused: false }
    }

    /// Only the first choice has a place here. Parts of other formats have none.
    pub(super) fn take(&mut self, delta: Delta, events: &mut Events<'_>) {
        match delta {
            Delta::Text { choice: 0, text } if !text.is_empty() => {
                self.in_message(events, |draft, events| draft.add_text(&text, events));
                if !self.logprobs.is_empty() {
                    let early = std::mem::take(&mut self.logprobs);
                    self.add_logprobs(early);
                }
            }
            Delta::Refusal { choice: 0, text } if !text.is_empty() => {
                self.refused = true;
                self.in_message(events, |draft, events| draft.add_refusal(&text, events));
            }
            Delta::Annotation { choice: 0, annotation } => {
                let before = self.text;
                if let Some((draft, is_told)) = self.last(|draft| matches!(draft.item, Item::Message { .. })) {
                    let cite = |text: &str| Citation::new(annotation, before, text);
                    draft.add_citation(cite, &mut events.only_if(is_told));
                }
            }
            Delta::Reasoning { choice: 0, text } if !text.is_empty() => {
                self.in_reasoning(events, |draft, events| draft.add_reasoning(&text, events));
            }
            Delta::Signature { choice: 0, signature } => self.seal(&Seal::Plain(signature), events),
            Delta::Redacted { choice: 0, data } => self.begin_sealed(&Seal::Redacted(data), events),
            Delta::ToolCall { choice: 0, call, id, name, custom, signature } => {
                if let Some(signature) = signature {
                    self.begin_sealed(&Seal::Call(signature), events);
                }
                self.begin_call(call, id, name, custom, events);
            }
            Delta::Arguments { choice: 0, call, text } if !text.is_empty() => {
                if let Some((draft, is_told)) = self.last(|draft| draft.call == Some(call)) {
                    draft.add_arguments(&text, &mut events.only_if(is_told));
                    self.advance(events);
                }
            }
            Delta::Logprobs { choice: 0, value } => self.add_logprobs(read_logprobs(value)),
            _ => {}
        }
    }

    /// Ends what is open. In an answer that was cut short the cut is in the last item, and in calls that are not complete.
    pub(super) fn finish(&mut self, cut: bool, events: &mut Events<'_>) {
        while let Some(first) = self.drafts.front() {
            let is_cut = cut && (self.drafts.len() == 1 || !first.may_end());
            self.close_first(if is_cut { Status::Incomplete } else { Status::Completed }, events);
        }
    }

    /// They belong to the text that came last; before there is any, to the text that comes.
    fn add_logprobs(&mut self, more: Vec<Value>) {
        let drafts = self.drafts.iter_mut().rev().map(|draft| &mut draft.item);
        let mut items = drafts.chain(self.output.iter_mut().rev());
        match items.find_map(logprobs_of) {
            Some(logprobs) => logprobs.extend(more),
            None => self.logprobs.extend(more),
        }
    }

    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}_{}", self.id, self.output.len() + self.drafts.len())
    }

    /// The last draft that fits, and whether the client is told of it already.
    fn last(&mut self, fits: impl Fn(&Draft) -> bool) -> Option<(&mut Draft, bool)> {
        let open = self.output.len();
        let draft = self.drafts.iter_mut().rev().find(|draft| fits(draft))?;
        let is_told = draft.index == open;
        Some((draft, is_told))
    }

    fn begin(&mut self, item: Item, call: Option<u32>, events: &mut Events<'_>) {
        let draft = Draft::new(item, self.output.len() + self.drafts.len(), call);
        if self.drafts.is_empty() {
            draft.open(events);
        }
        self.drafts.push_back(draft);
        self.advance(events);
    }

    /// Ends the open item where another waits and it is complete.
    fn advance(&mut self, events: &mut Events<'_>) {
        while self.drafts.len() > 1 && self.drafts.front().is_some_and(Draft::may_end) {
            self.close_first(Status::Completed, events);
        }
    }

    fn close_first(&mut self, status: Status, events: &mut Events<'_>) {
        let Some(first) = self.drafts.pop_front() else { return };
        let (item, text) = first.close(status, events);
        self.output.push(item);
        self.text = self.text.saturating_add(text);
        if let Some(next) = self.drafts.front() {
            next.open(events);
        }
    }

    fn in_message(&mut self, events: &mut Events<'_>, add: impl FnOnce(&mut Draft, &mut Events<'_>)) {
        if !matches!(self.drafts.back(), Some(Draft { item: Item::Message { .. }, .. })) {
            let (id, status) = (self.id("msg"), Status::InProgress);
            self.begin(Item::Message { id, status, role: "assistant", content: Vec::new() }, None, events);
        }
        if let Some((draft, is_told)) = self.last(|_| true) {
            add(draft, &mut events.only_if(is_told));
        }
    }

    fn in_reasoning(&mut self, events: &mut Events<'_>, add: impl FnOnce(&mut Draft, &mut Events<'_>)) {
        if !self.is_reasoning() {
            let id = self.id("rs");
            self.begin(Item::Reasoning { id, summary: Vec::new(), encrypted_content: None }, None, events);
        }
        if let Some((draft, is_told)) = self.last(|_| true) {
            add(draft, &mut events.only_if(is_told));
        }
    }

    /// More of the reasoning that is open: what is signed has ended.
    fn is_reasoning(&self) -> bool {
        matches!(self.drafts.back(), Some(Draft { item: Item::Reasoning { encrypted_content: None, .. }, .. }))
    }

    fn seal(&mut self, seal: &Seal, events: &mut Events<'_>) {
        if !self.is_reasoning() {
            return self.begin_sealed(seal, events);
        }
        if let Some(Item::Reasoning { encrypted_content, .. }) = self.drafts.back_mut().map(|draft| &mut draft.item) {
            *encrypted_content = Some(seal.write());
        }
    }

    fn begin_sealed(&mut self, seal: &Seal, events: &mut Events<'_>) {
        let id = self.id("rs");
        let item = Item::Reasoning { id, summary: Vec::new(), encrypted_content: Some(seal.write()) };
        self.begin(item, None, events);
    }

    fn begin_call(&mut self, call: u32, call_id: String, name: String, custom: bool, events: &mut Events<'_>) {
        let status = Status::InProgress;
        let item = if custom {
            Item::CustomToolCall { id: self.id("ctc"), status, call_id, input: String::new(), name }
        } else {
            Item::FunctionCall { id: self.id("fc"), status, arguments: String::new(), call_id, name }
        };
        self.begin(item, Some(call), events);
    }
}

fn logprobs_of(item: &mut Item) -> Option<&mut Vec<Value>> {
    let Item::Message { content, .. } = item else { return None };
    content.iter_mut().rev().find_map(|part| match part {
        ContentPart::OutputText { logprobs, .. } => Some(logprobs),
        ContentPart::Refusal { .. } => None,
    })
}
