//! A rule: which calls it is about, which of those it takes, and what becomes of them.

use std::num::NonZeroU32;

use serde::Deserialize;
use wildmatch::WildMatch;

use super::Effect;
use super::rule_file::RuleFile;

/// One rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "RuleFile")]
pub struct Rule {
    pub when: When,
    pub often: Often,
    pub effect: Effect,
}

/// Which calls a rule is about; what is left out matches all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// A name, or a glob with `*` and `?`.
    pub model: Option<String>,
    pub stream: Option<bool>,
    /// Text within the last user message, in any case.
    pub contains: Option<String>,
}

impl When {
    /// Whether the rule is about a call with this model, way of answering and last user message.
    pub fn matches(&self, model: &str, stream: bool, text: &str) -> bool {
        self.model.as_ref().is_none_or(|glob| WildMatch::new(glob).matches(model))
            && self.stream.is_none_or(|wanted| wanted == stream)
            && (self.contains.as_ref()).is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
    }
}

/// Which of the matching calls a rule takes: after `skip` of them the first of each `every`, by `probability`, and
/// at most `times` in all.
///
/// A rule counts the matching calls that the rules before it have left, so rules that follow each other in the file
/// follow each other in time.
#[derive(Debug, Clone)]
pub struct Often {
    pub skip: u32,
    pub every: NonZeroU32,
    pub times: Option<u32>,
    pub probability: f64,
}

impl Default for Often {
    fn default() -> Self {
        Self { skip: 0, every: NonZeroU32::MIN, times: None, probability: 1.0 }
    }
}

/// How far one rule's counts have come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    seen: u32,
    taken: u32,
}

impl Progress {
    /// Counts one matching call and says whether the rule takes it.
    pub(super) fn take(&mut self, often: &Often, random: &mut fastrand::Rng) -> bool {
        let before = self.seen;
        self.seen = self.seen.saturating_add(1);
        let due = before >= often.skip && (before - often.skip).is_multiple_of(often.every.get());
        let left = often.times.is_none_or(|times| self.taken < times);
        let taken = due && left && random.f64() < often.probability;
        self.taken += u32::from(taken);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(often: &Often, calls: usize) -> Vec<usize> {
        let (mut progress, mut random) = (Progress::default(), fastrand::Rng::with_seed(7));
        (1..=calls).filter(|_| progress.take(often, &mut random)).collect()
    }

    #[test]
    fn takes_every_call_unless_told_otherwise() {
        assert_eq!(taken(&Often::default(), 3), [1, 2, 3]);
    }

    #[test]
    fn skips_then_takes_the_first_of_each_group_so_many_times() {
        let often = Often { skip: 2, every: NonZeroU32::new(3).unwrap(), times: Some(2), ..Often::default() };
        assert_eq!(taken(&often, 20), [3, 6]);
    }

    #[test]
    fn equal_seeds_draw_equal_calls_at_about_the_probability() {
        let often = Often { probability: 0.3, ..Often::default() };
        let first = taken(&often, 1000);
        assert_eq!(first, taken(&often, 1000));
        assert!((250..350).contains(&first.len()), "{}", first.len());
    }

    #[test]
    fn matches_by_glob_way_of_answering_and_text() {
        let when = When { model: Some("gpt-*".to_owned()), stream: Some(true), contains: Some("weather".to_owned()) };
        assert!(when.matches("gpt-4o", true, "The Weather today"));
        assert!(!when.matches("claude", true, "weather"));
        assert!(!when.matches("gpt-4o", false, "weather"));
        assert!(!when.matches("gpt-4o", true, "news"));
        assert!(When::default().matches("any", false, ""));
    }
}
