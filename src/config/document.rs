//! A file's text as a tree of values, with the place of each.
//!
//! The tree is the `config` crate's, so that the environment can be layered over it ([`super::overrides`]). That crate
//! knows neither positions nor the order of keys, so both are kept beside it under each value's path. Strings are
//! expanded on the way in. A value that could not be read is `Nil` in the tree: its fault is noted, readers pass it over.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use ::config::{Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use super::expand::Expander;
use super::faults::{Fault, Place};
use super::lines::Lines;

/// A tree under reading, and what has been found so far. It has no `Debug`: the tree holds secrets.
pub(super) struct Document {
    pub(super) tree: Map<String, Value>,
    /// By path; what is not written anywhere is not here.
    pub(super) origins: HashMap<String, Origin>,
    /// Where faults belong that have no place of their own.
    home: Place,
    faults: RefCell<Vec<Fault>>,
    notices: RefCell<Vec<String>>,
}

/// Where a value was written.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) key: Place,
    pub(super) value: Place,
    /// The text before expansion, where that changed it. Faults quote it: what came in may be a secret.
    pub(super) written: Option<String>,
}

impl Document {
    /// One without a value: a start without a file, or a file not read yet.
    pub(super) fn empty(home: Place) -> Self {
        Self {
            tree: Map::new(),
            origins: HashMap::new(),
            home,
            faults: RefCell::default(),
            notices: RefCell::default(),
        }
    }

    /// Reads TOML. After errors of syntax the tree is a guess, so they are returned alone, all of them.
    pub(super) fn parse(text: &str, file: &Path, expander: Expander<'_>) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::new(text, file);
        if !errors.is_empty() {
            return Err(errors.iter().map(|error| lines.syntax_fault(error)).collect());
        }
        let mut planter = Planter { lines, expander, document: Self::empty(Place::File(file.to_owned())) };
        planter.document.tree = planter.table(table.get_ref(), "");
        Ok(planter.document)
    }

    /// Notes a fault at the value of `path`.
    pub(super) fn fault(&self, path: &str, message: impl Into<String>, suggestion: Option<String>) {
        let place = self.origins.get(path).map(|origin| origin.value.clone());
        self.fault_at(place.unwrap_or_else(|| self.home.clone()), path, message, suggestion);
    }

    /// Notes a fault at the key of `path`: one that is unknown, or whose table lacks something.
    pub(super) fn fault_at_key(&self, path: &str, message: impl Into<String>, suggestion: Option<String>) {
        let place = self.origins.get(path).map(|origin| origin.key.clone());
        self.fault_at(place.unwrap_or_else(|| self.home.clone()), path, message, suggestion);
    }

    /// Notes a fault at the first of the paths that is written anywhere: for rules over several settings.
    pub(super) fn fault_nearest(&self, paths: &[&str], message: impl Into<String>) {
        let written = paths.iter().find(|path| self.origins.contains_key(**path));
        self.fault(written.or(paths.first()).unwrap_or(&""), message, None);
    }

    pub(super) fn fault_at(&self, place: Place, path: &str, message: impl Into<String>, suggestion: Option<String>) {
        self.faults.borrow_mut().push(Fault { place, path: path.to_owned(), message: message.into(), suggestion });
    }

    /// Takes over what was found in another file.
    pub(super) fn adopt(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// The document with one key of its top, as if nothing else had been written.
    pub(super) fn only(mut self, key: &str) -> Self {
        let inside = format!("{key}.");
        self.tree.retain(|name, _| name == key);
        self.faults.get_mut().retain(|fault| fault.path == key || fault.path.starts_with(&inside));
        self
    }

    pub(super) fn notice(&self, text: String) {
        self.notices.borrow_mut().push(text);
    }

    pub(super) fn finish(self) -> (Vec<Fault>, Vec<String>) {
        (self.faults.into_inner(), self.notices.into_inner())
    }
}

/// The path of a key, quoted where TOML would want that: `models."gpt-4.1"`.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Copies TOML's tree into a document.
struct Planter<'a> {
    lines: Lines<'a>,
    expander: Expander<'a>,
    document: Document,
}

