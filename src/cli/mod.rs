//! Commands. One file each; this one reads the arguments.

mod check;
mod demo;
mod healthcheck;
mod mock;
mod prices;
mod serve;

use std::io::Write;
use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, Env, Faults, Loaded};

/// The exit code of a faulty configuration (`EX_CONFIG` of sysexits.h).
const CONFIG_FAULT: u8 = 78;

/// The exit code of a command line that makes no sense, as clap's.
const USAGE_FAULT: u8 = 2;

/// An OpenAI-compatible gateway that sends each call to the cheapest AI provider that is up.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about)]
pub struct Arguments {
    /// For `serve`, which is what runs without a command, and for whichever command has it behind its name too.
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Default, Args)]
struct ConfigFile {
    /// The configuration [default: $TOLLGATE_CONFIG, else config/tollgate.toml, else providers whose keys are in the
    /// environment]
    #[arg(long = "config", short = 'c', value_name = "FILE")]
    path: Option<PathBuf>,
}

impl ConfigFile {
    /// The file that stands behind the command, else the one before it.
    fn or(self, before: Self) -> Self {
        Self { path: self.path.or(before.path) }
    }

    fn load(&self, env: &Env) -> Result<Loaded, Faults> {
        Config::load(self.path.as_deref(), env)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve(ConfigFile),
    /// Report every fault of the configuration; exit 78 if there is one
    Check(ConfigFile),
    /// Run the gateway in front of simulated providers: no key, no network
    Demo(demo::Options),
    /// Run the simulated providers alone
    Mock(mock::Options),
    /// Ask a running gateway whether it is ready; exit 0 if so
    Healthcheck(healthcheck::Options),
    /// List, show, check and import what models cost
    Prices(prices::Options),
}

impl Arguments {
    /// Runs the command to its end.
    pub async fn run(self) -> ExitCode {
        let env = environment();
        let before = self.config;
        match self.command.unwrap_or(Command::Serve(ConfigFile::default())) {
            Command::Serve(file) => serve::run(&file.or(before), &env).await,
            Command::Check(file) => check::run(&file.or(before), &env),
            Command::Healthcheck(options) => healthcheck::run(&options.or(before), &env).await,
            Command::Prices(options) => prices::run(options, before, &env),
            Command::Demo(_) | Command::Mock(_) if before.path.is_some() => {
                complain("tollgate: this command takes no --config");
                ExitCode::from(USAGE_FAULT)
            }
            Command::Demo(options) => demo::run(&options, &env).await,
            Command::Mock(options) => mock::run(&options).await,
        }
    }
}

/// Writes a line to standard output. Whoever reads it may have gone, which is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The same to standard error.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// An address, where `localhost` may stand for the loopback address.
fn address(text: &str) -> Result<SocketAddr, AddrParseError> {
    text.replacen("localhost:", "127.0.0.1:", 1).parse()
}

/// `1 model`, `2 models`.
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// The process's environment; what is not text cannot be a setting.
fn environment() -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn faulty(faults: &Faults) -> ExitCode {
    complain(&faults.to_string());
    ExitCode::from(CONFIG_FAULT)
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    complain(&format!("tollgate: {message}"));
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
