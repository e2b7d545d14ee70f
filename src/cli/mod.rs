//! Commands. One file each; this one reads the arguments.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands talk to a terminal")]

mod check;
mod demo;
mod healthcheck;
mod mock;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Env, Faults, Loaded};

/// The exit code of a faulty configuration (`EX_CONFIG` of sysexits.h).
const CONFIG_FAULT: u8 = 78;

/// An OpenAI-compatible gateway that sends each call to the cheapest AI provider that is up.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Args)]
struct ConfigFile {
    /// The configuration [default: $TOLLGATE_CONFIG, else config/tollgate.toml, else providers whose keys are in the
    /// environment]
    #[arg(long = "config", short = 'c', value_name = "FILE", global = true)]
    path: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self, env: &Env) -> Result<Loaded, Faults> {
        Config::load(self.path.as_deref(), env)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve,
    /// Report every fault of the configuration; exit 78 if there is one
    Check,
    /// Run the gateway in front of three simulated providers: no key, no network
    Demo(demo::Options),
    /// Run the simulated providers alone
    Mock(mock::Options),
    /// Ask a running gateway whether it is ready; exit 0 if so
    Healthcheck(healthcheck::Options),
}

impl Arguments {
    /// Runs the command to its end.
    pub async fn run(self) -> ExitCode {
        let env = environment();
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(&self.config, &env).await,
            Command::Check => check::run(&self.config, &env),
            Command::Demo(options) => demo::run(&options, &env).await,
            Command::Mock(options) => mock::run(&options).await,
            Command::Healthcheck(options) => healthcheck::run(&options, &self.config, &env).await,
        }
    }
}

/// The process's environment; what is not text cannot be a setting.
fn environment() -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn faulty(faults: &Faults) -> ExitCode {
    eprintln!("{faults}");
    ExitCode::from(CONFIG_FAULT)
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    eprintln!("tollgate: {message}");
    ExitCode::FAILURE
}

/// SIGTERM and SIGINT. From its making on they no longer end the process by themselves, so it is made before anybody is
/// told that the command runs.
struct Interrupts(Option<(Signal, Signal)>);

impl Interrupts {
    fn watch() -> Self {
        let watched = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        match watched {
            (Ok(terminate), Ok(interrupt)) => Self(Some((terminate, interrupt))),
            // Without handlers the signals still end the process.
            _ => Self(None),
        }
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        match &mut self.0 {
            Some((terminate, interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            None => std::future::pending().await,
        }
    }
}
