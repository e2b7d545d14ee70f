//! Keys, prompts and answers reach no log, no metric and no error (invariant 6; abuse cases 41, 43; PITFALLS 39).

use serde_json::json;

use crate::harness::*;

const PROVIDER_KEY: &str = "sk-canary-provider-7f3a";
const CLIENT_KEY: &str = "sk-canary-client-91bd";
const ADMIN_SECRET: &str = "tg-canary-admin-secret-c6e8";
const PROMPT: &str = "canary-prompt-55c0";
const ANSWER: &str = "canary-answer-e2d4";

/// Every way in which a provider can fail, some of them with the secrets in what they say.
fn faults(key: &str, url: &str) -> Vec<(&'static str, Script)> {
    let echo = |status: u16| {
        let body = json!({"error": {"message": format!("Incorrect API key provided: {key} at {url} for {PROMPT}"), "type": "x", "param": key, "code": key}});
        Reply::new(status, "application/json", body.to_string()).script()
    };
    vec![
        ("400", echo(400)),
        ("401", echo(401)),
        ("403", echo(403)),
        ("404", echo(404)),
        ("422", echo(422)),
        ("429", echo(429)),
        ("500", echo(500)),
        ("reset", Script(vec![Step::Reset])),
        ("garbage", Script::raw(format!("{key} {PROMPT}\r\n\r\n")).then(Step::Fin)),
        ("half", saying(ANSWER).cut(60, Step::Fin).script()),
        (
            "error inside",
            Reply::new(200, "application/json", json!({"error": {"message": key, "code": 500}}).to_string()).script(),
        ),
        (
            "broken stream",
            Reply::stream([role(), text(ANSWER), format!("data: {{\"error\":{{\"message\":\"{key} {url}\"}}}}\n\n")])
                .script(),
        ),
        ("redirect", refusal(302).header("location", format!("{url}?key={key}")).script()),
        ("good", saying(ANSWER).header("x-request-id", "req-1").script()),
    ]
}

#[tokio::test]
async fn no_secret_is_told_whatever_fails() {
    let dead = Refusing::new();
    let mut setup = Setup::new()
        .provider_at("dead", &dead.base_url(), &format!("api_keys = [\"{PROVIDER_KEY}\"]"))
        .provider_at("nowhere", "http://canary-host.invalid/v1", &format!("api_keys = [\"{PROVIDER_KEY}\"]"))
        .provider_at("plain", &dead.base_url().replace("http:", "https:"), &format!("api_keys = [\"{PROVIDER_KEY}\"]"))
        .key("alice", CLIENT_KEY, "")
        .table(&format!("[admin]\nsecret = \"{ADMIN_SECRET}\""))
        .env("RUST_LOG", "trace")
        .cache();
    let mut providers = Vec::new();
    let mut names = vec!["dead", "nowhere", "plain"];
    // The address is known only when the provider runs, so it is asked for by a first, idle one.
    let url = "http://127.0.0.1:9/v1/internal";
    for (place, (name, script)) in faults(PROVIDER_KEY, url).into_iter().enumerate() {
        let provider = Scripted::always(script).await;
        setup = setup.provider(&format!("p{place}"), &provider, &format!("api_keys = [\"{PROVIDER_KEY}\"]"));
        providers.push(provider);
        names.push(name);
    }
    let gateway = Gateway::start(setup).await;
    let authorization = format!("authorization: Bearer {CLIENT_KEY}");
    let mut told = String::new();
    for (place, name) in names.iter().enumerate() {
        let provider = if place < 3 { (*name).to_owned() } else { format!("p{}", place - 3) };
        for stream in [false, true] {
            let request = json!({"model": format!("{provider}/m"), "stream": stream, "user": PROMPT,
                                 "messages": [{"role": "user", "content": PROMPT}]});
            let response = gateway.chat_with(&request, &[&authorization]).await;
            let head = format!("{:?}", response.head);
            let text = response.text();
            let told_here = if response.status == 200 { head } else { head + &text };
            let words_of_ours = told_here.replace(&format!("for {PROMPT}"), "");
            for secret in [PROVIDER_KEY, CLIENT_KEY, &dead.base_url()] {
                assert!(!words_of_ours.contains(secret), "{name}, stream {stream}: {told_here}");
            }
            told += &told_here;
        }
    }
    for bad in ["authorization: Bearer sk-canary-unknown-key", "x-api-key: sk-canary-unknown-key"] {
        told += &gateway.chat_with(&ask("m"), &[bad]).await.text();
    }
    assert!(!told.contains("sk-canary-unknown-key"));
    // The admin door tells of all these providers, whose keys have gone out, and shows no secret either.
    let mut shown = String::new();
    for secret in [ADMIN_SECRET, "tg-canary-admin-wrong", PROVIDER_KEY, CLIENT_KEY] {
        let authorization = format!("authorization: Bearer {secret}");
        let answer = gateway.exchange(gateway.admin, get("/admin/v1/providers", &[&authorization])).await;
        assert_eq!(answer.status, if secret == ADMIN_SECRET { 200 } else { 401 });
        shown += &format!("{:?}{}", answer.head, answer.text());
    }
    assert!(shown.contains("\"out\""), "{shown}");
    for secret in [PROVIDER_KEY, CLIENT_KEY, "canary", &dead.base_url(), PROMPT] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let (log, metrics) = (gateway.log_text(), gateway.metrics().await.0);
    for secret in [PROVIDER_KEY, CLIENT_KEY, PROMPT, ANSWER, "canary-unknown-key", "canary-host", "canary-admin"] {
        assert!(!metrics.contains(secret), "{secret} in {metrics}");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}

#[tokio::test]
async fn a_provider_that_quotes_our_address_is_redacted() {
    let provider = Scripted::start(|seen| {
        let host = seen.header("host").unwrap_or_default();
        let message = format!(
            "no route to http://{host}/v1/chat/completions with {}",
            seen.header("authorization").unwrap_or_default()
        );
        Reply::new(400, "application/json", json!({"error": {"message": message}}).to_string()).script()
    })
    .await;
    let setup = Setup::new().provider("only", &provider, &format!("api_keys = [\"{PROVIDER_KEY}\"]"));
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("m")).await;
    response.assert_error(400, "invalid_request_error", None);
    let message = response.json()["error"]["message"].to_string();
    assert!(message.contains("no route to"), "{message}");
    for secret in [PROVIDER_KEY, &*format!("http://{}", provider.address)] {
        assert!(!message.contains(secret), "{message}");
    }
}

#[tokio::test]
async fn a_faulty_configuration_is_told_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tollgate.toml");
    let text = format!(
        "[admin]\nsecret = \"{ADMIN_SECRET} \"\n[[auth.keys]]\nid = \"a\"\nsecret = \"{CLIENT_KEY}\"\nmodles = []\n[providers.p]\nkind = \"opnai\"\napi_keys = [\"{PROVIDER_KEY}\", 7]\n"
    );
    std::fs::write(&file, text).unwrap();
    for command in ["check", "serve"] {
        let output =
            tollgate().args([command, "--config"]).arg(&file).stdout(std::process::Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(78));
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("modles") && said.contains("opnai") && said.contains("admin.secret"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}
