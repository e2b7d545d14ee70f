//! `HTTPS_PROXY` and `NO_PROXY`: which calls go through a tunnel, and how the tunnel is asked for.

use std::io;

use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::NetError;

/// Longest answer to `CONNECT` that is read.
const HEAD_LIMIT: usize = 16 << 10;

/// The proxy settings of the environment, read once.
#[derive(Debug, Clone, Default)]
pub struct ProxyEnv {
    proxy: Option<Proxy>,
    /// Lower-case host names and domain suffixes; `*` is all.
    except: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
}

impl ProxyEnv {
    /// Reads `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY`, in either case, through `variable`. Only proxies that are
    /// spoken to in clear text (`http://host:port`) are known; another is an error that names the variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let either = |name: &str| {
            variable(name).or_else(|| variable(&name.to_lowercase())).filter(|value| !value.trim().is_empty())
        };
        let except = either("NO_PROXY")
            .unwrap_or_default()
            .split(',')
            .map(|host| host.trim().trim_start_matches("*.").trim_start_matches('.').to_lowercase())
            .filter(|host| !host.is_empty())
            .collect();
        let named = ["HTTPS_PROXY", "ALL_PROXY"].into_iter().find_map(|name| Some((name, either(name)?)));
        let proxy =
            named.map(|(name, value)| parse(&value).ok_or(format!("{name} must be http://host:port"))).transpose()?;
        Ok(Self { proxy, except })
    }

    /// The proxy for a TLS connection to `host`.
    pub(super) fn for_host(&self, host: &str) -> Option<&Proxy> {
        let host = host.to_lowercase();
        let excepted = self.except.iter().any(|name| {
            name == "*" || host == *name || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
        });
        self.proxy.as_ref().filter(|_| !excepted)
    }
}

fn parse(value: &str) -> Option<Proxy> {
    let value = value.trim();
    let uri: Uri = if value.contains("://") { value.parse().ok()? } else { format!("http://{value}").parse().ok()? };
    // A user in the authority would be sent in clear text, and dropped in silence if it were not.
    if uri.scheme_str() != Some("http") || uri.authority()?.as_str().contains('@') {
        return None;
    }
    Some(Proxy { host: uri.host()?.trim_matches(['[', ']']).to_owned(), port: uri.port_u16().unwrap_or(80) })
}

/// Asks the proxy at the other end for a tunnel. On success the stream is connected to `host`.
pub(super) async fn open_tunnel(stream: &mut TcpStream, host: &str, port: u16) -> Result<(), NetError> {
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(NetError::Connect)?;
    let mut head = Vec::with_capacity(256);
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD_LIMIT {
            return Err(NetError::Proxy("its answer is too long"));
        }
        head.push(stream.read_u8().await.map_err(|error: io::Error| NetError::Connect(error))?);
    }
    let status = head.split(|&byte| byte == b' ').nth(1);
    if status == Some(b"200") { Ok(()) } else { Err(NetError::Proxy("it did not answer 200")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> Result<ProxyEnv, String> {
        ProxyEnv::read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn hosts_are_excepted_by_name_and_domain() {
        let proxies =
            env(&[("https_proxy", "proxy.corp:3128"), ("NO_PROXY", "localhost, .internal ,api.x.ai")]).unwrap();
        for (host, proxied) in [
            ("api.openai.com", true),
            ("LOCALHOST", false),
            ("llm.internal", false),
            ("notinternal", true),
            ("api.x.ai", false),
        ] {
            assert_eq!(proxies.for_host(host).is_some(), proxied, "{host}");
        }
        assert_eq!(proxies.for_host("a").unwrap().port, 3128);
    }

    #[test]
    fn a_proxy_that_is_not_understood_is_an_error() {
        assert!(env(&[("HTTPS_PROXY", "https://proxy:1")]).unwrap_err().contains("HTTPS_PROXY"));
        assert!(env(&[("HTTPS_PROXY", "http://user:pw@proxy:1")]).is_err());
        assert!(env(&[("HTTPS_PROXY", " ")]).unwrap().for_host("a").is_none());
    }
}
