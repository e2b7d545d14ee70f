//! A reader of JSON that validates everything, copies nothing and knows where it is.
//!
//! The call's path needs a handful of fields, their byte ranges (to cut or replace them in the text) and the certainty
//! that the rest is well-formed. A document tree costs four times as much and gives none of the ranges, and
//! `serde_json` skips over what this refuses: numbers that no `f64` holds, lone surrogates. It accepts what
//! RFC 8259 calls JSON, nested at most [`MAX_DEPTH`] deep.

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

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
    raw: &'a str,
    escaped: bool,
}

impl<'a> Str<'a> {
    /// The text between the quotes, escapes and all.
    pub fn raw(self) -> &'a str {
        self.raw
    }

    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// The string that is meant. Copies only where there are escapes.
    pub fn decode(self) -> Cow<'a, str> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        serde_json::from_str(&format!("\"{}\"", self.raw))
            .map(Cow::Owned)
            .expect("escapes were validated when the string was read")
    }
}

/// A position in a JSON text. Every method starts by skipping white space and leaves the position behind what it read.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
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
        let mut escaped = false;
        loop {
            self.at = next_special(self.text.as_bytes(), self.at);
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Str { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.malformed("control character in a string")),
                None => return Err(self.malformed("unfinished string")),
            }
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
        let text = &self.text[start..self.at];
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

    fn malformed(&self, why: &'static str) -> Malformed {
        Malformed { at: self.at, why }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
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
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.malformed("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads `\x`, `\uXXXX` or a surrogate pair.
    fn escape(&mut self) -> Result<(), Malformed> {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xD800..=0xDBFF => match self.code_unit()? {
                    0xDC00..=0xDFFF => Ok(()),
                    _ => Err(self.malformed("lone surrogate")),
                },
                0xDC00..=0xDFFF => Err(self.malformed("lone surrogate")),
                _ => Ok(()),
            },
            _ => Err(self.malformed("unknown escape")),
        }
    }

    fn code_unit(&mut self) -> Result<u16, Malformed> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 6)
            .and_then(|escape| escape.strip_prefix(b"\\u"))
            .ok_or_else(|| self.malformed("unfinished escape"))?;
        let mut unit = 0;
        for &digit in digits {
            let value = char::from(digit).to_digit(16).ok_or_else(|| self.malformed("unfinished escape"))?;
            unit = unit * 16 + value as u16;
        }
        self.at += 6;
        Ok(unit)
    }
}

/// The next byte that ends a run of plain string characters, or the length of `bytes`.
fn next_special(bytes: &[u8], mut at: usize) -> usize {
    const BLOCK: usize = 32;
    // Without an early exit the compiler turns each block into a few vector comparisons.
    while let Some(block) = bytes.get(at..at + BLOCK) {
        let special = block.iter().fold(0, |found, &byte| found | u8::from(is_special(byte)));
        if special != 0 {
            break;
        }
        at += BLOCK;
    }
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = special_bytes(u64::from_le_bytes(*word));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += size_of::<u64>();
    }
    bytes[at..].iter().position(|&byte| is_special(byte)).map_or(bytes.len(), |offset| at + offset)
}

fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// [`is_special`] for eight bytes at once: the high bit of the first that is one is set, and of none before it.
/// (Behind it a borrow may set more.) <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let equal = |to: u8| less(word ^ (ONES * u64::from(to)), 1);
    (less(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut scanner = Scanner::new(text);
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
        assert!(accepts(&nested(MAX_DEPTH as usize)));
        assert!(!accepts(&nested(MAX_DEPTH as usize + 1)));
        assert!(!accepts(&nested(100_000)));
    }

    #[test]
    fn tells_where_values_stand() {
        let text = r#" {"a" : [1, "x"], "b":null}"#;
        let mut seen = Vec::new();
        Scanner::new(text)
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
        let mut scanner = Scanner::new(r#""\u006dodel \ud83d\ude00 \n""#);
        assert_eq!(scanner.string().unwrap().decode(), "model 😀 \n");
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json_on_mutated_documents(
            mut bytes in Just(br#"{"a":[1,-2.5e3,true,null,{"k\u00e9":"v\\\" text that is longer than one block of bytes"}],"b":""}"#.to_vec()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            for (place, byte) in edits {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(accepts(text), serde_json::from_str::<serde_json::Value>(text).is_ok(), "{}", text);
            }
        }

        #[test]
        fn finds_every_special_byte(mut bytes in prop::collection::vec(prop::sample::select(vec![0x20_u8, 0x21, 0x23, b'a', 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff]), 0..200), at in 0_usize..200, special in prop::sample::select(vec![b'"', b'\\', 0, 0x1f])) {
            if at < bytes.len() {
                bytes[at] = special;
                prop_assert_eq!(next_special(&bytes, 0), at);
            } else {
                prop_assert_eq!(next_special(&bytes, 0), bytes.len());
            }
        }
    }
}
