//! From a file's path and the environment to a configuration.

use std::fs;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::env::Env;
use super::expand::Expander;
use super::faults::{Fault, Faults, Place};
use super::provider::Providers;
use super::{Auth, Cache, Config, Limits, Log, Model, Server, overrides};

/// Read where no other file is named.
pub const DEFAULT_FILE: &str = "config/tollgate.toml";

/// Names the file where the command line does not.
const FILE_VARIABLE: &str = "TOLLGATE_CONFIG";

/// A configuration, and what to say about it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// For the log at start: providers that are off, targets that are skipped, prices that are not known.
    pub notices: Vec<String>,
    /// The file it came from; `None` for a start without one.
    pub source: Option<PathBuf>,
}

impl Config {
    /// Reads `path`, else the file that `$TOLLGATE_CONFIG` names, else [`DEFAULT_FILE`] where it exists; else makes a
    /// configuration from the environment alone. Reports every fault it can find, not the first.
    pub fn load(path: Option<&Path>, env: &Env) -> Result<Loaded, Faults> {
        match locate(path, env, Path::new(DEFAULT_FILE)) {
            Some(file) => Self::of_file(file, env),
            None => Self::assemble(Document::empty(Place::Nowhere), None, env),
        }
    }

    fn of_file(file: PathBuf, env: &Env) -> Result<Loaded, Faults> {
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let expander = Expander {
            env,
            folder: file.parent().unwrap_or(Path::new("")),
        };
        match Document::parse(&text, &file, expander) {
            Ok(document) => Self::assemble(document, Some(file), env),
            Err(faults) => Err(Faults::of(faults).unwrap_or_else(|| unreadable(&file, &"not TOML"))),
        }
    }

    fn assemble(mut document: Document, source: Option<PathBuf>, env: &Env) -> Result<Loaded, Faults> {
        overrides::layer(&mut document, env);
        let config = Self::read(&document, source.is_some(), env);
        let (faults, notices) = document.finish();
        match Faults::of(faults) {
            Some(faults) => Err(faults),
            None => Ok(Loaded {
                config,
                notices,
                source,
            }),
        }
    }

    /// Without a file, callers need no key (the door is on loopback) and providers come from the environment.
    fn read(document: &Document, from_file: bool, env: &Env) -> Self {
        let top = document.top();
        let server = Server::read(&top);
        let auth = Auth::read(&top, env, from_file, server.listen);
        let limits = Limits::read(&top);
        let providers = if from_file {
            Providers::read(&top)
        } else {
            Providers::of_environment(document, env)
        };
        Self {
            auth,
            limits,
            models: Model::read_all(&top, &providers),
            providers: providers.usable(document),
            cache: Cache::read(&top),
            log: Log::read(&top),
            server,
        }
    }
}

fn locate(path: Option<&Path>, env: &Env, default: &Path) -> Option<PathBuf> {
    path.map(Path::to_owned)
        .or_else(|| env.filled(FILE_VARIABLE).map(PathBuf::from))
        .or_else(|| default.exists().then(|| default.to_owned()))
}

fn unreadable(file: &Path, problem: &dyn std::fmt::Display) -> Faults {
    Faults::from(Fault {
        place: Place::File(file.to_owned()),
        path: String::new(),
        message: format!("cannot be read: {problem}"),
        suggestion: None,
    })
}
