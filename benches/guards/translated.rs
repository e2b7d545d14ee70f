//! A call between a door and a provider of another format, without what is around the translation.

use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use memchr::memmem;
use tokio::time::Instant;
use tollgate::call::{self, Betas, CacheWish, Call, CallId, Caller};
use tollgate::config::{Preset, preset};
use tollgate::dialects::{Bridge, Target, read_envelope};

use crate::load::{Door, Load, Request};
use crate::mock::Voice;

/// Seconds since 1970, of every answer.
const CREATED: u64 = 1_750_000_000;

pub(crate) struct Translated {
    door: Door,
    voice: Voice,
    preset: &'static Preset,
}

impl Translated {
    pub(crate) fn new(door: Door, voice: Voice) -> io::Result<Self> {
        let preset = preset(voice.kind()).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { door, voice, preset })
    }

    /// Requests of 1 KB, each read and written for the provider, and its answer for the client.
    pub(crate) fn calls(&self, times: u32) -> io::Result<()> {
        let mut call = self.call(&Load::closed(1, 0.0))?;
        let answer = Bytes::from(self.voice.whole());
        for _ in 0..times {
            call.asked = OnceLock::new();
            let bridge = self.bridge(&call);
            let sent = bridge.write().map_err(|invalid| io::Error::other(invalid.message))?;
            let whole = bridge.read_whole(answer.clone(), CREATED);
            let whole = whole.map_err(|fault| io::Error::other(format!("{fault:?}")))?;
            black_box((sent, whole));
        }
        Ok(())
    }

    /// Events of one stream, each with a word.
    pub(crate) fn chunks(&self, times: u32) -> io::Result<()> {
        let call = self.call(&Load::closed(1, 0.0).streamed(times.into(), 0))?;
        let mut events = self.bridge(&call).events(CREATED);
        for event in self.voice.opening() {
            events.read(event.as_bytes());
        }
        let mut event = Vec::new();
        self.voice.content(format_args!(" carriages"), &mut event);
        for _ in 0..times {
            let (seen, _) = events.read(black_box(&event));
            let written = black_box(events.take_written());
            if written.is_empty() {
                return Err(io::Error::other(format!("nothing was written: {seen:?}")));
            }
        }
        Ok(())
    }

    fn bridge<'a>(&self, call: &'a Call) -> Bridge<'a> {
        let target = Target { model: self.voice.model(), max_output: None, ask_usage: true };
        Bridge::new(call, self.preset, target)
    }

    fn call(&self, load: &Load) -> io::Result<Call> {
        let door = match self.door {
            Door::Chat => call::Door::ChatCompletions,
            Door::Messages => call::Door::Messages,
            Door::Responses => call::Door::Responses,
        };
        let body = body_of(&load.clone().by(self.door, self.voice.model()));
        let envelope = read_envelope(door, &body).map_err(|invalid| io::Error::other(invalid.message))?;
        let caller = Caller { key: "".into(), user: "".into(), team: None, models: Vec::new() };
        let now = Instant::now();
        Ok(Call {
            id: CallId::new(),
            client_id: None,
            door,
            caller: Arc::new(caller),
            label: "".into(),
            route_version: [0; 32],
            envelope,
            body: body.into(),
            owns_body: true,
            cache: CacheWish::default(),
            betas: Betas::default(),
            strict: false,
            asked: OnceLock::new(),
            arrived: now,
            read: now,
            deadline: now,
            hurried: false,
            journal: Arc::default(),
        })
    }
}

/// The body of the requests that a load sends.
pub(crate) fn body_of(load: &Load) -> Vec<u8> {
    let host = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let request = Request::new(host, load);
    let head = memmem::find(request.bytes(), b"\r\n\r\n").expect("a request has a head") + 4;
    request.bytes()[head..].to_vec()
}
