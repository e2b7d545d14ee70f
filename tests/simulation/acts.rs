//! What a provider does with one request, step by step.

use std::time::Duration;

use fastrand::Rng;

use crate::http::{chunk, head, whole};
use crate::speech::{Answer, Format, Question, babble, error_body, error_event};
use crate::weather::Sky;

/// The key that is refused when one is.
const REVOKED: &str = "gamma-key-1";

/// One thing that happens on the provider's side.
pub(crate) enum Step {
    Wait(Duration),
    Write {
        bytes: Vec<u8>,
        words: usize,
    },
    /// Nothing more, until the gateway closes.
    Stall,
    Close,
    Reset,
}

/// What is done with a request.
pub(crate) struct Act {
    pub(crate) name: String,
    /// A whole answer in good time, as far as it is the provider's affair.
    pub(crate) good: bool,
    /// Of its whole answer.
    pub(crate) words: usize,
    pub(crate) steps: Vec<Step>,
}

/// Who acts, and on what.
pub(crate) struct Actor<'a> {
    pub(crate) format: Format,
    /// Of each word: provider and exchange.
    pub(crate) tag: String,
    pub(crate) question: Question,
    /// What the request shows.
    pub(crate) key: Option<&'a str>,
    pub(crate) rng: &'a mut Rng,
}

