//! The official `openai` package for Python against the running binary: `tests/python/test_openai.py`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::*;

/// The interpreter with the package: `$TOLLGATE_TEST_PYTHON`, else that of `.venv`. `None`: it was never set up.
fn python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("TOLLGATE_TEST_PYTHON") {
        return Some(python.into());
    }
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    python.exists().then_some(python)
}

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

#[tokio::test]
async fn the_openai_package_works_and_raises_its_own_errors() {
    let Some(python) = python() else {
        eprintln!(
            "SKIPPED: no Python with the openai package; `sh tests/setup.sh` makes one in .venv, or set TOLLGATE_TEST_PYTHON"
        );
        return;
    };
    let provider = provider().await;
    let setup = Setup::new()
        .provider("only", &provider, "breaker = { failures = 1000000, open = \"1s\" }")
        .key("alice", "sk-alice-secret", "")
        .key("bob", "sk-bob-secret", "models = [\"other-*\"]")
        .key("carol", "sk-carol-secret", "limits = { requests = \"1/h\" }");
    let gateway = Gateway::start(setup).await;
    let mut command = Command::new(&python);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/test_openai.py"))
        .env("TOLLGATE_BASE_URL", format!("http://{}/v1", gateway.door));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("the interpreter runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(
        output.status.success(),
        "{} says:\n{said}\n(`sh tests/setup.sh` installs what is missing)",
        python.display()
    );
    // The script tells how many requests it made, so that the harness can look for an end of each.
    let calls = said.lines().find_map(|line| line.strip_prefix("CALLS ")).and_then(|count| count.parse().ok());
    gateway.expect_calls(calls.expect("the script tells its calls"));
}
