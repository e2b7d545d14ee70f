//! How much a model shall think, written: as a budget for older models, as an effort for newer ones.
//! <https://docs.claude.com/en/build-with-claude/adaptive-thinking>

use serde::Serialize;

use super::model::Model;
use crate::api::chat::{Effort, Field, Losses, Thinking};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Mode {
    Enabled {
        budget_tokens: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Adaptive {
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
    Disabled,
}

/// What becomes of a wish to think.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) mode: Option<Mode>,
    pub(super) effort: Option<&'static str>,
}

impl Plan {
    pub(super) fn thinks(&self) -> bool {
        matches!(self.mode, Some(Mode::Enabled { .. } | Mode::Adaptive { .. }))
    }
}

const LEAST_BUDGET: u32 = 1_024;

/// A request in Anthropic's own words keeps them.
pub(super) fn write_own(thinking: &Thinking) -> Plan {
    let display = display(thinking);
    let mode = match thinking.budget {
        _ if thinking.is_off() => return Plan { mode: Some(Mode::Disabled), effort: None },
        _ if thinking.adaptive => Some(Mode::Adaptive { display }),
        Some(budget_tokens) => Some(Mode::Enabled { budget_tokens, display }),
        None => None,
    };
    Plan { mode, effort: thinking.effort.map(Effort::as_str) }
}

/// Makes the best of another format's wish. `max_tokens`, of which thinking is a part, grows where it may.
pub(super) fn write(thinking: &Thinking, model: Model, max_tokens: &mut Limit, losses: &mut Losses) -> Plan {
    let dropped = |losses: &mut Losses| {
        losses.dropped(Field::Thinking);
        Plan::default()
    };
    if thinking.is_off() {
        return match model {
            // One of these thinks in any case.
            Model::Unnumbered => dropped(losses),
            _ => Plan { mode: model.thinks().then_some(Mode::Disabled), effort: None },
        };
    }
    if !model.thinks() {
        return dropped(losses);
    }
    if model.adapts() {
        let mode = Some(Mode::Adaptive { display: display(thinking) });
        return Plan { mode, effort: thinking.effort_word().map(|effort| word(effort, thinking, model, losses)) };
    }
    let Some(wanted) = thinking.budget_tokens() else { return dropped(losses) };
    match max_tokens.with_budget(wanted.max(LEAST_BUDGET), losses) {
        Some(budget_tokens) => {
            if budget_tokens != wanted {
                losses.approximated(Field::Thinking);
            }
            Plan { mode: Some(Mode::Enabled { budget_tokens, display: display(thinking) }), effort: None }
        }
        None => dropped(losses),
    }
}

fn display(thinking: &Thinking) -> Option<&'static str> {
    thinking.visible.map(|visible| if visible { "summarized" } else { "omitted" })
}

fn word(effort: Effort, thinking: &Thinking, model: Model, losses: &mut Losses) -> &'static str {
    let near = match effort {
        Effort::None | Effort::Minimal => Effort::Low,
        Effort::XHigh if !model.takes_xhigh() => Effort::High,
        other => other,
    };
    if near != effort || thinking.effort.is_none() {
        losses.approximated(Field::Thinking);
    }
    near.as_str()
}

/// `max_tokens`, which Anthropic insists on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) tokens: u32,
    /// The client's, not ours.
    given: bool,
    most: Option<u32>,
}

impl Limit {
    const DEFAULT: u32 = 4_096;

    pub(super) fn new(given: Option<u32>, most: Option<u32>) -> Self {
        Self { tokens: given.or(most).unwrap_or(Self::DEFAULT), given: given.is_some(), most }
    }

    /// No more than the model gives: Anthropic refuses a larger number.
    pub(super) fn cap(&mut self, losses: &mut Losses) {
        if let Some(most) = self.most
            && self.tokens > most
        {
            self.tokens = most;
            losses.approximated(Field::MaxTokens);
        }
    }

