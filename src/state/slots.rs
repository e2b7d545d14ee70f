//! A cap on what is under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// So many at once.
#[derive(Debug)]
pub struct Slots {
    cap: u32,
    used: AtomicU32,
}

/// One of them; dropping it gives it back.
#[derive(Debug)]
pub struct Slot(Arc<Slots>);

impl Slots {
    pub fn new(cap: u32) -> Arc<Self> {
        Arc::new(Self { cap, used: AtomicU32::new(0) })
    }

    /// `None`: all are taken.
    pub fn take(self: &Arc<Self>) -> Option<Slot> {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| (used < self.cap).then_some(used + 1))
            .ok()
            .map(|_| Slot(Arc::clone(self)))
    }

    pub fn is_full(&self) -> bool {
        self.used() >= self.cap
    }

    /// How many are taken.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_comes_back_when_it_is_dropped() {
        let slots = Slots::new(2);
        let first = slots.take().unwrap();
        let _second = slots.take().unwrap();
        assert!(slots.take().is_none() && slots.is_full());
        drop(first);
        assert!(slots.take().is_some());
    }
}
