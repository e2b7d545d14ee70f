//! Who is at the other end, and how often that address may ask before anybody knows who is calling.
//!
//! The ceiling is governor's: it has no refund and runs on its own clock, which is enough for an address.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::HeaderMap;
use ipnet::IpNet;

use crate::config::Rate;
use crate::error::GatewayError;

/// The ceiling per address, and the proxies that are believed.
#[derive(Debug)]
pub struct Addresses {
    ceiling: Option<DefaultKeyedRateLimiter<IpAddr>>,
    trusted: Vec<IpNet>,
}

impl Addresses {
    pub fn new(per_ip: Option<Rate>, trusted: Vec<IpNet>) -> Self {
        let ceiling = per_ip.map(|rate| {
            let amount = NonZeroU32::new(rate.amount).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(rate.period / amount.get())
                .unwrap_or(Quota::per_second(NonZeroU32::MAX))
                .allow_burst(amount);
            RateLimiter::keyed(quota)
        });
        Self { ceiling, trusted }
    }

    /// Counts a request against its address.
    pub(super) fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), GatewayError> {
        let Some(ceiling) = &self.ceiling else { return Ok(()) };
        ceiling.check_key(&network(self.client(peer, headers))).map_err(|not_until| {
            let retry_after = not_until.wait_time_from(DefaultClock::default().now());
            GatewayError::AddressLimited { retry_after: retry_after.max(Duration::from_millis(1)) }
        })
    }

    /// Forgets addresses whose buckets are full again. To be called from time to time.
    pub fn forget(&self) {
        if let Some(ceiling) = &self.ceiling {
            ceiling.retain_recent();
        }
    }

    /// The peer, or, if it is a trusted proxy, the last address of `X-Forwarded-For` that is not one.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            if !self.trusted.iter().any(|network| network.contains(&client)) {
                break;
            }
            let Ok(address) = hop.parse() else { break };
            client = address;
        }
        client
    }
}

/// Who has one IPv6 address has a /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &'static str) -> String {
        let addresses = Addresses::new(None, vec!["10.0.0.0/8".parse().unwrap()]);
        let headers = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), forwarded.parse().unwrap())]);
        addresses.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("1.2.3.4", "9.9.9.9"), "1.2.3.4");
        assert_eq!(client("10.0.0.1", "9.9.9.9"), "9.9.9.9");
        assert_eq!(client("10.0.0.1", "6.6.6.6, 9.9.9.9, 10.0.0.2"), "9.9.9.9");
        assert_eq!(client("10.0.0.1", "garbage"), "10.0.0.1");
    }

    #[test]
    fn an_address_has_a_ceiling_and_ipv6_shares_a_network() {
        let rate = Rate { amount: 2, period: Duration::from_secs(60) };
        let addresses = Addresses::new(Some(rate), Vec::new());
        let check = |address: &str| addresses.check(address.parse().unwrap(), &HeaderMap::new()).is_ok();
        assert!(check("1.1.1.1") && check("1.1.1.1") && !check("1.1.1.1"));
        assert!(check("2.2.2.2"));
        assert!(check("2001:db8::1") && check("2001:db8::2") && !check("2001:db8::3"));
    }
}
