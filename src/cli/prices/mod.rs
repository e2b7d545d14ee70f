//! `tollgate prices`: what models cost, as calls are billed by it.

mod check;
mod import;
mod list;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{ConfigFile, USAGE_FAULT, complain};
use crate::config::{Env, PRESETS, PricedModel, preset};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all models that have a price
    List(list::Options),
    /// Show all there is to know of one model's price
    Show(show::Options),
    /// Report every fault of a price file, or of the configuration's, and which models have no price; exit 78 if there
    /// is a fault
    Check(check::Options),
    /// Print LiteLLM's model_prices_and_context_window.json as a price file
    Import(import::Options),
}

/// `before` is the configuration named before the command.
pub(super) fn run(options: Options, before: ConfigFile, env: &Env) -> ExitCode {
    match options.command {
        Command::List(options) => list::run(&options.or(before), env),
        Command::Show(options) => show::run(&options.or(before), env),
        Command::Check(options) => check::run(&options, before, env),
        Command::Import(_) if before.path.is_some() => {
            complain("tollgate: this command takes no --config");
            ExitCode::from(USAGE_FAULT)
        }
        Command::Import(options) => import::run(&options),
    }
}

/// A kind of provider, by its name.
fn kind(text: &str) -> Result<&'static str, String> {
    let kinds = || PRESETS.iter().map(|preset| preset.kind).collect::<Vec<_>>().join(", ");
    preset(text).map(|preset| preset.kind).ok_or_else(|| format!("there are {}", kinds()))
}

/// What day it is where days of prices begin.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Where a model's price is from.
fn origin(model: &PricedModel) -> String {
    model.file.as_deref().map_or_else(|| "compiled in".to_owned(), |file| file.display().to_string())
}
