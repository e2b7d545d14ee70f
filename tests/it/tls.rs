//! Providers behind TLS: who is trusted, and what becomes of a call where nobody can be (FAULTS F59).

use tokio::net::TcpListener;

use crate::harness::*;

#[tokio::test]
async fn calls_go_to_a_trusted_provider_over_one_connection() {
    let provider = Scripted::saying(TEXT).await;
    let identity = Identity::new("localhost", 4000);
    let roots = trusting(&[&identity]);
    let url = base_url("openai", &terminate(&identity, provider.address));
    let setup = Setup::new().provider_at("only", &url, "").env("SSL_CERT_FILE", &roots.path().display().to_string());
    let gateway = Gateway::start(setup).await;
    for _ in 0..3 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
    }
    let connections: Vec<_> = provider.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [connections[0]; 3]);
}

#[tokio::test]
async fn a_provider_that_cannot_be_trusted_is_passed_over() {
    let (provider, second) = (Scripted::saying("first").await, Scripted::saying("second").await);
    let (expired, other) = (Identity::new("localhost", 2020), Identity::new("provider.example", 4000));
    let unknown = Identity::new("localhost", 4000);
    let roots = trusting(&[&expired, &other]);
    for (what, identity) in [("expired", &expired), ("another name", &other), ("unknown", &unknown)] {
        let url = base_url("openai", &terminate(identity, provider.address));
        let setup = Setup::new()
            .provider_at("first", &url, "")
            .provider("second", &second, "")
            .ordered("chat", &["first/m", "second/m"])
            .env("SSL_CERT_FILE", &roots.path().display().to_string());
        let gateway = Gateway::start(setup).await;
        let response = gateway.chat(&ask("chat")).await;
        assert_eq!((response.provider(), response.attempts()), ("second", 2), "{what}");
        let metrics = gateway.metrics().await;
        let failed = metrics.sum("tollgate_attempts_total", &[("provider", "first"), ("class", "tls")]);
        assert_eq!(failed, 1.0, "{what}");
    }
    assert_eq!(provider.calls(), 0);
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_with_the_time_to_connect() {
    let (silent, second) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Scripted::saying("second").await);
    let url = format!("https://{}/v1", silent.local_addr().unwrap());
    let setup = Setup::new()
        .provider_at("first", &url, "timeouts = { connect = \"100ms\" }")
        .provider("second", &second, "")
        .ordered("chat", &["first/m", "second/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("chat")).await;
    assert_eq!((response.provider(), response.attempts()), ("second", 2));
}

#[tokio::test]
async fn a_check_of_the_connection_shakes_hands() {
    let provider = Scripted::saying(TEXT).await;
    let [trusted, unknown] = [(); 2].map(|()| Identity::new("localhost", 4000));
    let roots = trusting(&[&trusted]);
    let lines = "health = { check = \"connect\", every = \"1s\" }";
    let setup = Setup::new()
        .provider_at("good", &base_url("openai", &terminate(&trusted, provider.address)), lines)
        .provider_at("bad", &base_url("openai", &terminate(&unknown, provider.address)), lines)
        .env("SSL_CERT_FILE", &roots.path().display().to_string());
    let gateway = Gateway::start(setup).await;
    for (name, class) in [("good", None), ("bad", Some("tls"))] {
        let is_told = |event: &serde_json::Value| {
            event["provider.name"] == name && event["message"].as_str().unwrap_or_default().contains("health check")
        };
        let line = gateway.event("the first check", is_told).await;
        assert_eq!(line["failure.class"].as_str(), class, "{name}");
    }
    provider.until("the handshake", |counts| counts.connections > 0).await;
    assert_eq!(provider.calls(), 0);
}
