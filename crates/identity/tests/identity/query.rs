//! A callback as the provider sends it, and ways to spoil it.

use domain::Timestamp;
use identity::{AttemptSecret, Issuer};
use secrecy::ExposeSecret as _;

/// 2026-11-29T12:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_953_600);
pub(crate) const PERSON: &str = "https://steamcommunity.com/openid/id/76561198046967340";
pub(crate) const KEYS: [&str; 10] = [
    "openid.ns",
    "openid.mode",
    "openid.op_endpoint",
    "openid.claimed_id",
    "openid.identity",
    "openid.return_to",
    "openid.response_nonce",
    "openid.assoc_handle",
    "openid.signed",
    "openid.sig",
];

/// Fields of a query, which a test spoils.
#[derive(Clone)]
pub(crate) struct Query(pub(crate) Vec<(String, String)>);

impl Query {
    /// As the provider sends it for the attempt of these tests.
    pub(crate) fn honest() -> Self {
        let back = issuer().return_to(&attempt_secret());
        let values = [
            "http://specs.openid.net/auth/2.0",
            "id_res",
            "https://steamcommunity.com/openid/login",
            PERSON,
            PERSON,
            &back,
            "2026-11-29T11:59:58ZKq0+Zx/3aB1cD2eF3g=",
            "1234567890",
            "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle",
            "W0u5DRbtHE1GG0ZKXjerUZDUGmc=",
        ];
        let state = ("state".to_owned(), state());
        let fields = KEYS.iter().zip(values);
        let fields = fields.map(|(key, value)| ((*key).to_owned(), value.to_owned()));
        Self(std::iter::once(state).chain(fields).collect())
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        let field = self.0.iter_mut().find(|(known, _)| known == key);
        value.clone_into(&mut field.expect("it is a field").1);
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        self.0.retain(|(known, _)| known != key);
        self
    }

    pub(crate) fn and(mut self, key: &str, value: &str) -> Self {
        self.0.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn about(self, id: &str) -> Self {
        self.with("openid.claimed_id", id)
            .with("openid.identity", id)
    }

    pub(crate) fn text(&self) -> String {
        let escaped = |text: &str| -> String {
            let byte = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02x}"),
            };
            text.bytes().map(byte).collect()
        };
        let fields = self.0.iter();
        let fields = fields.map(|(key, value)| format!("{}={}", escaped(key), escaped(value)));
        fields.collect::<Vec<_>>().join("&")
    }
}

pub(crate) fn issuer() -> Issuer {
    Issuer::try_new("https://login.example").expect("an issuer")
}

pub(crate) fn attempt_secret() -> AttemptSecret {
    AttemptSecret::new([7; 32])
}

pub(crate) fn state() -> String {
    attempt_secret().written().expose_secret().to_owned()
}
