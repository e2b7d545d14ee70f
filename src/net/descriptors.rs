//! File descriptors: every connection is one, and a process has only so many.

use std::io;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard one, which is what nobody set on purpose: 1,024 is a common soft limit.
/// Returns how many the process may have now; `None` where that cannot be known.
pub fn raise_descriptors() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return Some(hard);
    }
    Some(soft)
}

/// Whether this machine, and not the other side, has run out of something: descriptors, memory, or free ports.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let Some(code) = error.raw_os_error() else { return false };
    use Errno::{EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(Errno::from_raw(code), EMFILE | ENFILE | ENOBUFS | ENOMEM | EADDRNOTAVAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_other_sides_is_not_ours() {
        let of = |code: Errno| is_exhausted(&io::Error::from_raw_os_error(code as i32));
        assert!(of(Errno::EMFILE) && of(Errno::EADDRNOTAVAIL));
        assert!(!of(Errno::ECONNREFUSED) && !of(Errno::EHOSTUNREACH) && !is_exhausted(&io::Error::other("x")));
        assert!(raise_descriptors().is_some_and(|limit| limit > 0));
    }
}
