//! The admin API: who may ask, and how providers, models and keys are told (DESIGN 4.2, 4.6; issue 5, items 5 and 10).

use serde_json::{Value, json};

use crate::harness::*;

const SECRET: &str = "tg-the-secret-of-the-door";
const PROVIDERS: &str = "/admin/v1/providers";

fn with_secret(setup: Setup) -> Setup {
    setup.table(&format!("[admin]\nsecret = \"{SECRET}\""))
}

async fn knock(gateway: &Gateway, headers: &[&str]) -> Response {
    gateway.exchange(gateway.admin, get(PROVIDERS, headers)).await
}

/// What is told of the provider of this name.
async fn told(gateway: &Gateway, name: &str) -> Value {
    let response = knock(gateway, &[&format!("authorization: Bearer {SECRET}")]).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let answer = response.json();
    let found = answer["data"].as_array().unwrap().iter().find(|provider| provider["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {answer}")).clone()
}

/// The state of each key, and whether it says until when.
fn keys(provider: &Value) -> Vec<(&str, &str, bool)> {
    let keys = provider["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| (key["id"].as_str().unwrap(), key["state"].as_str().unwrap(), key["until"].is_string()))
        .collect()
}

/// How many seconds from now a time is.
#[track_caller]
fn seconds_ahead(time: &Value) -> i64 {
    let at: jiff::Timestamp = time.as_str().unwrap_or_else(|| panic!("{time} is no time")).parse().unwrap();
    at.duration_since(jiff::Timestamp::now()).as_secs()
}

#[tokio::test]
async fn only_who_knows_the_secret_is_told_anything() {
    let provider = Scripted::saying(TEXT).await;
    let setup = Setup::one(&provider).key("alice", "sk-alice-secret-long", "");
    let gateway = Gateway::start(with_secret(setup)).await;
    for headers in [
        &[][..],
        &["authorization: Bearer tg-the-secret-of-the-doo"],
        &["authorization: Bearer tg-the-secret-of-the-door2"],
        &["authorization: Bearer sk-alice-secret-long"],
        &["authorization: Bearer "],
        &["authorization: tg-the-secret-of-the-door"],
        &["authorization: Basic dGctdGhlLXNlY3JldC1vZi10aGUtZG9vcg=="],
        &["x-api-key: tg-the-secret-of-the-door"],
    ] {
        let response = knock(&gateway, headers).await;
        response.assert_error(401, "authentication_error", Some("invalid_api_key"));
        assert_eq!(response.header("x-should-retry"), Some("false"));
    }
    let authorization = format!("authorization: Bearer {SECRET}");
    knock(&gateway, &[&authorization, &authorization]).await.assert_error(400, "invalid_request_error", None);
    let response = knock(&gateway, &[&authorization]).await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    // The secret is for that door alone.
    let client = gateway.get("/v1/models", &[&authorization]).await;
    client.assert_error(401, "authentication_error", Some("invalid_api_key"));
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_told_before_the_secret_is_read_and_the_rest_stays_open() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(with_secret(Setup::one(&provider))).await;
    let authorization = format!("authorization: Bearer {SECRET}");
    for headers in [&[][..], &[authorization.as_str()]] {
        for path in ["/admin", "/admin/", "/admin/v1", "/admin/v1/provider", "/admin/v1/providers/", "/v1/models"] {
            let response = gateway.exchange(gateway.admin, get(path, headers)).await;
            response.assert_caller_error(404);
        }
        for method in ["POST", "DELETE", "PUT"] {
            let headers = [headers, &["content-length: 0"]].concat();
            let response = gateway.exchange(gateway.admin, head(method, PROVIDERS, &headers)).await;
            response.assert_caller_error(405);
            assert!(response.header("allow").is_some_and(|allow| allow.contains("GET")), "{:?}", response.head);
        }
        assert_eq!(gateway.get(PROVIDERS, headers).await.status, 404, "the client door knows no such path");
    }
    for path in ["/metrics", "/livez", "/readyz", "/healthz"] {
        assert_eq!(gateway.exchange(gateway.admin, get(path, &[])).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_secret_is_made_where_none_is_given_and_said_once_outside_the_log() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).env("RUST_LOG", "trace")).await;
    let secret_of = |text: &str| {
        let said: Vec<_> = text.match_indices("tg-admin-").map(|(at, _)| at).collect();
        assert_eq!(said.len(), 1, "{text}");
        text[said[0]..].split_whitespace().next().unwrap().to_owned()
    };
    let secret = secret_of(&gateway.log_text());
    let line = gateway.log_text().lines().find(|line| line.contains(&secret)).unwrap().to_owned();
    assert!(line.starts_with("tollgate: ") && !line.contains('{'), "{line}");
    let response = knock(&gateway, &[&format!("authorization: Bearer {secret}")]).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(knock(&gateway, &["authorization: Bearer "]).await.status, 401);
    assert_eq!(secret_of(&gateway.log_text()), secret, "still once");

    let other = Gateway::start(Setup::one(&provider)).await;
    assert_ne!(secret_of(&other.log_text()), secret);
    assert_eq!(knock(&other, &[&format!("authorization: Bearer {secret}")]).await.status, 401);
}

#[tokio::test]
async fn a_given_secret_is_never_said() {
    let provider = Scripted::saying(TEXT).await;
    for setup in [with_secret(Setup::one(&provider)), Setup::one(&provider).env("TOLLGATE_ADMIN_SECRET", SECRET)] {
        let gateway = Gateway::start(setup.env("RUST_LOG", "trace")).await;
        told(&gateway, "only").await;
        assert!(!gateway.log_text().contains("tg-"), "{}", gateway.log_text());
    }
}

#[tokio::test]
async fn a_provider_that_works_is_told_with_its_models_and_keys() {
    let provider = Scripted::saying(TEXT).await;
    let lines = "api_keys = [\"sk-provider-a\", \"sk-provider-b\"]\n\
                 models = [{ name = \"z\", input = 1, output = 1 }, { name = \"m\", input = 1, output = 1 }]";
    // The harness adds a list of models where the lines do not speak of one.
    let bare_lines = "kind = \"vllm\" # without `models = `";
    let bare = Scripted::saying(TEXT).await;
    let setup = Setup::new()
        .provider("only", &provider, lines)
        .provider("bare", &bare, bare_lines)
        .ordered("chat", &["bare/unlisted"]);
    let gateway = Gateway::start(with_secret(setup)).await;
    // A name that a client makes up is nobody's business.
    assert_eq!(gateway.chat(&ask("bare/made-up")).await.status, 200);
    let model =
        |name: &str| json!({"name": name, "breaker": "closed", "open_until": null, "time_to_first_token_p95_ms": null});
    let key = |id: &str| json!({"id": id, "state": "ready", "until": null});
    let expected = json!({"data": [
        {"name": "bare", "kind": "vllm", "state": "up", "in_flight": null, "health": null, "models": [model("unlisted")], "keys": []},
        {"name": "only", "kind": "openai", "state": "up", "in_flight": null, "health": null, "models": [model("z"), model("m")],
         "keys": [key("only#1"), key("only#2")]},
    ]});
    let response = knock(&gateway, &[&format!("authorization: Bearer {SECRET}")]).await;
    assert_eq!(response.json(), expected);
}

#[tokio::test]
async fn an_open_breaker_says_until_when_and_a_probe_closes_it() {
    let provider = Scripted::in_turn([refusal(500), refusal(500)]).await;
    let lines = "breaker = { failures = 2, open = \"60s\" }\n\
                 models = [{ name = \"m\", input = 1, output = 1 }, { name = \"n\", input = 1, output = 1 }]";
    let gateway = Gateway::start(with_secret(Setup::new().provider("only", &provider, lines))).await;
    gateway.chat(&ask("m")).await;
    assert_eq!(told(&gateway, "only").await["models"][0]["breaker"], "closed");
    gateway.chat(&ask("m")).await;
    let provider = told(&gateway, "only").await;
    assert_eq!((&provider["state"], &provider["models"][0]["breaker"]), (&json!("up"), &json!("open")));
    assert!((30..=60).contains(&seconds_ahead(&provider["models"][0]["open_until"])), "{provider}");
    assert_eq!(provider["models"][1]["breaker"], "closed");
}

#[tokio::test]
async fn a_probe_that_is_under_way_is_half_open() {
    let (probed, wait) = gate();
    let provider = Scripted::in_turn([refusal(500).script(), good().first(Step::Wait(wait)).script()]).await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 1, open = \"1ms\" }");
    let gateway = Gateway::start(with_secret(setup)).await;
    gateway.chat(&ask("m")).await;
    let request = ask("m");
    let mut probing = std::pin::pin!(async {
        loop {
            let response = gateway.chat(&request).await;
            if response.status == 200 {
                return response;
            }
        }
    });
    tokio::select! {
        _ = &mut probing => panic!("the probe cannot end before its gate opens"),
        _ = provider.until("the probe", |counts| counts.calls == 2) => {}
    }
    let model = told(&gateway, "only").await["models"][0].clone();
    assert_eq!((&model["breaker"], &model["open_until"]), (&json!("half_open"), &Value::Null));
    probed.open();
    probing.await;
    assert_eq!(told(&gateway, "only").await["models"][0]["breaker"], "closed");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_down() {
    let dead = Refusing::new();
    let setup = Setup::new().provider_at("dead", &dead.base_url(), "breaker = { failures = 1, open = \"60s\" }");
    let gateway = Gateway::start(with_secret(setup)).await;
    assert_eq!(told(&gateway, "dead").await["state"], "up");
    gateway.chat(&ask("m")).await;
    let provider = told(&gateway, "dead").await;
    assert_eq!((&provider["state"], &provider["models"][0]["breaker"]), (&json!("down"), &json!("closed")));
}

#[tokio::test]
async fn keys_stand_as_the_provider_spoke_of_them() {
    let quota = r#"{"error":{"message":"quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let provider = Scripted::start(move |seen| {
        let key = seen.header("authorization").and_then(|value| value.chars().last()).unwrap();
        let reply = match key {
            'a' => refusal(401),
            'b' => refusal(429).header("retry-after", 40),
            'c' => Reply::new(429, "application/json", quota),
            'd' => refusal(403),
            'e' => refusal(402),
            _ => good(),
        };
        reply.script()
    })
    .await;
    let secrets: Vec<_> = "abcdef".chars().map(|key| format!("sk-provider-{key}")).collect();
    let setup = Setup::new().provider("only", &provider, &format!("api_keys = {secrets:?}"));
    let gateway = Gateway::start(with_secret(setup)).await;
    for _ in 0..3 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    let provider = told(&gateway, "only").await;
    let expected = [
        ("only#1", "out", true),
        ("only#2", "resting", true),
        ("only#3", "out", true),
        ("only#4", "out", true),
        ("only#5", "out", true),
        ("only#6", "ready", false),
    ];
    assert_eq!(keys(&provider), expected);
    assert!((20..=40).contains(&seconds_ahead(&provider["keys"][1]["until"])), "{provider}");
    assert!((250..=300).contains(&seconds_ahead(&provider["keys"][0]["until"])), "{provider}");
    assert_eq!(provider["models"][0]["breaker"], "closed", "keys alone are charged");
    assert!(!provider.to_string().contains("sk-provider"), "{provider}");
}

#[tokio::test]
async fn the_time_to_the_first_token_is_told_of_streams_alone() {
    let (begun, wait) = gate();
    let provider = Scripted::in_turn([good().script(), good_stream().first(Step::Wait(wait)).script()]).await;
    let gateway = Gateway::start(with_secret(Setup::one(&provider))).await;
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    let time = async || told(&gateway, "only").await["models"][0]["time_to_first_token_p95_ms"].clone();
    assert_eq!(time().await, Value::Null);
    let mut connection = gateway.begin(&ask_stream("m")).await;
    provider.until("the stream's request", |counts| counts.calls == 2).await;
    let arrived = tokio::time::Instant::now();
    assert_eq!(time().await, Value::Null, "nothing has been said yet");
    let waited = arrived.elapsed();
    begun.open();
    let mut response = connection.head().await.unwrap();
    connection.rest(&mut response).await;
    assert_eq!(said(&response.body), TEXT);
    let millis = time().await.as_f64().unwrap();
    let bounds = waited.as_secs_f64() * 1_000.0..LIMIT.as_secs_f64() * 1_000.0;
    assert!(bounds.contains(&millis), "{millis} in {bounds:?}");
}
