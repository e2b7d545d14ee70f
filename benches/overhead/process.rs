//! Child processes: pinned to their core from the start, and ended with whoever started them.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clock::now_ns;
use crate::{cores, cost};

/// After a request to end; what still runs then is killed.
const LAST_MOMENTS: Duration = Duration::from_secs(3);
const STEP: Duration = Duration::from_millis(10);
/// Files that a process may have open, where that is allowed: two for each of 10,000 connections, and room.
const FILES: u64 = 65_536;

/// A running child. Dropping it ends it.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    /// When it began to run its program.
    pub(crate) begun_ns: u64,
}

impl Process {
    /// Starts `program` and hears nothing of what it prints.
    pub(crate) fn start(cores: &[usize], program: impl Into<OsString>, arguments: &[&str]) -> io::Result<Self> {
        Self::spawn(cores, &["--quiet"], program.into(), arguments, Stdio::null())
    }

    /// Starts this executable in another mode.
    pub(crate) fn start_mode(cores: &[usize], arguments: &[&str]) -> io::Result<Self> {
        Self::spawn(cores, &[], std::env::current_exe()?.into(), arguments, Stdio::inherit())
    }

    /// Goes by way of [`become_program`], so that all its threads and children are pinned.
    fn spawn(
        cores: &[usize],
        options: &[&str],
        program: OsString,
        arguments: &[&str],
        errors: Stdio,
    ) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("run").args(options).args(cores.iter().map(|core| format!("--core={core}")));
        command.arg("--").arg(program).args(arguments);
        // Nothing that a shell happens to hold changes how a peer runs.
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::NotFound)?);
        let mut process = Self { child, output, begun_ns: 0 };
        process.begun_ns = process.line()?.parse().map_err(io::Error::other)?;
        Ok(process)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Why it is no longer there, if it is not.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for the next line of its standard output.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Writes to its standard input.
    pub(crate) fn tell(&mut self, text: &[u8]) -> io::Result<()> {
        self.child.stdin.as_mut().ok_or(io::ErrorKind::NotFound)?.write_all(text)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = Pid::from_raw(self.child.id().cast_signed());
        if matches!(self.child.try_wait(), Ok(Some(_))) || kill(id, Signal::SIGTERM).is_err() {
            return;
        }
        for _ in 0..LAST_MOMENTS.as_millis() / STEP.as_millis() {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(STEP);
        }
        for member in cost::tree(self.child.id()).unwrap_or_default() {
            // One that has just ended by itself is no fault.
            let _ = kill(Pid::from_raw(member.id.cast_signed()), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Turns this process into `command`, pinned to `cores`, and told to end when the one that started it ends, however
/// that comes about. Just before it prints the clock, so that what this detour takes is not counted as the program's.
pub(crate) fn become_program(cores: &[usize], quiet: bool, command: &[OsString]) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    cores::pin(cores)?;
    raise_files()?;
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments);
    if quiet {
        command.stdout(Stdio::null());
    }
    println!("{}", now_ns());
    Err(command.exec())
}

/// Files that this process, and all that it starts, may have open; raises the limit as far as it goes.
pub(crate) fn open_files() -> io::Result<u64> {
    raise_files()?;
    Ok(getrlimit(Resource::RLIMIT_NOFILE)?.0)
}

/// Only root may go above the hard limit, and not in every container.
fn raise_files() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, FILES, hard.max(FILES))
        .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard, hard))
        .map_err(io::Error::from)
}
