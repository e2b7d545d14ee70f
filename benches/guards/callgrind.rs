//! Programs under callgrind, which counts the instructions that a process and its libraries execute outside the kernel.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::NamedTempFile;

use crate::process::Process;

const PROGRAM: &str = "valgrind";
/// Between two looks whether a program has ended.
const STEP: Duration = Duration::from_millis(10);

/// A running program whose instructions are counted.
pub(crate) struct Counted {
    process: Process,
    profile: NamedTempFile,
}

impl Counted {
    pub(crate) fn start(cores: &[usize], program: impl Into<OsString>, arguments: &[&str]) -> io::Result<Self> {
        let profile = NamedTempFile::new()?;
        let program = program.into().into_string().map_err(|_| io::ErrorKind::InvalidFilename)?;
        let to = format!("--callgrind-out-file={}", profile.path().display());
        let all = [&["--tool=callgrind", "-q", &to, &program], arguments].concat();
        let process = Process::start(cores, PROGRAM, &all)?;
        Ok(Self { process, profile })
    }

    /// Why it is no longer there, if it is not.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Asks it to end, as the system does, and counts until it has.
    pub(crate) fn terminate(self) -> io::Result<u64> {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM)?;
        self.total()
    }

    /// All instructions, from its start to the end that it comes to by itself.
    pub(crate) fn total(mut self) -> io::Result<u64> {
        let status = loop {
            match self.ended()? {
                Some(status) => break status,
                None => sleep(STEP),
            }
        };
        if !status.success() {
            return Err(io::Error::other(format!("under callgrind: {status}")));
        }
        // https://valgrind.org/docs/manual/cl-format.html: "totals: " and one number for each event that was counted.
        let profile = fs::read_to_string(self.profile.path())?;
        let total = profile.lines().rev().find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok());
        total.ok_or_else(|| io::Error::other("callgrind has left no total"))
    }
}

/// Fails with what to do where it is not installed.
pub(crate) fn check() -> io::Result<()> {
    match Command::new(PROGRAM).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(io::Error::other("instructions are counted by valgrind: `apt-get install valgrind`")),
    }
}
