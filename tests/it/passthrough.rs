//! Verbatim providers: the client's bytes go through, and the provider's come back (invariants 3 and 4; PITFALLS 36, 37).

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_answer_comes_back_byte_for_byte() {
    let provider = Scripted::always(good()).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat(&ask("m")).await;
    assert_eq!((response.status, response.text()), (200, completion(TEXT)));
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_request_arrives_byte_for_byte_but_for_the_models_name() {
    let provider = Scripted::saying(TEXT).await;
    let lines = "models = [{ name = \"m\", id = \"vendor/m-2024\", input = 1, output = 1 }, { name = \"same\", input = 1, output = 1 }]";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
    // Odd white space, escapes, numbers, unknown members and an order of its own; `model` also as text and deeper down.
    let request = "\r\n{ \"x_vendor\" : {\"model\":\"m\", \"provider_specific_fields\":null},\t\"messages\":[ {\"content\":\"caf\\u00e9 \\\"model\\\":\\\"m\\\" \u{1F5FC}\",\"role\":\"user\", \"reasoning_content\":\"echoed\"} ],\n \"temperature\" : 1.0E-1, \"model\" :  \"NAME\" ,\"cache_control\":{\"type\":\"ephemeral\"},\"big\":12345678901234567890 }\n";
    for (asked, sent) in [("m", "vendor/m-2024"), ("same", "same"), ("only/m", "vendor/m-2024")] {
        let body = request.replace("NAME", asked);
        let response = gateway.chat_bytes(&body, &[JSON]).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(provider.last().text(), request.replace("NAME", sent));
    }
}

#[tokio::test]
async fn a_provider_gets_these_headers_and_no_others() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::new().provider("only", &provider, "api_keys = [\"sk-provider\"]")).await;
    let sent = [
        "authorization: Bearer sk-callers-own",
        "openai-beta: assistants=v2",
        "openai-organization: org-callers",
        "cookie: a=b",
        "x-forwarded-for: 10.0.0.9",
        "x-tollgate-upstream: http://evil.example",
        "x-portkey-custom-host: http://evil.example",
        "accept-encoding: gzip, br",
        "user-agent: a client",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ];
    assert_eq!(gateway.chat_with(&ask("m"), &sent).await.status, 200);
    let seen = provider.last();
    assert_eq!((&*seen.method, &*seen.path), ("POST", "/v1/chat/completions"));
    let mut names: Vec<_> = seen.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "openai-beta",
        "user-agent",
    ];
    assert_eq!(names, expected);
    let host = provider.address.to_string();
    for (name, value) in [
        ("authorization", "Bearer sk-provider"),
        ("content-type", "application/json"),
        ("openai-beta", "assistants=v2"),
        ("accept-encoding", "identity"),
        ("host", &host),
    ] {
        assert_eq!(seen.header(name), Some(value));
    }
    assert!(seen.header("user-agent").unwrap().starts_with("tollgate/"));
}

#[tokio::test]
async fn nothing_in_a_request_chooses_where_it_goes() {
    let trap = Scripted::saying("trapped").await;
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let url = format!("http://{}/v1", trap.address);
    let request = with(
        ask("m"),
        json!({"base_url": url, "api_base": url, "endpoint": url, "provider": {"base_url": url},
               "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": format!("{url}/x.png")}}]}]}),
    );
    let host = format!("x-custom-host: {url}");
    let response = gateway.chat_with(&request, &[&host, "x-forwarded-host: evil.example"]).await;
    assert_eq!(response.provider(), "only");
    assert_eq!((trap.counts().connections, provider.calls()), (0, 1));
}

