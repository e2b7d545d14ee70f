//! Thousands of connections that say nothing, half of something, or a byte a second: all are closed within the time for a
//! head and a second, and good calls do not notice.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use crate::findings::Findings;
use crate::gateway::Gateway;
use crate::provider::Provider;
use crate::scene::{MODEL, cheapest};
use crate::steady::{Steady, faults, quantile, tell};
use crate::voice::Voice;

const CONNECTIONS: u64 = 5_000;
const PER_SECOND: u32 = 200;
const LENGTH: Duration = Duration::from_secs(14);
const PATIENCE: Duration = Duration::from_secs(90);

/// What a connection says at once, and what it says then, byte by byte.
struct Drip {
    name: &'static str,
    at_once: &'static str,
    then: &'static str,
}

const HEAD: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n";
const DRIPS: [Drip; 7] = [
    Drip { name: "silent", at_once: "", then: "" },
    Drip { name: "half a line", at_once: "POST /v1/ch", then: "" },
    Drip { name: "half a head", at_once: HEAD, then: "" },
    Drip {
        name: "a head that drips",
        at_once: "POST ",
        then: "/v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nx-more: ",
    },
    Drip { name: "no body", at_once: "content-length: 500\r\n\r\n", then: "" },
    Drip { name: "half a body", at_once: "content-length: 500\r\n\r\n{\"model\":\"chat\",\"messages\":[", then: "" },
    Drip {
        name: "a body that drips",
        at_once: "content-length: 500\r\n\r\n{\"model\":",
        then: "\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"",
    },
];

pub(super) async fn rage(findings: &mut Findings) -> io::Result<()> {
    let name = "dripping";
    let good = Provider::good(Voice::OpenAi)?;
    let gateway = Gateway::start("", &cheapest(&[good.address], "")).await?;
    let steady = Steady::new(gateway.door, MODEL, PER_SECOND).with_streams();
    let quiet = steady.run(Duration::from_secs(3)).await;
    let before = gateway.memory()?;
    let mut dripping = JoinSet::new();
    for number in 0..CONNECTIONS {
        let door = gateway.door;
        let place = (number % DRIPS.len() as u64) as usize;
        dripping.spawn(async move { (place, timeout(PATIENCE, drip(door, &DRIPS[place])).await) });
    }
    let weigh = async {
        sleep(Duration::from_secs(8)).await;
        gateway.memory()
    };
    let (during, memory) = tokio::join!(steady.run(LENGTH), weigh);
    let ends = dripping.join_all().await;
    for (place, drip) in DRIPS.iter().enumerate() {
        let ends = ends.iter().filter(|(of, _)| *of == place);
        let slowest = ends.map(|(_, end)| match end {
            Ok(Ok(length)) => length.as_secs_f64(),
            _ => f64::INFINITY,
        });
        findings.at_most(name, &format!("closed: {}", drip.name), slowest.fold(0.0, f64::max), 11.0, " s");
    }
    let each = (memory? as f64 - before as f64) / 1024.0 / CONNECTIONS as f64;
    findings.at_most(name, "memory per connection", each, 32.0, " KiB");
    tell(&during);
    findings.exactly(name, "good calls that failed", faults(&during).len() as u64, 0);
    let millis = |went: &[_]| quantile(went, 0.99).as_secs_f64() * 1e3;
    eprintln!("    p99 of good calls {:.2} ms, before {:.2} ms", millis(&during), millis(&quiet));
    Ok(())
}

/// Holds a connection open for as long as it may be.
async fn drip(door: SocketAddr, drip: &Drip) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(door).await?;
    let begun = Instant::now();
    let (mut read, mut write) = stream.split();
    let saying = async {
        if drip.at_once.starts_with("content-length") {
            write.write_all(HEAD.as_bytes()).await?;
        }
        write.write_all(drip.at_once.as_bytes()).await?;
        let mut ticks = interval(Duration::from_secs(1));
        for byte in drip.then.bytes() {
            ticks.tick().await;
            write.write_all(&[byte]).await?;
        }
        std::future::pending::<io::Result<()>>().await
    };
    let closing = async {
        let mut scratch = [0; 1024];
        // A 408 may come first; a reset is an end too.
        while matches!(read.read(&mut scratch).await, Ok(1..)) {}
    };
    tokio::select! {
        () = closing => {}
        // Writing fails where the other side has closed.
        _ = saying => {}
    }
    Ok(begun.elapsed())
}
