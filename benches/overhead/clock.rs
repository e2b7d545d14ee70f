//! The clock that all processes of the benchmark share.
//!
//! Chunks carry the instant at which the mock wrote them, so the loader can tell how long each was under way. Tokio's
//! timers have a granularity of a millisecond: calls that are due at an instant wait for it here.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has a monotonic clock");
    u64::try_from(Duration::from(now).as_nanos()).expect("the machine has not been up for five centuries")
}

/// Blocks the thread until the clock shows `due_ns`.
pub(crate) fn sleep_until(due_ns: u64) {
    let due = TimeSpec::from(Duration::from_nanos(due_ns));
    let absolute = ClockNanosleepFlags::TIMER_ABSTIME;
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, absolute, &due) == Err(Errno::EINTR) {}
}