#[tokio::test]
async fn usage_is_asked_for_where_the_client_did_not_and_kept_from_it() {
    let with_usage = [role(), text("Hello"), text(" there"), finish(), usage(9, 3), DONE.to_owned()];
    let provider = Scripted::always(Reply::stream(with_usage.clone())).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;

    let response = gateway.chat(&ask_stream("m")).await;
    assert_eq!(response.text(), events().concat(), "nobody asked for the usage chunk");
    assert_eq!(provider.last().json()["stream_options"], json!({"include_usage": true}));

    let asked = with(ask_stream("m"), json!({"stream_options": {"include_usage": true}}));
    let response = gateway.chat(&asked).await;
    assert_eq!(response.text(), with_usage.concat());
    assert_eq!(provider.last().text(), asked.to_string());

    let refused = with(ask_stream("m"), json!({"stream_options": {"include_usage": false, "x": 1}}));
    let response = gateway.chat(&refused).await;
    assert_eq!(response.text(), events().concat());
    assert_eq!(provider.last().json()["stream_options"], json!({"include_usage": true, "x": 1}));

    // Billed alike, whether the client wanted to see it or not.
    for record in gateway.records(3).await {
        assert_eq!((&record["tokens.input"], &record["tokens.output"]), (&json!(9), &json!(3)), "{record}");
        assert_eq!(cost(&record), Some(12e-6), "{record}");
    }
}

#[tokio::test]
async fn usage_that_nobody_asked_for_is_never_withheld() {
    let stream = [role(), text("Hello"), finish(), usage(9, 3), DONE.to_owned()];
    let provider = Scripted::always(Reply::stream(stream.clone())).await;
    let setup = Setup::new().provider("only", &provider, "inject_usage = false");
    let gateway = Gateway::start(setup).await;
    let request = ask_stream("m");
    assert_eq!(gateway.chat(&request).await.text(), stream.concat());
    assert_eq!(provider.last().text(), request.to_string(), "not a byte was added");
    assert_eq!(gateway.record(1).await["tokens.input"], 9);
}

#[tokio::test]
async fn usage_counts_in_whichever_event_it_comes() {
    let inside = r#""usage":{"prompt_tokens":9,"completion_tokens":3}"#;
    let streams = [
        vec![
            role(),
            text("Hello"),
            chunk(r#""delta":{},"finish_reason":"stop""#).replace("}]}", &format!("}}],{inside}}}")),
            DONE.to_owned(),
        ],
        vec![
            role(),
            text("Hello"),
            finish(),
            event(&format!(r#""choices":[{{"index":0,"delta":{{}}}}],{inside}"#)),
            DONE.to_owned(),
        ],
        vec![
            role(),
            text("Hello"),
            finish(),
            event(&format!(r#""choices":[],"x_groq":{{{inside}}}"#)),
            DONE.to_owned(),
        ],
        vec![role(), text("Hello"), finish(), usage(9, 3)],
    ];
    let count = streams.len();
    let provider = Scripted::in_turn(streams.map(Reply::stream)).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for _ in 0..count {
        assert_eq!(gateway.chat(&ask_stream("m")).await.status, 200);
    }
    for record in gateway.records(count).await {
        assert_eq!((&record["tokens.input"], &record["tokens.output"]), (&json!(9), &json!(3)), "{record}");
        assert_eq!(cost(&record), Some(12e-6), "the same as unstreamed: {record}");
    }
}

#[tokio::test]
async fn only_these_headers_of_a_provider_reach_the_client() {
    let reply = good()
        .header("content-type", "application/json; charset=utf-8")
        .header("openai-processing-ms", 42)
        .header("x-request-id", "req_of_the_provider")
        .header("x-ratelimit-remaining-requests", 7)
        .header("set-cookie", "a=b")
        .header("server", "cloudflare")
        .header("strict-transport-security", "max-age=1")
        .header("location", "http://internal.example/")
        .header("openai-organization", "org-internal")
        .header("alt-svc", "h3=\":443\"")
        .header("connection", "keep-alive")
        .header("access-control-allow-origin", "*");
    let provider = Scripted::always(reply).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat(&ask("m")).await;
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(response.header("openai-processing-ms"), Some("42"));
    assert_eq!(response.header("x-tollgate-upstream-id"), Some("req_of_the_provider"));
    assert_ne!(response.header("x-request-id"), Some("req_of_the_provider"));
    assert_eq!(response.header("x-ratelimit-remaining-requests"), Some("7"));
    let foreign = |name: &&str| {
        let ours = [
            "content-type",
            "content-length",
            "date",
            "openai-processing-ms",
            "x-request-id",
            "cache-control",
            "vary",
            "x-content-type-options",
        ];
        !ours.contains(name) && !name.starts_with("x-tollgate-") && !name.starts_with("x-ratelimit-")
    };
    let foreign: Vec<_> = response.names().into_iter().filter(foreign).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}
