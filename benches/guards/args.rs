//! What may be asked for on the command line.

use clap::{Parser, Subcommand};

use crate::parts::Part;
use crate::work::Work;

/// Fails where a call has become dearer than expected.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    /// Write what is measured as what is expected from now on
    #[arg(long)]
    pub(crate) accept: bool,
    /// Given by `cargo bench`, and not by `cargo test --benches`
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

/// The parts that the guards start as processes of their own; all but the first are those of `benches/overhead`.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// One piece of work, over and over, for its instructions to be counted
    Work { work: Work, times: u32 },
    #[command(flatten)]
    Part(Part),
}
