//! A provider's address.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// An `http` or `https` address without query, fragment or user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// Begins with `/` or is empty; never ends with one.
    pub path: String,
}

impl BaseUrl {
    /// On failure says what is wrong, without the text: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const NO_URL: &str = "not an address, such as \"https://api.example.com/v1\"";
        if text.contains(['?', '#']) {
            return Err("must have neither a query nor a fragment");
        }
        let uri: Uri = text.parse().map_err(|_| NO_URL)?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err("must begin with http:// or https://"),
        };
        let authority = uri.authority().ok_or(NO_URL)?.as_str();
        if authority.contains('@') {
            return Err("must have no user or password; keys go into `api_keys`");
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(NO_URL)?;
        if is_metadata(host) {
            return Err("is the address of a cloud's metadata service, which hands out keys");
        }
        let port = match (uri.port_u16(), authority == host) {
            (Some(port), _) if port != 0 => port,
            (None, true) => {
                if tls {
                    443
                } else {
                    80
                }
            }
            _ => return Err("has no usable port"),
        };
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

/// Where clouds tell a machine its secrets: no provider is there, and no answer of it should reach a caller.
fn is_metadata(host: &str) -> bool {
    const AWS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match host.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_unicast_link_local() || address == AWS_V6,
        Err(_) => host.eq_ignore_ascii_case("metadata.google.internal"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::presets::PRESETS;
    use super::*;

    #[test]
    fn splits_an_address_into_its_parts() {
        let url = BaseUrl::parse("https://api.example.com/v1/").unwrap();
        assert_eq!((url.tls, url.port, url.path.as_str()), (true, 443, "/v1"));
        let local = BaseUrl::parse("http://[::1]:11434").unwrap();
        assert_eq!((local.tls, local.host.as_str(), local.port, local.path.as_str()), (false, "::1", 11434, ""));
        assert_eq!(BaseUrl::parse("http://h").unwrap().port, 80);
    }

    #[test]
    fn refuses_metadata_services_in_every_spelling() {
        for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "Metadata.Google.Internal"] {
            assert!(BaseUrl::parse(&format!("http://{host}/v1")).is_err(), "{host}");
        }
    }

    #[test]
    fn refuses_what_is_more_or_less_than_an_address() {
        for text in [
            "",
            "api.example.com",
            "/v1",
            "ftp://h/",
            "https://user:pw@h/",
            "https://h/?a=b",
            "https://h/#a",
            "https://h:99999/",
            "https://h:0/",
            "https://",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_preset_has_a_usable_address() {
        for preset in PRESETS {
            assert!(BaseUrl::parse(preset.base_url).is_ok(), "{}", preset.kind);
        }
    }
}
