//! Memory of an open stream: what the gateway takes for a thousand that have begun and do not end, beyond what it has
//! taken before.

use std::io;

use crate::bench::Bench;
use crate::figure::{Figure, Sort};
use crate::load::Load;
use crate::peers::Kind;

const STREAMS: u32 = 1_000;

pub(crate) fn weigh(bench: &Bench) -> io::Result<Figure> {
    eprintln!("holding {STREAMS} streams");
    let gateway = bench.peer(Kind::Tollgate)?;
    let before = gateway.memory()?;
    let streams = bench.loader(&gateway, &Load::held(STREAMS))?;
    let with = gateway.memory()?;
    drop(streams);
    let each = (with as f64 - before as f64) / 1e3 / f64::from(STREAMS);
    Ok(Figure::exact(Sort::Kilobytes, "open stream", each))
}
