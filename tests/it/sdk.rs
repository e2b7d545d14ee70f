//! The official `openai` and `anthropic` packages for Python against the running binary: `tests/python/`.

use crate::asked::Asked;
use crate::conversations::faults_of;
use crate::harness::*;
use crate::upstreams::{Fleet, Vendor};

/// A provider that does what the last message says.
async fn provider() -> Scripted {
    Scripted::start(|seen| {
        let request = seen.json();
        let words = request["messages"]
            .as_array()
            .and_then(|messages| messages.last()?["content"].as_str())
            .unwrap_or_default();
        let status = words.strip_prefix("status ").and_then(|status| status.parse().ok());
        match (status, words) {
            (Some(status), _) => refusal(status).script(),
            (_, "tool") if seen.streamed() => tool_stream().script(),
            (_, "tool") => tool_answer().script(),
            (_, "break") => Reply::stream([role(), text("Hello")]).then(Step::Fin).script(),
            _ if seen.streamed() => {
                Reply::stream(vec![role(), text("echo: "), text(words), finish(), usage(9, 3), DONE.to_owned()])
                    .script()
            }
            _ => saying(&format!("echo: {words}")).script(),
        }
    })
    .await
}

const CALL: &str = r#""id":"call_1","type":"function","function":{"name":"get_weather""#;

fn tool_answer() -> Reply {
    let body = format!(
        r#"{{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":null,"tool_calls":[{{{CALL},"arguments":"{{\"city\":\"Paris\"}}"}}}}]}},"finish_reason":"tool_calls"}}],"usage":{{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}}}"#
    );
    Reply::new(200, "application/json", body)
}

fn tool_stream() -> Reply {
    let more = |arguments: &str| {
        chunk(&format!(
            r#""delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":"{arguments}"}}}}]}},"finish_reason":null"#
        ))
    };
    Reply::stream(vec![
        role(),
        chunk(&format!(r#""delta":{{"tool_calls":[{{"index":0,{CALL},"arguments":""}}}}]}},"finish_reason":null"#)),
        more(r#"{\"city\":"#),
        more(r#"\"Paris\"}"#),
        chunk(r#""delta":{},"finish_reason":"tool_calls""#),
        DONE.to_owned(),
    ])
}

/// Runs a script of `tests/python/`, which tells how many calls it made, so that the harness looks for an end of each.
async fn run(gateway: &Gateway, script: &str, variable: &str, value: String) -> bool {
    let Some(mut command) = python(script) else { return false };
    command.env(variable, value);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("the interpreter runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{script} says:\n{said}\n(`sh tests/setup.sh` installs what is missing)");
    let calls = said.lines().find_map(|line| line.strip_prefix("CALLS ")).and_then(|count| count.parse().ok());
    gateway.expect_calls(calls.expect("the script tells its calls"));
    true
}

#[tokio::test]
async fn the_openai_package_works_and_raises_its_own_errors() {
    let provider = provider().await;
    let setup = Setup::new()
        .provider("only", &provider, "breaker = { failures = 1000000, open = \"1s\" }")
        .key("alice", "sk-alice-secret", "")
        .key("bob", "sk-bob-secret", "models = [\"other-*\"]")
        .key("carol", "sk-carol-secret", "limits = { requests = \"1/h\" }");
    let gateway = Gateway::start(setup).await;
    run(&gateway, "test_openai.py", "TOLLGATE_BASE_URL", format!("http://{}/v1", gateway.door)).await;
}

#[tokio::test]
async fn both_packages_work_in_front_of_every_vendor() {
    let fleet = Fleet::start_with(|setup| setup.key("alice", "sk-alice-secret", "")).await;
    let origin = format!("http://{}", fleet.gateway.door);
    if !run(&fleet.gateway, "test_sdks.py", "TOLLGATE_ORIGIN", origin).await {
        return;
    }
    // What the packages sent back as they got it has reached the vendors as those had said it.
    for vendor in [Vendor::Anthropic, Vendor::Gemini, Vendor::Cohere, Vendor::OpenAi] {
        let mut conversations = 0;
        for seen in fleet.at(vendor).seen() {
            let body = seen.json();
            if seen.path.ends_with("/responses") || !seen.text().contains("snow") {
                continue;
            }
            let asked = Asked::read(vendor, &body);
            if asked.results().len() == 3 {
                conversations += 1;
                assert_eq!(faults_of(&asked, vendor, 2), Vec::<String>::new(), "{vendor:?}: {body}");
            }
        }
        assert!(conversations >= 3, "{vendor:?}: {conversations} conversations");
    }
}
