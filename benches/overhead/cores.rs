//! Who runs where: the gateway alone on one core, everything that stands around it on another.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Cores that this process may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) gateway: usize,
    pub(crate) around: usize,
    /// What a gateway with two workers has beside its own: a core of its own, or on a small machine the other one.
    pub(crate) second: usize,
}

impl Cores {
    /// `None` on a machine with one core, where nothing is pinned.
    pub(crate) fn of_this_machine() -> io::Result<Option<Self>> {
        let allowed = sched_getaffinity(Pid::this())?;
        let cores: Vec<_> = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
        Ok(match *cores {
            [gateway, around, second, ..] => Some(Self { gateway, around, second }),
            [gateway, around] => Some(Self { gateway, around, second: around }),
            _ => None,
        })
    }
}

/// Keeps this thread, and what it starts from now on, on these cores; without any, where it is.
pub(crate) fn pin(cores: &[usize]) -> io::Result<()> {
    if cores.is_empty() {
        return Ok(());
    }
    let mut only = CpuSet::new();
    cores.iter().try_for_each(|&core| only.set(core))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &only)?)
}