impl Actor<'_> {
    /// What the weather makes of it.
    pub(crate) fn act(&mut self, sky: Sky) -> Act {
        let quick = Step::Wait(Duration::from_millis(self.rng.u64(5..200)));
        let one_way = self.rng.bool();
        match sky {
            // What is open still works where only the name is gone, as it does in clear weather.
            Sky::Clear | Sky::NoName | Sky::Mixed => self.answer(Manner::Good),
            Sky::KeyRevoked if self.key == Some(REVOKED) => status(self.format, 401, None),
            Sky::KeyRevoked => self.answer(Manner::Good),
            Sky::Slow => self.answer(Manner::Slow),
            Sky::Speechless => {
                self.question.words = 0;
                self.answer(Manner::Good)
            }
            Sky::Cuts => self.answer(Manner::Cut),
            Sky::Stalls => self.answer(Manner::Stall),
            Sky::ErrorsInside => self.answer(Manner::ErrorInside),
            Sky::Babble => self.babble(),
            Sky::Refused | Sky::Resets if one_way => bad("resets", vec![quick, Step::Reset]),
            Sky::Refused | Sky::Resets => bad("closes", vec![quick, Step::Close]),
            Sky::Blackhole | Sky::Silent => bad("is silent", vec![Step::Stall]),
            Sky::Errors(code) => status(self.format, code, None),
            Sky::Unavailable(seconds) => status(self.format, 503, Some(seconds)),
            Sky::Limited(seconds) => status(self.format, 429, seconds),
            Sky::Garbage if one_way => {
                bad("speaks no HTTP", vec![quick, write("SSH-2.0-OpenSSH_9.6\r\n".into()), Step::Close])
            }
            Sky::Garbage => bad("shows a page", vec![quick, write(whole(200, "text/html", "", "<html>hello</html>"))]),
        }
    }

    fn babble(&self) -> Act {
        let (kind, sign) =
            if self.question.stream { ("text/event-stream", babble(self.format)) } else { ("application/json", " ") };
        let mut steps = vec![write(head(200, kind, "transfer-encoding: chunked\r\n"))];
        for _ in 0..100 {
            steps.push(Step::Wait(Duration::from_secs(1)));
            steps.push(write(chunk(sign)));
        }
        steps.push(Step::Stall);
        bad("babbles", steps)
    }

    fn answer(&mut self, manner: Manner) -> Act {
        let Question { stream, tell_usage, words, filler, .. } = self.question;
        // Some servers forget the last event.
        let done = self.rng.u8(..8) > 0;
        let answer = Answer { format: self.format, tag: self.tag.clone(), words, filler, tell_usage, done };
        let latency = match manner {
            Manner::Slow => self.rng.u64(2_000..12_000),
            _ => self.rng.u64(20..400),
        };
        let mut steps = vec![Step::Wait(Duration::from_millis(latency))];
        let told =
            if stream { self.stream(&answer, manner, &mut steps) } else { self.body(&answer, manner, &mut steps) };
        let name = format!("{manner:?} after {latency} ms: {told}");
        Act { name, good: manner == Manner::Good, words, steps }
    }

    fn body(&mut self, answer: &Answer, manner: Manner, steps: &mut Vec<Step>) -> &'static str {
        if manner == Manner::ErrorInside {
            steps.push(write(whole(200, "application/json", "", &error_body(self.format))));
            return "an error for an answer";
        }
        let mut bytes = whole(200, "application/json", "", &answer.whole());
        match manner {
            Manner::Cut | Manner::Stall => {
                bytes.truncate(self.rng.usize(1..bytes.len()));
                steps.extend([write(bytes), self.breaking(manner)]);
                "a part of a body"
            }
            _ => {
                steps.push(Step::Write { bytes, words: answer.words });
                "a body"
            }
        }
    }

    fn stream(&mut self, answer: &Answer, manner: Manner, steps: &mut Vec<Step>) -> &'static str {
        let chunked = self.rng.u8(..4) > 0;
        let framing = if chunked { "transfer-encoding: chunked\r\n" } else { "connection: close\r\n" };
        let frame = |event: &str| if chunked { chunk(event) } else { event.as_bytes().to_vec() };
        steps.push(write(head(200, "text/event-stream", framing)));
        // A flood comes at once.
        let pace = if answer.filler > 0 { 0 } else { self.rng.u64(0..300) };
        let mut events = answer.events();
        let is_whole = matches!(manner, Manner::Good | Manner::Slow);
        let half = if is_whole {
            None
        } else {
            // An error is told in the midst; what breaks off does so anywhere, also where nothing is missing any more.
            let end = if manner == Manner::ErrorInside { answer.words + 1 } else { events.len() };
            events.truncate(self.rng.usize(..=end));
            events.pop()
        };
        for (event, is_word) in &events {
            steps.push(Step::Write { bytes: frame(event), words: usize::from(*is_word) });
            steps.push(Step::Wait(Duration::from_millis(pace)));
        }
        if manner == Manner::ErrorInside {
            steps.extend([write(frame(&error_event(self.format))), Step::Stall]);
            return "an error in a stream";
        }
        if !is_whole {
            steps.extend(half.map(|(event, _)| write(frame(&event[..event.len() / 2]))));
            steps.push(self.breaking(manner));
            return "a part of a stream";
        }
        match self.rng.u8(..8) {
            0 => {
                steps.push(Step::Stall);
                "a stream, and the connection stays open"
            }
            _ if chunked => {
                steps.push(write(chunk("")));
                "a stream"
            }
            _ => {
                steps.push(Step::Close);
                "a stream that ends with its connection"
            }
        }
    }

    fn breaking(&mut self, manner: Manner) -> Step {
        match manner {
            Manner::Stall => Step::Stall,
            _ if self.rng.bool() => Step::Reset,
            _ => Step::Close,
        }
    }
}

/// How an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    Slow,
    Cut,
    Stall,
    ErrorInside,
}

fn bad(name: &str, steps: Vec<Step>) -> Act {
    Act { name: name.to_owned(), good: false, words: 0, steps }
}

/// No answer but a status.
pub(crate) fn status(format: Format, code: u16, retry_after: Option<u64>) -> Act {
    let wait = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let answer = whole(code, "application/json", &wait, &error_body(format));
    let steps = vec![Step::Wait(Duration::from_millis(20)), write(answer)];
    bad(&format!("says {code}, come back in {retry_after:?} s"), steps)
}

fn write(bytes: Vec<u8>) -> Step {
    Step::Write { bytes, words: 0 }
}
