//! LiteLLM's `model_prices_and_context_window.json` as a price file.
//!
//! Prices there are dollars per token, most in scientific notation; no float is on the way from them to ours. A row is
//! carried whole or not at all: what is not carried stands in the file as a comment, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::value::RawValue;
use thiserror::Error;

use super::model::PriceRow;
use super::price::{Price, Tier};
use super::rates::{Dimension, Rates};
use super::usd::{Absurd, judged, scaled};
use super::write::row_line;

/// Their providers, ours, and what their names of models begin with, which vendors do not know.
static KINDS: &[(&str, &str, &str)] = &[
    ("openai", "openai", "openai/"),
    ("text-completion-openai", "openai", "text-completion-openai/"),
    ("anthropic", "anthropic", "anthropic/"),
    ("gemini", "gemini", "gemini/"),
    ("mistral", "mistral", "mistral/"),
    ("cohere", "cohere", "cohere/"),
    ("cohere_chat", "cohere", "cohere_chat/"),
    ("azure", "azure", "azure/"),
    ("azure_text", "azure", "azure/"),
    ("groq", "groq", "groq/"),
    ("deepseek", "deepseek", "deepseek/"),
    ("together_ai", "together", "together_ai/"),
    ("fireworks_ai", "fireworks", "fireworks_ai/"),
    ("fireworks_ai-embedding-models", "fireworks", "fireworks_ai/"),
    ("openrouter", "openrouter", "openrouter/"),
    ("xai", "xai", "xai/"),
    ("cerebras", "cerebras", "cerebras/"),
    ("perplexity", "perplexity", "perplexity/"),
    ("zai", "zai", "zai/"),
    ("huggingface", "huggingface", "huggingface/"),
    ("ollama", "ollama", "ollama/"),
    ("hosted_vllm", "vllm", "hosted_vllm/"),
    ("lm_studio", "lmstudio", "lm_studio/"),
];

