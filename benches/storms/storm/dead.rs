//! One of three providers is dead, the cheapest: it refuses connections, or resets them. Every call is answered, and
//! hardly any goes there once its breaker is open.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::client::{Client, chat};
use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::{Provider, Step};
use crate::scene::{MODEL, cheapest};
use crate::voice::Voice;

const CALLS: u64 = 20_000;
const CLIENTS: u64 = 32;
/// The breaker is open by then.
const FIRST: f64 = 100.0;

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    // Bound and deaf: nobody else gets the port meanwhile.
    let refusing = TcpSocket::new_v4()?;
    refusing.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    besiege(findings, "dead: refuses", refusing.local_addr()?).await?;
    let resetting = Provider::start(|_| vec![Step::Reset])?;
    besiege(findings, "dead: resets", resetting.address).await
}

async fn besiege(findings: &mut Findings, name: &str, dead: SocketAddr) -> io::Result<()> {
    let good = [Provider::good(Voice::OpenAi)?, Provider::good(Voice::OpenAi)?];
    let gateway = Gateway::start("", &cheapest(&[dead, good[0].address, good[1].address], "")).await?;
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (door, next) = (gateway.door, Arc::clone(&next));
        clients.spawn(async move {
            let (mut client, mut good) = (Client::connect(door).await?, 0);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= CALLS {
                    return Ok::<_, io::Error>(good);
                }
                let answer = client.call(&chat(MODEL, number % 2 == 0, number)).await?;
                let whole = answer.body.contains("[DONE]") || answer.body.contains("\"choices\"");
                good += u64::from(answer.end.status == 200 && whole);
            }
        });
    }
    let mut answered = 0;
    while let Some(client) = clients.join_next().await {
        answered += client.map_err(io::Error::other)??;
    }
    findings.exactly(name, "calls answered", answered, CALLS);
    let attempts = gateway.metric("tollgate_attempts_total", &[]).await?;
    // All that were made while the breaker was not open yet are charged to those after it.
    let each = attempts / (CALLS as f64 - FIRST);
    findings.at_most(name, "upstream calls per call", each, 1.2, "");
    let wasted = gateway.metric("tollgate_attempts_total", &["provider=\"p0\""]).await?;
    findings.at_most(name, "calls to the dead one", wasted, FIRST, "");
    Ok(())
}
