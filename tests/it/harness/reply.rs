//! What a scripted provider does with one request: whole answers by [`Reply`], anything at all by [`Script`].

use std::fmt::Display;
use std::time::Duration;

use tokio::sync::watch;

/// One thing that happens on the provider's side of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// One write.
    Write(Vec<u8>),
    Pause(Duration),
    /// Goes on when the test opens the gate.
    Wait(Gate),
    /// Nothing more, until the client closes.
    Stall,
    /// Closes in order.
    Fin,
    /// Resets the connection.
    Reset,
}

/// Held shut until the test opens it.
#[derive(Debug, Clone)]
pub(crate) struct Gate(watch::Receiver<bool>);

/// Opens its gate; dropping it opens it too.
#[derive(Debug)]
pub(crate) struct Opener(watch::Sender<bool>);

pub(crate) fn gate() -> (Opener, Gate) {
    let (opener, gate) = watch::channel(false);
    (Opener(opener), Gate(gate))
}

impl Opener {
    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }
}

impl Gate {
    pub(super) async fn opened(&mut self) {
        // An error means that the opener is gone.
        let _ = self.0.wait_for(|open| *open).await;
    }
}

/// Steps in order. Where the last one leaves the connection open, it takes the next request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(pub(crate) Vec<Step>);

impl Script {
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self(vec![Step::Write(bytes.into())])
    }

    pub(crate) fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

impl From<Reply> for Script {
    fn from(reply: Reply) -> Self {
        reply.script()
    }
}

/// An answer made of a head and the steps of its body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    framing: Framing,
    before: Vec<Step>,
    body: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(Option<usize>),
    Chunked,
    /// Until the connection closes.
    Close,
}

impl Reply {
    /// With a `content-length`.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            framing: Framing::Length(None),
            before: Vec::new(),
            body: vec![Step::Write(body.into())],
        }
    }

    /// Chunked events, one write each.
    pub(crate) fn stream<E: Into<Vec<u8>>>(events: impl IntoIterator<Item = E>) -> Self {
        Self {
            framing: Framing::Chunked,
            body: events.into_iter().map(|event| Step::Write(event.into())).collect(),
            ..Self::new(200, "text/event-stream", "")
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Display) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A `content-length` that may be a lie.
    pub(crate) fn length(mut self, length: usize) -> Self {
        self.framing = Framing::Length(Some(length));
        self
    }

    /// Neither a length nor chunks: the close ends the body.
    pub(crate) fn until_close(mut self) -> Self {
        self.framing = Framing::Close;
        self
    }

    /// Before the head.
    pub(crate) fn first(mut self, step: Step) -> Self {
        self.before.push(step);
        self
    }

    /// Behind what there is of the body.
    pub(crate) fn then(mut self, step: Step) -> Self {
        self.body.push(step);
        self
    }

    pub(crate) fn then_event(self, event: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Write(event.into()))
    }

    pub(crate) fn paced(mut self, pause: Duration) -> Self {
        let steps = std::mem::take(&mut self.body);
        self.body = steps.into_iter().flat_map(|step| [step, Step::Pause(pause)]).collect();
        self
    }

    /// The body's bytes in writes of `size`.
    pub(crate) fn split(mut self, size: usize) -> Self {
        let bytes = self.bytes();
        self.body = bytes.chunks(size).map(|piece| Step::Write(piece.to_vec())).collect();
        self
    }

    /// The first `count` bytes of the body, then `end`.
    pub(crate) fn cut(mut self, count: usize, end: Step) -> Self {
        let mut bytes = self.bytes();
        if let Framing::Length(length) = &mut self.framing {
            length.get_or_insert(bytes.len());
        }
        bytes.truncate(count);
        self.body = vec![Step::Write(bytes), end];
        self
    }

    /// What the body's writes come to.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let writes = self.body.iter().filter_map(|step| match step {
            Step::Write(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        writes.collect::<Vec<_>>().concat()
    }

    pub(crate) fn script(self) -> Script {
        let mut steps = self.before.clone();
        steps.push(Step::Write(self.head()));
        let chunked = self.framing == Framing::Chunked;
        let mut ends = false;
        for step in self.body {
            ends |= matches!(step, Step::Fin | Step::Reset | Step::Stall);
            match step {
                Step::Write(bytes) if bytes.is_empty() => {}
                Step::Write(bytes) if chunked => steps.push(Step::Write(chunk(&bytes))),
                step => steps.push(step),
            }
        }
        if !ends {
            match self.framing {
                Framing::Length(_) => {}
                Framing::Chunked => steps.push(Step::Write(b"0\r\n\r\n".to_vec())),
                Framing::Close => steps.push(Step::Fin),
            }
        }
        Script(steps)
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        match self.framing {
            Framing::Length(length) => {
                head += &format!("content-length: {}\r\n", length.unwrap_or(self.bytes().len()));
            }
            Framing::Chunked => head += "transfer-encoding: chunked\r\n",
            Framing::Close => head += "connection: close\r\n",
        }
        head += "\r\n";
        head.into_bytes()
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend(bytes);
    chunk.extend(b"\r\n");
    chunk
}
