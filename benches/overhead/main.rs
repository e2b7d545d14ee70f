//! What a call costs in Tollgate, beside what nginx and a bare hyper pass-through need for the same call on the same
//! machine in the same minutes: `cargo bench --bench overhead`; how that changes with more of everything:
//! `cargo bench --bench overhead -- growth`; and what translation adds: `cargo bench --bench overhead -- translation`.
//!
//! The gateway under measurement runs alone on one core; the mock provider and the loader share another. The mock, the
//! loader and the bare pass-through are modes of this executable.
//!
//! ```text
//! loader -> nginx | bare | tollgate -> mock      rounds (scenarios, lives) | growth | translation -> findings -> report
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod args;
mod bench;
mod clock;
mod cores;
mod cost;
mod findings;
mod growth;
mod listener;
mod lives;
mod load;
mod machine;
mod mock;
mod parts;
mod peers;
mod process;
mod report;
mod rounds;
mod samples;
mod scenarios;
mod statistics;
mod table;
mod translation;

use std::io;
use std::process::ExitCode;

use args::{Arguments, GrowthSettings, Mode, Pace, Settings};
use bench::Bench;
use clap::Parser;
use cores::Cores;
use growth::Growth;
use machine::Machine;
use peers::Kind;
use report::Report;
use rounds::Rounds;
use scenarios::scenarios;
use translation::Translation;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.mode {
        None => overhead(&arguments.settings),
        Some(Mode::Growth(settings)) => growth(&settings),
        Some(Mode::Translation(pace)) => translation(&pace),
        Some(Mode::Part(part)) => part.play(),
    };
    if let Err(error) = done {
        eprintln!("overhead: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What a call costs, beside the other peers.
fn overhead(settings: &Settings) -> io::Result<()> {
    let kinds = settings.kinds()?;
    let machine = Machine::new(&settings.pace);
    let bench = Bench::new(pinned()?)?;
    let (scenarios, lives) = (scenarios(settings.pace.seconds()), settings.lives());
    let rounds = Rounds { bench: &bench, kinds: &kinds, scenarios: &scenarios, lives };
    let findings = rounds.run(settings.pace.rounds())?;
    let report = Report::new(&machine, &rounds, &findings);
    println!("{machine}\n\n{}", report.table());
    if let Some(file) = &settings.pace.json {
        report.write(file)?;
    }
    findings.verdict()
}

/// What a call costs when there is more of something.
fn growth(settings: &GrowthSettings) -> io::Result<()> {
    Kind::Nginx.installed()?;
    let machine = Machine::new(&settings.pace);
    let bench = Bench::new(pinned()?)?;
    let growth = Growth::new(&bench, settings)?;
    let findings = growth.run(settings.pace.rounds())?;
    let report = growth::Report::new(&machine, &growth, &findings);
    println!("{machine}\n\n{}", report.table());
    if let Some(file) = &settings.pace.json {
        report.write(file)?;
    }
    if let Some(folder) = settings.plots() {
        report.plot(&folder)?;
    }
    findings.verdict()
}

/// What a call costs that has to be translated.
fn translation(pace: &Pace) -> io::Result<()> {
    let machine = Machine::new(pace);
    let bench = Bench::new(pinned()?)?;
    let findings = Translation { bench: &bench, seconds: pace.seconds() }.run(pace.rounds())?;
    let report = translation::Report::new(&machine, &findings);
    println!("{machine}\n\n{}", report.table());
    if let Some(file) = &pace.json {
        report.write(file)?;
    }
    findings.verdict()
}

/// Keeps this process, and all that stands around the gateway, on a core of its own.
fn pinned() -> io::Result<Option<Cores>> {
    let cores = Cores::of_this_machine()?;
    match cores {
        Some(cores) => cores::pin(&[cores.around])?,
        None => eprintln!("one core only: gateway, mock and loader share it, unpinned; trust nothing but ratios"),
    }
    Ok(cores)
}
