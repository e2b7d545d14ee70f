//! Pieces of a call's way that can be done by themselves.

use std::hint::black_box;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use clap::ValueEnum;
use memchr::memmem;
use tokio::time::Instant;
use tollgate::call::Door;
use tollgate::config::{Config, Env};
use tollgate::dialects::read_envelope;
use tollgate::net::Connector;
use tollgate::routing::Registry;
use tollgate::telemetry::Metrics;

use crate::load::{Load, Request};

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
}

impl Work {
    /// As on the command line.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value().expect("no work is hidden");
        value.get_name().to_owned()
    }

    pub(crate) fn repeat(self, times: u32) -> io::Result<()> {
        match self {
            Self::SmallEnvelope => envelope(1, times),
            Self::LargeEnvelope => envelope(32, times),
            Self::Plan => plan(times),
        }
    }
}

fn envelope(kilobytes: usize, times: u32) -> io::Result<()> {
    let body = body(kilobytes);
    read_envelope(Door::ChatCompletions, &body).map_err(|invalid| io::Error::other(format!("{invalid:?}")))?;
    for _ in 0..times {
        let _ = black_box(read_envelope(Door::ChatCompletions, black_box(&body)));
    }
    Ok(())
}

fn plan(times: u32) -> io::Result<()> {
    let envelope =
        read_envelope(Door::ChatCompletions, &body(1)).map_err(|invalid| io::Error::other(format!("{invalid:?}")))?;
    let registry = registry()?;
    let route = registry.resolve("best").ok_or(io::ErrorKind::NotFound)?;
    for _ in 0..times {
        let _ = black_box(route.plan(black_box(&envelope)));
    }
    Ok(())
}

/// The body of the requests that the loads send.
fn body(kilobytes: usize) -> Vec<u8> {
    let host = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let request = Request::new(host, &Load::closed(1, 0.0).body(kilobytes * 1024));
    let head = memmem::find(request.bytes(), b"\r\n\r\n").expect("a request has a head") + 4;
    request.bytes()[head..].to_vec()
}

fn registry() -> io::Result<Registry> {
    let files = tempfile::tempdir()?;
    let file = files.path().join("config");
    std::fs::write(&file, ROUTES)?;
    let loaded = Config::load(Some(&file), &Env::default()).map_err(io::Error::other)?;
    let connector = Arc::new(Connector::default());
    Registry::new(&loaded.config, &connector, &Metrics::new(|| 0), Instant::now()).map_err(io::Error::other)
}
