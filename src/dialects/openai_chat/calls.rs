//! Which tool call a piece of a stream belongs to.
//!
//! OpenAI numbers calls from 0. Others give every call the index 0 (Ollama), leave out the ids, or send each call whole in
//! one chunk under one index, so a call is known by its id where it has one, and by its index where it has none.

use serde::de::IgnoredAny;

/// The calls of one choice so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Known>);

#[derive(Debug)]
struct Known {
    index: u64,
    /// As the provider gave it; empty where it gave none.
    id: String,
    name: String,
    arguments: String,
}

/// What has been said of one call in one piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) index: u64,
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

/// Where a piece belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u32,
    /// The piece begins the call.
    pub(super) begins: bool,
    /// Its id is another call's.
    pub(super) repeats_id: bool,
}

impl Calls {
    /// `None`: it belongs to no call and begins none, since it names no tool.
    pub(super) fn place(&mut self, piece: &Piece<'_>) -> Option<Place> {
        let found = self.find(piece);
        if found.is_none() && piece.name.is_empty() {
            return None;
        }
        let repeats_id = !piece.id.is_empty() && self.0.iter().any(|known| known.id == piece.id);
        let place = found.unwrap_or_else(|| {
            let Piece { index, id, name, .. } = *piece;
            self.0.push(Known { index, id: id.to_owned(), name: name.to_owned(), arguments: String::new() });
            self.0.len() - 1
        });
        self.0[place].arguments.push_str(piece.arguments);
        Some(Place { number: u32::try_from(place).unwrap_or(u32::MAX), begins: found.is_none(), repeats_id })
    }

    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        if !piece.id.is_empty() {
            // Another index and another name make another call, whatever the id.
            let is_other =
                |known: &Known| known.index != piece.index && !piece.name.is_empty() && known.name != piece.name;
            let same = self.0.iter().position(|known| known.id == piece.id && !is_other(known));
            // An id that comes late belongs to the call that has been waiting for it.
            let unnamed = || {
                let waits = |known: &Known| known.id.is_empty() && known.index == piece.index && piece.name.is_empty();
                self.0.iter().rposition(waits)
            };
            return same.or_else(unnamed);
        }
        let last = self.0.iter().rposition(|known| known.index == piece.index)?;
        // Without an id a name says that a call begins, unless the vendor repeats it in every piece.
        let begins_anew = !piece.name.is_empty() && is_json(&self.0[last].arguments);
        (!begins_anew).then_some(last)
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pieces: &[(u64, &str, &str, &str)]) -> Vec<(u32, bool)> {
        let mut calls = Calls::default();
        let place = |&(index, id, name, arguments)| {
            let place = calls.place(&Piece { index, id, name, arguments })?;
            Some((place.number, place.begins))
        };
        pieces.iter().filter_map(place).collect()
    }

    #[test]
    fn calls_are_told_apart_by_id_then_by_index() {
        let numbered = [(0, "a", "f", ""), (0, "", "", "{}"), (1, "b", "f", ""), (0, "", "", " "), (1, "", "", "{}")];
        assert_eq!(places(&numbered), [(0, true), (0, false), (1, true), (0, false), (1, false)]);
        let all_zero = [(0, "a", "f", "{}"), (0, "b", "f", "{}"), (0, "c", "g", "{}")];
        assert_eq!(places(&all_zero), [(0, true), (1, true), (2, true)]);
        let repeated = [(0, "a", "f", "{"), (0, "a", "f", "}")];
        assert_eq!(places(&repeated), [(0, true), (0, false)]);
    }

    #[test]
    fn an_id_that_is_given_twice_makes_one_call_of_two_only_for_one_tool() {
        assert_eq!(places(&[(0, "a", "f", "{}"), (1, "a", "g", "{}")]), [(0, true), (1, true)]);
        let mut calls = Calls::default();
        let piece = |index, name| Piece { index, id: "a", name, arguments: "" };
        assert!(!calls.place(&piece(0, "f")).unwrap().repeats_id);
        assert!(calls.place(&piece(1, "g")).unwrap().repeats_id);
        assert_eq!(calls.place(&Piece { index: 5, id: "", name: "", arguments: "" }), None);
    }

    #[test]
    fn calls_without_ids_are_told_apart_by_their_ends() {
        assert_eq!(places(&[(0, "", "f", "{}"), (0, "", "f", "{}")]), [(0, true), (1, true)]);
        assert_eq!(places(&[(0, "", "f", "{\"a\""), (0, "", "f", ":1}")]), [(0, true), (0, false)]);
        assert_eq!(
            places(&[(3, "", "f", "{"), (7, "", "g", "{"), (3, "", "", "}")]),
            [(0, true), (1, true), (0, false)]
        );
    }
}
