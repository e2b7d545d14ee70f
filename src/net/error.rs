//! What can go wrong between two hosts. Messages hold no URL and no host name.

use std::io;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum NetError {
    #[error("name lookup failed")]
    Dns(#[source] io::Error),
    #[error("connection refused or unreachable")]
    Connect(#[source] io::Error),
    /// This machine has run out of descriptors, memory or ports: nobody's fault over there.
    #[error("out of descriptors, memory or ports")]
    Exhausted(#[source] io::Error),
    #[error("TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("proxy refused the tunnel: {0}")]
    Proxy(&'static str),
    /// Name lookup, TCP and TLS together took too long.
    #[error("connecting timed out")]
    ConnectTimeout,
    /// No head of an answer in time.
    #[error("the answer did not begin in time")]
    AnswerTimeout,
    /// The connection broke, or what came over it was not HTTP.
    #[error("connection broken")]
    Broken(#[source] Option<hyper::Error>),
}
