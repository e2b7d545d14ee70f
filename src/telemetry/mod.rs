//! What is seen of the gateway from outside: logs and metrics.

mod json;
mod logs;
mod metrics;
mod queue;
mod timestamp;

pub use logs::{Format, LogGuard, init_logs};
pub use metrics::{AttemptLabels, BreakerLabels, CallLabels, Label, Metrics, RefusalLabels, ServedMetrics};
