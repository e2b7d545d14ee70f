//! Counters that limit: token buckets and slots. The arithmetic is pure and told the time; where counters are shared by
//! nodes it will be the same.

mod bucket;
mod local;
mod slots;

pub use bucket::{Bucket, Level};
pub use local::{Counter, Wait, take_all};
pub use slots::{Slot, Slots};
