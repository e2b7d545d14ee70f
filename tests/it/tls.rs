//! Providers behind TLS: who is trusted, and what becomes of a call where nobody can be (FAULTS F59).

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::*;

/// A certificate and its key.
struct Identity(rcgen::CertifiedKey<rcgen::KeyPair>);

impl Identity {
    fn new(name: &str, last_year: i32) -> Self {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let cert = params.self_signed(&signing_key).unwrap();
        Self(rcgen::CertifiedKey { cert, signing_key })
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.0.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.cert.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Takes the TLS off connections to `provider`.
async fn terminate(identity: &Identity, provider: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    let acceptor = identity.acceptor();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut plain) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(provider).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut plain, &mut inner).await;
            });
        }
    });
    url
}

/// What `SSL_CERT_FILE` names.
fn trusting(identities: &[&Identity]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for identity in identities {
        file.write_all(identity.0.cert.pem().as_bytes()).unwrap();
    }
    file
}

#[tokio::test]
async fn calls_go_to_a_trusted_provider_over_one_connection() {
    let provider = Scripted::saying(TEXT).await;
    let identity = Identity::new("localhost", 4000);
    let roots = trusting(&[&identity]);
    let url = terminate(&identity, provider.address).await;
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
        let url = terminate(identity, provider.address).await;
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
        .provider_at("good", &terminate(&trusted, provider.address).await, lines)
        .provider_at("bad", &terminate(&unknown, provider.address).await, lines)
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
