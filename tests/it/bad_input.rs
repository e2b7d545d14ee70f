//! A request that cannot be: an OpenAI-shaped 4xx that names the field, and nothing sent to a provider
//! (issue 2, bad input; abuse cases 13, 22-24, 26, 29; PITFALLS 37).

use serde_json::{Value, json};

use crate::harness::*;

struct Bench {
    provider: Scripted,
    gateway: Gateway,
}

impl Bench {
    async fn new() -> Self {
        let provider = Scripted::saying(TEXT).await;
        let gateway = Gateway::start(Setup::one(&provider).server("body_limit = \"1MiB\"")).await;
        Self { provider, gateway }
    }

    /// Refused with 400, blaming `param`.
    async fn refuses(&self, body: impl AsRef<[u8]>, param: Option<&str>) {
        let shown = String::from_utf8_lossy(&body.as_ref()[..body.as_ref().len().min(120)]).into_owned();
        let response = self.gateway.chat_bytes(body, &[JSON]).await;
        assert_eq!(response.status, 400, "{shown}: {}", response.text());
        response.assert_caller_error(400).assert_param(param);
        assert_eq!(self.provider.calls(), 0, "{shown}");
    }

    async fn refuses_with(&self, members: Value, param: &str) {
        for request in [ask("m"), ask_stream("m")] {
            self.refuses(with(request, members.clone()).to_string(), Some(param)).await;
        }
    }
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"x"}]"#;

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let bench = Bench::new().await;
    let whole = ask("m").to_string();
    for body in [
        "",
        " ",
        "{",
        "hello",
        "null",
        "[]",
        "\"m\"",
        "7",
        &whole[..whole.len() - 1],
        &format!("{whole}x"),
        &format!("{whole}{whole}"),
        &format!("\u{feff}{whole}"),
        &format!(r#"{{"model":"m",{MESSAGES},}}"#),
        &format!(r#"{{"model":"m",{MESSAGES},"x":1e400}}"#),
        &format!(r#"{{"model":"m",{MESSAGES},"x":"\ud800"}}"#),
        &format!(r#"{{"model":"m",{MESSAGES},"x":NaN}}"#),
        &format!("{{\"model\":\"m\",{MESSAGES},\"x\":\"a\nb\"}}"),
        &format!(r#"{{"model":"m",{MESSAGES},"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        &format!(r#"{{"model":"m",{MESSAGES},"x":{}1{}}}"#, "{\"a\":".repeat(10_000), "}".repeat(10_000)),
        &"[".repeat(1_000_000),
    ] {
        bench.refuses(body, None).await;
    }
    let mut invalid = whole.into_bytes();
    invalid[10] = 0xff;
    bench.refuses(invalid, None).await;
}

#[tokio::test]
async fn the_model_must_be_a_name() {
    let bench = Bench::new().await;
    bench.refuses(format!("{{{MESSAGES}}}"), Some("model")).await;
    for model in ["null", "7", "[]", "{}", "true", "\"\""] {
        bench.refuses(format!(r#"{{"model":{model},{MESSAGES}}}"#), Some("model")).await;
    }
}

#[tokio::test]
async fn messages_must_be_objects_with_a_known_role() {
    let bench = Bench::new().await;
    bench.refuses(r#"{"model":"m"}"#, Some("messages")).await;
    for (messages, param) in [
        (json!(null), "messages"),
        (json!("hello"), "messages"),
        (json!({}), "messages"),
        (json!([]), "messages"),
        (json!(["hello"]), "messages[0]"),
        (json!([{"content": "x"}]), "messages[0].role"),
        (json!([{"role": "user", "content": "x"}, {"role": "robot", "content": "x"}]), "messages[1].role"),
        (json!([{"role": 7, "content": "x"}]), "messages[0].role"),
        (json!([{"role": "user", "content": 7}]), "messages[0].content"),
    ] {
        bench.refuses_with(json!({"messages": messages}), param).await;
    }
}

#[tokio::test]
async fn known_members_have_their_types_and_ranges() {
    let bench = Bench::new().await;
    for (name, values) in [
        ("stream", vec![json!("true"), json!(1)]),
        ("n", vec![json!(0), json!(129), json!(1000), json!(-1), json!(1.5), json!("2"), json!([])]),
        (
            "max_tokens",
            vec![
                json!(0),
                json!(-1),
                json!(2_147_483_648_u64),
                json!(9_223_372_036_854_775_808_u64),
                json!(1.5),
                json!("9"),
            ],
        ),
        ("max_completion_tokens", vec![json!(0), json!(-1), json!(1e30), json!({})]),
        ("temperature", vec![json!("hot"), json!([])]),
        ("top_p", vec![json!("x")]),
        ("stream_options", vec![json!(7), json!("x")]),
        ("user", vec![json!(7)]),
        ("tools", vec![json!("x"), json!({})]),
    ] {
        for value in values {
            bench.refuses(with(ask("m"), json!({name: value})).to_string(), Some(name)).await;
        }
    }
    bench.refuses_with(json!({"stream_options": {"include_usage": "yes"}}), "stream_options.include_usage").await;
}

#[tokio::test]
async fn nulls_unknown_members_and_the_ends_of_ranges_pass() {
    let bench = Bench::new().await;
    for members in [
        json!({"stream": null, "n": null, "max_tokens": null, "temperature": null, "tools": null, "user": null}),
        json!({"n": 128, "max_tokens": 2_147_483_647, "max_completion_tokens": 1}),
        json!({"provider_specific_fields": {"x": [1, 2]}, "thinking": {"type": "enabled"}, "stop": ["a"]}),
    ] {
        let response = bench.gateway.chat(&with(ask("m"), members)).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[tokio::test]
async fn a_member_that_two_readers_could_read_differently_is_refused() {
    let bench = Bench::new().await;
    for (member, param) in [
        (r#""model":"m""#, "model"),
        (r#""model":"other""#, "model"),
        (r#""stream":true,"stream":false"#, "stream"),
        (r#""n":1,"n":100"#, "n"),
        (r#""max_tokens":1,"max_tokens":1000000"#, "max_tokens"),
        (r#""max_completion_tokens":1,"max_completion_tokens":9"#, "max_completion_tokens"),
        (r#""mod\u0065l":"other""#, "model"),
        (r#""Model":"other""#, "model"),
        (MESSAGES, "messages"),
    ] {
        bench.refuses(format!(r#"{{"model":"m",{MESSAGES},{member}}}"#), Some(param)).await;
    }
}

#[tokio::test]
async fn a_model_that_is_not_there_is_a_404_and_its_name_goes_nowhere() {
    let bench = Bench::new().await;
    for model in [
        "gpt-unknown",
        "../../admin",
        "only/../admin",
        "only/a?b=c",
        "only/a#b",
        "only/a%2f..%2fb",
        "only/model:generateContent#",
        "only/",
        "/m",
        "m?x=",
        "only/a\r\nx-injected: 1",
        "nobody/m",
        "M",
    ] {
        let response = bench.gateway.chat(&ask(model)).await;
        response.assert_error(404, "invalid_request_error", Some("model_not_found"));
        assert_eq!(response.header("x-should-retry"), Some("false"));
        assert!(!response.names().contains(&"x-injected"), "{model}");
        assert_eq!(bench.provider.calls(), 0, "{model}");
    }
}

#[tokio::test]
async fn another_content_type_is_a_415() {
    let bench = Bench::new().await;
    let body = ask("m").to_string();
    for headers in [
        vec![],
        vec!["content-type: text/plain"],
        vec!["content-type: multipart/form-data; boundary=x"],
        vec!["content-type: application/x-www-form-urlencoded"],
        vec![JSON, "content-encoding: gzip"],
        vec![JSON, "content-encoding: zstd"],
        vec![JSON, "content-encoding: br"],
    ] {
        let response = bench.gateway.chat_bytes(&body, &headers).await;
        response.assert_error(415, "invalid_request_error", Some("unsupported_media_type"));
        assert_eq!(bench.provider.calls(), 0, "{headers:?}");
    }
    for fine in ["content-type: application/json; charset=utf-8", "Content-Type: APPLICATION/JSON"] {
        assert_eq!(bench.gateway.chat_bytes(&body, &[fine]).await.status, 200, "{fine}");
    }
    let response = bench.gateway.chat_bytes(&body, &[JSON, "content-encoding: identity"]).await;
    assert_eq!(response.status, 200, "{}", response.text());
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413() {
    let bench = Bench::new().await;
    let long = with(ask("m"), json!({"x": "x".repeat(1 << 20)})).to_string();
    let too_large = |response: &Response| {
        response.assert_error(413, "invalid_request_error", Some("request_too_large"));
    };
    too_large(&bench.gateway.chat_bytes(&long, &[JSON]).await);
    // In chunks, without a length that could be looked at; and one that is announced and never comes.
    for (headers, body) in [
        ("transfer-encoding: chunked", format!("{:x}\r\n{long}\r\n0\r\n\r\n", long.len())),
        ("content-length: 10737418240", String::new()),
    ] {
        bench.gateway.expect_calls(1);
        let mut connection = Connection::open(bench.gateway.door).await;
        connection.send(head("POST", "/v1/chat/completions", &[JSON, headers])).await;
        connection.send(body).await;
        too_large(&connection.response().await);
    }
    assert_eq!(bench.provider.calls(), 0);
    let fits = with(ask("m"), json!({"x": "x".repeat(1 << 19)}));
    assert_eq!(bench.gateway.chat(&fits).await.status, 200);
}
