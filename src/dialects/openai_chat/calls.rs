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

impl Calls {
    /// The call's number, and whether this piece begins it.
    pub(super) fn place(&mut self, piece: &Piece<'_>) -> (u32, bool) {
        let found = self.find(piece);
        let place = found.unwrap_or_else(|| {
            let Piece { index, id, .. } = *piece;
            self.0.push(Known { index, id: id.to_owned(), arguments: String::new() });
            self.0.len() - 1
        });
        self.0[place].arguments.push_str(piece.arguments);
        (u32::try_from(place).unwrap_or(u32::MAX), found.is_none())
    }

    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        if !piece.id.is_empty() {
            let same = self.0.iter().position(|known| known.id == piece.id);
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
        let place = |&(index, id, name, arguments)| calls.place(&Piece { index, id, name, arguments });
        pieces.iter().map(place).collect()
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
    fn calls_without_ids_are_told_apart_by_their_ends() {
        assert_eq!(places(&[(0, "", "f", "{}"), (0, "", "f", "{}")]), [(0, true), (1, true)]);
        assert_eq!(places(&[(0, "", "f", "{\"a\""), (0, "", "f", ":1}")]), [(0, true), (0, false)]);
        assert_eq!(
            places(&[(3, "", "f", "{"), (7, "", "g", "{"), (3, "", "", "}")]),
            [(0, true), (1, true), (0, false)]
        );
    }
}
