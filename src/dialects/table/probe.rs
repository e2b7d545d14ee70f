//! One request, asked of one provider.

use std::sync::Arc;

use serde_json::Value;

use crate::api::chat::Fate;
use crate::call::{Caller, Door};
use crate::config::preset;
use crate::dialects::testing::call_at;
use crate::dialects::{Bridge, Target};

/// A provider with one of its models: what is kept depends on both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) kind: &'static str,
    pub(super) model: &'static str,
    /// Tells columns of one kind apart.
    pub(super) note: &'static str,
}

impl Column {
    pub(super) const fn new(kind: &'static str, model: &'static str) -> Self {
        Self { kind, model, note: "" }
    }

    pub(super) const fn noted(kind: &'static str, model: &'static str, note: &'static str) -> Self {
        Self { kind, model, note }
    }
}

/// The providers that a chat can go to, whatever door it came in by.
pub(super) const CHAT_COLUMNS: &[Column] = &[
    Column::noted("openai", "gpt-4.1", "4.1"),
    Column::noted("openai", "gpt-5", "5"),
    Column::noted("azure", "gpt-4.1", "4.1"),
    Column::noted("azure", "gpt-5", "5"),
    Column::new("mistral", "mistral-medium-latest"),
    Column::new("deepseek", "deepseek-chat"),
    Column::new("openrouter", "qwen/qwen3-32b"),
    Column::new("ollama", "qwen3"),
    Column::noted("anthropic", "claude-sonnet-4-5", "4.5"),
    Column::noted("anthropic", "claude-opus-4-7", "4.7"),
    Column::noted("gemini", "gemini-2.5-flash", "2.5"),
    Column::noted("gemini", "gemini-3-pro-preview", "3"),
    Column::new("cohere", "command-a-03-2025"),
];

/// What the models of the tables give at most.
const MOST_TOKENS: u32 = 32_000;

/// One feature of a door.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Without a model.
    pub(super) body: Value,
    /// Spellings of the feature's value. One of them stands in what is sent where the feature is kept, and none where it
    /// is dropped. Empty where nothing needs to be sent.
    pub(super) shows: &'static [&'static str],
    /// Kinds and models that do so anyway, and need not be told.
    pub(super) idle: &'static [&'static str],
}

impl Row {
    pub(super) fn new(name: &'static str, body: Value, shows: &'static [&'static str]) -> Self {
        Self { name, body, shows, idle: &[] }
    }

    pub(super) fn idle_at(self, idle: &'static [&'static str]) -> Self {
        Self { idle, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// The body is the client's, byte for byte.
    Verbatim,
    Kept,
    Approximated,
    Dropped,
    /// Nothing is sent; the client gets a 400.
    Refused,
}

impl Cell {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Verbatim => "=",
            Self::Kept => "✓",
            Self::Approximated => "~",
            Self::Dropped => "–",
            Self::Refused => "✗",
        }
    }
}

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) cell: Cell,
    /// Of what is lost, as the door's clients know it.
    pub(super) names: Vec<String>,
    /// `Err`: what is sent does not agree with the cell.
    pub(super) proof: Result<(), String>,
}

pub(super) fn ask(door: Door, row: &Row, column: &Column) -> Asked {
    let refused = |_| Asked { cell: Cell::Refused, names: Vec::new(), proof: Ok(()) };
    try_ask(door, row, column).unwrap_or_else(refused)
}

fn try_ask(door: Door, row: &Row, column: &Column) -> Result<Asked, crate::dialects::Invalid> {
    let mut body = row.body.clone();
    body["model"] = column.model.into();
    let caller = Caller { key: "k".into(), user: "u".into(), team: None, models: Vec::new() };
    let call = call_at(door, &body.to_string(), Arc::new(caller))?;
    let preset = preset(column.kind).expect("a kind of the table of presets");
    let target = Target { model: column.model, max_output: Some(MOST_TOKENS), ask_usage: false };
    let sent = Bridge::new(&call, preset, target).write()?;
    let worst = sent.losses.iter().map(|loss| loss.fate).max();
    let sent_body = sent.body.concat();
    let cell = match worst {
        Some(Fate::Dropped) => Cell::Dropped,
        Some(Fate::Approximated) => Cell::Approximated,
        None if sent_body == *call.body => Cell::Verbatim,
        None => Cell::Kept,
    };
    let names = sent.losses.iter().map(|loss| loss.field.name(door.format()).into_owned()).collect();
    let sent_body = String::from_utf8_lossy(&sent_body);
    Ok(Asked { cell, names, proof: prove(cell, row, column, &sent_body) })
}

fn prove(cell: Cell, row: &Row, column: &Column, sent: &str) -> Result<(), String> {
    let idle = row.shows.is_empty() || row.idle.iter().any(|name| [column.kind, column.model].contains(name));
    let shown = row.shows.iter().any(|value| sent.contains(value));
    match cell {
        Cell::Kept | Cell::Verbatim if !shown && !idle => Err(format!("kept, but not in {sent}")),
        Cell::Dropped if shown => Err(format!("dropped, but in {sent}")),
        _ => Ok(()),
    }
}
