//! All providers answer 503, with and without `Retry-After`: nothing is multiplied, and every answer says when to come
//! back.

use std::io;
use std::time::Duration;

use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Provider, refusal};
use crate::scene::{MODEL, cheapest};
use crate::steady::Steady;

const PER_SECOND: u32 = 200;
const LENGTH: Duration = Duration::from_secs(10);

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    for (name, headers, lines) in [
        ("all-503", "", ""),
        ("all-503: retry-after 1", "retry-after: 1\r\n", ""),
        ("all-503: retry-after 30", "retry-after: 30\r\n", ""),
        // Every call asks everybody, and repeats are all that is left to be held back.
        ("all-503: no breaker", "", "breaker = { failures = 1000000 }\nretries = 3"),
    ] {
        besiege(findings, name, headers, lines).await?;
    }
    Ok(())
}

async fn besiege(findings: &mut Findings, name: &str, headers: &'static str, lines: &str) -> io::Result<()> {
    let busy = || Provider::start(move |_| vec![refusal("503 Service Unavailable", headers)]);
    let providers = [busy()?, busy()?, busy()?];
    let gateway = Gateway::start("", &cheapest(&providers.each_ref().map(|one| one.address), lines)).await?;
    let went = Steady::new(gateway.door, MODEL, PER_SECOND).with_streams().run(LENGTH).await;
    let upstream: u64 = providers.iter().map(Provider::calls).sum();
    let calls = went.len() as f64;
    // One for each candidate that a call has asked for the first time is no repeat.
    let each = upstream as f64 / calls;
    let most = if lines.is_empty() { 1.2 } else { providers.len() as f64 + 0.2 };
    findings.at_most(name, "upstream calls per call", each, most, "");
    let told = went.iter().filter(|one| one.retry_after).count();
    findings.exactly(name, "answers with retry-after", told as u64, went.len() as u64);
    let slowest = went.iter().map(|one| one.took).max().unwrap_or_default();
    findings.at_most(name, "slowest answer", slowest.as_secs_f64(), 10.0, " s");
    Ok(())
}
