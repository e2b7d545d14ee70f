//! The doors besides chat: models, probes, metrics, unknown paths, browsers, HTTP/2 (DESIGN 4.3; abuse cases 10, 43, 44).

use serde_json::json;

use crate::harness::*;

async fn plain() -> (Scripted, Gateway) {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider(
            "only",
            &provider,
            "models = [{ name = \"m\", input = 1, output = 1 }, { name = \"vendor/b\", input = 1, output = 1 }]",
        )
        .ordered("chat", &["only/m"]);
    let gateway = Gateway::start(setup).await;
    (provider, gateway)
}

#[tokio::test]
async fn models_are_listed_names_first_and_then_what_providers_list() {
    let (_provider, gateway) = plain().await;
    let response = gateway.get("/v1/models", &[]).await;
    let list = response.json();
    assert_eq!((response.status, &list["object"]), (200, &json!("list")));
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["chat", "m", "vendor/b"]);
    for model in list["data"].as_array().unwrap() {
        assert_eq!(model["object"], "model");
        assert!(model["created"].is_u64() && model["owned_by"].is_string(), "{model}");
    }
    for id in ids {
        let one = gateway.get(&format!("/v1/models/{id}"), &[]).await;
        assert_eq!((one.status, &one.json()["id"]), (200, &json!(id)));
    }
    let encoded = gateway.get("/v1/models/vendor%2Fb", &[]).await;
    assert_eq!((encoded.status, &encoded.json()["id"]), (200, &json!("vendor/b")));
    let unknown = gateway.get("/v1/models/nothing", &[]).await;
    unknown.assert_error(404, "invalid_request_error", Some("model_not_found"));
}

#[tokio::test]
async fn probes_answer_on_both_doors_and_call_nobody() {
    let (provider, gateway) = plain().await;
    for path in ["/livez", "/readyz", "/healthz", "/health/liveliness", "/health/readiness"] {
        for door in [gateway.door, gateway.admin] {
            assert_eq!(gateway.exchange(door, get(path, &[])).await.status, 200, "{path}");
        }
    }
    assert_eq!(provider.counts().connections, 0);
}

#[tokio::test]
async fn probes_need_no_key_and_the_rest_does() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).key("alice", "sk-alice-secret", "")).await;
    assert_eq!(gateway.get("/livez", &[]).await.status, 200);
    for path in ["/v1/models", "/v1/models/m"] {
        let response = gateway.get(path, &[]).await;
        response.assert_error(401, "authentication_error", Some("invalid_api_key"));
    }
}

#[tokio::test]
async fn metrics_are_on_the_admin_door_only() {
    let (_provider, gateway) = plain().await;
    assert_eq!(gateway.exchange(gateway.admin, get("/metrics", &[])).await.status, 200);
    for path in ["/metrics", "/admin/v1/config", "/admin", "/debug/pprof", "/health/details"] {
        assert_eq!(gateway.get(path, &[]).await.status, 404, "{path}");
    }
    let chat = post("/v1/chat/completions", &[JSON], ask("m").to_string());
    assert_eq!(gateway.exchange(gateway.admin, chat).await.status, 404);
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405_before_the_key_is_read() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).key("alice", "sk-alice-secret", "")).await;
    for path in [
        "/",
        "/v1",
        "/v1/nothing",
        "/v1/chat/completions/",
        "/V1/chat/completions",
        "/v1/chat/completions/x",
        "//v1/chat/completions",
        "/v1/%63hat/completions",
        "/v1/../v1/chat/completions",
        "/v1/%2e%2e/metrics",
        "//metrics",
        "/v1/chat%2fcompletions",
    ] {
        for request in [post(path, &[JSON], ask("m").to_string()), get(path, &[])] {
            let response = gateway.exchange(gateway.door, request).await;
            assert_eq!(response.status, 404, "{path}: {}", response.text());
            assert_eq!(response.header("x-should-retry"), Some("false"), "{path}");
            assert_error_shape_of(&response);
        }
    }
    for (method, path) in
        [("GET", "/v1/chat/completions"), ("DELETE", "/v1/models"), ("PUT", "/v1/chat/completions"), ("POST", "/livez")]
    {
        let request = head(method, path, &["content-length: 0"]);
        let response = gateway.exchange(gateway.door, request).await;
        assert_eq!(response.status, 405, "{method} {path}: {}", response.text());
        assert_eq!(response.header("x-should-retry"), Some("false"), "{method} {path}");
        assert_error_shape_of(&response);
        assert!(response.header("allow").is_some(), "{method} {path}");
    }
    assert_eq!(provider.calls(), 0);
}

