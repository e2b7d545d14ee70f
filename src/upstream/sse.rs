//! Where the events of a stream end.
//!
//! Only line ends are looked at; what is inside an event is nobody's business here. All three line ends of the standard
//! are known, also when they are split over reads.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use memchr::memchr2;

/// Finds ends of events in bytes that come piece by piece.
#[derive(Debug)]
pub(super) struct EventEnds {
    /// Nothing stands on the current line yet.
    blank: bool,
    /// The last byte was a carriage return; a line feed would belong to it.
    after_cr: bool,
}

impl Default for EventEnds {
    fn default() -> Self {
        Self { blank: true, after_cr: false }
    }
}

impl EventEnds {
    /// Goes on with `bytes`, and stops behind the first blank line. `None`: all of `bytes` belongs to the event that is
    /// under way.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let completes_crlf = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            at += 1;
            match byte {
                b'\n' if completes_crlf => {}
                b'\n' | b'\r' if self.blank => {
                    if self.after_cr && bytes.get(at) == Some(&b'\n') {
                        self.after_cr = false;
                        at += 1;
                    }
                    return Some(at);
                }
                b'\n' | b'\r' => self.blank = true,
                _ => {
                    self.blank = false;
                    at += memchr2(b'\n', b'\r', &bytes[at..]).unwrap_or(bytes.len() - at);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The events of `stream`, read in pieces of `size` bytes.
    fn events(stream: &[u8], size: usize) -> Vec<Vec<u8>> {
        let mut ends = EventEnds::default();
        let mut events = Vec::new();
        let mut event = Vec::new();
        for mut piece in stream.chunks(size) {
            while let Some(end) = ends.next(piece) {
                event.extend(&piece[..end]);
                events.push(std::mem::take(&mut event));
                piece = &piece[end..];
            }
            event.extend(piece);
        }
        events.push(event);
        events.retain(|event| !event.is_empty());
        events
    }

    #[test]
    fn knows_every_line_end() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = ["data: a", "data: b", "", ": c", "", "data: d"].join(end);
            let lengths: Vec<_> = events(stream.as_bytes(), 1000).iter().map(Vec::len).collect();
            let width = end.len();
            assert_eq!(lengths, [14 + 3 * width, 3 + 2 * width, 7], "{end:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            stream in prop::collection::vec(prop::sample::select(vec![b'\n', b'\r', b'x', b':']), 0..60),
            size in 1_usize..20,
        ) {
            let whole = events(&stream, stream.len().max(1));
            let split = events(&stream, size);
            prop_assert_eq!(whole.concat(), stream.clone());
            prop_assert_eq!(split.concat(), stream);
            // A line feed that completes the end of an event opens the next one when it comes in the next read.
            let starts = |events: &[Vec<u8>]| -> Vec<Vec<u8>> {
                events.iter().map(|event| event.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect()).collect()
            };
            let nonempty = |events: Vec<Vec<u8>>| -> Vec<Vec<u8>> { events.into_iter().filter(|e| !e.is_empty()).collect() };
            prop_assert_eq!(nonempty(starts(&whole)), nonempty(starts(&split)));
        }
    }
}
