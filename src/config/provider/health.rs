//! `health`: looking whether a provider is there before a call has to find out.

use std::time::Duration;

use super::super::reader::Field;
use super::super::shape::Shape;
use super::super::values::{duration, positive_duration};

/// What is looked for, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    pub check: Check,
    /// From the beginning of one check to that of the next; at least a second.
    pub every: Duration,
    /// How long a check may take.
    pub timeout: Duration,
}

/// A request that costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The provider's list of its models.
    Models,
    /// A connection that is closed again: name lookup, TCP, and TLS where the address is `https`.
    Connect,
}

static HEALTH: Shape = Shape { name: "health", keys: &["check", "every", "timeout"] };

/// More often would be a burden to who is checked.
const MOST_OFTEN: Duration = Duration::from_secs(1);

impl Check {
    /// As the file says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Connect => "connect",
        }
    }
}

impl Health {
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table(&HEALTH)?;
        let checks = [Check::Models, Check::Connect].map(|check| (check.as_str(), check));
        let check = table.require("check").and_then(|field| field.choice(&checks));
        let (mut every, mut timeout) = (Duration::from_secs(10), Duration::from_secs(2));
        table.set("every", &mut every, |field| field.parse(often));
        table.set("timeout", &mut timeout, |field| field.parse(positive_duration));
        Some(Self { check: check?, every, timeout })
    }
}

fn often(text: &str) -> Result<Duration, &'static str> {
    match duration(text)? {
        every if every < MOST_OFTEN => Err("is too often: at least \"1s\""),
        every => Ok(every),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{fault_of, load_more};
    use super::*;

    fn file(health: &str) -> String {
        format!("[providers.a]\nkind = \"openai\"\nhealth = {health}")
    }

    #[test]
    fn every_setting_reaches_its_field_and_all_but_one_has_a_default() {
        let health = |text: &str| load_more(&file(text)).config.providers.remove(0).health.unwrap();
        let seconds = Duration::from_secs;
        let usual = Health { check: Check::Models, every: seconds(10), timeout: seconds(2) };
        assert_eq!(health("{ check = \"models\" }"), usual);
        let own = Health { check: Check::Connect, every: seconds(1), timeout: Duration::from_millis(300) };
        assert_eq!(health("{ check = \"connect\", every = \"1s\", timeout = \"300ms\" }"), own);
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        for (health, problem) in [
            ("{}", "health: `check` is missing"),
            ("{ check = \"model\" }", "health.check: \"model\" is none of: models, connect (did you mean `models`?)"),
            ("{ check = true }", "health.check: expected a string"),
            ("{ check = \"connect\", every = \"999ms\" }", "health.every: \"999ms\" is too often: at least \"1s\""),
            ("{ check = \"connect\", every = 10 }", "health.every: expected a string"),
            ("{ check = \"connect\", timeout = \"0s\" }", "health.timeout: \"0s\" must be more than zero"),
            ("{ check = \"connect\", path = \"/x\" }", "health.path: unknown key"),
            ("true", "health: expected a table"),
        ] {
            let fault = fault_of(&file(health));
            assert!(fault.contains(&format!("providers.a.{problem}")), "{fault}");
        }
    }
}
