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
        "write_timeout",
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
    /// How long bytes may wait for a client that does not read.
    pub write_timeout: Duration,
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
            write_timeout: Duration::from_secs(60),
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
            top.document.fault_nearest(&["server.admin_listen", "server.listen"], message);
        }
        server
    }

    fn read_doors(&mut self, table: &Table<'_>) {
        table.set("listen", &mut self.listen, socket_address);
        table.set("admin_listen", &mut self.admin_listen, socket_address);
        table.set("trusted_proxies", &mut self.trusted_proxies, |field| each(field, network));
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
            ("write_timeout", &mut self.write_timeout),
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

#[cfg(test)]
mod tests {
    use super::super::testing::{fault_of, load_more};

    #[test]
    fn every_setting_reaches_its_field() {
        let text = "[server]\nlisten = \"[::1]:8080\"\nadmin_listen = \"127.0.0.1:9\"\nbody_limit = \"1KiB\"\n\
                    response_limit = 2048\nmax_connections = 7\nheader_timeout = \"1s\"\nbody_timeout = \"2s\"\n\
                    per_ip = \"5/s\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
                    cors_origins = [\"https://a.example:8443\"]\ndeadline = \"3s\"\ndrain = \"0s\"\nkeepalive = \"4s\"";
        let server = load_more(text).config.server;
        assert_eq!((server.listen.port(), server.admin_listen.port()), (8080, 9));
        assert_eq!((server.body_limit, server.response_limit, server.max_connections), (1024, 2048, 7));
        assert_eq!((server.header_timeout.as_secs(), server.body_timeout.as_secs()), (1, 2));
        assert_eq!((server.deadline.as_secs(), server.drain.as_secs(), server.keepalive.as_secs()), (3, 0, 4));
        assert_eq!(server.per_ip.map(|rate| rate.amount), Some(5));
        assert_eq!((server.trusted_proxies.len(), server.cors_origins.len()), (2, 1));
    }

    #[test]
    fn bounds_that_would_stop_everything_are_refused() {
        for setting in [
            "body_limit = 0",
            "response_limit = \"0B\"",
            "max_connections = 0",
            "deadline = \"0s\"",
            "keepalive = \"0s\"",
            "per_ip = \"0/s\"",
        ] {
            assert!(fault_of(&format!("[server]\n{setting}")).starts_with("t.toml:6:"), "{setting}");
        }
    }

    #[test]
    fn an_address_by_name_is_refused_with_the_number_that_was_meant() {
        let fault = fault_of("[server]\nlisten = \"localhost:3000\"");
        assert!(fault.contains("did you mean `127.0.0.1:3000`"), "{fault}");
    }

    #[test]
    fn both_doors_on_one_port_are_refused_unless_the_system_picks() {
        assert!(fault_of("[server]\nadmin_listen = \"127.0.0.1:3000\"").contains("port 3000"));
        load_more("[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"");
    }

    #[test]
    fn origins_are_scheme_host_and_port_and_never_a_star() {
        for origin in ["*", "https://a.example/", "a.example", "ftp://a.example"] {
            assert!(fault_of(&format!("[server]\ncors_origins = [{origin:?}]")).contains("cors_origins[0]"));
        }
    }
}
