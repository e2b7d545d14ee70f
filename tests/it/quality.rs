//! Answers that are passed over for their quality, and refusals that another candidate may not share (FAULTS F19, F20).

use serde_json::{Value, json};

use crate::harness::*;
use crate::upstreams::{Vendor, refuse};

const ALL: &str = "quality = { empty = true, schema = true, refusal = true, truncated = true }";

/// `first`, then `second`, which says "second"; `lines` are of the model `chat`.
async fn pair(first: &Scripted, second: &Scripted, lines: &str) -> Gateway {
    let setup = Setup::new().provider("first", first, "").provider("second", second, "");
    let lines = format!("strategy = \"ordered\"\n{lines}");
    Gateway::start(setup.model("chat", &["first/m", "second/m"], &lines)).await
}

/// A whole answer of OpenAI's with this message and this end.
fn answer(message: &Value, finish: &str) -> Reply {
    let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500}});
    Reply::new(200, "application/json", body.to_string())
}

fn flawed() -> [(Reply, &'static str); 4] {
    [
        (answer(&json!({"role": "assistant", "content": ""}), "stop"), "empty"),
        (answer(&json!({"role": "assistant", "content": null, "refusal": "No."}), "stop"), "refusal"),
        (answer(&json!({"role": "assistant", "content": "Hel"}), "length"), "truncated"),
        (answer(&json!({"role": "assistant", "content": "```json\n{}\n```"}), "stop"), "schema"),
    ]
}

fn as_json() -> Value {
    with(ask("chat"), json!({"response_format": {"type": "json_object"}}))
}

#[tokio::test]
async fn a_flawed_answer_is_passed_over_once_and_paid() {
    for (reply, flaw) in flawed() {
        let first = Scripted::always(reply).await;
        let second = Scripted::saying("{}").await;
        let gateway = pair(&first, &second, ALL).await;
        let response = gateway.chat(&as_json()).await;
        assert_eq!((response.status, response.provider(), response.attempts()), (200, "second", 2), "{flaw}");
        let record = gateway.record(1).await;
        // 1,500 and 12 tokens at 1 USD per million.
        assert_eq!((cost(&record), &record["cost.estimated"]), (Some(0.001512), &false.into()), "{record}");
        assert_eq!((&record["call.outcome"], &record["tokens.input"]), (&"ok".into(), &9.into()), "{record}");
        let metrics = gateway.metrics().await;
        let attempts =
            |provider, class| metrics.sum("tollgate_attempts_total", &[("provider", provider), ("class", class)]);
        assert_eq!((attempts("first", "quality"), attempts("second", "ok")), (1.0, 1.0), "{}", metrics.0);
        assert_eq!(metrics.sum("tollgate_tokens_total", &[("provider", "first"), ("kind", "output")]), 500.0);
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_judged() {
    for (reply, flaw) in flawed() {
        let first = Scripted::always(reply).await;
        let second = Scripted::saying("second").await;
        let gateway = pair(&first, &second, "").await;
        assert_eq!(gateway.chat(&as_json()).await.provider(), "first", "{flaw}");
        let lines = ALL.replace(&format!("{flaw} = true"), &format!("{flaw} = false"));
        let off = pair(&first, &second, &lines).await;
        let request = if flaw == "schema" { as_json() } else { ask("chat") };
        assert_eq!(off.chat(&request).await.provider(), "first", "{flaw}");
        assert_eq!(second.calls(), 0, "{flaw}");
    }
}

#[tokio::test]
async fn the_first_answer_is_what_the_client_gets_when_nobody_does_better() {
    for other in [
        refusal(500).script(),
        refusal(400).script(),
        Script(vec![Step::Reset]),
        answer(&json!({"role": "assistant", "content": " "}), "stop").script(),
    ] {
        let [(empty, _), ..] = flawed();
        let first = Scripted::always(empty).await;
        let second = Scripted::always(other).await;
        let third = Scripted::always(answer(&json!({"content": ""}), "stop")).await;
        let setup = Setup::new()
            .provider("first", &first, "breaker = { failures = 1, open = \"60s\" }")
            .provider("second", &second, "")
            .provider("third", &third, "")
            .model("chat", &["first/m", "second/m", "third/m"], "strategy = \"ordered\"\nquality = {}");
        let gateway = Gateway::start(setup).await;
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.status, response.provider()), (200, "first"), "{}", response.text());
        let record = gateway.record(1).await;
        assert_eq!((&record["provider.name"], &record["tokens.input"]), (&"first".into(), &1_000.into()), "{record}");
        // Its breaker is not charged.
        gateway.chat(&ask("chat")).await;
        assert_eq!(first.calls(), 2);
        let asked = second.calls() + third.calls();
        assert!((2..=5).contains(&asked), "{asked}");
    }
}

#[tokio::test]
async fn a_stream_without_content_is_passed_over_before_anything_is_sent() {
    let empty = Reply::stream([role(), finish(), usage(1_000, 0), DONE.to_owned()]);
    let first = Scripted::always(empty).await;
    let second = Scripted::always(stream_saying("second")).await;
    let gateway = pair(&first, &second, "quality = {}").await;
    let response = gateway.chat(&ask_stream("chat")).await;
    assert_eq!((response.provider(), said(&response.body).as_str()), ("second", "second"));
    let alone = pair(&first, &first, "quality = {}").await;
    let response = alone.chat(&ask_stream("chat")).await;
    assert_eq!((response.provider(), response.status), ("first", 200));
    assert!(response.text().ends_with(DONE), "{}", response.text());
    // What a filter has ended says so.
    let filtered = Reply::stream([role(), chunk(r#""delta":{},"finish_reason":"content_filter""#), DONE.to_owned()]);
    let first = Scripted::always(filtered).await;
    let gateway = pair(&first, &second, "quality = {}").await;
    assert_eq!(gateway.chat(&ask_stream("chat")).await.provider(), "first");
}

/// What a vendor says that says nothing.
fn nothing(vendor: Vendor) -> Reply {
    let body = match vendor {
        Vendor::OpenAi | Vendor::Mistral => {
            json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]})
        }
        Vendor::Anthropic => {
            json!({"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}})
        }
        Vendor::Gemini => {
            json!({"candidates": [{"content": {"role": "model", "parts": []}, "finishReason": "STOP", "index": 0}]})
        }
        Vendor::Cohere => {
            json!({"id": "a", "message": {"role": "assistant", "content": []}, "finish_reason": "COMPLETE"})
        }
    };
    Reply::new(200, "application/json", body.to_string())
}

async fn vendor_and_second(vendor: Vendor, first: &Scripted, second: &Scripted, lines: &str) -> Gateway {
    let kind =
        format!("kind = \"{}\"\nmodels = [{{ name = \"m\", input = 1, output = 1, context = 1000 }}]", vendor.kind());
    let setup = Setup::new()
        .provider("first", first, &kind)
        .provider(
            "small",
            second,
            "kind = \"mistral\"\nmodels = [{ name = \"m\", input = 1, output = 1, context = 900 }]",
        )
        .provider(
            "second",
            second,
            "kind = \"mistral\"\nmodels = [{ name = \"m\", input = 1, output = 1, context = 2000 }]",
        )
        .model("chat", &["first/m", "small/m", "second/m"], &format!("strategy = \"ordered\"\n{lines}"));
    Gateway::start(setup).await
}

#[tokio::test]
async fn every_door_and_every_dialect_is_judged() {
    for vendor in Vendor::ALL {
        let first = Scripted::always(nothing(vendor)).await;
        let second = Scripted::saying("second").await;
        let gateway = vendor_and_second(vendor, &first, &second, "quality = {}").await;
        for door in [Door::Chat, Door::Completions, Door::Messages, Door::Responses] {
            if vendor == Vendor::OpenAi && matches!(door, Door::Completions | Door::Responses) {
                continue;
            }
            let response = gateway.call(door, &say(door, "chat", "hi")).await;
            let got = (response.status, response.header("x-tollgate-provider"));
            assert_eq!(got, (200, Some("small")), "{vendor:?} {door:?}: {}", response.text());
        }
    }
}

#[tokio::test]
async fn an_empty_response_that_passes_as_it_is_is_judged_too() {
    let reply = |text: &str| {
        let content = json!([{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}]);
        let body = json!({"id": "resp_1", "object": "response", "status": "completed", "output": content});
        Reply::new(200, "application/json", body.to_string())
    };
    let (first, second) = (Scripted::always(reply("not it")).await, Scripted::always(reply("{\"a\":1}")).await);
    let gateway = pair(&first, &second, "quality = {}").await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
    let format = json!({"format": {"type": "json_schema", "name": "a", "schema": schema}});
    let request = with(say(Door::Responses, "chat", "hi"), json!({"text": format}));
    assert_eq!(gateway.call(Door::Responses, &request).await.provider(), "second");
}

#[tokio::test]
async fn what_is_too_long_for_one_goes_to_a_larger_one() {
    for (vendor, words) in [
        (Vendor::OpenAi, "This model's maximum context length is 1000 tokens."),
        (Vendor::Anthropic, "prompt is too long: 2083 tokens > 1000 maximum"),
        (Vendor::Gemini, "The input token count (2083) exceeds the maximum number of tokens allowed (1000)."),
        (Vendor::Cohere, "too many tokens: size limit exceeded by 1083 tokens."),
        (Vendor::Mistral, "Prompt contains 2083 tokens, too large for model with 1000 maximum context length"),
    ] {
        let first = Scripted::always(refuse(vendor, 400, words)).await;
        let second = Scripted::saying("second").await;
        let gateway = vendor_and_second(vendor, &first, &second, "").await;
        for _ in 0..4 {
            let response = gateway.chat(&ask("chat")).await;
            assert_eq!((response.provider(), response.attempts()), ("second", 2), "{vendor:?}");
        }
        assert_eq!(first.calls(), 4, "the breaker is not charged");
    }
}

#[tokio::test]
async fn what_is_too_long_for_the_largest_is_told_as_it_was_said() {
    let words = "This model's maximum context length is 1000 tokens.";
    let first = Scripted::always(refuse(Vendor::OpenAi, 400, words)).await;
    let second = Scripted::always(refusal(500)).await;
    let same = "models = [{ name = \"m\", input = 1, output = 1, context = 1000 }]";
    let setup = Setup::new().provider("first", &first, same).provider("second", &second, same);
    let gateway = Gateway::start(setup.ordered("chat", &["first/m", "second/m"])).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.status, second.calls()), (400, 0), "{}", response.text());
    assert!(response.text().contains(words), "{}", response.text());
    // A larger one that fails is not worth more than these words.
    let gateway = vendor_and_second(Vendor::OpenAi, &first, &second, "").await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.status, second.calls()), (400, 1), "{}", response.text());
    assert!(response.text().contains(words), "{}", response.text());
}

#[tokio::test]
async fn a_filter_sends_a_call_on_only_where_the_model_says_so() {
    for code in ["content_filter", "content_policy_violation"] {
        let body =
            json!({"error": {"message": "The response was filtered.", "type": null, "param": "prompt", "code": code}});
        let first = Scripted::always(Reply::new(400, "application/json", body.to_string())).await;
        let second = Scripted::saying("second").await;
        let returning = pair(&first, &second, "").await;
        let response = returning.chat(&ask("chat")).await;
        assert_eq!((response.status, second.calls()), (400, 0), "{}", response.text());
        assert_eq!(response.json()["error"]["code"], code);
        let next = pair(&first, &second, "on_filter = \"next\"").await;
        assert_eq!(next.chat(&ask("chat")).await.provider(), "second");
    }
}
