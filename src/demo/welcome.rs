//! What `tollgate demo` tells its user: a key, commands to paste, and what to watch for.

use std::fmt::Write;
use std::net::SocketAddr;

use super::offers::{OUTAGE, Offer, Price};

pub(super) fn text<'a>(
    secret: &str,
    admin_secret: &str,
    listen: SocketAddr,
    admin_listen: SocketAddr,
    offers: impl Iterator<Item = &'a Offer>,
) -> String {
    let base = format!("http://{}/v1", reachable(listen));
    let admin = reachable(admin_listen);
    let curl = format!(
        "curl -sS {base}/chat/completions -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json'"
    );
    let who = r"-o /dev/null -D - | grep -iE 'x-tollgate-(provider|attempts|cache):' | tr -d '\r' | paste -sd ' ' -";
    let prices = prices(offers);
    format!(
        r#"Tollgate demo: the gateway is at {base}, three simulated providers and a local server are behind it.
{prices}
Your key:  {secret}

Ask (-i shows the headers):
  {curl} -i -d '{{"model": "demo", "messages": [{{"role": "user", "content": "Why is the sky blue?"}}]}}'

Stream:
  {curl} -N -d '{{"model": "demo", "stream": true, "messages": [{{"role": "user", "content": "Tell me a story"}}]}}'

Twelve questions in a row, who answered them and at which attempt:
  for i in $(seq 12); do {curl} -d '{{"model": "demo", "messages": [{{"role": "user", "content": "Question '$i-$RANDOM'"}}]}}' {who}; done

The same in an outage: questions with this word take all three providers down, and the local server answers:
  for i in $(seq 5); do {curl} -d '{{"model": "demo", "messages": [{{"role": "user", "content": "Question '$i-$RANDOM' in an {OUTAGE}"}}]}}' {who}; done

Python (pip install openai):
  from openai import OpenAI
  client = OpenAI(base_url="{base}", api_key="{secret}")
  print(client.chat.completions.create(model="demo", messages=[{{"role": "user", "content": "Hello"}}]).choices[0].message.content)

Watch for:
  x-tollgate-provider  cheap while it is up, else middling: the cheapest that is up answers; local when nobody else is up
  x-tollgate-attempts  2 where cheap failed and the call fell back; after three failures in a row its breaker opens
                       for 10 s, and calls pass it by at the first attempt; in the outage up to 4, then 1
  x-tollgate-cache     MISS the first time, HIT when the same question is asked again
  http://{admin}/metrics  calls, attempts, tokens, cost and the breakers' states

How the providers stand, for whoever runs the gateway:
  curl -sS http://{admin}/admin/v1/providers -H 'Authorization: Bearer {admin_secret}'

Ctrl-C ends the demo.
"#
    )
}

fn prices<'a>(offers: impl Iterator<Item = &'a Offer>) -> String {
    let mut lines = String::new();
    for offer in offers {
        let name = &offer.spec.name;
        let _ = match offer.price {
            Some(Price { input, output }) => {
                // The outage is a rule of every vendor.
                let flaky = if offer.spec.rules.len() > 1 { ", fails one call in three" } else { "" };
                writeln!(lines, "  {name:<9} {input} / {output} USD per million tokens in / out{flaky}")
            }
            None => writeln!(lines, "  {name:<9} as a server on your own machine: no key, no price, asked last"),
        };
    }
    lines
}

/// The address as a client on this machine writes it.
fn reachable(addr: SocketAddr) -> String {
    if addr.ip().is_loopback() || addr.ip().is_unspecified() {
        format!("localhost:{}", addr.port())
    } else {
        addr.to_string()
    }
}
