//! `tollgate check`

use std::process::ExitCode;

use super::{ConfigFile, counted, faulty, say};
use crate::config::{Env, Loaded};

pub(super) fn run(file: &ConfigFile, env: &Env) -> ExitCode {
    let loaded = match file.load(env) {
        Ok(loaded) => loaded,
        Err(faults) => return faulty(&faults),
    };
    for notice in &loaded.notices {
        say(&format!("note: {notice}"));
    }
    let Loaded { config, source, .. } = loaded;
    let source = source.map_or("the environment".to_owned(), |path| path.display().to_string());
    say(&format!(
        "{source} is good: {}, {}, {}",
        counted(config.providers.len(), "provider"),
        counted(config.models.len(), "model"),
        counted(config.auth.keys.len(), "key"),
    ));
    ExitCode::SUCCESS
}
