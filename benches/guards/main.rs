//! Guards the speed that has been reached: `cargo bench --bench guards` fails where a call has become dearer than
//! `expected.toml` says.
//!
//! Two kinds of figures can be held on machines that nobody knows: counts of instructions, which are the same whatever
//! else the machine does, and ratios to a bare hyper pass-through that runs in the same seconds. Memory per open stream
//! hardly depends on the machine either. Times and CPU by themselves are for `benches/overhead`, whose parts do the
//! work here.
//!
//! ```text
//! work, gateway (under callgrind) -> instructions \
//! overhead's bench, in rounds -> ratios             > figures -> expected
//! overhead's bench, held streams -> memory        /
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod args;
mod callgrind;
mod conversation;
mod expected;
mod figure;
mod gateway;
mod instructions;
mod memory;
mod provider;
mod ratios;
mod translated;
mod work;

#[path = "../overhead/bench.rs"]
#[expect(dead_code, reason = "the other benchmark uses more of it")]
mod bench;
#[path = "../overhead/clock.rs"]
mod clock;
#[path = "../overhead/cores.rs"]
mod cores;
#[path = "../overhead/cost.rs"]
mod cost;
#[path = "../overhead/listener.rs"]
mod listener;
#[path = "../overhead/load/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmark uses more of it")]
mod load;
#[path = "../overhead/mock/mod.rs"]
mod mock;
#[path = "../overhead/parts.rs"]
mod parts;
#[path = "../overhead/peers/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the other benchmark uses more of it")]
mod peers;
#[path = "../overhead/process.rs"]
#[expect(dead_code, reason = "the other benchmark uses more of it")]
mod process;
#[path = "../overhead/statistics.rs"]
mod statistics;

use std::io;
use std::process::ExitCode;

use args::{Arguments, Mode};
use bench::Bench;
use clap::Parser;
use cores::Cores;
use expected::{Expected, HOW_TO_ACCEPT};
use ratios::Care;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.mode {
        None if !arguments.bench => {
            println!("the guards hold for optimised code: `cargo bench --bench guards`");
            Ok(())
        }
        None if arguments.accept => accept(),
        None => guard(),
        Some(Mode::Work { work, times }) => work.repeat(times),
        Some(Mode::Part(part)) => part.play(),
    };
    if let Err(error) = done {
        eprintln!("guards: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures everything with care, and writes what is found as what is expected from now on.
fn accept() -> io::Result<()> {
    let cores = pinned()?;
    let mut figures = instructions::count(cores)?;
    let bench = Bench::new(cores)?;
    figures.push(memory::weigh(&bench)?);
    figures.extend(ratios::measure(&bench, Care::More)?);
    println!("{}", Expected::read().unwrap_or_default().table(&figures));
    Expected::write(&figures)
}

/// Measures everything and fails where it is above what is expected. Ratios are taken again before they count.
fn guard() -> io::Result<()> {
    let expected = Expected::read()?;
    let cores = pinned()?;
    let mut figures = instructions::count(cores)?;
    let bench = Bench::new(cores)?;
    figures.push(memory::weigh(&bench)?);
    let mut ratios = ratios::measure(&bench, Care::Less)?;
    if expected.exceeded(&ratios).next().is_some() {
        eprintln!("a ratio is too high; once more, with more rounds");
        ratios = ratios::measure(&bench, Care::More)?;
    }
    figures.extend(ratios);
    println!("{}", expected.table(&figures));
    match &*expected.exceeded(&figures).collect::<Vec<_>>() {
        [] => Ok(()),
        faults => Err(io::Error::other(format!("\n{}\n{HOW_TO_ACCEPT}", faults.join("\n")))),
    }
}

/// Keeps this process, and all that stands around the gateway, on a core of its own.
fn pinned() -> io::Result<Option<Cores>> {
    let cores = Cores::of_this_machine()?;
    if let Some(cores) = cores {
        cores::pin(&[cores.around])?;
    }
    Ok(cores)
}
