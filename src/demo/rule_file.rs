//! `[[provider.rule]]` as the file writes it: all keys in one table. Keys that exclude each other are refused.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use super::{Effect, Ending, ErrorText, Garbage, HowCut, Often, Outcome, Rule, When, duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    #[serde(default)]
    when: When,
    #[serde(default)]
    skip: u32,
    every: Option<NonZeroU32>,
    times: Option<u32>,
    probability: Option<f64>,

    #[serde(default, deserialize_with = "duration::read")]
    delay: Duration,
    #[serde(default, deserialize_with = "duration::read_some")]
    pace: Option<Duration>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    retry_after: Option<String>,

    status: Option<u16>,
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    garbage: Option<Garbage>,
    #[serde(default)]
    stall: bool,
    #[serde(default)]
    hang_up: bool,

    cut: Option<HowCut>,
    cut_after: Option<usize>,
    stall_after: Option<usize>,
    error_event_after: Option<usize>,
    #[serde(default)]
    no_done: bool,
}

impl TryFrom<RuleFile> for Rule {
    type Error = String;

    fn try_from(file: RuleFile) -> Result<Self, String> {
        let often = file.often()?;
        let effect = Effect {
            delay: file.delay,
            pace: file.pace,
            headers: file.headers()?,
            outcome: file.outcome()?,
            ending: file.ending()?,
        };
        file.refuse_idle_keys(&effect)?;
        Ok(Self { when: file.when, often, effect })
    }
}

impl RuleFile {
    fn often(&self) -> Result<Often, String> {
        let probability = self.probability.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&probability) {
            return Err(format!("probability {probability} is not between 0 and 1"));
        }
        Ok(Often { skip: self.skip, every: self.every.unwrap_or(NonZeroU32::MIN), times: self.times, probability })
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = name.parse::<HeaderName>().map_err(|_| format!("`{name}` is not a header name"))?;
            if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
                return Err(format!("`{name}` follows from the body"));
            }
            headers.append(name, header_value(value)?);
        }
        if let Some(value) = &self.retry_after {
            headers.insert(RETRY_AFTER, header_value(value)?);
        }
        Ok(headers)
    }

    fn outcome(&self) -> Result<Outcome, String> {
        let status = self.status.map(final_status).transpose()?;
        match (status, self.garbage, self.stall, self.hang_up) {
            (None, None, false, false) => Ok(Outcome::Answer),
            (Some(status), None, false, false) => Ok(Outcome::Error(status, self.error())),
            (status, Some(garbage), false, false) => Ok(Outcome::Garbage(status.unwrap_or(StatusCode::OK), garbage)),
            (None, None, true, false) => Ok(Outcome::Silence),
            (None, None, false, true) => Ok(Outcome::HangUp(self.cut.unwrap_or_default())),
            _ => Err("`stall` and `hang_up` go with no other of `status`, `garbage`, `stall`, `hang_up`".to_owned()),
        }
    }

    fn ending(&self) -> Result<Ending, String> {
        match (self.cut_after, self.stall_after, self.error_event_after, self.no_done) {
            (None, None, None, false) => Ok(Ending::Whole),
            (Some(after), None, None, false) => Ok(Ending::Cut(after, self.cut.unwrap_or_default())),
            (None, Some(after), None, false) => Ok(Ending::Stall(after)),
            (None, None, Some(after), false) => Ok(Ending::Error(after, self.error())),
            (None, None, None, true) => Ok(Ending::NoDone),
            _ => Err("only one of `cut_after`, `stall_after`, `error_event_after`, `no_done`".to_owned()),
        }
    }

    fn error(&self) -> ErrorText {
        ErrorText { message: self.message.clone(), kind: self.kind.clone(), code: self.code.clone() }
    }

    /// A key that would do nothing is a mistake.
    fn refuse_idle_keys(&self, effect: &Effect) -> Result<(), String> {
        let answers = effect.outcome == Outcome::Answer;
        let has_body = !matches!(effect.outcome, Outcome::Silence | Outcome::HangUp(_));
        let tells_error = matches!(effect.outcome, Outcome::Error(..)) || matches!(effect.ending, Ending::Error(..));
        let cuts = matches!(effect.outcome, Outcome::HangUp(_)) || matches!(effect.ending, Ending::Cut(..));
        if !has_body && effect.ending != Ending::Whole {
            Err("`stall` and `hang_up` leave no body to end early".to_owned())
        } else if !answers && matches!(effect.ending, Ending::Error(..) | Ending::NoDone) {
            Err("`error_event_after` and `no_done` need an ordinary answer".to_owned())
        } else if !tells_error && self.error() != ErrorText::default() {
            Err("`message`, `type` and `code` need `status` or `error_event_after`, and no `garbage`".to_owned())
        } else if !cuts && self.cut.is_some() {
            Err("`cut` needs `cut_after` or `hang_up`".to_owned())
        } else if !has_body && !effect.headers.is_empty() {
            Err("`stall` and `hang_up` send no headers".to_owned())
        } else {
            Ok(())
        }
    }
}

fn final_status(code: u16) -> Result<StatusCode, String> {
    StatusCode::from_u16(code)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or_else(|| format!("status {code} is not between 200 and 599"))
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    text.parse().map_err(|_| format!("{text:?} cannot be sent in a header"))
}
