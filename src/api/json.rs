//! A reader of JSON that validates everything, copies nothing and knows where it is.
//!
//! The call's path needs a handful of fields, their byte ranges (to cut or replace them in the text) and the certainty
//! that the rest is well-formed. A document tree costs four times as much and gives none of the ranges, and
//! `serde_json` skips over what this refuses: numbers that no `f64` holds, lone surrogates. It accepts what
//! RFC 8259 calls JSON, nested at most [`MAX_DEPTH`] deep. Strings are gone through a block at a time, in vector
//! registers, and their UTF-8 is validated only where one has characters beyond ASCII.

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;
use wide::u8x32;

/// Arrays and objects inside one another; the same bound as `serde_json`'s.
pub const MAX_DEPTH: u32 = 128;

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{why} at byte {at}")]
pub struct Malformed {
    /// Offset of the first byte that does not fit.
    pub at: usize,
    pub why: &'static str,
}

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A string as it stands in the text, without its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Str<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Str<'a> {
    /// The text between the quotes, escapes and all.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The string that is meant. Copies only where there are escapes.
    pub fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw);
        }
        // Only half a surrogate pair, let through by a lenient scanner, cannot be decoded; then its escape stands.
        serde_json::from_slice(&[b"\"", self.raw, b"\""].concat())
            .map_or_else(|_| String::from_utf8_lossy(self.raw), Cow::Owned)
    }
}

/// A position in a JSON text. Every method starts by skipping white space and leaves the position behind what it read.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    /// Halves of surrogate pairs pass.
    lenient: bool,
}