#[track_caller]
fn assert_error_shape_of(response: &Response) {
    let error = &response.json()["error"];
    assert_eq!(error["type"], "invalid_request_error", "{}", response.text());
    assert!(error["message"].is_string() && error["param"].is_null(), "{}", response.text());
}

#[tokio::test]
async fn browsers_may_call_from_configured_origins_only() {
    let provider = Scripted::saying(TEXT).await;
    let setup =
        Setup::one(&provider).key("alice", "sk-alice-secret", "").server("cors_origins = [\"https://app.example\"]");
    let gateway = Gateway::start(setup).await;
    let preflight = |origin| {
        let origin = format!("origin: {origin}");
        let wanted = "access-control-request-headers: authorization, content-type";
        head("OPTIONS", "/v1/chat/completions", &[&origin, "access-control-request-method: POST", wanted])
    };
    let response = gateway.exchange(gateway.door, preflight("https://app.example")).await;
    assert!([200, 204].contains(&response.status), "{}", response.status);
    assert_eq!(response.header("access-control-allow-origin"), Some("https://app.example"));
    let allowed = |name| response.header(name).unwrap_or_default().to_lowercase();
    assert!(allowed("access-control-allow-headers").contains("authorization"), "{:?}", response.head);
    assert!(allowed("access-control-allow-methods").contains("post"), "{:?}", response.head);

    let key = "authorization: Bearer sk-alice-secret";
    let response = gateway.chat_with(&ask("m"), &[key, "origin: https://app.example"]).await;
    assert_eq!(response.header("access-control-allow-origin"), Some("https://app.example"));
    // A page must be able to read why it was refused.
    let refused = gateway.chat_with(&ask("m"), &["origin: https://app.example"]).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    for response in [
        gateway.exchange(gateway.door, preflight("https://evil.example")).await,
        gateway.chat_with(&ask("m"), &[key, "origin: https://evil.example"]).await,
    ] {
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn without_origins_there_are_no_cors_headers() {
    let (_provider, gateway) = plain().await;
    let response = gateway.chat_with(&ask("m"), &["origin: https://app.example"]).await;
    assert!(!response.names().iter().any(|name| name.starts_with("access-control-")), "{:?}", response.head);
}

#[tokio::test]
async fn http_2_in_clear_text_works() {
    let (provider, gateway) = plain().await;
    let client = Http2::open(gateway.door).await;
    gateway.expect_calls(3);
    let requests = [ask("m"), ask_stream("m"), ask("nothing")];
    let all = futures_util::future::join_all(requests.iter().map(|request| client.chat(request)));
    let answers = within("the answers", all).await;
    let [whole, stream, unknown] = answers.try_into().unwrap();
    assert_eq!(whole, (200, completion(TEXT).into()));
    assert_eq!(stream.0, 200);
    assert_eq!(said(&stream.1), TEXT);
    let unknown: serde_json::Value = serde_json::from_slice(&unknown.1).unwrap();
    assert_error_shape(&unknown, "invalid_request_error", Some("model_not_found"));
    assert_eq!(provider.calls(), 2);
}

#[tokio::test]
async fn errors_cannot_be_taken_for_pages() {
    let first = Scripted::always(Reply::new(400, "text/html", "<script>alert(1)</script>")).await;
    let gateway = Gateway::start(Setup::one(&first)).await;
    let response = gateway.chat(&ask("<script>alert(1)</script>")).await;
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    response.assert_error(404, "invalid_request_error", Some("model_not_found"));
    let response = gateway.chat(&ask("m")).await;
    response.assert_error(400, "invalid_request_error", None);
}
