//! A thousand clients that leave at any point of a call, in each of the ways that a client can leave: the provider sees
//! its connection closed within a second, and each is recorded once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::{Client, chat};
use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Asked, Heard, Provider, Step, begun, content, refusal, whole};
use crate::scene::{model, provider};
use crate::voice::Voice;

const LEAVERS: u64 = 1_000;
/// At once.
const TOGETHER: usize = 100;
const PATIENCE: Duration = Duration::from_secs(10);

/// When a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// The provider has said nothing yet.
    BeforeHead,
    FirstByte,
    Midway,
    /// All of the answer but its end is there.
    BeforeEnd,
    /// The first provider is waited for, or the second: nobody knows.
    FallingBack,
}

const POINTS: [Point; 5] = [Point::BeforeHead, Point::FirstByte, Point::Midway, Point::BeforeEnd, Point::FallingBack];
const WORD: &str = " carriages";
const WORDS: usize = 20;

fn point(number: u64) -> Point {
    POINTS[(number % 5) as usize]
}

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    let name = "leavers";
    let first = Provider::start(script)?;
    let slow =
        Provider::start(|_| vec![Step::Pause(Duration::from_millis(100)), refusal("503 Service Unavailable", "")])?;
    let second = Provider::start(script)?;
    let no_breaker = "breaker = { failures = 1000000 }";
    let mut tables = provider("first", Voice::OpenAi, first.address, 1.0, no_breaker);
    tables += &provider("slow", Voice::OpenAi, slow.address, 0.5, no_breaker);
    tables += &provider("second", Voice::OpenAi, second.address, 1.0, no_breaker);
    model(&mut tables, "chat", &["first/m".to_owned()]);
    model(&mut tables, "falls", &["slow/m".to_owned(), "second/m".to_owned()]);
    let gateway = Gateway::start("", &tables).await?;

    let heard = [&first, &slow, &second].map(|provider| Arc::clone(&provider.heard));
    let mut leaving = JoinSet::new();
    let mut left = Vec::new();
    for number in 0..LEAVERS {
        let (door, heard) = (gateway.door, heard.clone());
        leaving.spawn(async move { leave(Client::connect(door).await?, number, &heard).await });
        if leaving.len() >= TOGETHER
            && let Some(one) = leaving.join_next().await
        {
            left.push(one.map_err(io::Error::other)??);
        }
    }
    while let Some(one) = leaving.join_next().await {
        left.push(one.map_err(io::Error::other)??);
    }
    gateway.until_recorded(LEAVERS, PATIENCE).await;
    sleep(Duration::from_secs(1)).await;

    let closings = left.iter().flat_map(|(number, at)| {
        let closed = heard.iter().filter_map(|heard| heard.left(*number)).max();
        closed.map(|closed| closed.saturating_duration_since(*at))
    });
    let closings: Vec<_> = closings.collect();
    let reached: u64 = first.calls() + second.calls();
    let noticed = closings.len() as f64 / LEAVERS as f64;
    eprintln!("    {reached} calls had reached a provider that answers; {:.0} % saw their client leave", noticed * 1e2);
    let seconds = closings.iter().max().copied().unwrap_or_default().as_secs_f64();
    findings.at_most(name, "slowest closing of a provider's connection", seconds, 1.0, " s");
    let open = first.open() + slow.open() + second.open();
    findings.exactly(name, "provider's connections left with a call", open, 0);
    let (recorded, twice) = gateway.recorded();
    findings.exactly(name, "calls recorded", recorded, LEAVERS);
    findings.exactly(name, "recorded more than once", twice, 0);
    findings.exactly(name, "recorded as the client's", gateway.ended("client_gone"), LEAVERS);
    let counted = gateway.metric("tollgate_calls_total", &[]).await?;
    findings.exactly(name, "calls counted", counted as u64, LEAVERS);
    let under_way = gateway.metric("tollgate_inflight", &[]).await?;
    findings.exactly(name, "calls in flight at the end", under_way as u64, 0);
    Ok(())
}

/// What the provider says, up to the point and no further.
fn script(asked: Asked) -> Vec<Step> {
    let mut steps = Vec::new();
    let chosen = point(asked.number);
    if matches!(chosen, Point::Midway | Point::BeforeEnd | Point::FirstByte) {
        if asked.stream {
            steps.push(Step::Say(begun(Voice::OpenAi).into()));
            let words = if chosen == Point::FirstByte { 1 } else { WORDS };
            for _ in 0..words {
                steps.push(Step::Say(content(Voice::OpenAi, WORD).into()));
                steps.push(Step::Pause(Duration::from_millis(5)));
            }
        } else {
            let answer = whole(Voice::OpenAi);
            let said: Bytes = match chosen {
                Point::FirstByte => answer.slice(..20),
                Point::Midway => answer.slice(..answer.len() / 2),
                _ => answer.slice(..answer.len() - 1),
            };
            steps.push(Step::Say(said));
        }
    }
    steps.push(Step::Stall);
    steps
}

/// Makes the call with this number and leaves it; tells when.
async fn leave(mut client: Client, number: u64, heard: &[Arc<Heard>]) -> io::Result<(u64, Instant)> {
    let (chosen, stream) = (point(number), (number / 5).is_multiple_of(2));
    let model = if chosen == Point::FallingBack { "falls" } else { "chat" };
    client.stream.write_all(&chat(model, stream, number)).await?;
    let mut seen = Vec::new();
    // Of one that leaves before it is read nobody knows anything.
    let patience = Instant::now() + PATIENCE;
    while !heard.iter().any(|heard| heard.has(number)) && Instant::now() < patience {
        sleep(Duration::from_millis(2)).await;
    }
    match chosen {
        Point::FirstByte if stream => client.until(b"HTTP", &mut seen).await?,
        Point::Midway if stream => {
            let words = 1 + fastrand::usize(..WORDS - 1);
            while count(&seen) < words {
                client.more(&mut seen).await?;
            }
        }
        Point::BeforeEnd if stream => {
            while count(&seen) < WORDS {
                client.more(&mut seen).await?;
            }
        }
        Point::FallingBack => sleep(Duration::from_millis(fastrand::u64(..250))).await,
        _ => sleep(Duration::from_millis(fastrand::u64(..150))).await,
    }
    match number % 3 {
        0 => client.stream.set_zero_linger()?,
        1 => {
            // Its other half stays open for a while.
            client.stream.shutdown().await?;
            let left = Instant::now();
            sleep(Duration::from_millis(1_500)).await;
            return Ok((number, left));
        }
        _ => {}
    }
    let left = Instant::now();
    drop(client);
    Ok((number, left))
}

fn count(seen: &[u8]) -> usize {
    memchr::memmem::find_iter(seen, WORD).count()
}
