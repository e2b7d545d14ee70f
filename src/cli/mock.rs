//! `tollgate mock`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{CONFIG_FAULT, Interrupts, complain, failed, say};
use crate::demo::Script;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What the providers do (docs/mock.md); without it, what those of the demo do
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

pub(super) async fn run(options: &Options) -> ExitCode {
    let mut interrupts = Interrupts::watch();
    let script = match &options.script {
        None => Script::demo(),
        Some(path) => {
            let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
            match read.and_then(|text| Script::parse(&text).map_err(|error| error.to_string())) {
                Ok(script) => script,
                Err(error) => {
                    complain(&format!("{}: {error}", path.display()));
                    return ExitCode::from(CONFIG_FAULT);
                }
            }
        }
    };
    let providers = match script.start().await {
        Ok(providers) => providers,
        Err(error) => return failed(&error),
    };
    for provider in &providers {
        say(&format!("{}: http://{}/v1", provider.name(), provider.addr()));
    }
    interrupts.next().await;
    for provider in providers {
        provider.shutdown().await;
    }
    ExitCode::SUCCESS
}
