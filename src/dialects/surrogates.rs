//! Halves of characters in what a provider says.
//!
//! Where a limit of tokens cuts an emoji in two, some servers send half of its escape (`\ud83d`), which is no character and
//! no JSON that a strict parser takes. What passes as it is keeps it; what is translated gets U+FFFD in its place.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem::find_iter;

/// The same JSON text with whole characters only. Most texts are just looked through.
pub(super) fn mended(json: &[u8]) -> Cow<'_, [u8]> {
    let halves: Vec<usize> = lone_halves(json).collect();
    if halves.is_empty() {
        return Cow::Borrowed(json);
    }
    let mut mended = json.to_vec();
    for at in halves {
        mended[at..at + UNIT].copy_from_slice(br"\ufffd");
    }
    Cow::Owned(mended)
}

/// The length of `\uXXXX`.
const UNIT: usize = 6;
const HIGH: Range<u16> = 0xD800..0xDC00;
const LOW: Range<u16> = 0xDC00..0xE000;

fn lone_halves(json: &[u8]) -> impl Iterator<Item = usize> {
    // The second half of a pair is not looked at again.
    let mut paired = None;
    find_iter(json, br"\u").filter(move |&at| {
        if !is_escape(json, at) || paired == Some(at) {
            return false;
        }
        match code_unit(json, at) {
            Some(unit) if HIGH.contains(&unit) => {
                let pair = code_unit(json, at + UNIT).is_some_and(|low| LOW.contains(&low));
                paired = pair.then_some(at + UNIT);
                !pair
            }
            Some(unit) => LOW.contains(&unit),
            None => false,
        }
    })
}

/// A backslash behind a backslash is a character of the text.
fn is_escape(json: &[u8], at: usize) -> bool {
    json[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
}

fn code_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + UNIT)?.strip_prefix(br"\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
        for (json, wanted) in [
            (r#"{"a":"x"}"#, r#"{"a":"x"}"#),
            (r#""\ud83d\ude00 \u00e9""#, r#""\ud83d\ude00 \u00e9""#),
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\uDE00 \uD83Dx""#, r#""\ufffd \ufffdx""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud8"#, r#""\ud8"#),
        ] {
            assert_eq!(mended(json.as_bytes()), wanted.as_bytes(), "{json}");
        }
    }
}
