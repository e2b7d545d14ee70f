//! The request that is sent over and over, with a number in it that makes each unlike all others.

use std::net::SocketAddr;

use memchr::memmem;

use super::Load;
use super::door::Door;
use crate::mock::{CHUNKS, PACE};

/// The caller's key, known to those peers that ask for one. Further keys have other digits at the end.
pub(crate) const KEY: &str = "sk-bench-0123456789abcdef0123456789000000";
const KEY_DIGITS: usize = 6;
/// The model that calls ask for, unless a load says otherwise.
pub(crate) const MODEL: &str = "gpt-4o-mini";

/// Text of a prompt, escaped as in JSON: what scans a body meets escapes on its way.
const PROSE: &str = r#"The keeper of the gate writes down each cart, its \"load\" and its owner.\n"#;
const DIGITS: usize = 12;

/// The caller's key with this number; number 0 is [`KEY`].
pub(crate) fn key(number: u32) -> String {
    format!("{}{number:0KEY_DIGITS$}", &KEY[..KEY.len() - KEY_DIGITS])
}

/// Head and body, ready to be written.
pub(crate) struct Request {
    bytes: Vec<u8>,
    number_at: usize,
    key_at: usize,
}

impl Request {
    /// A body shorter than the fixed parts, some 250 bytes, is as long as they are.
    pub(crate) fn new(host: SocketAddr, load: &Load) -> Self {
        let body = body(load);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\n{}content-length: {}\r\n\r\n",
            load.door.path(),
            load.headers,
            body.len()
        );
        let bytes = (head + &body).into_bytes();
        let mark = memmem::find(&bytes, format!("\"{}", "0".repeat(DIGITS)).as_bytes());
        let number_at = mark.expect("the prompt begins with a number") + 1;
        let key_at = memmem::find(&bytes, KEY.as_bytes()).expect("the head has a key") + KEY.len() - KEY_DIGITS;
        Self { bytes, number_at, key_at }
    }

    /// Writes the last twelve digits of `number` into the prompt.
    pub(crate) fn number(&mut self, number: u64) {
        digits(&mut self.bytes[self.number_at..][..DIGITS], number);
    }

    /// Makes it a call with the key of this number.
    pub(super) fn key(&mut self, number: u64) {
        digits(&mut self.bytes[self.key_at..][..KEY_DIGITS], number);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Fills `place` with the last digits of `number`.
fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

fn body(load: &Load) -> String {
    let (mut options, mut instructions) =
        (r#""temperature":0.7"#.to_owned(), "You are a careful assistant. Answer briefly.".to_owned());
    if let Some(stream) = load.stream {
        options = format!(r#""stream":true,{options}"#);
        instructions += &format!(" {CHUNKS}{} {PACE}{}", stream.chunks, stream.gap_us);
    }
    let model = load.model.as_deref().unwrap_or(MODEL);
    let number = "0".repeat(DIGITS);
    let before = match load.door {
        Door::Chat => format!(
            r#"{{"model":"{model}","max_tokens":256,{options},"messages":[{{"role":"system","content":"{instructions}"}},{{"role":"user","content":"{number} "#
        ),
        Door::Messages => format!(
            r#"{{"model":"{model}","max_tokens":256,{options},"system":"{instructions}","messages":[{{"role":"user","content":"{number} "#
        ),
        Door::Responses => format!(
            r#"{{"model":"{model}","max_output_tokens":256,{options},"instructions":"{instructions}","input":[{{"role":"user","content":"{number} "#
        ),
    };
    let after = r#""}]}"#;
    let room = load.body.saturating_sub(before.len() + after.len());
    let prose = PROSE.repeat(room / PROSE.len());
    let dots = ".".repeat(room - prose.len());
    [&before, &prose, &dots, after].concat()
}
