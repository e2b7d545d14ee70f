//! One of three providers, the cheapest, accepts and never answers. The breaker opens with the first calls that have
//! waited in vain, those are answered by another, and from then on calls take no longer than without it.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Provider, Step};
use crate::scene::{MODEL, cheapest};
use crate::steady::{Steady, Went, faults, quantile, tell};
use crate::voice::Voice;

const PER_SECOND: u32 = 200;
/// Calls until the breaker has opened, and some more.
const OPENING: Duration = Duration::from_secs(4);
/// One turn of calls on one of the two gateways.
const TURN: Duration = Duration::from_secs(3);
const TURNS: u32 = 6;
const TIMEOUTS: &str = "timeouts = { first_byte = \"1s\", response = \"1s\" }";

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    let silent = Provider::start(|_| vec![Step::Stall])?;
    let good = [Provider::good(Voice::OpenAi)?, Provider::good(Voice::OpenAi)?, Provider::good(Voice::OpenAi)?];
    let [first, second, third] = [0, 1, 2].map(|place: usize| good[place].address);
    let healthy = Gateway::start("", &cheapest(&[first, second, third], TIMEOUTS)).await?;
    for (name, open) in [("blackhole", "60s"), ("blackhole, probed each second", "1s")] {
        let lines = format!("{TIMEOUTS}\nbreaker = {{ open = \"{open}\" }}");
        let struck = Gateway::start("", &cheapest(&[silent.address, second, third], &lines)).await?;
        besiege(findings, name, &struck, &healthy).await?;
    }
    Ok(())
}

async fn besiege(findings: &mut Findings, name: &str, struck: &Gateway, healthy: &Gateway) -> io::Result<()> {
    let on = |gateway: &Gateway| Steady::new(gateway.door, MODEL, PER_SECOND).with_streams();
    let (struck_calls, healthy_calls) = (on(struck), on(healthy));
    healthy_calls.run(Duration::from_secs(1)).await;

    let begun = Instant::now();
    let opening = struck_calls.run(OPENING).await;
    tell(&opening);
    findings.exactly(name, "errors until the breaker opened", faults(&opening).len() as u64, 0);
    // Those that were sent there before the first had waited in vain.
    let slow = opening.iter().filter(|one| one.took > Duration::from_millis(900));
    let last = slow.map(|one| one.due.duration_since(begun)).max().unwrap_or_default();
    // The first expiry comes a second after the beginning.
    findings.at_most(name, "open after the first expiry", last.as_secs_f64() - 1.0, 2.0, " s");
    let slowest = opening.iter().map(|one| one.took).max().unwrap_or_default();
    findings.at_most(name, "slowest call", slowest.as_secs_f64(), 1.5, " s");

    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        with.extend(struck_calls.run(TURN).await);
        without.extend(healthy_calls.run(TURN).await);
    }
    tell(&with);
    findings.exactly(name, "errors with the breaker open", faults(&with).len() as u64, 0);
    let millis = |went: &[Went]| quantile(went, 0.99).as_secs_f64() * 1e3;
    let (with_ms, without_ms) = (millis(&with), millis(&without));
    eprintln!("    p99 {with_ms:.2} ms with it, {without_ms:.2} ms without");
    findings.at_most(name, "p99 over healthy", with_ms / without_ms, 1.5, "");
    let slow = with.iter().filter(|one| one.took > Duration::from_millis(900)).count();
    findings.at_most(name, "calls that were a probe", slow as f64, f64::from(TURNS) * 2.0, "");
    Ok(())
}
