//! What the kernel knows of a process and its children: CPU time and memory, from `/proc`.

use std::time::Duration;
use std::{fs, io};

use nix::unistd::{SysconfVar, sysconf};

/// One process.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: u32,
    parent: u32,
    ticks: u64,
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

/// User and system time of a tree so far, as exact as the kernel's ticks of 10 ms.
pub(crate) fn cpu_time(root: u32) -> io::Result<Duration> {
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.ok_or(io::ErrorKind::Unsupported)?;
    let ticks: u64 = tree(root)?.iter().map(|member| member.ticks).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64))
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
        let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
        Some(Self { id, parent: number(1)?.try_into().ok()?, ticks: number(11)? + number(12)? })
    }
}

fn resident(id: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| io::Error::other("no VmRSS"))
}
