//! The cells of the table: each a fault at a way, streamed or not, with another candidate or without.

use std::fmt;
use std::sync::Arc;

use super::table::{Answer, Charged, Classes, Fault, From, Outcome, Table};
use super::way::Way;

/// One cell, and what is expected of it.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(super) fault: Arc<Fault>,
    pub(super) way: Way,
    pub(super) stream: bool,
    /// Another candidate stands behind the provider.
    pub(super) other: bool,
    pub(super) expected: Expected,
}

#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) answer: Answer,
    pub(super) classes: Classes,
    pub(super) charged: Charged,
    /// Requests that the provider gets.
    pub(super) calls: usize,
    /// Attempts at the provider.
    pub(super) attempts: usize,
    /// What `retry-after` says, from and to.
    pub(super) wait: Option<[u64; 2]>,
    /// The stream breaks after text.
    pub(super) breaks: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stream = if self.stream { "streamed" } else { "whole" };
        let other = if self.other { "with another" } else { "alone" };
        write!(f, "{} {} at {}, {stream}, {other}", self.fault.id, self.fault.name, self.way.name)
    }
}

impl Table {
    /// All of them, fault by fault.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let ways: Vec<Way> = self.ways.iter().map(|name| Way::named(name)).collect();
        let mut cells = Vec::new();
        for fault in &self.fault {
            let fault = Arc::new(fault.clone());
            let named = fault.ways.as_ref();
            for way in ways.iter().filter(|way| named.is_none_or(|named| named.iter().any(|name| name == way.name))) {
                for stream in [false, true] {
                    if fault.streams.is_some_and(|streams| !streams.takes(stream)) {
                        continue;
                    }
                    for other in [true, false] {
                        let expected = self.expected(&fault, *way, stream, other);
                        cells.push(Cell { fault: Arc::clone(&fault), way: *way, stream, other, expected });
                    }
                }
            }
        }
        cells
    }

    fn expected(&self, fault: &Fault, way: Way, stream: bool, other: bool) -> Expected {
        let mut outcome = &fault.outcome;
        let (mut classes, mut charged, mut calls) = (&fault.class, fault.charged, fault.calls.unwrap_or(1));
        let mut wait = fault.wait;
        for but in &fault.but {
            let here = but.ways.as_ref().is_none_or(|ways| ways.iter().any(|name| name == way.name));
            if here && but.streams.is_none_or(|streams| streams.takes(stream)) {
                outcome = but.outcome.as_ref().unwrap_or(outcome);
                classes = but.class.as_ref().unwrap_or(classes);
                charged = but.charged.unwrap_or(charged);
                calls = but.calls.unwrap_or(calls);
                wait = but.wait.or(wait);
            }
        }
        if charged == Charged::Key && way.is_keyless() {
            charged = Charged::Model;
        }
        let Outcome { with, alone, .. } = self.outcome(outcome);
        let mut answer = if other { with } else { alone }.clone();
        if answer.from.is_none() && answer.code.is_none() {
            answer.status = fault.status.unwrap_or(answer.status);
        }
        Expected {
            breaks: answer.record == "stream_broken",
            answer,
            classes: classes.clone(),
            charged,
            calls,
            wait,
            attempts: fault.attempts.unwrap_or_else(|| calls.max(1)),
        }
    }

    pub(super) fn outcome(&self, name: &str) -> &Outcome {
        self.outcome.get(name).unwrap_or_else(|| panic!("there is no outcome {name}"))
    }
}

impl Expected {
    /// Attempts in all, as a header tells them.
    pub(super) fn all_attempts(&self) -> usize {
        self.attempts + usize::from(self.answer.from == Some(From::Other))
    }
}
