//! Values that name other machines, or travel to them.

use std::net::Ipv6Addr;

use secrecy::SecretString;

use super::masking::{MASK, is_secret_name, masked_url};
use super::values::{ValueParser, entries};

/// An address with one of some schemes and a host; its value is its normal
/// form, which every client can parse.
pub struct Url {
    /// The schemes allowed, without `://`.
    pub schemes: &'static [&'static str],
}

impl ValueParser for Url {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, String> {
        let url = url::Url::parse(text).map_err(|error| error.to_string())?;
        // The standard forgives `ws:host`; whoever writes that has mistyped.
        if !text.contains("://") || !url.has_host() {
            return Err("not an address with a host".to_owned());
        }
        if !self.schemes.contains(&url.scheme()) {
            return Err("another scheme".to_owned());
        }
        if url.fragment().is_some() {
            return Err("has a fragment (#)".to_owned());
        }
        Ok(url.into())
    }

    fn allowed(&self) -> String {
        let schemes: Vec<String> = self.schemes.iter().map(|s| format!("{s}://")).collect();
        format!("an address that begins with {}", schemes.join(" or "))
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        masked_url(text)
    }
}

/// One address or several, separated by commas, each as [`Url`] takes it and none twice.
pub struct Urls {
    /// The schemes allowed, without `://`.
    pub schemes: &'static [&'static str],
    /// How many there may be.
    pub entries_max: usize,
}

impl ValueParser for Urls {
    type Value = Vec<String>;

    fn parse(&self, text: &str) -> Result<Vec<String>, String> {
        let url = Url {
            schemes: self.schemes,
        };
        let texts: Vec<&str> = text.split(',').map(str::trim).collect();
        if texts.len() > self.entries_max {
            return Err("too many addresses".to_owned());
        }
        let mut urls = Vec::new();
        for (index, entry) in texts.iter().enumerate() {
            let parsed = url.parse(entry).map_err(|reason| match texts.len() {
                1 => reason,
                _ => format!("entry {}: {reason}", index + 1),
            })?;
            if urls.contains(&parsed) {
                return Err(format!("entry {} repeats another one", index + 1));
            }
            urls.push(parsed);
        }
        Ok(urls)
    }

    fn allowed(&self) -> String {
        let url = Url {
            schemes: self.schemes,
        };
        format!(
            "{}; up to {} of them, separated by commas",
            url.allowed(),
            self.entries_max
        )
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        let mut entries = text.split(',').map(str::trim);
        // The first is masked as one alone would be; what is no address behind a comma may be
        // the rest of a secret.
        let first = entries.next().map(masked_url).unwrap_or_default();
        let rest = entries.map(|entry| format!(",{}", masked_url(entry)));
        std::iter::once(first).chain(rest).collect()
    }
}

/// At least one `host:port`, separated by commas; an IPv6 address stands in
/// brackets. The value is the list without blanks.
pub struct HostPorts;

impl ValueParser for HostPorts {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, String> {
        let servers = entries(text, &[','])?;
        if servers.is_empty() {
            return Err("names no server".to_owned());
        }
        match servers.iter().position(|server| !is_host_port(server)) {
            Some(index) => Err(format!("entry {} is not host:port", index + 1)),
            None => Ok(servers.join(",")),
        }
    }

    fn allowed(&self) -> String {
        "host:port, several separated by commas".to_owned()
    }
}

/// Web origins separated by commas, or `*` alone for all of them.
pub struct Origins;

impl ValueParser for Origins {
    type Value = Vec<String>;

    fn parse(&self, text: &str) -> Result<Vec<String>, String> {
        let origins = entries(text, &[','])?;
        if origins == ["*"] {
            return Ok(vec!["*".to_owned()]);
        }
        match origins.iter().position(|origin| !is_origin(origin)) {
            Some(index) => Err(format!("entry {} is not an origin", index + 1)),
            None => Ok(origins.into_iter().map(str::to_owned).collect()),
        }
    }

    fn allowed(&self) -> String {
        "origins such as https://example.org or http://localhost:3000, without path, several \
         separated by commas; or * alone"
            .to_owned()
    }
}

/// Request headers `Name: value`, separated by commas or line ends. Names
/// follow RFC 9110; values are visible ASCII and blanks, and secret.
pub struct Headers;

impl ValueParser for Headers {
    type Value = Vec<(String, SecretString)>;

    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        entries(text, &[',', '\n'])?
            .into_iter()
            .enumerate()
            .map(|(index, entry)| {
                header(entry).ok_or_else(|| format!("entry {} is not `Name: value`", index + 1))
            })
            .collect()
    }

    fn allowed(&self) -> String {
        "`Name: value`, several separated by commas".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        masked_entries(text, &[',', '\n'], |entry| {
            header(entry).map(|(name, _)| format!("{name}: {MASK}"))
        })
    }
}

