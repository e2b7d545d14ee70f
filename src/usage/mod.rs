//! What a call used and cost, and the one record that each call ends in.

mod meter;
mod price;
mod record;

pub use meter::{Arrival, Meter, Open};
pub use price::cost;
pub use record::{Outcome, Record};
