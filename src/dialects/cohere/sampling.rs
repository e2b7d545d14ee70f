//! How the answer is sampled, within the ranges that Cohere takes.
//! <https://docs.cohere.com/v2/reference/chat#request.body.temperature>

use serde_json::{Map, Number, Value};

use crate::api::chat::{ChatRequest, Field, Losses};

const MAX_K: u32 = 500;
const MAX_STOPS: usize = 5;

pub(super) fn write_sampling(request: &ChatRequest, body: &mut Map<String, Value>, losses: &mut Losses) {
    let sampling = &request.sampling;
    for (name, number, (low, high), field) in [
        ("temperature", &sampling.temperature, (0.0, 1.0), Field::Temperature),
        ("p", &sampling.top_p, (0.01, 0.99), Field::TopP),
        ("frequency_penalty", &sampling.frequency_penalty, (0.0, 1.0), Field::FrequencyPenalty),
        ("presence_penalty", &sampling.presence_penalty, (0.0, 1.0), Field::PresencePenalty),
    ] {
        // A `top_p` of 1 keeps every token, which is what happens without it; Cohere's own ends below.
        let idle = field == Field::TopP && number.as_ref().and_then(Number::as_f64) == Some(1.0);
        if let Some(number) = number.as_ref().filter(|_| !idle) {
            body.insert(name.into(), clamp(number, low, high, field, losses).into());
        }
    }
    if let Some(k) = sampling.top_k {
        if k > MAX_K {
            losses.approximated(Field::TopK);
        }
        body.insert("k".into(), k.min(MAX_K).into());
    }
    if let Some(seed) = sampling.seed {
        match u64::try_from(seed) {
            Ok(seed) => drop(body.insert("seed".into(), seed.into())),
            Err(_) => losses.dropped(Field::Seed),
        }
    }
    if !request.stop.is_empty() {
        if request.stop.len() > MAX_STOPS {
            losses.approximated(Field::Stop);
        }
        let stops: Vec<&str> = request.stop.iter().take(MAX_STOPS).map(String::as_str).collect();
        body.insert("stop_sequences".into(), stops.into());
    }
    if let Some(max_tokens) = request.max_tokens {
        body.insert("max_tokens".into(), max_tokens.into());
    }
    if request.logprobs == Some(true) {
        body.insert("logprobs".into(), true.into());
    }
    losses.dropped_if(sampling.logit_bias.is_some(), Field::LogitBias);
}

/// A number inside the range stays as it was written.
fn clamp(number: &Number, low: f64, high: f64, field: Field, losses: &mut Losses) -> Number {
    let value = number.as_f64().unwrap_or(low);
    if (low..=high).contains(&value) {
        return number.clone();
    }
    losses.approximated(field);
    Number::from_f64(value.clamp(low, high)).unwrap_or_else(|| number.clone())
}
