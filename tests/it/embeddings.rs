//! Embeddings of every provider that has them, in OpenAI's form: numbers or base64, batches in order.

use serde_json::{Value, json};

use crate::harness::*;
use crate::upstreams::{Fleet, Vendor, vector};

const VENDORS: [Vendor; 4] = [Vendor::OpenAi, Vendor::Gemini, Vendor::Cohere, Vendor::Mistral];
const TEXTS: [&str; 3] = ["one", "naïve 東京", "three"];

/// The numbers of one row, from a list or from little-endian floats in base64.
fn numbers(embedding: &Value) -> Vec<f32> {
    if let Some(text) = embedding.as_str() {
        return unpacked(text);
    }
    let numbers = embedding.as_array().expect("a list or base64").iter();
    numbers.map(|number| number.as_f64().expect("numbers") as f32).collect()
}

fn unpacked(text: &str) -> Vec<f32> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters = text.trim_end_matches('=').bytes();
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for letter in letters {
        bits = bits << 6 | u32::from(value(letter));
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().expect("four"))).collect()
}

#[tokio::test]
async fn batches_come_back_in_order_as_numbers_or_base64() {
    let fleet = Fleet::start().await;
    for vendor in VENDORS {
        for format in [None, Some("float"), Some("base64")] {
            for batch in [true, false] {
                let texts = if batch { &TEXTS[..] } else { &TEXTS[1..2] };
                let input = if batch { json!(texts) } else { json!(texts[0]) };
                let mut request = json!({"model": vendor.model(), "input": input});
                if let Some(format) = format {
                    request["encoding_format"] = format.into();
                }
                let response = fleet.gateway.call(Door::Embeddings, &request).await;
                let answer = response.json();
                let place = format!("{vendor:?} {format:?} {batch}: {answer}");
                assert_eq!((response.status, &answer["object"]), (200, &json!("list")), "{place}");
                let data = answer["data"].as_array().expect("data is a list");
                assert_eq!(data.len(), texts.len(), "{place}");
                for (index, (row, text)) in data.iter().zip(texts).enumerate() {
                    assert_eq!((&row["object"], &row["index"]), (&json!("embedding"), &json!(index)), "{place}");
                    assert_eq!(row["embedding"].is_string(), format == Some("base64"), "{place}");
                    let expected = vector(text);
                    let close = |(one, other): (f32, &f32)| (one - other).abs() < 1e-6;
                    let found = numbers(&row["embedding"]);
                    assert!(found.len() == 3 && found.into_iter().zip(&expected).all(close), "{place}");
                }
                let usage = &answer["usage"];
                assert!(usage["prompt_tokens"].is_u64() && usage["total_tokens"].is_u64(), "{place}");
                let record = fleet.gateway.record_of(&response).await;
                assert_eq!(
                    (&record["call.outcome"], &record["call.door"]),
                    (&json!("ok"), &json!("embeddings")),
                    "{record}"
                );
                // Gemini reports nothing, which is no reason to take it for free.
                assert!(cost(&record).is_some_and(|cost| cost > 0.0), "{vendor:?}: {record}");
                assert_eq!(record["cost.estimated"], vendor == Vendor::Gemini, "{vendor:?}: {record}");
            }
        }
    }
}

#[tokio::test]
async fn dimensions_reach_every_provider_by_its_own_name() {
    let fleet = Fleet::start().await;
    for vendor in VENDORS {
        let request = json!({"model": vendor.model(), "input": ["a"], "dimensions": 3});
        let response = fleet.gateway.call(Door::Embeddings, &request).await;
        assert_eq!(response.status, 200, "{vendor:?}: {}", response.text());
        let sent = fleet.at(vendor).last().json();
        let found = match vendor {
            Vendor::Gemini => &sent["requests"][0]["outputDimensionality"],
            Vendor::Cohere | Vendor::Mistral => &sent["output_dimension"],
            _ => &sent["dimensions"],
        };
        let lost = response.header("x-tollgate-dropped-params").unwrap_or_default();
        assert!(*found == 3 || lost.contains("dimensions"), "{vendor:?} got {sent}, lost {lost:?}");
    }
}

#[tokio::test]
async fn a_provider_without_embeddings_is_passed_over() {
    let fleet = Fleet::start_with(|setup| setup.ordered("some", &["anthropic/anthropic-m", "openai/openai-m"])).await;
    let response = fleet.gateway.call(Door::Embeddings, &json!({"model": "some", "input": "one"})).await;
    assert_eq!((response.status, response.provider()), (200, "openai"), "{}", response.text());
    assert_eq!(fleet.at(Vendor::Anthropic).calls(), 0);
    let alone = fleet.gateway.call(Door::Embeddings, &json!({"model": "anthropic-m", "input": "one"})).await;
    assert!((400..500).contains(&alone.status), "{}: {}", alone.status, alone.text());
    assert_error_shape(&alone.json(), "invalid_request_error", alone.json()["error"]["code"].as_str());
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused() {
    let fleet = Fleet::start().await;
    for input in [json!(null), json!([]), json!(7), json!({"a": 1}), json!([["a"]]), json!("")] {
        // OpenAI and Mistral judge for themselves.
        for vendor in [Vendor::Gemini, Vendor::Cohere] {
            let response =
                fleet.gateway.call(Door::Embeddings, &json!({"model": vendor.model(), "input": input})).await;
            assert_eq!(response.status, 400, "{vendor:?} {input}: {}", response.text());
            assert_eq!(response.json()["error"]["type"], "invalid_request_error", "{vendor:?} {input}");
        }
    }
}
