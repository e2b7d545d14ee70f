//! `[server]`: the doors, their limits and their clocks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Uri;
use ipnet::IpNet;

use super::limits::Rate;
use super::reader::{Field, Table};
use super::shape::Shape;
use super::values::{duration, positive_duration, rate};

pub(super) static SERVER: Shape = Shape {
    name: "server",
    keys: &[
        "listen",
        "admin_listen",
        "body_limit",
        "response_limit",
        "max_connections",
        "header_timeout",
        "body_timeout",
        "per_ip",
        "trusted_proxies",
        "cors_origins",
        "deadline",
        "drain",
        "keepalive",
    ],
};

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

impl Server {
    pub(super) fn read(top: &Table<'_>) -> Self {
        let mut server = Self::default();
        if let Some(table) = top.table("server", &SERVER) {
            server.read_doors(&table);
            server.read_bounds(&table);
        }
        let (listen, admin) = (server.listen, server.admin_listen);
        if listen.port() == admin.port() && listen.port() != 0 {
            let message = format!("port {} is taken by server.listen", admin.port());
            top.document
                .fault_nearest(&["server.admin_listen", "server.listen"], message);
        }
        server
    }

    fn read_doors(&mut self, table: &Table<'_>) {
        table.set("listen", &mut self.listen, socket_address);
        table.set("admin_listen", &mut self.admin_listen, socket_address);
        table.set("trusted_proxies", &mut self.trusted_proxies, |field| {
            each(field, network)
        });
        table.set("cors_origins", &mut self.cors_origins, |field| each(field, origin));
    }

    fn read_bounds(&mut self, table: &Table<'_>) {
        table.set("body_limit", &mut self.body_limit, |field| field.size());
        table.set("response_limit", &mut self.response_limit, |field| field.size());
        table.set("max_connections", &mut self.max_connections, |field| field.number(1));
        table.set("per_ip", &mut self.per_ip, optional_rate);
        let clocks = [
            ("header_timeout", &mut self.header_timeout),
            ("body_timeout", &mut self.body_timeout),
            ("deadline", &mut self.deadline),
            ("keepalive", &mut self.keepalive),
        ];
        for (key, slot) in clocks {
            table.set(key, slot, |field| field.parse(positive_duration));
        }
        table.set("drain", &mut self.drain, |field| field.parse(duration));
    }
}

fn socket_address(field: &Field<'_>) -> Option<SocketAddr> {
    let text = field.text()?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!(
            "{} is not an address and a port, such as \"127.0.0.1:3000\" or \"[::1]:3000\"",
            field.quoted(text)
        );
        let near = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        field.fault_with(message, near);
    }
    address
}

/// `""` is no limit.
fn optional_rate(field: &Field<'_>) -> Option<Option<Rate>> {
    match field.text()? {
        "" => Some(None),
        _ => field.parse(rate).map(Some),
    }
}

/// Reads every item, so that each faulty one is reported.
fn each<T>(field: &Field<'_>, parse: fn(&str) -> Result<T, &'static str>) -> Option<Vec<T>> {
    Some(field.list()?.iter().filter_map(|item| item.parse(parse)).collect())
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    text.parse()
        .or_else(|_| text.parse().map(|address: IpAddr| address.into()))
        .map_err(|_| "is not an address or a network, such as \"10.0.0.0/8\"")
}

/// What a browser sends as `Origin`: scheme, host and port. `*` is refused: it would let any page call.
fn origin(text: &str) -> Result<String, &'static str> {
    const NO_ORIGIN: &str = "is not an origin, such as \"https://app.example.com\"";
    let uri: Uri = text.parse().map_err(|_| NO_ORIGIN)?;
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("http" | "https")), Some(authority)) if text == format!("{scheme}://{authority}") => {
            Ok(text.to_owned())
        }
        _ => Err(NO_ORIGIN),
    }
}
