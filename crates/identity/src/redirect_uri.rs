//! Where users are sent back to: by agreement, and nowhere else.

use secrecy::ExposeSecret as _;

use crate::{
    address::{self, Address, AddressFault},
    attempt::ClientState,
    client::{ClientKind, RedirectFault},
    form,
    issuer::Issuer,
    secret::Code,
};

/// What a client and we have agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedirectPattern {
    /// This address, byte for byte.
    Exact(String),
    /// This host and this path on the user's own machine, at any port: programs take the one that is free
    /// (RFC 8252, 7.3).
    Loopback { host: String, rest: String },
}

/// An address that a user may be sent back to: one that was agreed on, as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

impl RedirectPattern {
    pub(crate) fn try_new(text: &str, kind: ClientKind) -> Result<Self, RedirectFault> {
        address::check_characters(text)?;
        let scheme = text.split(':').next().unwrap_or_default();
        address::check_scheme(scheme)?;
        match (kind, scheme) {
            (ClientKind::Web, "https") => {
                Address::try_new(text)?;
                Ok(Self::Exact(text.to_owned()))
            }
            (ClientKind::Web, _) => Err(RedirectFault::NotHttps),
            (ClientKind::Native, "http") => {
                let address = Address::try_new(text)?;
                if address.host == "localhost" {
                    return Err(RedirectFault::Localhost);
                }
                if !address.is_loopback() {
                    return Err(RedirectFault::NotNative);
                }
                Ok(Self::Loopback {
                    host: address.host.to_owned(),
                    rest: address.rest.to_owned(),
                })
            }
            (ClientKind::Native, "https") => Err(RedirectFault::NotNative),
            (ClientKind::Native, scheme) if !scheme.contains('.') => {
                Err(RedirectFault::SchemeWithoutDot)
            }
            (ClientKind::Native, scheme) => {
                // Something must stand behind the scheme, and be no relative address.
                let has_path = text[scheme.len()..].starts_with(":/");
                let exact = has_path.then(|| Self::Exact(text.to_owned()));
                exact.ok_or(RedirectFault::Address(AddressFault::Host))
            }
        }
    }

    /// The address that was asked for, if it is what was agreed on.
    pub(crate) fn matched(&self, asked: &str) -> Option<RedirectUri> {
        let is_same = match self {
            Self::Exact(agreed) => asked == agreed,
            Self::Loopback { host, rest } => Address::try_new(asked).is_ok_and(|address| {
                address.scheme == "http" && address.host == host && address.rest == rest
            }),
        };
        is_same.then(|| RedirectUri(asked.to_owned()))
    }
}

impl RedirectUri {
    /// One that was agreed on when it was kept.
    #[must_use]
    pub fn kept(text: String) -> Self {
        Self(text)
    }

    /// The address, as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where to send the user with a code: with what the client said, and who we are, so that it does not take
    /// another server's answer for ours (RFC 9207).
    #[must_use]
    pub fn with_code(&self, code: &Code, state: &ClientState, issuer: &Issuer) -> String {
        let code = code.written();
        self.with(&[
            ("code", code.expose_secret()),
            ("state", state.as_str()),
            ("iss", issuer.as_str()),
        ])
    }

