//! The time of day of log lines, as RFC 3339 writes it.

use std::fmt::Write as _;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the current time. The calendar is consulted once a second.
#[derive(Debug, Default)]
pub(super) struct Timestamp {
    /// Since 1970; `text` is what it reads as.
    second: u64,
    text: String,
}

impl Timestamp {
    pub(super) fn write(&mut self, line: &mut Vec<u8>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.second != now.as_secs() || self.text.is_empty() {
            self.second = now.as_secs();
            self.text.clear();
            let second = i64::try_from(self.second).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
            // A string takes what is written.
            let _ = write!(self.text, "{}", second.unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S"));
        }
        line.extend_from_slice(self.text.as_bytes());
        let _ = write!(line, ".{:06}Z", now.subsec_micros());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_rfc_3339() {
        let mut timestamp = Timestamp::default();
        for _ in 0..2 {
            let mut line = Vec::new();
            timestamp.write(&mut line);
            let text = std::str::from_utf8(&line).unwrap();
            let told: jiff::Timestamp = text.parse().unwrap();
            assert!(jiff::Timestamp::now().duration_since(told).as_secs() < 60, "{text}");
            assert_eq!(text.len(), "2026-11-21T14:20:51.123456Z".len());
        }
    }
}
