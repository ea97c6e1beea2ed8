//! Addresses, taken apart by the little that rules here depend on.
//!
//! What a browser or another parser might read differently is no address: backslashes, spaces, user
//! information, unfinished escapes. So nothing is repaired or put into another form, and what is compared is
//! what was written.

use thiserror::Error;

/// Longer than any address that has a purpose here.
const LENGTH_MAX: usize = 1_024;

/// An address of the form `scheme://host[:port][path][?query]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) scheme: &'a str,
    /// A name, or an IP as it is written in addresses.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// Path and query, as written; may be empty.
    pub(crate) rest: &'a str,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressFault {
    /// It is empty, or longer than 1,024 characters.
    #[error("is empty or longer than {LENGTH_MAX} characters")]
    Length,
    /// It has characters that have no place in an address.
    #[error("has characters that do not belong into an address")]
    Characters,
    /// It does not begin with a scheme, or with one that is not allowed here.
    #[error("does not begin with a scheme that is allowed here")]
    Scheme,
    /// It names no host, or one that is not allowed here.
    #[error("names no host, or one that is not allowed here")]
    Host,
    /// It has a user or a password.
    #[error("has a user or a password")]
    User,
    /// Its port is no number from 1 to 65535.
    #[error("has a port that is no number from 1 to 65535")]
    Port,
    /// It has a part behind `#`, which browsers keep to themselves.
    #[error("has a part behind #")]
    Fragment,
    /// It goes on behind the host, where nothing is allowed here.
    #[error("goes on behind its host")]
    Path,
    /// It has a query, where none is allowed here.
    #[error("has a query")]
    Query,
}

impl<'a> Address<'a> {
    pub(crate) fn try_new(text: &'a str) -> Result<Self, AddressFault> {
        check_characters(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(AddressFault::Scheme)?;
        check_scheme(scheme)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err(AddressFault::User);
        }
        let (host, port) = split_port(authority)?;
        check_host(host)?;
        Ok(Self {
            scheme,
            host,
            port,
            rest,
        })
    }

    /// Whether its host is this machine, named by an IP: a name may be resolved to another one.
    pub(crate) fn is_loopback(&self) -> bool {
        ["127.0.0.1", "[::1]"].contains(&self.host)
    }

    /// Whether nobody between here and the host can read along: it is `https`, or does not leave the machine.
    pub(crate) fn is_private(&self) -> bool {
        self.scheme == "https" || self.scheme == "http" && self.is_loopback()
    }
}

/// The characters of any address (RFC 3986, 2), without those behind `#`.
pub(crate) fn check_characters(text: &str) -> Result<(), AddressFault> {
    if text.is_empty() || text.len() > LENGTH_MAX {
        return Err(AddressFault::Length);
    }
    if text.contains('#') {
        return Err(AddressFault::Fragment);
    }
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte);
    let is_escape =
        |part: &str| part.len() >= 2 && part.bytes().take(2).all(|it| it.is_ascii_hexdigit());
    let are_allowed = text.bytes().all(is_allowed) && text.split('%').skip(1).all(is_escape);
    are_allowed.then_some(()).ok_or(AddressFault::Characters)
}

/// A scheme in the one spelling that is taken: small letters first.
pub(crate) fn check_scheme(scheme: &str) -> Result<(), AddressFault> {
    let is_begun = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    let is_rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    (is_begun && scheme.bytes().all(is_rest))
        .then_some(())
        .ok_or(AddressFault::Scheme)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressFault> {
    // The colons of an IPv6 address stand in brackets.
    let from = authority.rfind(']').unwrap_or(0);
    let Some(at) = authority[from..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(from + at);
    let port = &port[1..];
    let is_number = !port.starts_with('0') && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = is_number.then(|| port.parse().ok()).flatten();
    Ok((host, Some(port.ok_or(AddressFault::Port)?)))
}

fn check_host(host: &str) -> Result<(), AddressFault> {
    let is_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let is_ip = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_valid = match is_ip {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name),
    };
    is_valid.then_some(()).ok_or(AddressFault::Host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_as_it_is_written() {
        let check = |text, scheme, host, port, rest| {
            let expected = Address {
                scheme,
                host,
                port,
                rest,
            };
            assert_eq!(Address::try_new(text), Ok(expected), "{text}");
        };
        check(
            "https://a.example/b?c=d",
            "https",
            "a.example",
            None,
            "/b?c=d",
        );
        check("https://a.example?c", "https", "a.example", None, "?c");
        check("http://127.0.0.1:80", "http", "127.0.0.1", Some(80), "");
        check("http://[::1]:65535/", "http", "[::1]", Some(65_535), "/");
        check("http://[::1]/a:b", "http", "[::1]", None, "/a:b");
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_address() {
        let check =
            |text: &str, expected| assert_eq!(Address::try_new(text), Err(expected), "{text}");
        check("", AddressFault::Length);
        check(
            &format!("https://a/{}", "b".repeat(1_015)),
            AddressFault::Length,
        );
        check("https://a.example/#", AddressFault::Fragment);
        for text in [
            "https://a.example\\@b.example/",
            "https://a.example/ b",
            "https://a.example/\n",
            "https://a.example/%",
            "https://a.example/%4",
            "https://a.example/%zz",
            "https://ä.example/",
            "https://a.example/\"",
        ] {
            check(text, AddressFault::Characters);
        }
        for text in [
            "a.example",
            "://a",
            "HTTPS://a.example",
            "1a://b",
            "a b://c",
            "javascript:alert(1)",
        ] {
            assert!(Address::try_new(text).is_err(), "{text}");
        }
        check("HTTPS://a.example", AddressFault::Scheme);
        check("https://a@b.example/", AddressFault::User);
        check("https://a.example:b@c.example/", AddressFault::User);
        for text in [
            "https://",
            "https:///a",
            "https://:80/",
            "https://A.example/",
            "https://a[b]/",
            "https://[::g]/",
            "https://[v1.a]/",
        ] {
            check(text, AddressFault::Host);
        }
        for text in [
            "https://a:",
            "https://a:0",
            "https://a:080",
            "https://a:65536",
            "https://a:b",
            "https://a:+1",
            "https://a:1:2",
        ] {
            check(text, AddressFault::Port);
        }
    }

    #[test]
    fn nobody_reads_along_over_tls_or_on_one_machine() {
        for (text, expected) in [
            ("https://a.example", true),
            ("http://127.0.0.1:1", true),
            ("http://[::1]", true),
            ("http://a.example", false),
            ("http://localhost", false),
            ("http://127.0.0.1.a.example", false),
            ("http://[::2]", false),
            ("ftp://127.0.0.1", false),
        ] {
            let address = Address::try_new(text).expect("an address");
            assert_eq!(address.is_private(), expected, "{text}");
        }
    }
}
