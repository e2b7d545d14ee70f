//! Prices of models, in integers, and the table of published ones.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::provider::ModelRow;

/// What tokens of one model cost, in pico-dollars (1e-12 USD) per token.
///
/// One USD per million tokens is 1,000,000 pico-dollars per token, so every published price is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub input: u64,
    pub output: u64,
    /// Input tokens that the provider read from its own cache; `None`: billed as input.
    pub cache_read: Option<u64>,
    /// Input tokens that the provider wrote to its own cache; `None`: billed as input.
    pub cache_write: Option<u64>,
}

/// The published models of a kind of provider, in the order of `config/prices.toml`; empty for kinds without any.
pub fn published_models(kind: &str) -> &'static [ModelRow] {
    TABLE.get(kind).map_or(&[], Vec::as_slice)
}

const PICO_PER_USD: u64 = 1_000_000;
const HIGHEST_USD: u64 = 10_000;

/// USD per million tokens, in decimal notation, as pico-dollars per token. Digits beyond the sixth are rounded.
pub(super) fn pico_dollars(usd: &str) -> Result<u64, &'static str> {
    const NO_PRICE: &str = "is not a price in USD per million tokens: a number from 0 to 10000";
    let (whole, fraction) = usd.split_once('.').unwrap_or((usd, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(NO_PRICE);
    }
    let whole: u64 = whole.parse().map_err(|_| NO_PRICE)?;
    let mut digits = fraction.bytes().map(|digit| u64::from(digit - b'0'));
    let micro = (0..6).fold(0, |sum, _| sum * 10 + digits.next().unwrap_or(0));
    let rounded = micro + u64::from(digits.next() >= Some(5));
    let pico = whole.checked_mul(PICO_PER_USD).and_then(|pico| pico.checked_add(rounded));
    pico.filter(|pico| *pico <= HIGHEST_USD * PICO_PER_USD).ok_or(NO_PRICE)
}

static TABLE: LazyLock<BTreeMap<String, Vec<ModelRow>>> = LazyLock::new(|| {
    let blocks = parse(include_str!("../../config/prices.toml")).expect("the compiled-in table is checked by a test");
    let rows = |block: Block| block.models.iter().map(Published::row).collect();
    blocks.into_iter().map(|(kind, block)| (kind, rows(block))).collect()
});

/// The models of one kind, under one date.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Block {
    /// The month in which the prices were looked up.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file and the test over it"))]
    checked: String,
    models: Vec<Published>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    name: String,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    context: Option<u32>,
    max_output: Option<u32>,
    #[serde(default = "yes")]
    vision: bool,
    #[serde(default = "yes")]
    tools: bool,
}

fn yes() -> bool {
    true
}

fn parse(text: &str) -> Result<BTreeMap<String, Block>, toml::de::Error> {
    toml::from_str(text)
}

impl Published {
    fn row(&self) -> ModelRow {
        ModelRow {
            name: self.name.clone(),
            id: self.name.clone(),
            price: self.price().ok(),
            context: self.context,
            max_output: self.max_output,
            vision: self.vision,
            tools: self.tools,
        }
    }

    fn price(&self) -> Result<Price, &'static str> {
        let pico = |usd: f64| pico_dollars(&usd.to_string());
        Ok(Price {
            input: pico(self.input)?,
            output: pico(self.output)?,
            cache_read: self.cache_read.map(pico).transpose()?,
            cache_write: self.cache_write.map(pico).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::presets::preset;
    use super::*;

    #[test]
    fn prices_are_exact_in_pico_dollars() {
        for (usd, pico) in [
            ("0.15", 150_000),
            ("0", 0),
            ("2.5", 2_500_000),
            ("0.0000004", 0),
            ("0.0000005", 1),
            ("1.9999996", 2_000_000),
            ("10000", 10_000_000_000),
        ] {
            assert_eq!(pico_dollars(usd), Ok(pico), "{usd}");
        }
        for usd in ["", "-1", "NaN", "inf", "1e3", "10000.000001", "99999999999999999999999", "."] {
            assert!(pico_dollars(usd).is_err(), "{usd}");
        }
    }

    #[test]
    fn every_published_row_is_of_a_known_kind_in_range_and_alone() {
        let blocks = parse(include_str!("../../config/prices.toml")).unwrap();
        let mut count = 0;
        for (kind, block) in &blocks {
            assert!(preset(kind).is_some(), "{kind} is no kind");
            assert!(block.checked.len() == 7 && block.checked.starts_with("20"), "{kind}: {}", block.checked);
            let mut names = HashSet::new();
            for model in &block.models {
                assert!(names.insert(&model.name), "{kind}: {} stands there twice", model.name);
                let price = model.price().unwrap();
                assert!(price.cache_read <= Some(price.input), "{}: a cached token costs more", model.name);
                assert!(
                    price.cache_write.is_none_or(|write| write >= price.input),
                    "{}: writing costs less",
                    model.name
                );
                let shortest = if price.output == 0 { 512 } else { 4096 };
                assert!(model.context.is_none_or(|context| context >= shortest), "{}", model.name);
                assert!(model.max_output <= model.context || model.context.is_none(), "{}", model.name);
            }
            count += names.len();
        }
        assert!(count >= 200, "only {count} models");
    }

    #[test]
    fn a_kind_without_published_prices_has_no_models() {
        assert!(published_models("ollama").is_empty());
        assert!(published_models("openai").iter().any(|row| row.name == "gpt-4o-mini"));
    }
}
