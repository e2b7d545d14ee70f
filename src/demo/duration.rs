//! Durations as a script writes them: a whole number and `ms`, `s` or `m`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// For `deserialize_with` on a `Duration`.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration such as \"120ms\", \"2s\" or \"1m\"")))
}

/// For `deserialize_with` on an `Option<Duration>`.
pub(super) fn read_some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    read(deserializer).map(Some)
}

fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u32 = number.parse().ok()?;
    match unit.trim_start() {
        "ms" => Some(Duration::from_millis(number.into())),
        "s" => Some(Duration::from_secs(number.into())),
        "m" => Some(Duration::from_secs(u64::from(number) * 60)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_with_its_unit() {
        assert_eq!(parse("120ms"), Some(Duration::from_millis(120)));
        assert_eq!(parse("2s"), Some(Duration::from_secs(2)));
        assert_eq!(parse("1m"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "5", "s", "-1s", "1.5s", "1h", "99999999999s", "1s "] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
