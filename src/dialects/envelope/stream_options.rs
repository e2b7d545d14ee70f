//! `stream_options`: whether the client asks for usage on its stream, and how to ask where it does not.

use std::ops::Range;

use super::fields::{optional, wrong_type};
use crate::api::Edit;
use crate::api::json::{Kind, Scanner};
use crate::dialects::Invalid;

/// What was given.
#[derive(Debug, Default)]
pub(super) enum StreamOptions {
    #[default]
    Absent,
    Null(Range<usize>),
    /// Without `include_usage`; the byte behind the brace, and whether members follow.
    Without {
        inside: usize,
        empty: bool,
    },
    Asked(bool, Range<usize>),
}

impl StreamOptions {
    pub(super) fn read(value: &mut Scanner<'_>) -> Result<Self, Invalid> {
        let start = value.position();
        match value.kind()? {
            Kind::Null => {
                value.null()?;
                return Ok(Self::Null(start..value.position_behind()));
            }
            Kind::Object => {}
            _ => return Err(wrong_type("stream_options", Kind::Object)),
        }
        let mut asked = None;
        let mut empty = true;
        value.object(|option, key, _| {
            empty = false;
            if key.decode() != "include_usage" {
                return option.skip().map_err(Invalid::from);
            }
            let name = "stream_options.include_usage";
            if asked.is_some() {
                return Err(Invalid::new(name, format!("`{name}` is given more than once")));
            }
            let start = option.position();
            let wanted = optional(option, Kind::Bool, name, Scanner::bool)?.unwrap_or(false);
            asked = Some(Self::Asked(wanted, start..option.position_behind()));
            Ok(())
        })?;
        let inside = start + 1;
        Ok(asked.unwrap_or(Self::Without { inside, empty }))
    }

    /// Whether usage is asked for, and the change to `body` (a whole request) that would ask for it.
    pub(super) fn ask_usage(self, body: &[u8]) -> (bool, Edit) {
        let edit = |at, text| (false, Edit { at, text });
        match self {
            // A member at the end of the object, behind whatever stands there.
            Self::Absent => {
                let end = memchr::memrchr(b'}', body).expect("the body was read as an object");
                edit(end..end, r#","stream_options":{"include_usage":true}"#)
            }
            Self::Null(at) => edit(at, r#"{"include_usage":true}"#),
            Self::Without { inside, empty: true } => edit(inside..inside, r#""include_usage":true"#),
            Self::Without { inside, empty: false } => edit(inside..inside, r#""include_usage":true,"#),
            Self::Asked(wanted, at) => (wanted, Edit { at, text: "true" }),
        }
    }
}
