//! Plays every cell of `tests/faults/table.toml` against the real binary, and says which do not end as the table says.
//!
//! `cargo bench --bench faults [-- WORDS]`: all cells, or those whose description contains the words. Fails if a cell
//! does. What is measured is whether, not how fast; the slowest call is told because none may hang.

#![allow(dead_code, unused_imports, reason = "the tests' own harness, of which this is one user")]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

#[path = "../../tests/it/faults/mod.rs"]
mod faults;
#[path = "../../tests/it/grammar/mod.rs"]
mod grammar;
#[path = "../../tests/it/harness/mod.rs"]
mod harness;
#[path = "../../tests/it/upstreams/mod.rs"]
mod upstreams;

use std::process::ExitCode;

use faults::{Table, play_all};

#[tokio::main(worker_threads = 4)]
async fn main() -> ExitCode {
    // `cargo bench` adds flags of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let mut cells = Table::read().cells();
    cells.retain(|cell| words.iter().all(|word| cell.to_string().contains(word.as_str())));
    println!("{} cells", cells.len());
    let mut told = 0;
    let verdict = play_all(cells, |so_far| {
        if so_far.cells >= told + 500 {
            told = so_far.cells;
            println!("{told} played, {} wrong", so_far.wrong.len());
        }
    })
    .await;
    for wrong in &verdict.wrong {
        println!("\n{wrong}");
    }
    println!(
        "\n{} cells, {} wrong; the slowest call took {:.2} s",
        verdict.cells,
        verdict.wrong.len(),
        verdict.slowest.as_secs_f64()
    );
    if verdict.wrong.is_empty() && verdict.cells > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
