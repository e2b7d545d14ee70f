//! Instructions of one repeat: a program runs twice, the second time with more repeats, and the difference is shared
//! out among those. Start-up, warm-up and end are in both and cancel out.

use std::io;

use clap::ValueEnum;

use crate::callgrind::{self, Counted};
use crate::cores::Cores;
use crate::figure::{Figure, Sort};
use crate::gateway::{self, Part};
use crate::work::Work;

/// Repeats of work in the first run.
const FEW: u32 = 10;
/// Repeats that only the second run of the gateway has.
const MORE: u32 = 400;

pub(crate) fn count(cores: Option<Cores>) -> io::Result<Vec<Figure>> {
    callgrind::check()?;
    eprintln!("counting instructions");
    let core = cores.map(|cores| cores.gateway);
    let core = core.as_slice();
    let mut figures = Vec::new();
    for work in Work::value_variants() {
        let (few, more) = (work_total(core, *work, FEW)?, work_total(core, *work, FEW + work.more())?);
        figures.push(figure(work.name(), few, more, work.more()));
    }
    let few = gateway::instructions(core, None)?;
    for part in Part::ALL {
        let more = gateway::instructions(core, Some((part, MORE)))?;
        figures.push(figure(part.name().to_owned(), few, more, MORE));
    }
    Ok(figures)
}

fn work_total(cores: &[usize], work: Work, times: u32) -> io::Result<u64> {
    Counted::start(cores, std::env::current_exe()?, &["work", &work.name(), &times.to_string()])?.total()
}

fn figure(name: String, few: u64, more: u64, repeats: u32) -> Figure {
    Figure::exact(Sort::Instructions, name, (more as f64 - few as f64) / f64::from(repeats))
}
