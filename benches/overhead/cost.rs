//! What the kernel knows of a process and its children: CPU time from their clocks, memory from `/proc`.

use std::time::Duration;
use std::{fs, io};

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// One process.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: u32,
    parent: u32,
}

/// A process and all that descend from it: nginx does its work in children.
pub(crate) fn tree(root: u32) -> io::Result<Vec<Member>> {
    let all: Vec<_> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Member::read)
        .collect();
    let mut tree: Vec<_> = all.iter().filter(|member| member.id == root).cloned().collect();
    let mut next = 0;
    while let Some(parent) = tree.get(next).map(|member| member.id) {
        tree.extend(all.iter().filter(|member| member.parent == parent).cloned());
        next += 1;
    }
    Ok(tree)
}

/// User and system time of a tree so far, to the nanosecond and with threads that have ended. `/proc/PID/stat` counts in
/// ticks of 10 ms, which is a twentieth of what a second of slow streams costs; `schedstat` forgets ended threads.
pub(crate) fn cpu_time(root: u32) -> io::Result<Duration> {
    tree(root)?.iter().map(|member| Ok(Duration::from(clock_gettime(clock_getcpuclockid(pid(member.id))?)?))).sum()
}

/// Resident memory of a tree in bytes; pages that its members share count once for each.
pub(crate) fn memory(root: u32) -> io::Result<u64> {
    tree(root)?.iter().map(|member| resident(member.id)).sum()
}

impl Member {
    /// `None` once the process has ended.
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // proc_pid_stat(5): the name, in brackets, may itself hold blanks and brackets; state is the field after it.
        let fields: Vec<_> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
        Some(Self { id, parent: fields.get(1)?.parse().ok()? })
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed())
}

fn resident(id: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
}
