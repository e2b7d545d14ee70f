//! Programs that have to be installed: where they are, and how they come there.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Command;

use nix::unistd::Uid;

use super::START_WITHIN;

pub(crate) struct Program {
    /// What it may be called; a path where distributions put it outside of everybody's `PATH`.
    pub(super) names: &'static [&'static str],
    /// The Debian package that holds it.
    pub(super) package: Option<&'static str>,
    /// How to install it, for people.
    pub(super) how: &'static str,
}

impl Program {
    /// Its path.
    pub(super) fn find(&self) -> io::Result<String> {
        let places = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = (self.names.iter())
            .flat_map(|name| std::env::split_paths(&places).map(move |place| place.join(name)))
            .filter(|path| path.is_file());
        let path = candidates.next().and_then(|path| path.into_os_string().into_string().ok());
        path.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("not installed: {}", self.how)))
    }

    /// Installs it from Debian's packages; says how it is done where that is not possible.
    pub(super) fn install(&self) -> io::Result<()> {
        let by_hand = || io::Error::other(format!("cannot be installed from here (apt, as root): {}", self.how));
        let package = self.package.filter(|_| Uid::effective().is_root() && Path::new("/usr/bin/apt-get").exists());
        let package = package.ok_or_else(by_hand)?;
        apt(&["update", "-q"])?;
        apt(&["install", "-q", "-y", "--no-install-recommends", package])
    }
}

fn apt(arguments: &[&str]) -> io::Result<()> {
    let status = Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(arguments).status()?;
    status.success().then_some(()).ok_or_else(|| io::Error::other(format!("apt-get {arguments:?}: {status}")))
}

/// Has a program look over its configuration, and tells what it says against it.
pub(super) fn check(program: impl AsRef<OsStr>, arguments: &[&str]) -> io::Result<()> {
    let mut command = Command::new("timeout");
    let output = command.arg(START_WITHIN.as_secs().to_string()).arg(program.as_ref()).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let (program, status) = (program.as_ref().display(), output.status);
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(format!("{program} on its configuration: {status}: {}", String::from_utf8_lossy(&said))))
}
