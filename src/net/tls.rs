//! The TLS client: rustls with aws-lc-rs, and the machine's roots.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

/// One configuration for all hosts, made when the first of them is called: reading the machine's certificates takes
/// time and memory that a gateway of local providers does not need.
///
/// Roots come from `SSL_CERT_FILE` or the system; where there are none (a minimal image), from Mozilla's list.
#[derive(Debug, Default)]
pub(super) struct LazyTls(OnceLock<Arc<ClientConfig>>);

impl LazyTls {
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(self.0.get_or_init(|| Arc::new(client_config())))
    }
}

fn client_config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (added, ignored) = roots.add_parsable_certificates(native.certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    tracing::debug!(added, ignored, errors = native.errors.len(), "root certificates loaded");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs supports the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
