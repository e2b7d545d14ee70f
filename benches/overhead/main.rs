//! What a call costs in Tollgate, beside what nginx and a bare hyper pass-through need for the same call on the same
//! machine in the same minutes: `cargo bench --bench overhead`.
//!
//! The gateway under measurement runs alone on one core; the mock provider and the loader share another. All parts
//! but nginx and Tollgate are modes of this executable.
//!
//! ```text
//! loader -> nginx | bare | tollgate -> mock      rounds -> samples -> report
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod args;
mod bench;
mod clock;
mod cores;
mod cost;
mod findings;
mod listener;
mod lives;
mod load;
mod machine;
mod mock;
mod peers;
mod process;
mod report;
mod rounds;
mod samples;
mod scenarios;
mod statistics;

use std::io;
use std::process::ExitCode;

use args::{Arguments, Mode, Settings};
use bench::Bench;
use clap::Parser;
use cores::Cores;
use machine::Machine;
use peers::bare;
use report::Report;
use rounds::Rounds;
use scenarios::scenarios;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.mode {
        None => measure(&arguments.settings),
        Some(Mode::Mock { port }) => mock::run(port),
        Some(Mode::Bare { port, upstream }) => bare::run(port, upstream),
        Some(Mode::Load { address, load }) => load::run(address, load),
        Some(Mode::Run { core, quiet, command }) => process::become_program(&core, quiet, &command),
    };
    if let Err(error) = done {
        eprintln!("overhead: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn measure(settings: &Settings) -> io::Result<()> {
    let kinds = settings.kinds()?;
    let machine = Machine::new(settings);
    let cores = Cores::of_this_machine()?;
    match cores {
        Some(cores) => cores::pin(&[cores.around])?,
        None => eprintln!("one core only: gateway, mock and loader share it, unpinned; trust nothing but ratios"),
    }
    let bench = Bench::new(cores)?;
    let (scenarios, lives) = (scenarios(settings.seconds()), settings.lives());
    let rounds = Rounds { bench: &bench, kinds: &kinds, scenarios: &scenarios, lives };
    let findings = rounds.run(settings.rounds())?;
    let report = Report::new(&machine, &rounds, &findings);
    println!("{machine}\n\n{}", report.table());
    if let Some(file) = &settings.json {
        report.write(file)?;
    }
    match &*findings.faults().collect::<Vec<_>>() {
        [] => Ok(()),
        faults => Err(io::Error::other(faults.join("\n"))),
    }
}
