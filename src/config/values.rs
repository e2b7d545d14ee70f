//! Texts with a unit: durations, sizes and rates.
//!
//! Each parser says on failure what the text is not, to be put behind the text itself.

use std::time::Duration;

use super::limits::Rate;

const NO_DURATION: &str = "is not a duration, such as \"500ms\", \"10s\" or \"1m30s\"";
const NO_SIZE: &str = "is not a size, such as \"64KiB\", \"32MiB\" or \"1GiB\"";
const NO_RATE: &str = "is not a rate, such as \"100/s\", \"60/m\", \"1000/h\" or \"5000/d\"";

/// Far above any sensible clock, and far below where adding one to an instant could overflow.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 86_400);

/// One or more numbers with `ms`, `s`, `m`, `h` or `d`, added up.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(NO_DURATION);
    }
    while !rest.is_empty() {
        let (amount, behind) = leading_number(rest).ok_or(NO_DURATION)?;
        let end = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let millis = amount.checked_mul(unit_millis(unit).ok_or(NO_DURATION)?).ok_or(NO_DURATION)?;
        total = total.checked_add(Duration::from_millis(millis)).ok_or(NO_DURATION)?;
        rest = behind;
    }
    if total > LONGEST { Err("is longer than ten years") } else { Ok(total) }
}

/// A duration of which zero would mean that nothing ever works.
pub(super) fn positive_duration(text: &str) -> Result<Duration, &'static str> {
    match duration(text)? {
        Duration::ZERO => Err("must be more than zero"),
        positive => Ok(positive),
    }
}

/// Bytes: a plain number, or one with `B`, `KB`, `MB`, `GB` (powers of 1000) or `KiB`, `MiB`, `GiB` (of 1024).
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    let (amount, unit) = leading_number(text.trim()).ok_or(NO_SIZE)?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(NO_SIZE),
    };
    amount.checked_mul(factor).ok_or(NO_SIZE)
}

/// An amount of at least 1, a slash, and `s`, `m`, `h` or `d`.
pub(super) fn rate(text: &str) -> Result<Rate, &'static str> {
    let (amount, unit) = text.trim().split_once('/').ok_or(NO_RATE)?;
    let amount = amount.trim().parse().map_err(|_| NO_RATE)?;
    let unit = unit.trim();
    let millis = unit_millis(unit).filter(|_| unit != "ms").ok_or(NO_RATE)?;
    if amount == 0 {
        return Err("allows nothing: the amount must be at least 1");
    }
    Ok(Rate { amount, period: Duration::from_millis(millis) })
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

fn unit_millis(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up_their_parts() {
        for (text, millis) in
            [("500ms", 500), ("10s", 10_000), ("1m30s", 90_000), ("2h", 7_200_000), ("1d", 86_400_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_they_know() {
        for text in ["", "10", "s", "10x", "1.5s", "-1s", "10s5", "99999999999999999999s", "100000d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(positive_duration("0ms"), Err("must be more than zero"));
    }

    #[test]
    fn sizes_tell_powers_of_1000_from_powers_of_1024() {
        for (text, bytes) in
            [("1024", 1024), ("10MB", 10_000_000), ("64KiB", 65_536), ("32 MiB", 33_554_432), ("1GiB", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5GiB", "10mb", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_have_an_amount_and_one_period() {
        let minute = Duration::from_secs(60);
        assert_eq!(rate("60/m"), Ok(Rate { amount: 60, period: minute }));
        assert_eq!(rate("5000/d").map(|rate| rate.period), Ok(Duration::from_secs(86_400)));
        for text in ["", "60", "60/ms", "60/min", "-1/s", "0/s", "1.5/s"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
