//! The demo's providers, configuration and welcome.

use std::net::SocketAddr;

use http::Method;

use super::client::{question, send};
use crate::demo::{Demo, Script};

const LISTEN: &str = "127.0.0.1:3000";
const ADMIN: &str = "127.0.0.1:3001";

fn doors() -> (SocketAddr, SocketAddr) {
    (LISTEN.parse().unwrap(), ADMIN.parse().unwrap())
}

#[tokio::test]
async fn the_configuration_points_at_the_running_providers() {
    let demo = Demo::start().await.unwrap();
    let (listen, admin) = doors();
    let text = demo.gateway_config(listen, admin);
    let config: toml::Table = text.parse().unwrap();

    assert_eq!(config["server"]["listen"].as_str(), Some(LISTEN));
    assert_eq!(config["server"]["admin_listen"].as_str(), Some(ADMIN));
    assert_eq!(config["auth"]["keys"][0]["secret"].as_str(), Some(demo.secret()));
    let admin_secret = config["admin"]["secret"].as_str().unwrap();
    assert!(admin_secret != demo.secret() && demo.welcome(listen, admin).contains(admin_secret));
    assert_eq!(config["cache"]["enabled"].as_bool(), Some(true));
    let targets = config["models"]["demo"]["targets"].as_array().unwrap();
    let targets: Vec<_> = targets.iter().map(|target| target.as_str().unwrap()).collect();
    assert_eq!(targets, ["cheap/demo-chat", "middling/demo-chat", "steady/demo-chat", "local/demo-chat"]);
    for running in demo.providers() {
        let provider = &config["providers"][running.name()];
        assert_eq!(provider["base_url"].as_str().unwrap(), format!("http://{}/v1", running.addr()));
        let key = provider.get("api_keys").map(|keys| keys[0].as_str().unwrap());
        assert_eq!(key.is_none(), running.name() == "local");
        let seen = send(running.addr(), Method::GET, "/v1/models", key, String::new()).await.unwrap();
        assert_eq!(seen.json()["data"][0]["id"], provider["models"][0]["name"].as_str().unwrap());
    }
    assert_eq!(config["providers"]["steady"]["models"][0]["output"].as_float(), Some(15.0));
    assert!(config["providers"]["local"]["models"][0].get("input").is_none());
    demo.shutdown().await;
}

#[tokio::test]
async fn each_demo_has_its_own_key_and_says_it() {
    let (demo, other) = (Demo::start().await.unwrap(), Demo::start().await.unwrap());
    assert_ne!(demo.secret(), other.secret());
    let digits = demo.secret().strip_prefix("sk-").unwrap();
    assert!(digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let (listen, admin) = doors();
    let welcome = demo.welcome(listen, admin);
    for part in [demo.secret(), "http://localhost:3000/v1", r#""model": "demo""#, "http://localhost:3001/metrics"] {
        assert!(welcome.contains(part), "{part} is missing in\n{welcome}");
    }
}

#[tokio::test]
async fn cheap_fails_one_call_in_three_and_three_in_a_row() {
    let cheap = Script::demo().start().await.unwrap().remove(0);
    let mut statuses = Vec::new();
    for _ in 0..30 {
        let path = "/v1/chat/completions";
        let key = Some("sk-simulated-cheap");
        let seen = send(cheap.addr(), Method::POST, path, key, question(false).to_string()).await.unwrap();
        statuses.push(seen.status);
    }
    let round = [200, 200, 500, 200, 200, 200, 500, 500, 500, 200, 200, 429, 200, 200, 200];
    assert_eq!(statuses, [round, round].concat());
}

#[tokio::test]
async fn an_outage_takes_the_vendors_down_and_leaves_the_local_server() {
    let providers = Script::demo().start().await.unwrap();
    let mut question = question(false);
    question["messages"][0]["content"] = "What does an OUTAGE look like?".into();
    let mut statuses = Vec::new();
    for provider in &providers {
        let key = format!("sk-simulated-{}", provider.name());
        let path = "/v1/chat/completions";
        let seen = send(provider.addr(), Method::POST, path, Some(&key), question.to_string()).await.unwrap();
        statuses.push((provider.name(), seen.status));
    }
    assert_eq!(statuses, [("cheap", 503), ("middling", 503), ("steady", 503), ("local", 200)]);
}
