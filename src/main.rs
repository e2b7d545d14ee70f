//! The `tollgate` command.

use std::process::ExitCode;

use clap::Parser;
use tollgate::cli::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    Arguments::parse().run().await
}
