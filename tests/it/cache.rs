//! The exact cache (DESIGN 4.2 Cache, 4.4; FAULTS abuse 37, 39).

use serde_json::{Value, json};

use crate::harness::*;

fn status(response: &Response) -> &str {
    response.header("x-tollgate-cache").unwrap_or("none")
}

struct Bench {
    provider: Scripted,
    gateway: Gateway,
}

impl Bench {
    async fn new() -> Self {
        // Each answer says which call it was, so that a hit shows.
        let provider = Scripted::start(|seen| {
            let words = format!("answer {}", seen.call);
            if seen.streamed() { stream_saying(&words) } else { saying(&words) }.script()
        })
        .await;
        let gateway = Gateway::start(Setup::one(&provider).ordered("alias", &["only/m"]).cache()).await;
        Self { provider, gateway }
    }

    async fn assert(&self, request: &Value, headers: &[&str], expected: &str) -> Response {
        let response = self.gateway.chat_with(request, headers).await;
        assert_eq!((response.status, status(&response)), (200, expected), "{headers:?}: {request}");
        response
    }
}

#[tokio::test]
async fn an_equal_call_gets_the_same_bytes_without_a_provider() {
    let bench = Bench::new().await;
    let first = bench.assert(&ask("m"), &[], "MISS").await;
    let second = bench.assert(&ask("m"), &[], "HIT").await;
    assert_eq!(first.body, second.body);
    assert_eq!(bench.provider.calls(), 1);
    assert_eq!((second.provider(), second.attempts()), ("only", 0));
    assert_eq!(second.header("content-type"), first.header("content-type"));
    assert!(second.header("x-tollgate-cache-age").is_some() && first.header("x-tollgate-cache-age").is_none());
    assert_ne!(second.header("x-request-id"), first.header("x-request-id"));
    let record = bench.gateway.record(2).await;
    assert_eq!((&record["cache"], &record["call.outcome"]), (&json!("HIT"), &json!("ok")));
    assert_eq!(record["call.attempts"], 0);
    let metrics = bench.gateway.metrics().await;
    assert_eq!(metrics.sum("tollgate_cache_total", &[("result", "HIT")]), 1.0);
    assert_eq!(metrics.sum("tollgate_tokens_total", &[("kind", "input")]), 9.0, "a hit bills nothing");
    assert_eq!(metrics.sum("tollgate_cost_usd_total", &[]), 12e-6);
}

#[tokio::test]
async fn what_changes_nothing_of_the_answer_makes_no_difference() {
    let bench = Bench::new().await;
    bench.assert(&ask("m"), &[], "MISS").await;
    for members in [json!({"user": "x"}), json!({"stream": false}), json!({"stream_options": null})] {
        bench.assert(&with(ask("m"), members), &[], "HIT").await;
    }
}

