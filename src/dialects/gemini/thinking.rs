//! How much the model shall think, in the words of its generation.
//!
//! <https://ai.google.dev/gemini-api/docs/thinking>

use serde::Serialize;

use super::model::{Line, Model};
use crate::api::chat::{Effort, Field, Losses, Thinking};

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThinkingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    include_thoughts: Option<bool>,
    /// Tokens; -1: as many as the model likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<i64>,
    /// Never together with a budget, which Gemini refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

pub(super) fn write_thinking(thinking: &Thinking, model: Model<'_>, losses: &mut Losses) -> Option<ThinkingConfig> {
    let mut config = ThinkingConfig::default();
    match model.line {
        Line::Unthinking => {
            losses.dropped_if(!thinking.is_off(), Field::Thinking);
            return None;
        }
        Line::Levels => config.thinking_level = level(thinking, model, losses),
        Line::Budgets | Line::Unknown => config.thinking_budget = budget(thinking, model, losses),
    }
    config.include_thoughts = Some(!thinking.is_off() && thinking.visible != Some(false));
    Some(config)
}

fn level(thinking: &Thinking, model: Model<'_>, losses: &mut Losses) -> Option<&'static str> {
    let effort = thinking.effort_word()?;
    let (level, exact) = match effort {
        // These models always think.
        Effort::None if model.is_pro() => ("low", false),
        Effort::None => ("minimal", false),
        Effort::Minimal if model.is_pro() => ("low", false),
        Effort::Minimal => ("minimal", true),
        Effort::Low => ("low", true),
        Effort::Medium if model.lacks_medium() => ("high", false),
        Effort::Medium => ("medium", true),
        Effort::High => ("high", true),
        Effort::XHigh | Effort::Max => ("high", false),
    };
    if !exact || thinking.budget.is_some_and(|budget| budget > 0) {
        losses.approximated(Field::Thinking);
    }
    Some(level)
}

fn budget(thinking: &Thinking, model: Model<'_>, losses: &mut Losses) -> Option<i64> {
    let wanted = if thinking.is_off() { Some(0) } else { thinking.budget_tokens().map(i64::from) };
    let Some(wanted) = wanted else { return thinking.adaptive.then_some(-1) };
    let given = match model {
        // A number that an unknown model does not take is for its provider to refuse.
        Model { line: Line::Unknown, .. } => wanted,
        _ if model.is_pro() => wanted.clamp(128, 32_768),
        _ if wanted == 0 => 0,
        _ if model.is_lite() => wanted.clamp(512, 24_576),
        _ => wanted.min(24_576),
    };
    if given != wanted {
        losses.approximated(Field::Thinking);
    }
    Some(given)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(thinking: &Thinking, model: &str) -> (Value, bool) {
        let mut losses = Losses::default();
        let config = write_thinking(thinking, Model::of(model), &mut losses);
        (serde_json::to_value(config).unwrap(), losses.is_empty())
    }

    fn effort(effort: Effort) -> Thinking {
        Thinking { effort: Some(effort), ..Thinking::default() }
    }

    fn tokens(budget: u32) -> Thinking {
        Thinking { budget: Some(budget), ..Thinking::default() }
    }

    #[test]
    fn budgets_are_kept_within_what_the_model_takes() {
        for (thinking, model, budget, exact) in [
            (effort(Effort::Low), "gemini-2.5-flash", 1_024, true),
            (effort(Effort::Max), "gemini-2.5-pro", 32_768, true),
            (effort(Effort::Max), "gemini-2.5-flash", 24_576, false),
            (tokens(200), "gemini-2.5-flash", 200, true),
            (tokens(200), "gemini-2.5-flash-lite", 512, false),
            (tokens(u32::MAX), "gemini-2.5-pro", 32_768, false),
            (tokens(u32::MAX), "my-tuned-model", i64::from(u32::MAX), true),
        ] {
            let config = json!({"includeThoughts": true, "thinkingBudget": budget});
            assert_eq!(written(&thinking, model), (config, exact), "{thinking:?} {model}");
        }
    }

    #[test]
    fn levels_are_used_from_the_third_generation_on() {
        for (thinking, model, level, exact) in [
            (effort(Effort::Minimal), "gemini-3-flash-preview", "minimal", true),
            (effort(Effort::Minimal), "gemini-3.1-pro-preview", "low", false),
            (effort(Effort::Medium), "gemini-3-pro-preview", "high", false),
            (effort(Effort::Medium), "gemini-3.1-pro-preview", "medium", true),
            (effort(Effort::Max), "gemini-3.5-flash", "high", false),
            (tokens(1_000), "gemini-3.5-flash", "low", false),
        ] {
            let config = json!({"includeThoughts": true, "thinkingLevel": level});
            assert_eq!(written(&thinking, model), (config, exact), "{thinking:?} {model}");
        }
    }

    #[test]
    fn no_thinking_is_as_little_as_the_model_can() {
        for (model, config, exact) in [
            ("gemini-2.0-flash", Value::Null, true),
            ("gemini-2.5-flash", json!({"includeThoughts": false, "thinkingBudget": 0}), true),
            ("gemini-2.5-flash-lite", json!({"includeThoughts": false, "thinkingBudget": 0}), true),
            ("gemini-2.5-pro", json!({"includeThoughts": false, "thinkingBudget": 128}), false),
            ("gemini-3-flash-preview", json!({"includeThoughts": false, "thinkingLevel": "minimal"}), false),
            ("gemini-3-pro-preview", json!({"includeThoughts": false, "thinkingLevel": "low"}), false),
        ] {
            assert_eq!(written(&effort(Effort::None), model), (config.clone(), exact), "{model}");
            assert_eq!(written(&tokens(0), model), (config, exact), "{model}");
        }
    }

    #[test]
    fn models_that_cannot_think_lose_the_wish() {
        assert_eq!(written(&effort(Effort::High), "gemini-2.0-flash"), (Value::Null, false));
    }

    #[test]
    fn thoughts_are_shown_unless_the_client_does_not_want_them() {
        let hidden = Thinking { visible: Some(false), ..effort(Effort::Low) };
        assert_eq!(written(&hidden, "gemini-2.5-flash").0["includeThoughts"], false);
        let adaptive = Thinking { adaptive: true, ..Thinking::default() };
        let config = json!({"includeThoughts": true, "thinkingBudget": -1});
        assert_eq!(written(&adaptive, "gemini-2.5-flash"), (config, true));
        assert_eq!(written(&adaptive, "gemini-3.5-flash"), (json!({"includeThoughts": true}), true));
    }
}
