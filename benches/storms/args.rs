//! What may be asked for on the command line.

use clap::Parser;

use crate::storm::Storm;

/// What the gateway does when many things go wrong at once.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Which storms [default: all]
    #[arg(value_enum)]
    storms: Vec<Storm>,
    /// Given by `cargo bench`, and not by `cargo test --benches`
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Arguments {
    pub(crate) fn storms(&self) -> &[Storm] {
        if self.storms.is_empty() { &Storm::ALL } else { &self.storms }
    }
}
