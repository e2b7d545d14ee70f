//! Offsets into a file as lines and columns.

use std::path::Path;

use super::faults::{Fault, Place};

/// A file's text and name.
pub(super) struct Lines<'a> {
    text: &'a str,
    file: &'a Path,
    /// Offsets of all line feeds.
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str, file: &'a Path) -> Self {
        Self { text, file, ends: memchr::memchr_iter(b'\n', text.as_bytes()).collect() }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = self.ends.partition_point(|end| *end < before.len());
        let line_start = line.checked_sub(1).map_or(0, |last| self.ends[last] + 1);
        Place::Line { file: self.file.to_owned(), line: line + 1, column: before[line_start..].chars().count() + 1 }
    }

    pub(super) fn syntax_fault(&self, error: &toml::de::Error) -> Fault {
        Fault {
            place: match error.span() {
                Some(span) => self.place(span.start),
                None => Place::File(self.file.to_owned()),
            },
            path: String::new(),
            message: error.message().to_owned(),
            suggestion: None,
        }
    }
}