/// Properties `name=value`, separated by commas, each name once. Those whose
/// name speaks of a secret are masked, and so are all behind them: they may be
/// the rest of a secret that holds a comma.
pub struct Properties;

impl ValueParser for Properties {
    type Value = Vec<(String, String)>;

    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        let mut properties: Self::Value = Vec::new();
        for (index, entry) in entries(text, &[','])?.into_iter().enumerate() {
            let (name, value) =
                property(entry).ok_or_else(|| format!("entry {} is not name=value", index + 1))?;
            if properties.iter().any(|(earlier, _)| earlier == name) {
                return Err(format!("entry {} repeats a name", index + 1));
            }
            properties.push((name.to_owned(), value.to_owned()));
        }
        Ok(properties)
    }

    fn allowed(&self) -> String {
        "name=value, several separated by commas".to_owned()
    }

    fn holds_secrets(&self) -> bool {
        true
    }

    fn masked(&self, text: &str) -> String {
        let mut is_secret = false;
        masked_entries(text, &[','], |entry| {
            let (name, value) = property(entry)?;
            is_secret |= is_secret_name(name);
            let value = if is_secret { MASK } else { value };
            Some(format!("{name}={value}"))
        })
    }
}

/// The entries with their values masked. Once an entry is not understood it,
/// and all after it, may be the rest of a secret that holds a separator.
fn masked_entries(
    text: &str,
    separators: &'static [char],
    mut masked: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut shown = Vec::new();
    for entry in text.split(separators).map(str::trim) {
        let Some(entry) = masked(entry) else {
            shown.push(MASK.to_owned());
            break;
        };
        shown.push(entry);
    }
    if text.trim().is_empty() {
        String::new()
    } else {
        shown.join(",")
    }
}

fn is_host_port(server: &str) -> bool {
    let Some((host, port)) = server.rsplit_once(':') else {
        return false;
    };
    let is_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    // Digits only: the standard parser would take a sign.
    is_host && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0)
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}

fn header(entry: &str) -> Option<(String, SecretString)> {
    let (name, value) = entry.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let value = value.trim();
    let is_value = value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'));
    (is_name && is_value).then(|| (name.to_owned(), value.into()))
}