static RATES: [(&str, Dimension); Dimension::ALL.len()] = [
    ("input_cost_per_token", Dimension::Input),
    ("output_cost_per_token", Dimension::Output),
    ("cache_read_input_token_cost", Dimension::CacheRead),
    ("cache_read_input_audio_token_cost", Dimension::CacheReadAudio),
    ("cache_creation_input_token_cost", Dimension::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", Dimension::CacheWrite1h),
    ("output_cost_per_reasoning_token", Dimension::Reasoning),
    ("input_cost_per_audio_token", Dimension::AudioInput),
    ("output_cost_per_audio_token", Dimension::AudioOutput),
    ("input_cost_per_image_token", Dimension::ImageInput),
    ("output_cost_per_image_token", Dimension::ImageOutput),
];

/// What the same model costs in other manners of service than the usual one.
static OTHER_SERVICE: [&str; 6] = ["_batches", "_priority", "_flex", "_balanced", "_ultrafast", "_decisions"];

/// What is answered with text or vectors, and billed by tokens.
static MODES: [&str; 4] = ["chat", "completion", "responses", "embedding"];

/// The text is not LiteLLM's file.
#[derive(Debug, Error)]
#[error("this is not LiteLLM's list of prices: {0}")]
pub struct ImportError(#[from] serde_json::Error);

type Members<'a> = BTreeMap<String, &'a RawValue>;

/// A price file with the models of these kinds, or of all where none is named.
pub fn import_litellm(text: &str, kinds: &[&str]) -> Result<String, ImportError> {
    let rows: Members<'_> = serde_json::from_str(text)?;
    let mut found: BTreeMap<&str, Found> = BTreeMap::new();
    let mut others = 0;
    for (name, row) in &rows {
        let members: Members<'_> = match serde_json::from_str(row.get()) {
            Ok(members) => members,
            Err(_) => {
                others += 1;
                continue;
            }
        };
        let provider = text_of(&members, "litellm_provider").unwrap_or_default();
        let Some((_, kind, prefix)) = KINDS.iter().find(|(theirs, ..)| *theirs == provider) else {
            others += 1;
            continue;
        };
        if kinds.is_empty() || kinds.contains(kind) {
            let short = name.strip_prefix(prefix).unwrap_or(name);
            found.entry(kind).or_default().take(name, short, &members);
        }
    }
    Ok(written(&found, others))
}

fn written(found: &BTreeMap<&str, Found>, others: usize) -> String {
    let mut file = String::from(
        "# What models cost: USD per million tokens. Made by `tollgate prices import` from LiteLLM's list; prices of\n\
         # batches, of other levels of service, and of whatever is not counted in tokens, are not in it.\n",
    );
    if others > 0 {
        let _ = writeln!(file, "# Rows of providers that Tollgate has no kind for: {others}.");
    }
    for (kind, found) in found {
        if !found.rows.is_empty() {
            let _ = writeln!(file, "\n[{kind}]\nmodels = [");
            for (name, row) in &found.rows {
                for line in row.comment.iter().map(|text| format!("# {text}")).chain([row_line(name, &row.row) + ","]) {
                    let _ = writeln!(file, "  {line}");
                }
            }
            file += "]\n";
        }
        if !found.refused.is_empty() {
            let _ = writeln!(file, "\n# Of {kind} not carried:");
            for (name, reason) in &found.refused {
                let _ = writeln!(file, "#   {name:?}: {reason}");
            }
        }
    }
    file
}

/// What has been found for one kind.
#[derive(Default)]
struct Found {
    rows: BTreeMap<String, Carried>,
    refused: Vec<(String, String)>,
}

struct Carried {
    row: PriceRow,
    /// Prices that the row has and ours cannot say.
    comment: Option<String>,
}

impl Found {
    fn take(&mut self, name: &str, short: &str, members: &Members<'_>) {
        let refuse = |reason: String| (name.to_owned(), reason);
        if short.is_empty() || short.contains("${") {
            return self.refused.push(refuse("no model has such a name".to_owned()));
        }
        match read_row(members) {
            Err(reason) => self.refused.push(refuse(reason)),
            Ok(carried) => match self.rows.get(short) {
                Some(first) if first.row.price != carried.row.price => {
                    self.refused.push(refuse(format!("another row has other prices for {short:?}")));
                }
                Some(_) => {}
                None => drop(self.rows.insert(short.to_owned(), carried)),
            },
        }
    }
}

fn read_row(members: &Members<'_>) -> Result<Carried, String> {
    let mode = text_of(members, "mode");
    if let Some(mode) = mode.as_deref().filter(|mode| !MODES.contains(mode)) {
        return Err(format!("its mode is {mode:?}"));
    }
    let embeds = mode.as_deref() == Some("embedding");
    let mut rates = Rates::default();
    let mut tiers: BTreeMap<u64, Rates> = BTreeMap::new();
    let mut left = BTreeSet::new();
    for (key, value) in members.iter().filter(|(_, value)| value.get() != "null") {
        match place_of(key) {
            Some((dimension, None)) => rates.set(dimension, pico(key, value)?),
            Some((dimension, Some(above))) => tiers.entry(above).or_default().set(dimension, pico(key, value)?),
            None if is_other_price(key) => drop(left.insert(key.as_str())),
            None => {}
        }
    }
    if embeds && rates.get(Dimension::Output).is_none() {
        rates.set(Dimension::Output, 0);
    }
    for (key, dimension) in &RATES[..2] {
        if rates.get(*dimension).is_none() {
            return Err(format!("it has no {key}"));
        }
    }
    if rates.iter().all(|(_, pico)| pico == 0) {
        return Err("all its prices are 0, which may be free of charge or unknown".to_owned());
    }
    let rates = without_repeats(rates);
    let tiers = tiers.into_iter().map(|(above, rates)| Tier { above, rates }).collect();
    let price = Price::new(None, rates, tiers).ok_or("it has no price")?;
    let source = text_of(members, "source").filter(|text| text.starts_with("https://") && !text.contains("${"));
    let row = PriceRow {
        price,
        source: source.map(Into::into),
        checked: None,
        context: count_of(members, "max_input_tokens"),
        max_output: count_of(members, "max_output_tokens").filter(|_| !embeds),
        vision: is_true(members, "supports_vision"),
        tools: is_true(members, "supports_function_calling"),
    };
    let left: Vec<_> = left.into_iter().collect();
    let comment = (!left.is_empty()).then(|| format!("without {}", left.join(", ").escape_debug()));
    Ok(Carried { row, comment })
}

/// Without what costs what it would cost anyway: said, it would also hold in a tier that says only what it is a part of.
fn without_repeats(rates: Rates) -> Rates {
    let usual = |dimension: Dimension| {
        std::iter::successors(dimension.billed_as(), |usual| usual.billed_as()).find_map(|usual| rates.get(usual))
    };
    rates.iter().filter(|(dimension, pico)| usual(*dimension) != Some(*pico)).collect()
}

/// The sort of token that a key is for, and the length of input from which on.
fn place_of(key: &str) -> Option<(Dimension, Option<u64>)> {
    RATES.iter().find_map(|(base, dimension)| {
        let rest = key.strip_prefix(base)?;
        if rest.is_empty() {
            return Some((*dimension, None));
        }
        let thousands: u64 = rest.strip_prefix("_above_")?.strip_suffix("k_tokens")?.parse().ok()?;
        Some((*dimension, Some(thousands.checked_mul(1000).filter(|above| *above > 0)?)))
    })
}

fn is_other_price(key: &str) -> bool {
    let is_price = key.contains("cost") || key.contains("pricing");
    is_price && !OTHER_SERVICE.iter().any(|suffix| key.ends_with(suffix))
}

/// Dollars per token as pico-dollars; what is wrong with them, if they are no price.
fn pico(key: &str, value: &RawValue) -> Result<u64, String> {
    let text = value.get();
    let bad = |what: &str| format!("{key}: {} {what}", text.chars().take(40).collect::<String>());
    judged(text, 12).map_err(|absurd| match absurd {
        Absurd::TooLittle => bad("is less than 0.0001 USD per million tokens"),
        Absurd::TooMuch => bad("is more than 10000 USD per million tokens"),
        Absurd::NoPrice if text.starts_with('-') => bad("is negative"),
        Absurd::NoPrice if text.starts_with(|first: char| first.is_ascii_digit()) => bad("is out of range"),
        Absurd::NoPrice => bad("is no number"),
    })
}

fn text_of(members: &Members<'_>, key: &str) -> Option<String> {
    serde_json::from_str(members.get(key)?.get()).ok()
}

fn count_of(members: &Members<'_>, key: &str) -> Option<u32> {
    let count = scaled(members.get(key)?.get(), 0)?;
    u32::try_from(count).ok().filter(|count| *count > 0)
}

fn is_true(members: &Members<'_>, key: &str) -> bool {
    members.get(key).is_some_and(|value| value.get() == "true")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::table::PriceTable;
    use super::*;
    use crate::config::Env;

    fn import(text: &str) -> (String, PriceTable) {
        let file = import_litellm(text, &[]).unwrap();
        let table = PriceTable::parse(&file, Path::new("p.toml"), &Env::default());
        let table = table.unwrap_or_else(|faults| panic!("{faults:#?}\n{file}"));
        (file, table)
    }

    #[test]
    fn every_price_by_token_is_carried_exactly() {
        let (_, table) = import(
            r#"{"anthropic/claude": {"litellm_provider": "anthropic", "mode": "chat", "max_input_tokens": 1e6,
                "max_output_tokens": 64000, "supports_vision": true, "supports_function_calling": true,
                "source": "https://a.example",
                "input_cost_per_token": 3e-06, "output_cost_per_token": 0.000015,
                "cache_read_input_token_cost": 3.0000000000000004e-07, "cache_creation_input_token_cost": 3.75E-06,
                "cache_creation_input_token_cost_above_1hr": 6e-06, "output_cost_per_reasoning_token": 1.6e-05,
                "input_cost_per_audio_token": 7e-06, "output_cost_per_audio_token": 8e-06,
                "cache_read_input_audio_token_cost": 9e-07,
                "input_cost_per_image_token": 1e-05, "output_cost_per_image_token": 1.1e-05,
                "input_cost_per_token_above_200k_tokens": 6e-06,
                "output_cost_per_token_above_200k_tokens": 2.25e-05,
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
                "input_cost_per_token_above_128k_tokens": null, "input_cost_per_token_batches": 1e-9,
                "input_cost_per_token_above_272k_tokens_flex": 1e-9, "input_cost_per_token_above_272k_tokens": 9e-06}}"#,
        );
        let row = &table.find("anthropic", "claude").unwrap().rows[0];
        let price = &row.price;
        let usd = [3_000_000, 15_000_000, 300_000, 900_000, 3_750_000, 6_000_000, 16_000_000, 7_000_000, 8_000_000];
        let expected = usd.into_iter().chain([10_000_000, 11_000_000]);
        for (dimension, pico) in Dimension::ALL.into_iter().zip(expected) {
            assert_eq!(price.rates().get(dimension), Some(pico), "{dimension:?}");
        }
        assert_eq!(price.tiers().iter().map(|tier| tier.above).collect::<Vec<_>>(), [200_000, 272_000]);
        let of = |dimension| price.rate(price.tiers().first(), dimension);
        assert_eq!((of(Dimension::Input), of(Dimension::Output)), (6_000_000, 22_500_000));
        assert_eq!((of(Dimension::CacheWrite), of(Dimension::CacheWrite1h)), (3_750_000, 12_000_000));
        assert_eq!((row.context, row.max_output, row.vision, row.tools), (Some(1_000_000), Some(64_000), true, true));
        assert_eq!(row.source.as_deref(), Some("https://a.example"));
    }

    #[test]
    fn names_are_those_that_vendors_know() {
        let row = |provider: &str| {
            format!(r#"{{"litellm_provider":"{provider}","input_cost_per_token":1e-6,"output_cost_per_token":1e-6}}"#)
        };
        let text = format!(
            r#"{{"gpt": {}, "groq/openai/gpt-oss": {}, "together_ai/Qwen/Q": {}, "cohere_chat/c": {}, "a b\"c\n": {},
                "bedrock/x": {}, "sample_spec": {{"litellm_provider": "one of many"}}, "odd": 7}}"#,
            row("openai"),
            row("groq"),
            row("together_ai"),
            row("cohere_chat"),
            row("xai"),
            row("bedrock"),
        );
        let (file, table) = import(&text);
        for (kind, name) in [
            ("openai", "gpt"),
            ("groq", "openai/gpt-oss"),
            ("together", "Qwen/Q"),
            ("cohere", "c"),
            ("xai", "a b\"c\n"),
        ] {
            assert!(table.find(kind, name).is_some(), "{kind} {name}\n{file}");
        }
        assert!(file.contains("no kind for: 3"), "{file}");
        let only = import_litellm(&text, &["groq"]).unwrap();
        assert!(only.contains("[groq]") && !only.contains("[openai]"), "{only}");
    }

    #[test]
    fn what_is_not_carried_is_told_with_the_reason() {
        let row = |rest: &str| format!(r#"{{"litellm_provider":"openai","mode":"chat",{rest}}}"#);
        for (rest, reason) in [
            (r#""input_cost_per_token":1e-6"#, "it has no output_cost_per_token"),
            (r#""input_cost_per_token":-1e-6,"output_cost_per_token":1e-6"#, "input_cost_per_token: -1e-6 is negative"),
            (r#""input_cost_per_token":"1e-6","output_cost_per_token":1e-6"#, r#""1e-6" is no number"#),
            (r#""input_cost_per_token":0.5,"output_cost_per_token":1e-6"#, "0.5 is more than 10000 USD"),
            (r#""input_cost_per_token":1e-99,"output_cost_per_token":1e-6"#, "1e-99 is less than 0.0001 USD"),
            (r#""input_cost_per_token":1e99,"output_cost_per_token":1e-6"#, "1e99 is out of range"),
            (r#""input_cost_per_token":[1],"output_cost_per_token":1e-6"#, "[1] is no number"),
            (r#""input_cost_per_token":0.0,"output_cost_per_token":0"#, "all its prices are 0"),
            (
                r#""input_cost_per_token":1e-6,"output_cost_per_token":1e-6,"input_cost_per_token_above_200k_tokens":1"#,
                "input_cost_per_token_above_200k_tokens: 1 is more than",
            ),
        ] {
            let (file, table) = import(&format!(r#"{{"m": {}}}"#, row(rest)));
            assert!(file.contains("#   \"m\": ") && file.contains(reason), "{reason}\n{file}");
            assert!(table.find("openai", "m").is_none(), "{file}");
        }
        let (file, _) = import(r#"{"m": {"litellm_provider": "openai", "mode": "image_generation\n"}}"#);
        assert!(file.contains(r#""m": its mode is "image_generation\n""#), "{file}");
    }

    #[test]
    fn rows_of_one_name_agree_or_the_first_holds() {
        let row = |usd: &str| {
            format!(r#"{{"litellm_provider":"deepseek","input_cost_per_token":{usd},"output_cost_per_token":1e-6}}"#)
        };
        let text = format!(
            r#"{{"deepseek/a": {}, "a": {}, "b": {}, "deepseek/b": {}}}"#,
            row("1e-6"),
            row("1e-6"),
            row("2e-6"),
            row("3e-6")
        );
        let (file, table) = import(&text);
        assert_eq!(table.find("deepseek", "b").unwrap().rows[0].price.rate(None, Dimension::Input), 2_000_000);
        assert!(file.contains(r#""deepseek/b": another row has other prices for "b""#), "{file}");
        assert!(!file.contains(r#""deepseek/a": "#), "{file}");
    }

    #[test]
    fn what_is_dearer_as_a_whole_is_not_held_back_by_a_part_that_costs_the_same() {
        let (_, table) = import(
            r#"{"g": {"litellm_provider": "xai", "input_cost_per_token": 2e-6, "output_cost_per_token": 6e-6,
                "input_cost_per_image_token": 2e-6, "input_cost_per_token_above_200k_tokens": 4e-6}}"#,
        );
        let price = &table.find("xai", "g").unwrap().rows[0].price;
        assert_eq!(price.rate(price.tiers().first(), Dimension::ImageInput), 4_000_000);
    }

    #[test]
    fn embeddings_have_no_output_and_other_prices_are_named() {
        let (file, table) = import(
            r#"{"e": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-8, "max_output_tokens": 9,
                "off_peak_pricing": {}, "output_cost_per_image": 1, "input_cost_per_token_priority": 9}}"#,
        );
        let row = &table.find("openai", "e").unwrap().rows[0];
        assert_eq!((row.price.rate(None, Dimension::Output), row.max_output, row.vision), (0, None, false));
        assert!(file.contains("  # without off_peak_pricing, output_cost_per_image\n"), "{file}");
        for text in ["", "[]", "{", "7"] {
            assert!(import_litellm(text, &[]).is_err(), "{text}");
        }
    }
}
