//! Three gateways between many clients and three providers, in one process and under paused time.
//!
//! The gateways' own code runs: configuration, registry, layers, dispatcher, dialects, hyper's connections. Only the dial
//! is replaced, by pipes to simulated providers. The clock moves by itself when everybody waits, so minutes pass in
//! milliseconds, and one number decides a whole run: who calls when, who leaves, which provider does what.
//!
//! ```sh
//! cargo test --test simulation                             # 50 seeds
//! TOLLGATE_SEEDS=1000 cargo test --test simulation         # as many
//! TOLLGATE_SEED=17 cargo test --test simulation            # one, and its history
//! ```
//!
//! `world` plays a seed; `weather` decides how providers are, and `acts` what a `provider` then does with a request, in the
//! words of `speech` and `http`; `clients` call as they `ask`, through a `gateway`, whose connections are a `wire`; `history`
//! keeps what happened, and `checks` judge it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod acts;
mod ask;
mod checks;
mod clients;
mod gateway;
mod history;
mod http;
mod provider;
mod selftest;
mod speech;
mod weather;
mod wire;
mod world;

use std::io::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use self::checks::{check, report};
use self::world::{Run, play};

/// Played where nothing else is asked for.
const SEEDS: u64 = 50;

/// Which seeds are to be played.
fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().expect("a seed is a number"));
    match number("TOLLGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn no_weather_breaks_an_invariant() {
    let seeds = seeds();
    let alone = seeds.end - seeds.start == 1;
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let run = play(seed);
                    if alone {
                        // Not captured, so it is shown of a good run too.
                        std::io::stdout().write_all(run.history().as_bytes()).unwrap();
                    }
                    let findings = check(&run);
                    if !findings.is_empty() {
                        failed.lock().unwrap().push((seed, report(&run, &findings)));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    let seeds: Vec<_> = failed.iter().map(|(seed, _)| seed).collect();
    let reports: Vec<_> = failed.iter().map(|(_, report)| report.as_str()).take(3).collect();
    assert!(failed.is_empty(), "{}\nseeds that failed: {seeds:?}", reports.join("\n"));
}

#[test]
fn a_seed_decides_everything() {
    for seed in [3, 8] {
        let [first, again] = [play(seed), play(seed)].map(|run: Run| run.history());
        let difference = first.lines().zip(again.lines()).find(|(one, other)| one != other);
        assert!(first == again, "seed {seed}: {difference:?}");
        assert!(first.lines().count() > 1_000, "something has happened");
    }
    assert_ne!(play(3).history(), play(8).history());
}
