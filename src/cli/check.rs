//! `tollgate check`

use std::process::ExitCode;

use super::{ConfigFile, faulty};
use crate::config::Env;

pub(super) fn run(file: &ConfigFile, env: &Env) -> ExitCode {
    let loaded = match file.load(env) {
        Ok(loaded) => loaded,
        Err(faults) => return faulty(&faults),
    };
    for notice in &loaded.notices {
        println!("note: {notice}");
    }
    let source = loaded
        .source
        .map_or("the environment".to_owned(), |path| path.display().to_string());
    let (providers, models) = (loaded.config.providers.len(), loaded.config.models.len());
    println!(
        "{source} is good: {providers} providers, {models} models, {} keys",
        loaded.config.auth.keys.len()
    );
    ExitCode::SUCCESS
}
