//! The `tollgate` command.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tollgate::cli::Arguments;

/// Buffers of connections come and go with every call; glibc merges and splits its heap for each.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Arguments::parse().run().await
}
