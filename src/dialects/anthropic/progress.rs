//! How far a JSON text has come that arrives in pieces.

/// Watches brackets and strings; whether the text is valid JSON is not its business.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    depth: u32,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Progress {
    pub(super) fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
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
                b'{' | b'[' => {
                    self.depth += 1;
                    self.begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// An object or an array has been opened and closed.
    pub(super) fn is_complete(self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_complete_at_the_last_bracket_only() {
        let text = r#"{"a": "}\"\\", "b": [{"c": "]"}, {}]}"#;
        let mut progress = Progress::default();
        for (at, char) in text.char_indices() {
            assert!(!progress.is_complete(), "after {}", &text[..at]);
            progress.feed(&char.to_string());
        }
        assert!(progress.is_complete());
        progress.feed(" \n");
        assert!(progress.is_complete());
    }

    #[test]
    fn a_scalar_is_never_known_to_be_complete() {
        let mut progress = Progress::default();
        progress.feed("12");
        assert!(!progress.is_complete());
        progress.feed("}}}");
        assert!(!progress.is_complete());
    }
}
