//! Who asks, as far as it may be written down.

use std::{fmt, net::IpAddr};

const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// Whence somebody asks: enough to recognise one's own sessions by, and not more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Where it is, roughly.
    pub address: Option<AddressPrefix>,
    /// What it says it is.
    pub user_agent: Option<UserAgent>,
}

/// The network that somebody asks from: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AddressPrefix(String);

/// What a browser or a program says it is: up to 256 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserAgent(String);

impl AddressPrefix {
    /// What may be known of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self(format!("{a}.{b}.{c}.0/24"))
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self(format!("{a:x}:{b:x}:{c:x}::/48"))
            }
        }
    }

    /// One that was kept.
    #[must_use]
    pub fn kept(text: String) -> Self {
        Self(text)
    }

    /// As it is kept and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserAgent {
    /// What is kept of a header; `None` if nothing is.
    #[must_use]
    pub fn shortened(text: &str) -> Option<Self> {
        let characters = text.chars().filter(|it| !it.is_control());
        let text: String = characters.take(USER_AGENT_CHARACTERS_MAX).collect();
        (!text.is_empty()).then_some(Self(text))
    }

    /// As it is kept and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_its_network_is_known() {
        for (address, expected) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "0:0:0::/48"),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(AddressPrefix::of(address).as_str(), expected);
        }
    }

    #[test]
    fn a_user_agent_is_short_and_plain() {
        let kept = |text: &str| UserAgent::shortened(text).map(|it| it.as_str().to_owned());
        assert_eq!(
            kept("Mozilla/5.0\n\u{1b}[1m").as_deref(),
            Some("Mozilla/5.0[1m")
        );
        assert_eq!(
            kept(&"ä".repeat(300)).map(|it| it.chars().count()),
            Some(256)
        );
        assert_eq!(kept("\0"), None);
        assert_eq!(kept(""), None);
    }
}
