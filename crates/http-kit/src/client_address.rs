//! Who a client is, where a proxy stands between.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::{
    HttpRequest,
    http::header::{HeaderMap, HeaderValue},
    web,
};

use crate::interface::Interface;

/// Networks whose clients are believed when they say for whom they ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl TrustedProxies {
    pub(crate) const ALLOWED: &str = "networks such as 10.0.0.0/8 or fd00::/8, or addresses, \
        several separated by commas";

    /// Reads networks `address/prefix`, or single addresses, separated by commas.
    ///
    /// # Errors
    /// Which entry is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let entries = text.split(',').map(str::trim);
        let entries = entries.enumerate().filter(|(_, entry)| !entry.is_empty());
        let networks = entries.map(|(index, entry)| {
            let network = Network::parse(entry);
            network.ok_or_else(|| format!("entry {} is no network", index + 1))
        });
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// The address of the client that `request` comes from: the peer's, unless
    /// that is a trusted proxy; then the last one that the proxies name and that
    /// is none of them. What a client writes about itself stands before that.
    pub(crate) fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        Some(self.client_behind(peer, request.headers()))
    }

    fn client_behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let mut named = named_clients(headers);
        while self.holds(client) {
            // What is no address is nobody's: the proxy that said it is all that is known.
            let Some(Some(next)) = named.pop() else { break };
            client = next;
        }
        client
    }

    fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = bits(address);
        let is_number = |text: &&str| text.bytes().all(|it| it.is_ascii_digit());
        let prefix = match prefix {
            Some(text) => Some(text).filter(is_number)?.parse().ok()?,
            None => bits,
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn holds(self, address: IpAddr) -> bool {
        bits(self.address) == bits(address)
            && cut(self.address, self.prefix) == cut(address, self.prefix)
    }
}

/// Who has sent `request`, as far as the service's `TRUSTED_PROXIES` are believed; `None` if that cannot be known.
#[must_use]
pub fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    let interface = request.app_data::<web::Data<Interface>>()?;
    interface.service.trusted_proxies.client(request)
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits behind the first `prefix` cleared.
pub(crate) fn cut(address: IpAddr, prefix: u8) -> IpAddr {
    let behind = bits(address).saturating_sub(prefix).into();
    match address {
        IpAddr::V4(address) => {
            let kept = u32::MAX.checked_shl(behind).unwrap_or_default();
            IpAddr::V4((address.to_bits() & kept).into())
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX.checked_shl(behind).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
    }
}

/// As much of an address as a log may hold: the network of 256 addresses, or
/// of one site with IPv6.
pub(crate) fn network_of(address: IpAddr) -> String {
    let prefix = if address.is_ipv4() { 24 } else { 48 };
    format!("{}/{prefix}", cut(address, prefix))
}

/// For whom the proxies say they ask, the nearest one last: what
/// `X-Forwarded-For` names, or without it `Forwarded`.
fn named_clients(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let entries = |name: &str| -> Vec<String> {
        let lines = headers.get_all(name).map(HeaderValue::as_bytes);
        let lines = lines.map(String::from_utf8_lossy);
        lines
            .flat_map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
            .collect()
    };
    let named = entries("x-forwarded-for");
    if !named.is_empty() {
        return named.iter().map(|entry| node(entry)).collect();
    }
    let named = entries("forwarded");
    named.iter().map(|entry| forwarded_for(entry)).collect()
}

/// The address in an element such as `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| node(value.trim().trim_matches('"')))?
    })
}

/// The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if text.matches(':').count() == 1 => text.split_once(':')?.0,
        None => text,
    };
    Some(address.parse::<IpAddr>().ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    #[test]
    fn networks_are_read_or_the_wrong_one_is_named() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let found = TrustedProxies::parse(text).map(|it| it.0.len());
            assert_eq!(found, expected.map_err(str::to_owned), "{text:?}");
        };
        check("", Ok(0));
        check("10.0.0.0/8, fd00::/8,192.0.2.7", Ok(3));
        check("0.0.0.0/0,::/0", Ok(2));
        check("10.0.0.0/33", Err("entry 1 is no network"));
        check("10.0.0.0/8,::/129", Err("entry 2 is no network"));
        check("10.0.0.0/+8", Err("entry 1 is no network"));
        check("10.0.0/8", Err("entry 1 is no network"));
        check("proxy.example", Err("entry 1 is no network"));
    }

    /// The client behind `peer`, where `10.0.0.0/8` and `fd00::/8` are trusted.
    fn check(peer: &str, headers: &[(&str, &str)], expected: &str) {
        let trusted = TrustedProxies::parse("10.0.0.0/8,fd00::/8").expect("they are networks");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("it is a name");
            map.append(name, HeaderValue::from_str(value).expect("it is a value"));
        }
        let peer = peer.parse().expect("it is an address");
        let found = trusted.client_behind(peer, &map).to_string();
        assert_eq!(found, expected, "{peer} {headers:?}");
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        const FORWARDED_FOR: &str = "X-Forwarded-For";
        check("192.0.2.1", &[(FORWARDED_FOR, "198.51.100.1")], "192.0.2.1");
        check(
            "10.1.1.1",
            &[(FORWARDED_FOR, "198.51.100.1")],
            "198.51.100.1",
        );
        check("10.1.1.1", &[], "10.1.1.1");
        // What the client itself has written stands before what the proxy adds.
        let forged = [(FORWARDED_FOR, "203.0.113.9, 198.51.100.1:4711")];
        check("10.1.1.1", &forged, "198.51.100.1");
        let chain = [
            (FORWARDED_FOR, "203.0.113.9"),
            (FORWARDED_FOR, "198.51.100.1, 10.2.2.2"),
        ];
        check("10.1.1.1", &chain, "198.51.100.1");
        check(
            "10.1.1.1",
            &[(FORWARDED_FOR, "10.3.3.3, 10.2.2.2")],
            "10.3.3.3",
        );
        check(
            "10.1.1.1",
            &[(FORWARDED_FOR, "198.51.100.1, no")],
            "10.1.1.1",
        );
        check("fd00::1", &[(FORWARDED_FOR, "2001:db8::1")], "2001:db8::1");
        check(
            "10.1.1.1",
            &[(FORWARDED_FOR, "::ffff:192.0.2.3")],
            "192.0.2.3",
        );
    }

    #[test]
    fn the_standard_header_is_read_too() {
        for (element, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            (
                "proto=https; For=\"[2001:db8:cafe::17]:4711\"",
                "2001:db8:cafe::17",
            ),
            ("for=203.0.113.9, for=\"192.0.2.60:80\"", "192.0.2.60"),
            ("for=unknown", "10.1.1.1"),
            ("for=_hidden", "10.1.1.1"),
            ("by=192.0.2.60", "10.1.1.1"),
        ] {
            check("10.1.1.1", &[("Forwarded", element)], expected);
        }
    }

    #[test]
    fn a_log_holds_a_network_only() {
        let check = |address: &str, expected| {
            let address = address.parse().expect("it is an address");
            assert_eq!(network_of(address), expected);
        };
        check("192.0.2.77", "192.0.2.0/24");
        check("2001:db8:1:2:3::4", "2001:db8:1::/48");
    }
}
