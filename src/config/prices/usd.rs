//! Amounts of money as texts and as integers.

const PICO_PER_USD_PER_MILLION: u64 = 1_000_000;
/// USD per million tokens, above which nothing is sold.
const HIGHEST_USD: u64 = 10_000;
/// A hundred-millionth of a cent for a token: below that stands a price per token where one per million belongs.
const LEAST_PICO: u64 = 100;

/// Digits of a number that are read. More than any double has.
const MOST_DIGITS: usize = 30;

/// Why a number is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absurd {
    NoPrice,
    TooMuch,
    TooLittle,
}

/// USD per million tokens, in decimal notation, as pico-dollars per token. Digits beyond the sixth are rounded.
pub(in crate::config) fn pico_dollars(usd: &str) -> Result<u64, &'static str> {
    judged(usd, 6).map_err(|absurd| match absurd {
        Absurd::TooLittle => {
            "is not a price in USD per million tokens, but perhaps one per token: at least 0.0001, or 0"
        }
        _ => "is not a price in USD per million tokens: a number from 0 to 10000",
    })
}

/// A number, times ten to the power of `places`, as pico-dollars per token. Nothing but 0 is free of charge.
pub(super) fn judged(number: &str, places: i32) -> Result<u64, Absurd> {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let is_nothing = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    match scaled(number, places) {
        None => Err(Absurd::NoPrice),
        Some(0) if is_nothing => Ok(0),
        Some(..LEAST_PICO) => Err(Absurd::TooLittle),
        Some(pico) if pico > HIGHEST_USD * PICO_PER_USD_PER_MILLION => Err(Absurd::TooMuch),
        Some(pico) => Ok(pico),
    }
}

/// A number that is not negative, times ten to the power of `places`, rounded half up: exact, as no float is on the way.
/// `None` for what is no number, and for one that is too large to tell.
pub(super) fn scaled(number: &str, places: i32) -> Option<u64> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() > MOST_DIGITS {
        return None;
    }
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.checked_add(places)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    match power {
        Some(power) if shift >= 0 => u64::try_from(digits.checked_mul(power)?).ok(),
        Some(power) => u64::try_from((digits + power / 2) / power).ok(),
        // Nothing, whichever way it is moved, or beyond all measure.
        None => (shift < 0 || digits == 0).then_some(0),
    }
}

/// Pico-dollars per token as USD per million tokens: exact, without zeros at the end.
pub fn usd_per_million(pico: u64) -> String {
    let (whole, fraction) = (pico / PICO_PER_USD_PER_MILLION, pico % PICO_PER_USD_PER_MILLION);
    let text = format!("{whole}.{fraction:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_exact_in_pico_dollars() {
        for (usd, pico) in [
            ("0.15", 150_000),
            ("0", 0),
            ("2.5", 2_500_000),
            ("0.00", 0),
            ("0.0001", 100),
            ("1.9999994", 1_999_999),
            ("1.9999995", 2_000_000),
            ("1e3", 1_000_000_000),
            ("10000", 10_000_000_000),
        ] {
            assert_eq!(pico_dollars(usd), Ok(pico), "{usd}");
        }
        for usd in ["", "-1", "NaN", "inf", "1e", "e3", "1e99", "10000.000001", "99999999999999999999999", ".", "1.-1"]
        {
            assert!(pico_dollars(usd).is_err(), "{usd}");
        }
        for usd in ["0.00000015", "0.00006", "1e-99"] {
            assert!(pico_dollars(usd).unwrap_err().contains("perhaps one per token"), "{usd}");
        }
    }

    #[test]
    fn scientific_notation_is_read_without_a_float() {
        for (usd, pico) in [
            ("1.5e-07", 150_000),
            ("3.0000000000000004e-08", 30_000),
            ("2.8E-8", 28_000),
            ("0.00000375", 3_750_000),
            ("1e+0", 1_000_000_000_000),
            ("4e-13", 0),
            ("5e-13", 1),
            ("0e99", 0),
            ("7e-99", 0),
        ] {
            assert_eq!(scaled(usd, 12), Some(pico), "{usd}");
        }
        assert_eq!(scaled("1e30", 12), None);
        assert_eq!(scaled("1e-2147483648", 12), Some(0));
        assert_eq!(scaled("1e2147483647", 12), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(pico in LEAST_PICO..=10_000_000_000) {
            prop_assert_eq!(pico_dollars(&usd_per_million(pico)), Ok(pico));
        }
    }
}