#[tokio::test]
async fn what_could_change_the_answer_is_a_miss() {
    let bench = Bench::new().await;
    bench.assert(&ask("m"), &[], "MISS").await;
    for members in [
        json!({"temperature": 0.1}),
        json!({"seed": 1}),
        json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
        json!({"response_format": {"type": "json_object"}}),
        json!({"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "Say hello"}]}),
        json!({"messages": [{"role": "user", "content": "Say Hello"}]}),
        json!({"max_tokens": 7}),
        json!({"x_unknown": true}),
    ] {
        bench.assert(&with(ask("m"), members), &[], "MISS").await;
    }
    bench.assert(&ask("alias"), &[], "MISS").await;
    bench.assert(&ask("only/m"), &[], "MISS").await;
}

#[tokio::test]
async fn callers_may_only_tighten_the_cache() {
    let bench = Bench::new().await;
    let (request, other) = (ask("m"), with(ask("m"), json!({"seed": 7})));
    bench.assert(&request, &["cache-control: no-store"], "BYPASS").await;
    bench.assert(&request, &["x-tollgate-cache: off"], "BYPASS").await;
    bench.assert(&request, &[], "MISS").await;
    let kept = bench.assert(&request, &[], "HIT").await.body;
    let refreshed = bench.assert(&request, &["cache-control: no-cache"], "REFRESH").await.body;
    assert_ne!(kept, refreshed);
    assert_eq!(bench.assert(&request, &[], "HIT").await.body, refreshed);
    let again = bench.assert(&request, &["x-tollgate-cache: refresh"], "REFRESH").await.body;
    assert_eq!(bench.assert(&request, &[], "HIT").await.body, again);
    bench.assert(&other, &["cache-control: no-store, no-cache"], "BYPASS").await;
    bench.assert(&other, &["cache-control: max-age=600"], "MISS").await;
    bench.assert(&other, &["cache-control: max-age=600"], "HIT").await;
    bench.assert(&other, &["cache-control: max-age=0"], "MISS").await;
}

#[tokio::test]
async fn an_entry_ends_with_its_time_to_live() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).table("[cache]\nttl = \"500ms\"")).await;
    gateway.chat(&ask("m")).await;
    let gone = within("the entry's end", async {
        loop {
            let response = gateway.chat(&ask("m")).await;
            if status(&response) == "MISS" {
                return response;
            }
        }
    })
    .await;
    assert_eq!(gone.status, 200);
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn without_a_cache_it_is_off() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for _ in 0..2 {
        assert_eq!(status(&gateway.chat(&ask("m")).await), "OFF");
    }
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn only_complete_answers_are_kept() {
    let choice =
        |members: &str| Reply::new(200, "application/json", format!(r#"{{"choices":[{{"index":0,{members}}}]}}"#));
    for reply in [
        choice(r#""message":{"role":"assistant","content":"x"},"finish_reason":"length""#),
        choice(r#""message":{"role":"assistant","content":"x"},"finish_reason":"content_filter""#),
        choice(r#""message":{"role":"assistant","content":null,"refusal":"no"},"finish_reason":"stop""#),
        choice(r#""message":{"role":"assistant","content":"x"},"finish_reason":null"#),
    ] {
        let provider = Scripted::always(reply).await;
        let gateway = Gateway::start(Setup::one(&provider).cache()).await;
        for call in 1..=2 {
            assert_eq!(status(&gateway.chat(&ask("m")).await), "MISS");
            assert_eq!(provider.calls(), call);
        }
    }
}

#[tokio::test]
async fn errors_are_not_kept() {
    let provider = Scripted::in_turn([refusal(500), refusal(400), good()]).await;
    let gateway = Gateway::start(Setup::one(&provider).cache()).await;
    let statuses = [gateway.chat(&ask("m")).await, gateway.chat(&ask("m")).await, gateway.chat(&ask("m")).await];
    assert_eq!(statuses.map(|response| response.status), [502, 400, 200]);
}

#[tokio::test]
async fn scopes_keep_callers_apart() {
    for (scope, statuses) in [
        ("key", ["MISS", "MISS", "MISS", "MISS"]),
        ("user", ["MISS", "HIT", "MISS", "MISS"]),
        ("team", ["MISS", "HIT", "HIT", "MISS"]),
        ("global", ["MISS", "HIT", "HIT", "HIT"]),
    ] {
        let provider = Scripted::saying(TEXT).await;
        let setup = Setup::one(&provider)
            .key("a1", "sk-a1-secret", "user = \"a\"\nteam = \"docs\"")
            .key("a2", "sk-a2-secret", "user = \"a\"\nteam = \"docs\"")
            .key("b", "sk-b-secret", "team = \"docs\"")
            // A user that bears the team's name is not the team.
            .key("c", "sk-c-secret", "user = \"docs\"")
            .table(&format!("[cache]\nscope = \"{scope}\""));
        let gateway = Gateway::start(setup).await;
        for (key, expected) in ["a1", "a2", "b", "c"].into_iter().zip(statuses) {
            let header = format!("authorization: Bearer sk-{key}-secret");
            let response = gateway.chat_with(&ask("m"), &[&header]).await;
            assert_eq!(status(&response), expected, "{scope}: {key}");
        }
    }
}

#[tokio::test]
async fn a_hit_counts_as_a_request() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::one(&provider).key("alice", "sk-alice-secret", "limits = { requests = \"2/h\" }").cache();
    let gateway = Gateway::start(setup).await;
    let key = "authorization: Bearer sk-alice-secret";
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(gateway.chat_with(&ask("m"), &[key]).await.status);
    }
    assert_eq!(seen, [200, 200, 429]);
    assert_eq!(provider.calls(), 1);
}

#[tokio::test]
async fn streams_are_not_looked_up_yet() {
    let bench = Bench::new().await;
    bench.assert(&ask("m"), &[], "MISS").await;
    bench.assert(&ask_stream("m"), &[], "BYPASS").await;
    assert_eq!(bench.provider.calls(), 2);
}

#[tokio::test]
async fn a_hit_is_served_while_every_provider_is_down() {
    let provider = Scripted::in_turn([good(), refusal(500)]).await;
    let gateway = Gateway::start(Setup::one(&provider).cache()).await;
    gateway.chat(&ask("m")).await;
    assert_eq!(gateway.chat(&with(ask("m"), json!({"seed": 1}))).await.status, 502);
    assert_eq!(status(&gateway.chat(&ask("m")).await), "HIT");
}
