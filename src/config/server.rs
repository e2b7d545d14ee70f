//! `[server]`: the doors, their limits and their clocks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::limits::Rate;

/// The listening side of the gateway.
#[derive(Debug, Clone)]
pub struct Server {
    /// The door that clients call.
    pub listen: SocketAddr,
    /// The door for `/metrics` and administration.
    pub admin_listen: SocketAddr,
    /// Largest request body, in bytes; a longer one is a 413.
    pub body_limit: usize,
    /// Largest non-streamed answer that is held in memory, in bytes. A longer one is forwarded as it comes,
    /// is not cached, and its usage is not read.
    pub response_limit: usize,
    /// Connections open at once on the client door; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Time for the first byte of a connection and for each request head.
    pub header_timeout: Duration,
    /// Time for a whole request body.
    pub body_timeout: Duration,
    /// Requests per client address, checked before the caller is known.
    pub per_ip: Option<Rate>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Browser origins that may call; empty: no CORS headers are sent.
    pub cors_origins: Vec<String>,
    /// Longest a call may take: a whole answer, and a stream until its first content.
    pub deadline: Duration,
    /// How long open calls may go on after SIGTERM.
    pub drain: Duration,
    /// Silence on a stream after which a comment line is sent.
    pub keepalive: Duration,
}

impl Default for Server {
    fn default() -> Self {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            listen: loopback(3000),
            admin_listen: loopback(3001),
            body_limit: 32 << 20,
            response_limit: 32 << 20,
            max_connections: 10_000,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(60),
            per_ip: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            deadline: Duration::from_secs(300),
            drain: Duration::from_secs(30),
            keepalive: Duration::from_secs(10),
        }
    }
}
