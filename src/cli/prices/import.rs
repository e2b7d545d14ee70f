//! `tollgate prices import`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::{CONFIG_FAULT, complain, say};
use super::kind;
use crate::config::import_litellm;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// LiteLLM's list, as it stands in its repository
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only models of this kind of provider; may be given several times
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<&'static str>,
}

pub(super) fn run(options: &Options) -> ExitCode {
    let read = std::fs::read_to_string(&options.file).map_err(|error| format!("cannot be read: {error}"));
    match read.and_then(|text| import_litellm(&text, &options.kinds).map_err(|error| error.to_string())) {
        Ok(file) => {
            say(file.trim_end());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&format!("{}: {problem}", options.file.display()));
            ExitCode::from(CONFIG_FAULT)
        }
    }
}
