//! What a peer takes by standing there: time to start, and memory. Each round gives every peer a life of its own for
//! this, in which it does nothing else; what the other loads leave behind in memory would hide it.

use std::io;

use crate::bench::Bench;
use crate::findings::Findings;
use crate::load::Load;
use crate::peers::{Kind, Peer};
use crate::statistics::Middle;

const START: &str = "start to first answer";
const IDLE: &str = "memory, idle";
const CONNECTED: &str = "memory, 64 connections";

/// How much is asked of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    /// Streams held open at once.
    pub(crate) streams: u32,
    /// Calls after which memory is looked at.
    pub(crate) calls: u64,
}

impl Lives {
    /// Names and units.
    pub(crate) fn figures(self) -> [(String, &'static str); 5] {
        [
            (START.to_owned(), "ms"),
            (IDLE.to_owned(), "MB"),
            (CONNECTED.to_owned(), "MB"),
            (self.per_stream(), "KB"),
            (self.after_calls(), "MB"),
        ]
    }

    fn per_stream(self) -> String {
        format!("memory per open stream, {} open", self.streams)
    }

    fn after_calls(self) -> String {
        format!("memory after {} unique calls, 4 KB", self.calls)
    }

    /// One life of each kind in `kinds`.
    pub(crate) fn live(self, bench: &Bench, kinds: &[Kind], round: u32, findings: &mut Findings) -> io::Result<()> {
        kinds.iter().try_for_each(|&kind| {
            let mut note = |figure: &str, value| findings.samples.add(figure, kind, round, value);
            note(START, start_ms(bench, kind)?);
            let peer = bench.peer(kind)?;
            note(IDLE, megabytes(&peer)?);
            let connections = bench.loader(&peer, &Load::closed(64, 0.0))?;
            note(CONNECTED, megabytes(&peer)?);
            drop(connections);
            if kind.is_slow() {
                return Ok(());
            }
            note(&self.per_stream(), self.per_stream_kb(bench, &peer)?);
            drop(peer);
            // The cache is full long before the end: further rounds would show the same.
            if round == 0 {
                note(&self.after_calls(), self.after_calls_mb(bench, kind)?);
            }
            Ok(())
        })
    }

    fn per_stream_kb(self, bench: &Bench, peer: &Peer) -> io::Result<f64> {
        let before = peer.memory()?;
        let streams = bench.loader(peer, &Load::held(self.streams))?;
        let with = peer.memory()?;
        drop(streams);
        Ok((with as f64 - before as f64) / 1e3 / f64::from(self.streams))
    }

    /// In a life of its own again: streams leave their memory behind.
    fn after_calls_mb(self, bench: &Bench, kind: Kind) -> io::Result<f64> {
        const LONGEST: f64 = 600.0;
        let peer = bench.peer(kind)?;
        let load = Load::closed(64, LONGEST).body(4096).calls(self.calls);
        bench.loader(&peer, &load)?.run()?.whole()?;
        megabytes(&peer)
    }
}

/// The middle of a few starts: one takes milliseconds, and is easily disturbed.
fn start_ms(bench: &Bench, kind: Kind) -> io::Result<f64> {
    let starts = if kind.is_slow() { 1 } else { 5 };
    let times = (0..starts).map(|_| Ok(bench.peer(kind)?.start.as_secs_f64() * 1e3)).collect::<io::Result<Vec<_>>>()?;
    Ok(Middle::of(times).map_or(f64::NAN, |middle| middle.median))
}

fn megabytes(peer: &Peer) -> io::Result<f64> {
    Ok(peer.memory()? as f64 / 1e6)
}
