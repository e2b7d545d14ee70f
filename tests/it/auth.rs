//! Who may call (DESIGN 4.3; abuse cases 1-3, 11, 24, 26).

use serde_json::json;

use crate::harness::*;

const SECRET: &str = "sk-alice-secret-0123456789";

struct Bench {
    provider: Scripted,
    gateway: Gateway,
}

impl Bench {
    async fn new() -> Self {
        let provider = Scripted::saying(TEXT).await;
        let setup = Setup::one(&provider).ordered("chat", &["only/m"]).key("alice", SECRET, "").key(
            "bob",
            "sk-alice-secret-0123456780",
            "models = [\"chat\", \"gpt-*\"]",
        );
        let gateway = Gateway::start(setup).await;
        Self { provider, gateway }
    }

    async fn with(&self, headers: &[&str]) -> Response {
        self.gateway.chat_with(&ask("m"), headers).await
    }
}

#[tokio::test]
async fn a_key_is_found_in_each_of_its_headers() {
    let bench = Bench::new().await;
    for header in ["authorization: Bearer", "Authorization: bearer", "x-api-key:", "api-key:", "x-goog-api-key:"] {
        let response = bench.with(&[&format!("{header} {SECRET}")]).await;
        assert_eq!(response.status, 200, "{header}: {}", response.text());
    }
    let same_twice = [format!("authorization: Bearer {SECRET}"), format!("x-api-key: {SECRET}")];
    assert_eq!(bench.with(&same_twice.each_ref().map(String::as_str)).await.status, 200);
    for record in bench.gateway.records(6).await {
        assert_eq!(record["key.id"], "alice");
    }
}

#[tokio::test]
async fn anything_but_a_known_key_is_a_401() {
    let bench = Bench::new().await;
    let one_off = SECRET.replace('9', "8");
    let long = format!("authorization: Bearer {}", "k".repeat(8_000));
    for headers in [
        vec![],
        vec!["authorization: Bearer"],
        vec!["authorization: Bearer "],
        vec!["authorization: Bearer ' OR 1=1--"],
        vec!["authorization: Basic YTpi"],
        vec!["authorization: Bearer \u{e9}\u{1F511}"],
        vec![&*long],
        vec!["x-api-key: "],
        vec!["x-api-key: sk-alice"],
        vec!["authorization: Bearer sk-alice-secret-0123456789", "x-api-key: sk-other"],
        vec!["x-api-key: sk-alice-secret-0123456789", "x-api-key: sk-other"],
        vec![&*format!("authorization: Bearer {one_off}")],
        vec!["authorization: Bearer SK-ALICE-SECRET-0123456789"],
    ] {
        let response = bench.with(&headers).await;
        response.assert_error(401, "authentication_error", Some("invalid_api_key"));
        assert_eq!(response.header("x-should-retry"), Some("false"), "{headers:?}");
        for secret in [SECRET, &one_off, "OR 1=1"] {
            assert!(!response.text().contains(secret), "{}", response.text());
        }
    }
    assert_eq!(bench.provider.calls(), 0);
    let log = bench.gateway.log_text();
    assert!(!log.contains("OR 1=1") && !log.contains(&one_off), "{log}");
}

#[tokio::test]
async fn two_authorization_headers_are_a_400() {
    let bench = Bench::new().await;
    let header = format!("authorization: Bearer {SECRET}");
    let response = bench.with(&[&header, &header]).await;
    assert_eq!(response.status, 400, "{}", response.text());
    assert_eq!(bench.provider.calls(), 0);
}

#[tokio::test]
async fn without_a_key_the_body_is_not_even_read() {
    let bench = Bench::new().await;
    for headers in [
        vec![JSON, "content-length: 1000000"],
        vec![JSON, "transfer-encoding: chunked"],
        vec![JSON, "content-length: 1000000", "expect: 100-continue"],
        vec!["content-type: text/plain", "content-length: 1000000"],
    ] {
        bench.gateway.expect_calls(1);
        let mut connection = Connection::open(bench.gateway.door).await;
        // Not a byte of the body is ever sent.
        connection.send(head("POST", "/v1/chat/completions", &headers)).await;
        let bytes = connection.until_closed().await;
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("HTTP/1.1 401 "), "an interim answer or another status: {text}");
    }
}

#[tokio::test]
async fn a_key_may_use_the_names_that_it_was_given() {
    let bench = Bench::new().await;
    let bob = "authorization: Bearer sk-alice-secret-0123456780";
    assert_eq!(bench.gateway.chat_with(&ask("chat"), &[bob]).await.status, 200, "an alias grants its targets");
    for model in ["m", "only/m"] {
        let response = bench.gateway.chat_with(&ask(model), &[bob]).await;
        response.assert_error(403, "permission_error", Some("model_not_allowed"));
        assert_eq!(response.header("x-should-retry"), Some("false"));
    }
    assert_eq!(bench.provider.calls(), 1);
    let listed = bench.gateway.get("/v1/models", &[bob]).await.json();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!(ids, [json!("chat")]);
    bench.gateway.get("/v1/models/m", &[bob]).await.assert_error(404, "invalid_request_error", Some("model_not_found"));
}

#[tokio::test]
async fn where_no_key_is_required_any_will_do() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    for headers in [vec![], vec!["authorization: Bearer anything"]] {
        assert_eq!(gateway.chat_with(&ask("m"), &headers).await.status, 200);
    }
    assert_eq!(gateway.record(2).await["key.id"], "anonymous");
}

#[tokio::test]
async fn a_key_in_the_environment_is_required() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider).env("TOLLGATE_KEY", "sk-from-outside")).await;
    gateway.chat(&ask("m")).await.assert_error(401, "authentication_error", Some("invalid_api_key"));
    let response = gateway.chat_with(&ask("m"), &["authorization: Bearer sk-from-outside"]).await;
    assert_eq!(response.status, 200);
    assert_eq!(gateway.record(1).await["key.id"], "default");
}

#[tokio::test]
async fn nothing_but_the_key_says_who_is_calling() {
    let bench = Bench::new().await;
    let key = format!("authorization: Bearer {SECRET}");
    let request = with(ask("m"), json!({"user": "bob"}));
    let spoof =
        [&*key, "x-user-id: bob", "x-forwarded-for: 10.1.2.3", "x-real-ip: 10.1.2.3", "openai-organization: bob"];
    assert_eq!(bench.gateway.chat_with(&request, &spoof).await.status, 200);
    let record = bench.gateway.record(1).await;
    assert_eq!((&record["key.id"], &record["user.id"]), (&json!("alice"), &json!("alice")));
}