impl Planter<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &str) -> Map<String, Value> {
        let mut plant = |key: &Spanned<DeString<'_>>, value| {
            let path = join(path, key.get_ref());
            let value = self.value(value, &path, self.lines.place(key.span().start));
            (key.get_ref().clone().into_owned(), value)
        };
        table.iter().map(|(key, value)| plant(key, value)).collect()
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, path: &str, key: Place) -> Value {
        let origin = Origin { key, value: self.lines.place(value.span().start), written: None };
        self.document.origins.insert(path.to_owned(), origin);
        let kind = match value.get_ref() {
            DeValue::String(text) => self.text(text, path),
            DeValue::Integer(number) => self.integer(number, path),
            DeValue::Float(number) => number.as_str().parse().map_or(ValueKind::Nil, ValueKind::Float),
            DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
            DeValue::Datetime(_) => self.unreadable(path, "a date is not expected here"),
            DeValue::Array(items) => {
                ValueKind::Array((0..).zip(items.iter()).map(|(index, item)| self.item(item, path, index)).collect())
            }
            DeValue::Table(table) => ValueKind::Table(self.table(table, path)),
        };
        Value::new(None, kind)
    }

    fn item(&mut self, item: &Spanned<DeValue<'_>>, path: &str, index: usize) -> Value {
        let place = self.lines.place(item.span().start);
        self.value(item, &format!("{path}[{index}]"), place)
    }

    fn text(&mut self, text: &str, path: &str) -> ValueKind {
        match self.expander.expand(text) {
            Ok(expanded) => {
                let origin = self.document.origins.get_mut(path).filter(|_| expanded != text);
                if let Some(origin) = origin {
                    origin.written = Some(text.to_owned());
                }
                ValueKind::String(expanded)
            }
            Err(problems) => {
                for problem in problems {
                    self.document.fault(path, problem, None);
                }
                ValueKind::Nil
            }
        }
    }

    fn integer(&mut self, number: &DeInteger<'_>, path: &str) -> ValueKind {
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ValueKind::I64(number),
            Err(_) => self.unreadable(path, "the number is too large"),
        }
    }

    fn unreadable(&mut self, path: &str, message: &str) -> ValueKind {
        self.document.fault(path, message, None);
        ValueKind::Nil
    }
}

#[cfg(test)]
mod tests {
    use super::super::env::Env;
    use super::*;

    fn parse(text: &str) -> Result<Document, Vec<Fault>> {
        let env = Env::default();
        let expander = Expander { env: &env, folder: Path::new(".") };
        Document::parse(text, Path::new("t.toml"), expander)
    }

    fn line_and_column(place: &Place) -> (usize, usize) {
        match place {
            Place::Line { line, column, .. } => (*line, *column),
            other => panic!("{other:?} is not in the file"),
        }
    }

    #[test]
    fn keeps_the_place_of_keys_and_values_under_their_path() {
        let text = "[models.\"gpt-4.1\"]\n# é\ntargets = [\"a/b\", { target = \"c/d\" }]\n";
        let document = parse(text).unwrap();
        let of = |path: &str| &document.origins[path];
        assert_eq!(line_and_column(&of("models.\"gpt-4.1\"").key), (1, 9));
        assert_eq!(line_and_column(&of("models.\"gpt-4.1\".targets[0]").value), (3, 12));
        assert_eq!(line_and_column(&of("models.\"gpt-4.1\".targets[1].target").value), (3, 30));
    }

    #[test]
    fn reports_every_error_of_syntax() {
        let faults = parse("a = \nb = 1\nb = 2\nc = 'x\n").err().unwrap();
        let lines: Vec<_> = faults.iter().map(|fault| line_and_column(&fault.place).0).collect();
        assert!(lines.contains(&1) && lines.contains(&3) && lines.contains(&4), "{faults:?}");
    }

    #[test]
    fn remembers_what_was_written_only_where_expansion_changed_it() {
        let document = parse("a = \"${X:-y}\"\nb = \"y\"").unwrap();
        assert_eq!(document.origins["a"].written.as_deref(), Some("${X:-y}"));
        assert_eq!(document.origins["b"].written, None);
    }
}
