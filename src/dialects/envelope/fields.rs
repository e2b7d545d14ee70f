//! Fields of a request: reading them by type, and saying what is wrong with one.

use crate::api::json::{Kind, Malformed, Scanner};
use crate::dialects::Invalid;

/// A value of one kind, or null.
pub(super) fn optional<'a, T>(
    value: &mut Scanner<'a>,
    wanted: Kind,
    name: &str,
    read: impl FnOnce(&mut Scanner<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Invalid> {
    match value.kind()? {
        Kind::Null => Ok(value.null().map(|()| None)?),
        kind if kind == wanted => Ok(Some(read(value)?)),
        _ => Err(wrong_type(name, wanted)),
    }
}

pub(super) fn whole_number(value: &mut Scanner<'_>, name: &str, least: u32, most: u32) -> Result<Option<u32>, Invalid> {
    let Some(text) = optional(value, Kind::Number, name, Scanner::number)? else {
        return Ok(None);
    };
    match text.parse::<u32>() {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(Invalid::new(name, format!("`{name}` must be a whole number from {least} to {most}"))),
    }
}

#[cold]
pub(super) fn wrong_type(name: &str, wanted: Kind) -> Invalid {
    let wanted = match wanted {
        Kind::Object => "an object",
        Kind::Array => "an array",
        Kind::String => "a string",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
        Kind::Null => "null",
    };
    Invalid::new(name, format!("`{name}` must be {wanted}"))
}
