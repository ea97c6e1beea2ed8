//! What browsers and clients send.

use identity::{AttemptSecret, Issuer};

/// Fields of a query, which a test spoils.
#[derive(Clone)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    pub(crate) fn of(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        Self(
            fields
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// The query of an address.
    pub(crate) fn read(address: &str) -> Self {
        let (_, query) = address.split_once('?').expect("it has a query");
        let fields = query.split('&').map(|field| {
            let (key, value) = field.split_once('=').expect("a field");
            (decoded(key), decoded(value))
        });
        Self(fields.collect())
    }

    /// As Steam sends it for this attempt, about this person.
    pub(crate) fn honest(issuer: &Issuer, state: &str, person: u64, nonce: &str) -> Self {
        let secret = AttemptSecret::try_read(state).expect("a secret");
        let id = format!("https://steamcommunity.com/openid/id/{person}");
        Self::of(&[
            ("state", state),
            ("openid.ns", "http://specs.openid.net/auth/2.0"),
            ("openid.mode", "id_res"),
            (
                "openid.op_endpoint",
                "https://steamcommunity.com/openid/login",
            ),
            ("openid.claimed_id", &id),
            ("openid.identity", &id),
            ("openid.return_to", &issuer.return_to(&secret)),
            ("openid.response_nonce", nonce),
            ("openid.assoc_handle", "1234567890"),
            (
                "openid.signed",
                "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle",
            ),
            ("openid.sig", "W0u5DRbtHE1GG0ZKXjerUZDUGmc="),
        ])
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let mut query = self.without(key);
        query.0.push((key.to_owned(), value.to_owned()));
        query
    }

    pub(crate) fn without(&self, key: &str) -> Self {
        let fields = self.0.iter().filter(|(known, _)| known != key);
        Self(fields.cloned().collect())
    }

    pub(crate) fn and(&self, key: &str, value: &str) -> Self {
        let mut query = self.clone();
        query.0.push((key.to_owned(), value.to_owned()));
        query
    }

    pub(crate) fn about(&self, id: &str) -> Self {
        self.with("openid.claimed_id", id)
            .with("openid.identity", id)
    }

    pub(crate) fn text(&self) -> String {
        let fields = self.0.iter();
        let fields = fields.map(|(key, value)| format!("{}={}", escaped(key), escaped(value)));
        fields.collect::<Vec<_>>().join("&")
    }
}

fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("an escape"));
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).expect("text")
}
