//! Reads a document table by table and notes every fault on the way, so that one run reports them all.
//!
//! A reader returns `None` for what is absent and for what was faulty; the caller goes on with its default, which is
//! never used, because a document with a fault makes no configuration.

use ::config::{Map, Value, ValueKind};

use super::document::{Document, join};
use super::faults::Place;
use super::shape::{NOT_YET, Shape, TOP, comes_later};
use super::suggest::suggest;
use super::values;

/// One table whose keys are fixed.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) document: &'a Document,
    pub(super) path: String,
    shape: &'static Shape,
    entries: &'a Map<String, Value>,
}

/// One value and where it stands.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) document: &'a Document,
    pub(super) path: String,
    value: &'a Value,
}

impl Document {
    /// The tables at the top of a document whose keys are names, in the order of the file.
    pub(super) fn tables(&self) -> Vec<(&str, Field<'_>)> {
        named(self, "", &self.tree)
    }

    /// The whole document; its unknown keys become faults.
    pub(super) fn top(&self) -> Table<'_> {
        Table::open(self, String::new(), &self.tree, &TOP)
    }
}

impl<'a> Table<'a> {
    fn open(document: &'a Document, path: String, entries: &'a Map<String, Value>, shape: &'static Shape) -> Self {
        for key in entries.keys().filter(|key| !shape.keys.contains(&key.as_str())) {
            let path = join(&path, key);
            if comes_later(shape.name, key) {
                document.fault_at_key(&path, NOT_YET, None);
            } else {
                let near = suggest(key, shape.keys.iter().copied());
                document.fault_at_key(&path, "unknown key", near);
            }
        }
        Self { document, path, shape, entries }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<Field<'a>> {
        debug_assert!(self.shape.keys.contains(&key), "{key} is not in the shape of {}", self.path);
        let value = self.entries.get(key)?;
        Some(Field { document: self.document, path: join(&self.path, key), value })
    }

    /// As `get`; absence is a fault.
    pub(super) fn require(&self, key: &'static str) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            self.document.fault_at_key(&self.path, format!("`{key}` is missing"), None);
        }
        field
    }

    /// The table under `key`, if it is there.
    pub(super) fn table(&self, key: &'static str, shape: &'static Shape) -> Option<Table<'a>> {
        self.get(key)?.table(shape)
    }

    /// Puts what `read` makes of the key's value into `slot`, where there is one.
    pub(super) fn set<T>(&self, key: &'static str, slot: &mut T, read: impl FnOnce(&Field<'a>) -> Option<T>) {
        if let Some(value) = self.get(key).and_then(|field| read(&field)) {
            *slot = value;
        }
    }
}

impl<'a> Field<'a> {
    pub(super) fn fault(&self, message: impl Into<String>) {
        self.document.fault(&self.path, message, None);
    }

    pub(super) fn fault_with(&self, message: impl Into<String>, suggestion: Option<String>) {
        self.document.fault(&self.path, message, suggestion);
    }

    /// The text as a fault may show it: as written in the file, before anything was expanded into it.
    pub(super) fn quoted(&self, text: &str) -> String {
        let written = self.document.origins.get(&self.path).and_then(|origin| origin.written.as_deref());
        format!("{:?}", written.unwrap_or(text))
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.value.kind {
            ValueKind::String(text) => Some(text),
            _ => self.expected("a string"),
        }
    }

    /// A text that must not be empty.
    pub(super) fn filled(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.is_empty() {
            self.fault("must not be empty");
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value.kind {
            ValueKind::Boolean(flag) => Some(flag),
            _ => self.expected("true or false"),
        }
    }

    /// A number of at least `least` that fits its type.
    pub(super) fn number<T: TryFrom<i64>>(&self, least: i64) -> Option<T> {
        let ValueKind::I64(number) = self.value.kind else {
            return self.expected("an integer");
        };
        if number < least {
            self.fault(format!("{number} is too small: at least {least}"));
            return None;
        }
        let fitting = T::try_from(number).ok();
        if fitting.is_none() {
            self.fault(format!("{number} is too large"));
        }
        fitting
    }

    /// Bytes, as a text with a unit or as a plain integer; at least 1.
    pub(super) fn size<T: TryFrom<u64>>(&self) -> Option<T> {
        let bytes = match self.value.kind {
            ValueKind::I64(_) => self.number::<u64>(1)?,
            _ => self.parse(values::size)?,
        };
        if bytes == 0 {
            self.fault("must be more than zero");
            return None;
        }
        let fitting = T::try_from(bytes).ok();
        if fitting.is_none() {
            self.fault("is more than this machine can address");
        }
        fitting
    }

    /// A number in decimal notation, exactly as far as a double can tell.
    pub(super) fn decimal(&self) -> Option<String> {
        match self.value.kind {
            ValueKind::I64(number) => Some(number.to_string()),
            ValueKind::Float(number) => Some(number.to_string()),
            _ => self.expected("a number"),
        }
    }

    /// A text that `parse` understands; its error is what the text is not.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&str) -> Result<T, &'static str>) -> Option<T> {
        let text = self.text()?;
        parse(text).map_err(|problem| self.fault(format!("{} {problem}", self.quoted(text)))).ok()
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!("{} is none of: {}", self.quoted(text), words.join(", "));
            self.fault_with(message, suggest(text, words));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn list(&self) -> Option<Vec<Field<'a>>> {
        let ValueKind::Array(items) = &self.value.kind else {
            return self.expected("a list");
        };
        let field = |(index, value): (usize, &'a Value)| Field {
            document: self.document,
            path: format!("{}[{index}]", self.path),
            value,
        };
        Some(items.iter().enumerate().map(field).collect())
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.kind, ValueKind::Table(_))
    }

    /// A table of fixed keys; those that are not in its shape become faults here.
    pub(super) fn table(&self, shape: &'static Shape) -> Option<Table<'a>> {
        let ValueKind::Table(entries) = &self.value.kind else {
            return self.expected("a table");
        };
        Some(Table::open(self.document, self.path.clone(), entries, shape))
    }

    /// A table whose keys are names that the operator chose, in the order of the file.
    pub(super) fn named(&self) -> Option<Vec<(&'a str, Field<'a>)>> {
        let ValueKind::Table(entries) = &self.value.kind else {
            return self.expected("a table");
        };
        Some(named(self.document, &self.path, entries))
    }

    fn key_place(&self) -> Option<&'a Place> {
        self.document.origins.get(&self.path).map(|origin| &origin.key)
    }

    /// Notes that the value is of another type. A `Nil` has had its fault already.
    fn expected<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value.kind {
            ValueKind::Nil => return None,
            ValueKind::Boolean(_) => "a boolean",
            ValueKind::Float(_) => "a decimal number",
            ValueKind::String(_) => "a string",
            ValueKind::Table(_) => "a table",
            ValueKind::Array(_) => "a list",
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "an integer",
        };
        self.fault(format!("expected {expected}, found {found}"));
        None
    }
}

fn named<'a>(document: &'a Document, path: &str, entries: &'a Map<String, Value>) -> Vec<(&'a str, Field<'a>)> {
    let field =
        |(key, value): (&'a String, &'a Value)| (key.as_str(), Field { document, path: join(path, key), value });
    let mut fields: Vec<_> = entries.iter().map(field).collect();
    fields.sort_by_key(|(_, field)| field.key_place());
    fields
}
