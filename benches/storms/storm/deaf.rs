//! Thousands of clients that ask for streams and never read, from providers that send chunks of 64 KB as fast as they
//! can: memory stays where it is, others hardly notice, and who lets a stream wait for too long is cut.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::post;
use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Provider, Step, begun, chunk, event};
use crate::scene::{model, provider};
use crate::steady::{Steady, Went, faults, quantile, tell};
use crate::voice::Voice;

const STREAMS: u64 = 4_000;
const CHUNK: usize = 64 << 10;
const PER_SECOND: u32 = 200;
const TURN: Duration = Duration::from_millis(1_500);
const TURNS: u32 = 4;
const WRITE_TIMEOUT: Duration = Duration::from_secs(25);
/// The model of the calls that are to go on as if nothing was.
const STEADY: &str = "steady";

/// How streams come and go.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// What the provider speaks.
    voice: Voice,
    /// Where clients call.
    path: &'static str,
    /// A chunk is one event, not many.
    long: bool,
}

const WAYS: [Way; 6] = [
    Way { name: "deaf: chat", voice: Voice::OpenAi, path: CHAT, long: false },
    Way { name: "deaf: chat, events of 64 KB", voice: Voice::OpenAi, path: CHAT, long: true },
    Way { name: "deaf: chat to Anthropic", voice: Voice::Anthropic, path: CHAT, long: false },
    Way { name: "deaf: chat to Anthropic, events of 64 KB", voice: Voice::Anthropic, path: CHAT, long: true },
    Way { name: "deaf: messages to OpenAI", voice: Voice::OpenAi, path: MESSAGES, long: false },
    Way { name: "deaf: messages to OpenAI, events of 64 KB", voice: Voice::OpenAi, path: MESSAGES, long: true },
];
const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    for way in WAYS {
        besiege(findings, way).await?;
    }
    Ok(())
}

async fn besiege(findings: &mut Findings, way: Way) -> io::Result<()> {
    let Way { name, voice, path, .. } = way;
    let loud = Provider::start(move |_| flood(way))?;
    let good = Provider::good(Voice::OpenAi)?;
    let mut tables = provider("loud", voice, loud.address, 1.0, "");
    tables += &provider("good", Voice::OpenAi, good.address, 1.0, "");
    model(&mut tables, "chat", &["loud/m".to_owned()]);
    model(&mut tables, STEADY, &["good/m".to_owned()]);
    let server = format!("write_timeout = \"{}s\"", WRITE_TIMEOUT.as_secs());
    let gateway = Gateway::start(&server, &tables).await?;
    let quiet = Gateway::start(&server, &tables).await?;
    let steady = Steady::new(gateway.door, STEADY, PER_SECOND);
    let elsewhere = Steady::new(quiet.door, STEADY, PER_SECOND);
    elsewhere.run(TURN).await;
    steady.run(TURN).await;
    let before = gateway.memory()?;

    let begun = Instant::now();
    let deaf = listen_not(gateway.door, path).await?;
    let asked = begun.elapsed();
    let (mut with, mut without, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..2 * TURNS {
        // As often the one first as the other: what follows the storm's beginning is shared by both.
        let (calls, went) = if turn % 4 % 3 == 0 { (&elsewhere, &mut without) } else { (&steady, &mut with) };
        let turn = calls.run(TURN).await;
        went.extend(turn);
        memory.push(each(gateway.memory()?, before));
    }
    eprintln!("    asked within {asked:.1?}; KiB per stream over time: {memory:.1?}");
    let (middle, end) = (memory[memory.len() / 2], memory[memory.len() - 1]);
    findings.at_most(name, "memory per stream", memory.iter().copied().fold(0.0, f64::max), 64.0, " KiB");
    findings.at_most(name, "growth over the second half", end / middle, 1.05, "");

    let held: Vec<_> = cut(deaf).await.into_iter().flatten().collect();
    findings.exactly(name, "streams cut", held.len() as u64, STREAMS);
    let longest = held.iter().max().copied().unwrap_or_default().as_secs_f64();
    findings.at_most(name, "longest that one was held", longest, WRITE_TIMEOUT.as_secs_f64() + 5.0, " s");
    let patience = Instant::now() + Duration::from_secs(10);
    while gateway.metric("tollgate_inflight", &[]).await? > 0.0 && Instant::now() < patience {
        sleep(Duration::from_millis(100)).await;
    }
    let gone = gateway.metric("tollgate_calls_total", &["outcome=\"client_gone\""]).await?;
    findings.exactly(name, "counted as the client's", gone as u64, STREAMS);
    while gateway.ended("client_gone") < STREAMS && Instant::now() < patience {
        sleep(Duration::from_millis(100)).await;
    }
    findings.exactly(name, "recorded as the client's", gateway.ended("client_gone"), STREAMS);

    tell(&with);
    findings.exactly(name, "errors of other calls", faults(&with).len() as u64, 0);
    let millis = |went: &[Went]| quantile(went, 0.99).as_secs_f64() * 1e3;
    let (with, without) = (millis(&with), millis(&without));
    eprintln!("    p99 {with:.2} ms with them, {without:.2} ms on a gateway without");
    findings.at_most(name, "p99 of other calls over without", with / without, 2.0, "");
    Ok(())
}

/// The steps of a stream that never ends and is never slow.
fn flood(way: Way) -> Vec<Step> {
    let text = if way.long { "x".repeat(CHUNK - 300) } else { " carriages".to_owned() };
    let event = event(way.voice, &text);
    let events = event.repeat((CHUNK / event.len()).max(1));
    vec![Step::Say(begun(way.voice).into()), Step::Flood(Bytes::from(chunk(&events)))]
}

/// Asks for all the streams.
async fn listen_not(door: SocketAddr, path: &'static str) -> io::Result<Vec<(Instant, TcpStream)>> {
    let mut asking = JoinSet::new();
    let mut deaf = Vec::new();
    for number in 0..STREAMS {
        asking.spawn(async move {
            let mut stream = TcpStream::connect(door).await?;
            let begun = Instant::now();
            stream.write_all(&post(path, "chat", true, number)).await?;
            // The answer has begun.
            stream.readable().await?;
            Ok::<_, io::Error>((begun, stream))
        });
        // As fast as they are accepted, and no faster.
        if asking.len() >= 200
            && let Some(asked) = asking.join_next().await
        {
            deaf.push(asked.map_err(io::Error::other)??);
        }
    }
    while let Some(asked) = asking.join_next().await {
        deaf.push(asked.map_err(io::Error::other)??);
    }
    Ok(deaf)
}

/// KiB.
fn each(bytes: u64, before: u64) -> f64 {
    (bytes as f64 - before as f64) / 1024.0 / STREAMS as f64
}

/// Reads none, and tells how long the gateway has held each before it cut it.
async fn cut(deaf: Vec<(Instant, TcpStream)>) -> Vec<Option<Duration>> {
    let mut ends = JoinSet::new();
    for (begun, stream) in deaf {
        ends.spawn(async move {
            // A stream that is cut is reset: its end would have to wait for what the client does not read.
            let cut = async {
                while !stream.ready(Interest::ERROR).await.is_ok_and(|ready| ready.is_error()) {}
                begun.elapsed()
            };
            timeout(2 * WRITE_TIMEOUT, cut).await.ok()
        });
    }
    ends.join_all().await
}