    /// Where to send the user with an answer in the query.
    #[must_use]
    pub fn with(&self, answer: &[(&str, &str)]) -> String {
        let Self(uri) = self;
        let separator = if uri.contains('?') { '&' } else { '?' };
        format!("{uri}{separator}{}", form::write(answer.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ClientKind, agreed: &str, asked: &str, expected: bool) {
        let pattern = RedirectPattern::try_new(agreed, kind).expect("it can be agreed on");
        let matched = pattern.matched(asked);
        assert_eq!(matched.is_some(), expected, "{agreed} {asked}");
        if let Some(uri) = matched {
            assert_eq!(uri.as_str(), asked);
        }
    }

    #[test]
    fn a_web_client_is_met_at_the_very_address() {
        let agreed = "https://a.example/back?x=1";
        check(ClientKind::Web, agreed, agreed, true);
        for asked in [
            "https://a.example/back",
            "https://a.example/back?x=1&y=2",
            "https://a.example/back?x=1#",
            "https://a.example:443/back?x=1",
            "https://A.example/back?x=1",
            "https://a.example/b%61ck?x=1",
            "https://a.example/./back?x=1",
            "https://a.example/back/../back?x=1",
            "http://a.example/back?x=1",
            "https://b@a.example/back?x=1",
            "https://a.example.b.example/back?x=1",
            "https://a.example/back?x=1 ",
            "",
        ] {
            check(ClientKind::Web, agreed, asked, false);
        }
    }

    #[test]
    fn a_native_client_is_met_at_any_port_of_this_machine() {
        for agreed in ["http://127.0.0.1/back", "http://127.0.0.1:7777/back"] {
            for asked in [
                "http://127.0.0.1/back",
                "http://127.0.0.1:1/back",
                "http://127.0.0.1:65535/back",
            ] {
                check(ClientKind::Native, agreed, asked, true);
            }
            for asked in [
                "http://127.0.0.1:1/other",
                "http://127.0.0.1:1/back?x",
                "http://127.0.0.1:1/back#x",
                "http://127.0.0.1:0/back",
                "http://127.0.0.1:65536/back",
                "http://127.0.0.1:1@a.example/back",
                "http://127.0.0.1:/back",
                "http://127.0.0.2/back",
                "http://127.1/back",
                "http://2130706433/back",
                "http://localhost:1/back",
                "http://[::1]/back",
                "https://127.0.0.1/back",
                "http://127.0.0.1.a.example/back",
                "http://a.example/back",
            ] {
                check(ClientKind::Native, agreed, asked, false);
            }
        }
        check(
            ClientKind::Native,
            "http://[::1]/back",
            "http://[::1]:5/back",
            true,
        );
        check(
            ClientKind::Native,
            "http://[::1]/back",
            "http://[0::1]:5/back",
            false,
        );
    }

    #[test]
    fn a_private_scheme_is_met_as_it_is() {
        let agreed = "com.example.app:/back";
        check(ClientKind::Native, agreed, agreed, true);
        check(ClientKind::Native, agreed, "com.example.app:/back2", false);
        check(ClientKind::Native, agreed, "com.example.app://back", false);
        check(
            ClientKind::Native,
            "com.example.app://back/",
            "com.example.app://back/",
            true,
        );
    }

    #[test]
    fn what_is_not_agreed_on_is_told_why() {
        use RedirectFault::{Address, Localhost, NotHttps, NotNative, SchemeWithoutDot};
        let check = |kind, text, expected| {
            assert_eq!(
                RedirectPattern::try_new(text, kind),
                Err(expected),
                "{text}"
            );
        };
        check(ClientKind::Web, "http://127.0.0.1/", NotHttps);
        check(ClientKind::Web, "com.example.app:/back", NotHttps);
        check(
            ClientKind::Web,
            "https://a.example/#a",
            Address(AddressFault::Fragment),
        );
        check(
            ClientKind::Web,
            "https://a:b@a.example/",
            Address(AddressFault::User),
        );
        check(
            ClientKind::Web,
            "https://*.example/",
            Address(AddressFault::Host),
        );
        check(ClientKind::Native, "http://localhost:80/", Localhost);
        check(ClientKind::Native, "http://10.0.0.1/", NotNative);
        check(ClientKind::Native, "https://a.example/", NotNative);
        check(ClientKind::Native, "myapp:/back", SchemeWithoutDot);
        check(ClientKind::Native, "javascript:/back", SchemeWithoutDot);
        check(
            ClientKind::Native,
            "com.example.app:back",
            Address(AddressFault::Host),
        );
        check(
            ClientKind::Native,
            "Com.example:/back",
            Address(AddressFault::Scheme),
        );
        check(
            ClientKind::Native,
            "com.example.app:/a b",
            Address(AddressFault::Characters),
        );
    }

    #[test]
    fn a_code_comes_with_the_clients_words_and_ours() {
        let issuer = Issuer::try_new("https://login.example").expect("an issuer");
        let state = ClientState::try_new("x&y").expect("a state");
        let uri = RedirectUri::kept("https://a.example/back".to_owned());
        let code = "A".repeat(43);
        assert_eq!(
            uri.with_code(&Code::new([0; 32]), &state, &issuer),
            format!(
                "https://a.example/back?code={code}&state=x%26y&iss=https%3A%2F%2Flogin.example"
            )
        );
    }

    #[test]
    fn an_answer_stands_behind_what_was_there() {
        let uri = |text: &str| RedirectUri::kept(text.to_owned());
        let answer = [("code", "a-b"), ("state", "x&y= é")];
        let expected = "code=a-b&state=x%26y%3D%20%C3%A9";
        let with = uri("https://a.example/back").with(&answer);
        assert_eq!(with, format!("https://a.example/back?{expected}"));
        let with = uri("https://a.example/back?x=1").with(&answer);
        assert_eq!(with, format!("https://a.example/back?x=1&{expected}"));
    }
}
