//! How driver and loader keep step. The loader prints a line once its connections stand, begins at a line on its
//! standard input, prints the outcome, and holds the connections until it is ended. So nothing that it takes to open or
//! to close connections is charged to the load, and memory can be read while they are open.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::exit;

use super::{Load, Outcome};
use crate::process::Process;

const READY: &str = "ready";
const BEGIN: &[u8] = b"begin\n";

/// The driver's side: a loader whose connections stand. Dropping it closes them.
pub(crate) struct Loader(Process);

impl Loader {
    /// Has it open its connections and make one call on each; with [`Load::held`], begin a stream on each.
    pub(crate) fn start(core: Option<usize>, address: SocketAddr, load: &Load) -> io::Result<Self> {
        let arguments = ["load", &address.to_string(), &serde_json::to_string(load)?];
        let mut process = Process::start_mode(core.as_slice(), &arguments)?;
        match process.line()?.as_str() {
            READY => Ok(Self(process)),
            other => Err(io::Error::other(format!("the loader could not begin: {other}"))),
        }
    }

    /// Has it carry out the load, and waits until that is done.
    pub(crate) fn run(&mut self) -> io::Result<Outcome> {
        self.0.tell(BEGIN)?;
        Ok(serde_json::from_str(&self.0.line()?)?)
    }
}

/// Says that the connections stand, and waits for the word to begin. When it does not come, because the driver has no
/// more use for this process or has gone, the process ends.
pub(super) fn ready() -> io::Result<()> {
    say(READY)?;
    if io::stdin().read_line(&mut String::new())? == 0 {
        exit(0);
    }
    Ok(())
}

/// Tells the outcome and waits to be ended.
pub(super) fn done(outcome: &Outcome) -> io::Result<()> {
    say(&serde_json::to_string(outcome)?)?;
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{line}")?;
    output.flush()
}
