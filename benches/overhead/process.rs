//! Child processes: pinned to their core from the start, and ended with whoever started them.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{cores, cost};

/// After a request to end; what still runs then is killed.
const LAST_MOMENTS: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(10);

/// A running child. Dropping it ends it.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `program` by way of [`become_program`], so that all its threads and children are pinned. Its standard
    /// output is for the caller, its standard error goes to `errors`.
    pub(crate) fn start(
        core: Option<usize>,
        program: impl Into<OsString>,
        arguments: &[&str],
        errors: Stdio,
    ) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run");
        if let Some(core) = core {
            command.arg(format!("--core={core}"));
        }
        command.arg("--").arg(program.into()).args(arguments);
        // Nothing that a shell happens to hold changes how a peer runs.
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        Ok(Self(child))
    }

    /// Starts this executable in another mode.
    pub(crate) fn start_mode(core: Option<usize>, arguments: &[&str]) -> io::Result<Self> {
        Self::start(core, std::env::current_exe()?, arguments, Stdio::inherit())
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Why it is no longer there, if it is not.
    pub(crate) fn ended(&mut self) -> io::Result<Option<String>> {
        Ok(self.0.try_wait()?.map(|status| status.to_string()))
    }

    /// Waits for the first line of its standard output.
    pub(crate) fn first_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let output = self.0.stdout.take().ok_or(io::ErrorKind::NotFound)?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Waits for its end and returns its standard output.
    pub(crate) fn output(mut self) -> io::Result<String> {
        let mut text = String::new();
        self.0.stdout.take().ok_or(io::ErrorKind::NotFound)?.read_to_string(&mut text)?;
        let status = self.0.wait()?;
        status.success().then_some(text).ok_or_else(|| io::Error::other(status.to_string()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = Pid::from_raw(self.0.id().cast_signed());
        if matches!(self.0.try_wait(), Ok(Some(_))) || kill(id, Signal::SIGTERM).is_err() {
            return;
        }
        for _ in 0..LAST_MOMENTS.as_millis() / STEP.as_millis() {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            sleep(STEP);
        }
        for member in cost::tree(self.0.id()).unwrap_or_default() {
            // One that has just ended by itself is no fault.
            let _ = kill(Pid::from_raw(member.id.cast_signed()), Signal::SIGKILL);
        }
        let _ = self.0.wait();
    }
}

/// Turns this process into `command`, pinned to `core`, and told to end when the one that started it ends, however
/// that comes about.
pub(crate) fn become_program(core: Option<usize>, command: &[OsString]) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if let Some(core) = core {
        cores::pin(core)?;
    }
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(arguments).exec())
}
