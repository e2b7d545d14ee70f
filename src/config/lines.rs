//! Offsets into a file as lines and columns.

use std::path::Path;

use super::faults::{Fault, Place};

/// A file's text and name.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
}

impl Lines<'_> {
    pub(super) fn place(self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::Line {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub(super) fn syntax_fault(self, error: &toml::de::Error) -> Fault {
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
