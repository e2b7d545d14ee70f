//! The commands, and what they refuse (DESIGN 4.1; FAULTS abuse case 6; PITFALLS 8).

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::*;

/// Runs to its end.
fn run(arguments: &[&str], file: Option<&str>, environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tollgate();
    command.args(arguments).current_dir(folder.path()).stdout(Stdio::piped());
    command.envs(environment.iter().copied());
    if let Some(text) = file {
        let path = folder.path().join("tollgate.toml");
        std::fs::write(&path, text).unwrap();
        command.arg("--config").arg(path);
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

const PROVIDER: &str = "[providers.p]\nkind = \"openai\"\nmodels = [{ name = \"m\", input = 1, output = 1 }]\n";

#[test]
fn check_tells_every_fault_with_its_line_and_serve_refuses_the_same() {
    let file = format!(
        "auth.required = false\n[server]\nlistn = \"x\"\nadmin_listen = \"nowhere\"\n{}[models.chat]\ntargets = [\"q/m\"]\n",
        PROVIDER.replace("input = 1", "input = 20000")
    );
    for command in ["check", "serve"] {
        let output = run(&[command], Some(&file), &[]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(78), "{said}");
        for part in [":3:", "listn", "did you mean `listen`", ":4:", "nowhere", ":7:", "10000", ":9:", "`q`"] {
            assert!(said.contains(part), "{command}: no {part} in\n{said}");
        }
    }
}

#[test]
fn check_passes_a_good_file() {
    let output = run(&["check"], Some(&format!("auth.required = false\n{PROVIDER}")), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn serve_refuses_what_would_be_open_to_the_world() {
    for (file, environment) in [
        (format!("auth.required = false\n[server]\nlisten = \"0.0.0.0:0\"\n{PROVIDER}"), vec![]),
        (format!("[server]\nlisten = \"0.0.0.0:0\"\n{PROVIDER}"), vec![]),
        (format!("[[auth.keys]]\nid = \"a\"\nsecret = \"\"\n{PROVIDER}"), vec![]),
        (format!("auth.required = false\n{PROVIDER}"), vec![("TOLLGATE__SERVER__LISTEN", "0.0.0.0:0")]),
        (format!("auth.required = false\n{PROVIDER}"), vec![("TOLLGATE__SERVER__ADMIN_LISTEN", "0.0.0.0:0")]),
    ] {
        let output = run(&["serve"], Some(&file), &environment);
        assert_eq!(output.status.code(), Some(78), "{file}: {}", said(&output));
    }
}

#[test]
fn without_a_provider_the_way_out_is_told() {
    let output = run(&["serve"], None, &[]);
    assert_eq!(output.status.code(), Some(78), "{}", said(&output));
    assert!(said(&output).contains("tollgate demo"), "{}", said(&output));
}

#[tokio::test]
async fn a_key_in_the_environment_is_a_provider_without_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("OPENAI_API_KEY", "sk-test"),
        ("TOLLGATE__SERVER__LISTEN", "127.0.0.1:0"),
        ("TOLLGATE__SERVER__ADMIN_LISTEN", "127.0.0.1:0"),
        ("TOLLGATE__LOG__FORMAT", "json"),
    ];
    let mut running = Running::start(tollgate().current_dir(folder.path()).envs(environment));
    let listening = running.line(|line| line.contains("\"listening\""));
    let event: serde_json::Value = serde_json::from_str(&listening).unwrap();
    let door = event["listen"].as_str().unwrap().parse().unwrap();
    let mut connection = Connection::open(door).await;
    connection.send(get("/v1/models", &[])).await;
    let models = connection.response().await.text();
    assert!(models.contains("gpt-4o-mini"), "{models}");
    running.end();
}

#[tokio::test]
async fn healthcheck_says_whether_the_door_is_open() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    // The gateway's own environment tells where it listens.
    let door = gateway.door.to_string();
    let check =
        move || run(&["healthcheck"], None, &[("TOLLGATE__SERVER__LISTEN", &door), ("OPENAI_API_KEY", "sk-test")]);
    let healthy = check();
    assert_eq!(healthy.status.code(), Some(0), "{}", said(&healthy));
    gateway.terminate();
    gateway.exited().await;
    let gone = check();
    assert_ne!(gone.status.code(), Some(0), "{}", said(&gone));
}

#[tokio::test]
async fn the_demo_prints_what_to_paste_and_it_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tollgate();
    command.args(["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]).current_dir(folder.path());
    let mut demo = Running::of_stdout(&mut command);
    let mut welcome = String::new();
    while !(welcome.contains("sk-")
        && welcome.contains("curl")
        && welcome.contains("\"model\"")
        && welcome.contains("OpenAI("))
    {
        welcome += &demo.line(|_| true);
        welcome.push('\n');
    }
    let word = |begin: &str| {
        let rest = &welcome[welcome.find(begin).unwrap()..];
        rest.split(|c: char| c.is_whitespace() || "\"'\\,)".contains(c)).next().unwrap().to_owned()
    };
    let (key, address) = (word("sk-"), word("http://localhost:"));
    let model = welcome.split("\"model\"").nth(1).unwrap().split('"').nth(1).unwrap().to_owned();
    let port = address.split([':', '/']).nth(4).unwrap();
    let door = format!("127.0.0.1:{port}").parse().unwrap();
    let authorization = format!("authorization: Bearer {key}");
    for streamed in [false, true] {
        let mut connection = Connection::open(door).await;
        let request = with(ask(&model), serde_json::json!({"stream": streamed}));
        connection.send(post("/v1/chat/completions", &[JSON, &authorization], request.to_string())).await;
        let response = connection.response().await;
        assert_eq!(response.status, 200, "{}", response.text());
    }
    let mut connection = Connection::open(door).await;
    let outage = with(ask(&model), serde_json::json!({"messages": [{"role": "user", "content": "In an outage"}]}));
    connection.send(post("/v1/chat/completions", &[JSON, &authorization], outage.to_string())).await;
    let response = connection.response().await;
    assert_eq!((response.provider(), response.attempts()), ("local", 4), "{}", response.text());
    let mut connection = Connection::open(door).await;
    connection.send(post("/v1/chat/completions", &[JSON], ask(&model).to_string())).await;
    assert_eq!(connection.response().await.status, 401);
    drop(connection);
    demo.end();
}

#[tokio::test]
async fn the_mock_runs_simulated_providers_alone() {
    let mut mock = Running::of_stdout(tollgate().arg("mock"));
    let line = mock.line(|line| line.contains("http://"));
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut connection = Connection::open(address.trim().parse().unwrap()).await;
    connection.send(get("/healthz", &[])).await;
    assert_eq!(connection.response().await.status, 200);
    drop(connection);
    mock.end();
}

/// A command that runs until it is told to end.
struct Running {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Running {
    /// Follows the lines of standard error.
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        Self::follow(child, stderr)
    }

    fn of_stdout(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self::follow(child, stdout)
    }

    fn follow(child: Child, source: impl Read + 'static) -> Self {
        let lines = BufReader::new(source).lines().map_while(Result::ok);
        Self { child, lines: Box::new(lines) }
    }

    fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        self.lines.find(|line| wanted(line)).expect("the command says so before it ends")
    }

    /// Ends it with SIGTERM, which it takes well.
    fn end(mut self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}