fn property(entry: &str) -> Option<(&str, &str)> {
    let (name, value) = entry.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[track_caller]
    fn check<P: ValueParser>(parser: &P, text: &str, expected: Result<&str, &str>)
    where
        P::Value: Into<Shown>,
    {
        let actual = parser.parse(text).map(|value| value.into().0);
        assert_eq!(
            actual.as_deref().map_err(String::as_str),
            expected,
            "{text:?}"
        );
    }

    #[test]
    fn addresses_stand_by_preference() {
        let urls = Urls {
            schemes: &["ws", "wss"],
            entries_max: 2,
        };
        let check = |text: &str, expected: Result<&[&str], &str>| {
            let expected = expected.map(|urls| urls.iter().map(|url| (*url).to_owned()).collect());
            assert_eq!(
                urls.parse(text),
                expected.map_err(str::to_owned),
                "{text:?}"
            );
        };
        check("ws://a", Ok(&["ws://a/"]));
        check(
            "wss://u:p@a/x , ws://b:1",
            Ok(&["wss://u:p@a/x", "ws://b:1/"]),
        );
        check("ws://a,", Err("entry 2: relative URL without a base"));
        check("http://a", Err("another scheme"));
        check("ws://a,http://b", Err("entry 2: another scheme"));
        check("ws://a,ws://a/", Err("entry 2 repeats another one"));
        check("ws://a,ws://b,ws://c", Err("too many addresses"));
        let masked = "wss://u:p@a/?key=zQz,zQz,ws://b/?token=zQz";
        assert_eq!(
            urls.masked(masked),
            "wss://***@a/?key=***,***,ws://b/?token=***"
        );
    }

    struct Shown(String);

    impl From<String> for Shown {
        fn from(text: String) -> Self {
            Self(text)
        }
    }

    impl From<Vec<String>> for Shown {
        fn from(texts: Vec<String>) -> Self {
            Self(texts.join("|"))
        }
    }

    impl From<Vec<(String, String)>> for Shown {
        fn from(pairs: Vec<(String, String)>) -> Self {
            let pairs = pairs
                .into_iter()
                .map(|(name, value)| format!("{name}>{value}"));
            Self(pairs.collect::<Vec<_>>().join("|"))
        }
    }

    impl From<Vec<(String, SecretString)>> for Shown {
        fn from(pairs: Vec<(String, SecretString)>) -> Self {
            let exposed =
                |(name, value): (String, SecretString)| (name, value.expose_secret().to_owned());
            pairs.into_iter().map(exposed).collect::<Vec<_>>().into()
        }
    }

    #[test]
    fn addresses() {
        let parser = Url {
            schemes: &["ws", "wss"],
        };
        check(
            &parser,
            "wss://feed.example/matches",
            Ok("wss://feed.example/matches"),
        );
        check(&parser, "ws://127.0.0.1:9", Ok("ws://127.0.0.1:9/"));
        check(&parser, "WS://[::1]:9/a b", Ok("ws://[::1]:9/a%20b"));
        check(&parser, "https://feed.example", Err("another scheme"));
        check(
            &parser,
            "ws:feed.example",
            Err("not an address with a host"),
        );
        check(&parser, "feed:1/x", Err("not an address with a host"));
        check(&parser, "ws://h/#a", Err("has a fragment (#)"));
        check(&parser, "ws://", Err("empty host"));
        check(&parser, "ws://h:99999", Err("invalid port number"));
        check(&parser, "", Err("relative URL without a base"));
    }

    #[test]
    fn servers() {
        check(&HostPorts, "localhost:9092", Ok("localhost:9092"));
        check(
            &HostPorts,
            "a_1.b-c:1, [::1]:65535",
            Ok("a_1.b-c:1,[::1]:65535"),
        );
        check(&HostPorts, "", Err("names no server"));
        check(&HostPorts, "a:1,", Err("entry 2 is empty"));
        for text in [
            "a", "a:", ":1", "a:0", "a:65536", "a:+1", "a:x", "::1:9", "[x]:1", "x://a:1",
        ] {
            check(&HostPorts, text, Err("entry 1 is not host:port"));
        }
    }

    #[test]
    fn origins() {
        check(&Origins, "", Ok(""));
        check(&Origins, "*", Ok("*"));
        check(
            &Origins,
            "https://a.example, http://b:3000",
            Ok("https://a.example|http://b:3000"),
        );
        check(
            &Origins,
            "https://a.example,*",
            Err("entry 2 is not an origin"),
        );
        for text in [
            "a.example",
            "https://a/",
            "https://a/x",
            "https://u@a",
            "ftp://a",
            "HTTPS://a",
            "null",
        ] {
            check(&Origins, text, Err("entry 1 is not an origin"));
        }
    }

    #[test]
    fn headers() {
        check(&Headers, "", Ok(""));
        check(
            &Headers,
            "Authorization: Bearer a:b, X-Two:",
            Ok("Authorization>Bearer a:b|X-Two>"),
        );
        check(&Headers, "A: 1\nB: 2\n", Ok("A>1|B>2"));
        for text in ["A", ": b", "A B: c", "Ä: c", "A: ü", "A : b", "A: b\rc"] {
            check(&Headers, text, Err("entry 1 is not `Name: value`"));
        }
        assert_eq!(Headers.masked("A: s3cret,B: x"), "A: ***,B: ***");
        assert_eq!(Headers.masked("A: s3,cret,B: x"), "A: ***,***");
        assert_eq!(Headers.masked("s3cret"), "***");
        assert_eq!(Headers.masked(""), "");
    }

    #[test]
    fn properties() {
        check(&Properties, "", Ok(""));
        check(&Properties, "a.b=1=2, c_d=", Ok("a.b>1=2|c_d>"));
        check(&Properties, "a=1,a=2", Err("entry 2 repeats a name"));
        check(&Properties, "a=1,,b=2", Err("entry 2 is empty"));
        for text in ["a", "=1", "A=1", "a b=1"] {
            check(&Properties, text, Err("entry 1 is not name=value"));
        }
        let check_masked = |text: &str, expected: &str| {
            assert_eq!(Properties.masked(text), expected);
        };
        check_masked("a=1, b.ms=x=y", "a=1,b.ms=x=y");
        check_masked("a=1,ssl.key.password=s", "a=1,ssl.key.password=***");
        check_masked("sasl.jaas.config=s,b=et", "sasl.jaas.config=***,b=***");
        check_masked("ssl.key.pem=s,c-ret,b=x", "ssl.key.pem=***,***");
        check_masked("a=1,s3cret", "a=1,***");
        check_masked("S3CRET=x", "***");
        check_masked(" ", "");
    }
}
