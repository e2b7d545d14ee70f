//! Providers behind TLS.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{background, listen};

/// A certificate and its key.
pub(crate) struct Identity(rcgen::CertifiedKey<rcgen::KeyPair>);

impl Identity {
    pub(crate) fn new(name: &str, last_year: i32) -> Self {
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

/// Takes the TLS off connections to `provider`. Returns the origin to connect to.
pub(crate) fn terminate(identity: &Identity, provider: SocketAddr) -> String {
    let listener = listen();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = identity.acceptor();
    background().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut plain) = acceptor.accept(stream).await else { return };
                let mut inner = TcpStream::connect(provider).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut plain, &mut inner).await;
            });
        }
    });
    origin
}

/// What `SSL_CERT_FILE` names.
pub(crate) fn trusting(identities: &[&Identity]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for identity in identities {
        file.write_all(identity.0.cert.pem().as_bytes()).unwrap();
    }
    file
}
