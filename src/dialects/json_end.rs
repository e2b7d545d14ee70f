//! Where a JSON document ends that comes in pieces.

/// Has seen a document's beginning, and tells when its last bracket has closed. It counts brackets and checks nothing:
/// a model may write anything.
#[derive(Debug, Clone, Default)]
pub(super) struct JsonEnd {
    depth: u32,
    in_string: bool,
    escaped: bool,
    ended: bool,
}

impl JsonEnd {
    pub(super) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    self.ended = self.depth == 0;
                }
                _ => {}
            }
        }
    }

    pub(super) fn has_come(&self) -> bool {
        self.ended && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_at_its_last_bracket_and_not_before() {
        for text in ["{}", r#"{"a":{"b":[1,"}\"]\\"]}}"#, " {\"é\": \"{\"}", "[[]]"] {
            let mut end = JsonEnd::default();
            for (at, letter) in text.char_indices() {
                assert!(!end.has_come(), "{text} at {at}");
                end.read(letter.encode_utf8(&mut [0; 4]));
            }
            assert!(end.has_come(), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_never_ends() {
        for text in ["", "  ", "7", "\"x\"", "{\"a\":", "true", "}]"] {
            let mut end = JsonEnd::default();
            end.read(text);
            assert!(!end.has_come(), "{text}");
        }
    }
}
