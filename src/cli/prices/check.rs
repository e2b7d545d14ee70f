//! `tollgate prices check`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::super::{ConfigFile, USAGE_FAULT, complain, counted, faulty, say};
use super::today;
use crate::config::{Config, Env, ModelRow, PriceTable};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A price file, to be checked by itself [default: that of the configuration]
    #[arg(value_name = "FILE", conflicts_with = "path")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

pub(super) fn run(options: &Options, before: ConfigFile, env: &Env) -> ExitCode {
    match &options.file {
        Some(_) if before.path.is_some() => {
            complain("tollgate: a price file is checked without --config");
            ExitCode::from(USAGE_FAULT)
        }
        Some(file) => check_file(file, env),
        None => check_config(&ConfigFile { path: options.config.path.clone() }.or(before), env),
    }
}

fn check_file(file: &Path, env: &Env) -> ExitCode {
    match PriceTable::of_file(file, env) {
        Ok(table) => {
            say(&format!("{} is good: {}", file.display(), counted(table.iter().count(), "model")));
            ExitCode::SUCCESS
        }
        Err(faults) => faulty(&faults),
    }
}

fn check_config(file: &ConfigFile, env: &Env) -> ExitCode {
    let loaded = match file.load(env) {
        Ok(loaded) => loaded,
        Err(faults) => return faulty(&faults),
    };
    for line in unpriced(&loaded.config) {
        say(&format!("note: {line}"));
    }
    let models = loaded.config.prices.iter();
    let (own, published): (Vec<_>, Vec<_>) = models.partition(|(_, model)| model.file.is_some());
    let [own, published] = [own, published].map(|models| counted(models.len(), "model"));
    say(&format!("prices are good: {published} compiled in, {own} from [prices] file"));
    ExitCode::SUCCESS
}

/// What can be asked for and has no cost, or none yet.
fn unpriced(config: &Config) -> Vec<String> {
    let today = today();
    let mut lines = Vec::new();
    for provider in &config.providers {
        let told = |row: &ModelRow| {
            let name = format!("{}/{}", provider.name, row.name);
            match row.prices.first().map(|price| price.from()) {
                None => Some(format!("{name} has no price")),
                Some(from) => from.filter(|day| *day > today).map(|day| format!("{name} has no price until {day}")),
            }
        };
        lines.extend(provider.models.iter().filter_map(told));
    }
    for target in config.models.iter().flat_map(|model| &model.targets) {
        let listed = config.providers.iter().filter(|provider| provider.name == target.provider);
        if !listed.flat_map(|provider| &provider.models).any(|row| row.name == target.model) {
            lines.push(format!("{}/{} has no price", target.provider, target.model));
        }
    }
    lines.sort();
    lines.dedup();
    lines
}
