//! Storms: what the gateway does when many things go wrong at once. `cargo bench --bench storms [-- NAME...]`.
//!
//! Each storm stands the real binary between providers and clients of this process, over loopback, prints what it found
//! beside what is asked for, and fails where that is not kept. How long calls take is compared with the same calls
//! without the storm, in turns.
//!
//! ```text
//! clients, steady calls -> tollgate -> providers that play a script       storm -> findings -> table, verdict
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing figures is what it is for")]

mod args;
mod client;
mod findings;
mod gateway;
mod provider;
mod scene;
mod steady;
mod storm;

#[path = "../overhead/clock.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod clock;
#[path = "../overhead/cores.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod cores;
#[path = "../overhead/cost.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod cost;
#[path = "../overhead/process.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod process;
#[path = "../overhead/load/response.rs"]
mod response;
#[path = "../overhead/statistics.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod statistics;
#[path = "../overhead/table.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod table;
#[path = "../overhead/mock/voice.rs"]
#[expect(dead_code, reason = "the other benchmarks use more of it")]
mod voice;

use std::io;
use std::process::ExitCode;

use args::Arguments;
use clap::Parser;
use findings::Findings;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.bench {
        println!("storms are for optimised code: `cargo bench --bench storms`");
        return ExitCode::SUCCESS;
    }
    match weather(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("storms: {error}");
            ExitCode::FAILURE
        }
    }
}

fn weather(arguments: &Arguments) -> io::Result<()> {
    eprintln!("{} files may be open", process::open_files()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut findings = Findings::default();
    for storm in arguments.storms() {
        eprintln!("{storm}");
        runtime.block_on(storm.rage(&mut findings))?;
    }
    println!("{}", findings.table());
    findings.verdict()
}
