//! What clients ask for, how long they wait, how fast they read, and when they leave.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tollgate::call::Door;

use crate::gateway::{Request, configured};
use crate::history::{CallNumber, Place};
use crate::speech::prompt;

/// One call as it is planned.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) gateway: Place,
    /// Since the run began.
    pub(crate) at: Duration,
    pub(crate) door: Door,
    pub(crate) model: &'static str,
    pub(crate) caller: &'static str,
    pub(crate) stream: bool,
    /// The client asks for usage itself.
    pub(crate) usage: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) words: usize,
    /// Bytes that each word is longer by.
    pub(crate) filler: usize,
    pub(crate) mistake: bool,
    /// Prompts with one nonce are equal, and may be answered from the cache.
    pub(crate) nonce: usize,
    pub(crate) leave: Leave,
    /// A pause after every so many frames.
    pub(crate) pauses: Option<(usize, Duration)>,
}

/// When a client gives up, if it does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leave {
    Never,
    After(Duration),
    AtFrame(usize),
}

/// Nonces below are shared by calls.
const SHARED: usize = 4;

impl Ask {
    /// A call that anybody would make, and wait for.
    pub(crate) fn plain(gateway: Place, nonce: CallNumber) -> Self {
        Self {
            gateway,
            at: Duration::ZERO,
            door: Door::ChatCompletions,
            model: configured::MODELS[0],
            caller: "wide",
            stream: true,
            usage: false,
            deadline: None,
            words: 5,
            filler: 0,
            mistake: false,
            nonce: SHARED + nonce,
            leave: Leave::Never,
            pauses: None,
        }
    }

    pub(crate) fn draw(rng: &mut Rng, gateway: Place, number: CallNumber, length: Duration) -> Self {
        let one_in = |rng: &mut Rng, many| rng.usize(..many) == 0;
        let millis = |rng: &mut Rng, range| Duration::from_millis(rng.u64(range));
        let stream = rng.u8(..3) > 0;
        let flood = stream && one_in(rng, 40);
        Self {
            at: millis(rng, 0..length.as_millis() as u64),
            door: if one_in(rng, 3) { Door::Messages } else { Door::ChatCompletions },
            model: configured::MODELS[rng.usize(..3)],
            caller: if one_in(rng, 3) { configured::NARROW.0 } else { "wide" },
            stream,
            usage: rng.bool(),
            deadline: one_in(rng, 3).then(|| millis(rng, 50..20_000)),
            words: if flood { 150 } else { rng.usize(1..12) },
            filler: if flood { 4 << 10 } else { 0 },
            mistake: one_in(rng, 25),
            nonce: if one_in(rng, 6) { rng.usize(..SHARED) } else { SHARED + number },
            leave: match rng.u8(..10) {
                0 => Leave::After(millis(rng, 0..8_000)),
                1 => Leave::AtFrame(rng.usize(..6)),
                _ => Leave::Never,
            },
            pauses: (flood || one_in(rng, 10)).then(|| (rng.usize(1..4), millis(rng, 100..6_000))),
            ..Self::plain(gateway, number)
        }
    }

    fn body(&self) -> String {
        let content = prompt(self.words, self.filler, self.mistake, self.nonce);
        let mut body = json!({"model": self.model, "messages": [{"role": "user", "content": content}]});
        if self.stream {
            body["stream"] = true.into();
        }
        match self.door {
            Door::Messages => body["max_tokens"] = 1_000.into(),
            _ if self.stream && self.usage => body["stream_options"] = json!({"include_usage": true}),
            _ => {}
        }
        Value::to_string(&body)
    }

    pub(crate) fn request(&self) -> Request {
        Request { door: self.door, caller: self.caller, body: self.body(), deadline: self.deadline }
    }
}
