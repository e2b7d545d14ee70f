//! Pieces of a call's way that can be done by themselves.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use clap::ValueEnum;
use tokio::time::Instant;
use tollgate::call;
use tollgate::config::{Config, Env};
use tollgate::dialects::read_envelope;
use tollgate::net::Connector;
use tollgate::routing::{Registry, WallClock};
use tollgate::telemetry::Metrics;

use crate::load::{Door, Load};
use crate::mock::Voice;
use crate::translated::{Translated, body_of};

/// Three targets, one of them without a price, for the cheapest first.
const ROUTES: &str = r#"
    [auth]
    required = false
    [providers.a]
    kind = "openai"
    base_url = "http://127.0.0.1:1/v1"
    models = [{ name = "large", input = 2.5, output = 10.0, context = 128000 }]
    [providers.b]
    kind = "openai"
    base_url = "http://127.0.0.1:1/v1"
    models = [{ name = "small", input = 0.15, output = 0.6, context = 128000 }]
    [providers.c]
    kind = "openai"
    base_url = "http://127.0.0.1:1/v1"
    [models.best]
    targets = ["a/large", "c/unpriced", "b/small"]
"#;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Work {
    #[value(name = "envelope, 1 KB")]
    SmallEnvelope,
    #[value(name = "envelope, 32 KB")]
    LargeEnvelope,
    #[value(name = "plan")]
    Plan,
    #[value(name = "chat to anthropic, 1 KB")]
    ChatToAnthropic,
    #[value(name = "chat to anthropic, chunk")]
    ChatToAnthropicChunk,
    #[value(name = "messages to openai, chunk")]
    MessagesToOpenAiChunk,
}

impl Work {
    /// As on the command line.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no work is hidden");
        value.get_name().to_owned()
    }

    /// Repeats that only the second run has. The shorter the work, the more of them, as maps with random seeds make two
    /// starts differ by thousands of instructions.
    pub(crate) fn more(self) -> u32 {
        match self {
            Self::Plan => 40_000,
            _ => 400,
        }
    }

    pub(crate) fn repeat(self, times: u32) -> io::Result<()> {
        match self {
            Self::SmallEnvelope => envelope(1, times),
            Self::LargeEnvelope => envelope(32, times),
            Self::Plan => plan(times),
            Self::ChatToAnthropic => Translated::new(Door::Chat, Voice::Anthropic)?.calls(times),
            Self::ChatToAnthropicChunk => Translated::new(Door::Chat, Voice::Anthropic)?.chunks(times),
            Self::MessagesToOpenAiChunk => Translated::new(Door::Messages, Voice::OpenAi)?.chunks(times),
        }
    }
}

fn envelope(kilobytes: usize, times: u32) -> io::Result<()> {
    let body = body(kilobytes);
    read_envelope(call::Door::ChatCompletions, &body).map_err(|invalid| io::Error::other(format!("{invalid:?}")))?;
    for _ in 0..times {
        let _ = black_box(read_envelope(call::Door::ChatCompletions, black_box(&body)));
    }
    Ok(())
}

fn plan(times: u32) -> io::Result<()> {
    let envelope = read_envelope(call::Door::ChatCompletions, &body(1))
        .map_err(|invalid| io::Error::other(format!("{invalid:?}")))?;
    let registry = registry()?;
    let route = registry.resolve("best").ok_or(io::ErrorKind::NotFound)?;
    let now = Instant::now();
    for _ in 0..times {
        let _ = black_box(route.plan(black_box(&envelope), now));
    }
    Ok(())
}

/// The body of the requests that the loads send.
fn body(kilobytes: usize) -> Vec<u8> {
    body_of(&Load::closed(1, 0.0).body(kilobytes * 1024))
}

fn registry() -> io::Result<Registry> {
    let files = tempfile::tempdir()?;
    let file = files.path().join("config");
    std::fs::write(&file, ROUTES)?;
    let loaded = Config::load(Some(&file), &Env::default()).map_err(io::Error::other)?;
    let connector = Arc::new(Connector::default());
    Registry::new(&loaded.config, &connector, &Metrics::new(|| 0), WallClock::read()).map_err(io::Error::other)
}