impl<'a> Scanner<'a> {
    /// `text` need not be UTF-8; where it is not, reading it is an error.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0, lenient: false }
    }

    /// For what a provider says, which is not ours to correct: where a token limit cuts an emoji in two, half of its escape
    /// stands in the text.
    pub fn lenient(text: &'a [u8]) -> Self {
        Self { lenient: true, ..Self::new(text) }
    }

    /// The kind of the next value, which is not consumed.
    pub fn kind(&mut self) -> Result<Kind, Malformed> {
        match self.next_byte()? {
            b'{' => Ok(Kind::Object),
            b'[' => Ok(Kind::Array),
            b'"' => Ok(Kind::String),
            b'-' | b'0'..=b'9' => Ok(Kind::Number),
            b't' | b'f' => Ok(Kind::Bool),
            b'n' => Ok(Kind::Null),
            _ => Err(self.malformed("expected a value")),
        }
    }

    /// The byte behind what was read last.
    pub fn position_behind(&self) -> usize {
        self.at
    }

    /// Where the next token begins.
    pub fn position(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// Reads an object. `member` gets each key and the byte at which the member begins, and must read exactly one value.
    pub fn object<E: From<Malformed>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Str<'a>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{', "expected an object")?;
        self.enter()?;
        if self.next_byte()? == b'}' {
            self.at += 1;
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let start = self.position();
            let key = self.string()?;
            self.expect(b':', "expected a colon")?;
            member(self, key, start)?;
            match self.next_byte()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(self.malformed("expected a comma or the end of the object").into()),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Reads an array. `element` gets each index and must read exactly one value. Returns the number of elements.
    pub fn array<E: From<Malformed>>(
        &mut self,
        mut element: impl FnMut(&mut Self, usize) -> Result<(), E>,
    ) -> Result<usize, E> {
        self.expect(b'[', "expected an array")?;
        self.enter()?;
        let mut count = 0;
        if self.next_byte()? != b']' {
            loop {
                element(self, count)?;
                count += 1;
                match self.next_byte()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return Err(self.malformed("expected a comma or the end of the array").into()),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(count)
    }

    pub fn string(&mut self) -> Result<Str<'a>, Malformed> {
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        let (mut escaped, mut ascii) = (false, true);
        'blocks: loop {
            let begin = self.at;
            let Marks { mut special, high } = Marks::of(&self.text[begin..]);
            // A high bit behind the end of the string does no harm: it only has it looked at once more.
            ascii &= high == 0;
            while special != 0 {
                let at = begin + special.trailing_zeros() as usize;
                match self.text.get(at) {
                    Some(b'"') => {
                        let raw = &self.text[start..at];
                        self.at = at + 1;
                        if !ascii {
                            check_utf8(raw, start)?;
                        }
                        return Ok(Str { raw, escaped });
                    }
                    Some(b'\\') => {
                        escaped = true;
                        let passed = self.escape(at)? - begin;
                        if passed >= BLOCK {
                            self.at = begin + passed;
                            continue 'blocks;
                        }
                        special &= u32::MAX << passed;
                    }
                    Some(_) => return Err(Malformed { at, why: "control character in a string" }),
                    None => return Err(Malformed { at, why: "unfinished string" }),
                }
            }
            self.at = begin + BLOCK;
        }
    }

    /// The number's text; it fits an `f64`.
    pub fn number(&mut self) -> Result<&'a str, Malformed> {
        self.skip_space();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.malformed("expected a number")),
        }
        let mut integer = true;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).expect("digits are ASCII");
        // A short integer cannot overflow; everything else is asked.
        if (!integer || text.len() > 300) && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(Malformed { at: start, why: "number out of range" });
        }
        Ok(text)
    }

    pub fn bool(&mut self) -> Result<bool, Malformed> {
        match self.next_byte()? {
            b't' => self.literal("true").map(|()| true),
            b'f' => self.literal("false").map(|()| false),
            _ => Err(self.malformed("expected true or false")),
        }
    }

    pub fn null(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        self.literal("null")
    }

    /// Reads any value and says where it stands.
    pub fn span(&mut self) -> Result<Range<usize>, Malformed> {
        let start = self.position();
        self.skip()?;
        Ok(start..self.at)
    }

    /// Reads any value.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        match self.kind()? {
            Kind::Object => self.object(|inner, _, _| inner.skip()),
            Kind::Array => self.array(|inner, _| inner.skip()).map(drop),
            Kind::String => self.string().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::Bool => self.bool().map(drop),
            Kind::Null => self.null(),
        }
    }

    /// Nothing but white space may be left.
    pub fn end(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.malformed("something follows the value")) }
    }

    #[cold]
    fn malformed(&self, why: &'static str) -> Malformed {
        Malformed { at: self.at, why }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn next_byte(&mut self) -> Result<u8, Malformed> {
        self.skip_space();
        self.byte().ok_or_else(|| self.malformed("unexpected end"))
    }

    fn expect(&mut self, wanted: u8, why: &'static str) -> Result<(), Malformed> {
        if self.next_byte()? != wanted {
            return Err(self.malformed(why));
        }
        self.at += 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.malformed("nested too deeply")) } else { Ok(()) }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !matches!(self.byte(), Some(b'0'..=b'9')) {
            return Err(self.malformed("expected a digit"));
        }
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Malformed> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Checks the escape at `at`: `\x`, `\uXXXX` or a surrogate pair. Returns where it ends.
    fn escape(&self, at: usize) -> Result<usize, Malformed> {
        // A look-up, as the kinds come in no order that a jump could be predicted by.
        let is_short = |byte: &u8| SHORT_ESCAPES[usize::from(*byte)];
        if self.text.get(at + 1).is_some_and(is_short) {
            return Ok(at + 2);
        }
        self.unicode_escape(at)
    }

    fn unicode_escape(&self, at: usize) -> Result<usize, Malformed> {
        if self.text.get(at + 1) != Some(&b'u') {
            return Err(Malformed { at, why: "unknown escape" });
        }
        match (self.code_unit(at)?, self.code_unit(at + UNIT)) {
            (0xD800..=0xDBFF, Ok(0xDC00..=0xDFFF)) => Ok(at + 2 * UNIT),
            (0xD800..=0xDFFF, _) if !self.lenient => Err(Malformed { at, why: "lone surrogate" }),
            _ => Ok(at + UNIT),
        }
    }

    fn code_unit(&self, at: usize) -> Result<u16, Malformed> {
        let unfinished = Malformed { at, why: "unfinished escape" };
        let escape = self.text.get(at..at + UNIT).and_then(|escape| escape.strip_prefix(b"\\u"));
        escape.ok_or(unfinished)?.iter().try_fold(0, |unit, &digit| {
            let value = char::from(digit).to_digit(16).ok_or(unfinished)?;
            Ok(unit * 16 + value as u16)
        })
    }
}

/// The length of `\uXXXX`.
const UNIT: usize = 6;

/// What may stand behind a backslash, but for `u`.
const SHORT_ESCAPES: [bool; 256] = {
    let mut short = [false; 256];
    let mut rest: &[u8] = br#""\/bfnrt"#;
    while let [byte, behind @ ..] = rest {
        short[*byte as usize] = true;
        rest = behind;
    }
    short
};

/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// What stands where in a block; the first byte is the lowest bit.
struct Marks {
    /// Quotes, backslashes and control characters.
    special: u32,
    /// Bytes of characters beyond ASCII.
    high: u32,
}

