//! SIGTERM with hundreds of open streams: those that end in time are not cut, the rest are told, and the process ends
//! soon after.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{self, Client, chat};
use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Asked, Provider, Step, begun, content, ended};
use crate::scene::{MODEL, cheapest};
use crate::voice::Voice;

const STREAMS: u64 = 500;
const DRAIN: Duration = Duration::from_secs(5);
/// What the process may take for telling and ending, beyond the drain.
const LAST_WORDS: Duration = Duration::from_secs(1);
const GAP: Duration = Duration::from_millis(250);

/// Half of the streams end within the drain, at different times.
fn lasts(number: u64) -> Duration {
    let share = number % 2;
    match share {
        0 => Duration::from_millis(1_000 + number * 3_000 / STREAMS),
        _ => Duration::from_secs(60),
    }
}

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    let name = "drain";
    let provider = Provider::start(script)?;
    let server = format!("drain = \"{}s\"", DRAIN.as_secs());
    let mut gateway = Gateway::start(&server, &cheapest(&[provider.address], "")).await?;
    let mut streams = JoinSet::new();
    let (opened, mut open) = tokio::sync::mpsc::channel(STREAMS as usize);
    for number in 0..STREAMS {
        let (door, opened) = (gateway.door, opened.clone());
        streams.spawn(async move {
            let mut client = Client::connect(door).await?;
            let begun = Instant::now();
            let reading = async {
                let answer = client.call(&chat(MODEL, true, number)).await;
                answer.map(|answer| (number, answer.body, begun.elapsed()))
            };
            // Whether it has begun is seen at the provider.
            let _ = opened.send(()).await;
            reading.await
        });
    }
    for _ in 0..STREAMS {
        open.recv().await;
    }
    let patience = Instant::now() + Duration::from_secs(5);
    while provider.calls() < STREAMS && Instant::now() < patience {
        sleep(Duration::from_millis(10)).await;
    }
    findings.exactly(name, "streams begun", provider.calls(), STREAMS);
    let terminated = Instant::now();
    gateway.terminate()?;
    sleep(Duration::from_millis(200)).await;
    let ready = timeout(Duration::from_secs(1), client::get(gateway.admin, "/readyz")).await?;
    findings.exactly(name, "readiness while it drains", ready.map_or(0, |answer| answer.end.status.into()), 503);
    let ended = streams.join_all().await;
    let status = gateway.exited(DRAIN + 5 * LAST_WORDS).await?;
    let exit = terminated.elapsed();
    let short = |number: &u64| number.is_multiple_of(2);
    let good: Vec<_> = ended.iter().filter_map(|one| one.as_ref().ok()).collect();
    let whole = good.iter().filter(|(number, body, _)| short(number) && body.contains("[DONE]")).count();
    findings.exactly(name, "streams that ended in time, whole", whole as u64, STREAMS / 2);
    let told = good
        .iter()
        .filter(|(number, body, _)| !short(number) && body.contains("\"error\"") && !body.contains("[DONE]"))
        .count();
    findings.exactly(name, "streams that were told", told as u64, STREAMS / 2);
    findings.exactly(name, "exit status", status.and_then(|status| status.code()).map_or(255, |code| code as u64), 0);
    findings.at_most(
        name,
        "exit after the drain",
        exit.as_secs_f64() - DRAIN.as_secs_f64(),
        LAST_WORDS.as_secs_f64(),
        " s",
    );
    sleep(Duration::from_millis(200)).await;
    findings.exactly(name, "calls recorded", gateway.recorded().0, STREAMS);
    findings.exactly(name, "given up", gateway.ended("shutting_down"), STREAMS / 2);
    Ok(())
}

fn script(asked: Asked) -> Vec<Step> {
    let words = (lasts(asked.number).as_millis() / GAP.as_millis()) as usize;
    let mut steps = vec![Step::Say(begun(Voice::OpenAi).into())];
    for _ in 0..words {
        steps.push(Step::Say(content(Voice::OpenAi, " carriages").into()));
        steps.push(Step::Pause(GAP));
    }
    steps.push(Step::Say(ended(Voice::OpenAi).into()));
    steps
}