    /// The budget must be smaller than the limit: raises the limit by it where that is possible, else lowers the budget.
    fn with_budget(&mut self, budget: u32, losses: &mut Losses) -> Option<u32> {
        if budget < self.tokens {
            return Some(budget);
        }
        let raised = self.tokens.saturating_add(budget);
        if self.most.is_none_or(|most| raised <= most) {
            self.tokens = raised;
            if self.given {
                losses.approximated(Field::MaxTokens);
            }
            return Some(budget);
        }
        // Half of it for the answer.
        let lowered = (self.tokens / 2).max(LEAST_BUDGET);
        (lowered < self.tokens).then_some(lowered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::chat::Fate;

    fn plan(
        thinking: &Thinking,
        model: &str,
        given: Option<u32>,
        most: Option<u32>,
    ) -> (Plan, u32, Vec<(Field, Fate)>) {
        let (mut limit, mut losses) = (Limit::new(given, most), Losses::default());
        let plan = write(thinking, Model::parse(model), &mut limit, &mut losses);
        (plan, limit.tokens, losses.iter().map(|loss| (loss.field.clone(), loss.fate)).collect())
    }

    fn effort(effort: Effort) -> Thinking {
        Thinking { effort: Some(effort), ..Thinking::default() }
    }

    fn budget(budget_tokens: u32) -> Plan {
        Plan { mode: Some(Mode::Enabled { budget_tokens, display: None }), effort: None }
    }

    const OLD: &str = "claude-sonnet-4-5";

    #[test]
    fn a_budget_fits_into_max_tokens() {
        let thinking = (Field::Thinking, Fate::Approximated);
        let max_tokens = (Field::MaxTokens, Fate::Approximated);
        assert_eq!(plan(&effort(Effort::Low), OLD, Some(5_000), None), (budget(1_024), 5_000, vec![]));
        assert_eq!(plan(&effort(Effort::Medium), OLD, None, None), (budget(8_192), 12_288, vec![]));
        assert_eq!(plan(&effort(Effort::Medium), OLD, Some(1_000), None), (budget(8_192), 9_192, vec![max_tokens]));
        assert_eq!(plan(&effort(Effort::High), OLD, None, Some(8_192)), (budget(4_096), 8_192, vec![thinking.clone()]));
        let dropped = (Plan::default(), 500, vec![(Field::Thinking, Fate::Dropped)]);
        assert_eq!(plan(&effort(Effort::High), OLD, Some(500), Some(8_192)), dropped);
        let small = Thinking { budget: Some(100), ..Thinking::default() };
        assert_eq!(plan(&small, OLD, Some(5_000), None), (budget(1_024), 5_000, vec![thinking]));
    }

    #[test]
    fn newer_models_take_an_effort() {
        let adaptive = |effort| Plan { mode: Some(Mode::Adaptive { display: None }), effort };
        let approximated = vec![(Field::Thinking, Fate::Approximated)];
        let plan = |thinking: &Thinking, model| {
            let (plan, _, losses) = plan(thinking, model, None, None);
            (plan, losses)
        };
        let budget = Thinking { budget: Some(9_000), ..Thinking::default() };
        assert_eq!(plan(&effort(Effort::Medium), "claude-opus-4-6"), (adaptive(Some("medium")), vec![]));
        assert_eq!(plan(&effort(Effort::XHigh), "claude-opus-4-6"), (adaptive(Some("high")), approximated.clone()));
        assert_eq!(plan(&effort(Effort::XHigh), "claude-opus-4-7"), (adaptive(Some("xhigh")), vec![]));
        assert_eq!(plan(&effort(Effort::Minimal), "claude-opus-4-7"), (adaptive(Some("low")), approximated.clone()));
        assert_eq!(plan(&budget, "claude-opus-4-7"), (adaptive(Some("medium")), approximated));
    }

    #[test]
    fn no_thinking_is_said_only_to_models_that_can() {
        let off = || effort(Effort::None);
        assert_eq!(plan(&off(), OLD, None, None).0.mode, Some(Mode::Disabled));
        assert_eq!(plan(&off(), "claude-3-5-haiku-20241022", None, None), (Plan::default(), 4_096, vec![]));
        let dropped = vec![(Field::Thinking, Fate::Dropped)];
        assert_eq!(plan(&off(), "claude-mythos-preview", None, None).2, dropped);
        assert_eq!(plan(&effort(Effort::High), "claude-3-opus-20240229", None, None).2, dropped);
    }
}
