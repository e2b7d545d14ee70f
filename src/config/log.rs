//! `[log]`.

use super::reader::Table;
use super::shape::Shape;

pub(super) static LOG: Shape = Shape { name: "log", keys: &["format"] };

#[derive(Debug, Clone, Copy, Default)]
pub struct Log {
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

const FORMATS: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];

impl Log {
    pub(super) fn read(top: &Table<'_>) -> Self {
        let mut log = Self::default();
        if let Some(table) = top.table("log", &LOG) {
            table.set("format", &mut log.format, |field| field.choice(FORMATS));
        }
        log
    }
}