impl Marks {
    /// Of the first block of `text`. Behind the end of a text everything is special.
    fn of(text: &[u8]) -> Self {
        let mut padded = [0; BLOCK];
        let block = text.first_chunk().unwrap_or_else(|| {
            padded[..text.len()].copy_from_slice(text);
            &padded
        });
        let block = u8x32::from(*block);
        let control = block.min(u8x32::splat(0x1f)).simd_eq(block);
        let special = control | block.simd_eq(u8x32::splat(b'"')) | block.simd_eq(u8x32::splat(b'\\'));
        Self { special: special.to_bitmask(), high: block.to_bitmask() }
    }
}

/// `at` is where `bytes` stand in the text.
fn check_utf8(bytes: &[u8], at: usize) -> Result<(), Malformed> {
    simdutf8::basic::from_utf8(bytes).map(drop).map_err(|_| {
        let valid = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
        Malformed { at: at + valid, why: "not valid UTF-8" }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: impl AsRef<[u8]>) -> bool {
        let mut scanner = Scanner::new(text.as_ref());
        scanner.skip().and_then(|()| scanner.end()).is_ok()
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in [
            "",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "tru",
            "\"a",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "1e400",
            "-1e999",
            "[1] 2",
            "\u{feff}{}",
            "NaN",
        ] {
            assert!(!accepts(text), "{text:?}");
        }
    }

    #[test]
    fn bounds_the_depth() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(accepts(nested(MAX_DEPTH as usize)));
        assert!(!accepts(nested(MAX_DEPTH as usize + 1)));
        assert!(!accepts(nested(100_000)));
    }

    #[test]
    fn tells_where_values_stand() {
        let text = r#" {"a" : [1, "x"], "b":null}"#;
        let mut seen = Vec::new();
        Scanner::new(text.as_bytes())
            .object(|inner, key, start| {
                let span = inner.span()?;
                seen.push((key.raw().to_owned(), start, text[span].to_owned()));
                Ok::<_, Malformed>(())
            })
            .unwrap();
        assert_eq!(seen, [("a".into(), 2, r#"[1, "x"]"#.into()), ("b".into(), 18, "null".into())]);
    }

    #[test]
    fn decodes_escapes() {
        let mut scanner = Scanner::new(br#""\u006dodel \ud83d\ude00 \n""#);
        assert_eq!(scanner.string().unwrap().decode(), "model 😀 \n");
    }

    #[test]
    fn half_an_emoji_is_a_mistake_in_a_request_only() {
        for half in [r#""a\ud83d""#, r#""\ude00""#, r#""\ud83d\n""#, r#""\ud83dbbbbbb""#, r#""\ud83d\ud83d\ude00""#] {
            let malformed = Scanner::new(half.as_bytes()).string().unwrap_err();
            assert_eq!(malformed.why, "lone surrogate", "{half}");
            let mut scanner = Scanner::lenient(half.as_bytes());
            assert_eq!(scanner.string().unwrap().decode(), half.trim_matches('"'));
            scanner.end().unwrap();
        }
    }

    #[test]
    fn says_where_a_text_is_not_utf8() {
        let malformed = Scanner::new(b"{\"a\":\"\xc3\xa9\xff\"}").skip().unwrap_err();
        assert_eq!(malformed, Malformed { at: 8, why: "not valid UTF-8" });
    }

    const DOCUMENT: &str = concat!(
        r#"{"a":[1,-2.5e3,true,null,{"k\u00e9":"v\\\" text that is longer than one block of bytes"}],"b":"","#,
        r#""\ud83d\ude00\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n":"é\"世界 and 😀 more than a block of them, up to the last"}"#,
    );

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_mutated_documents(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut bytes = DOCUMENT.as_bytes().to_vec();
            for (place, byte) in edits {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            let shown = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(accepts(&bytes), serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(), "{}", shown);
        }

        #[test]
        fn reads_every_string(
            text in prop::collection::vec(prop::sample::select(vec!['a', 'b', '"', '\\', '\n', '\u{1f}', ' ', 'é', '😀']), 0..200),
            plain in prop::collection::vec(Just('x'), 0..100),
        ) {
            let text: String = plain.into_iter().chain(text).collect();
            let json = serde_json::to_string(&text).unwrap();
            let mut scanner = Scanner::new(json.as_bytes());
            prop_assert_eq!(scanner.string().unwrap().decode(), text);
            prop_assert_eq!(scanner.position_behind(), json.len());
        }
    }
}
