//! What browsers and clients send.

use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use crate::support::{BACK, CHALLENGE, VERIFIER, location};

/// Fields of a query or a form, which a test spoils.
#[derive(Debug, Clone)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl Fields {
    pub(crate) fn of(fields: &[(&str, &str)]) -> Self {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self(fields.collect())
    }

    pub(crate) fn of_address(address: &Url) -> Self {
        Self(address.query_pairs().into_owned().collect())
    }

    /// What a browser is sent on with.
    pub(crate) fn of_answer(answer: &Response) -> Self {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        Self::of_address(&Url::parse(location(answer)).expect("it is an address"))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut fields = self.clone();
        match fields.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, there)) => value.clone_into(there),
            None => fields.0.push((name.to_owned(), value.to_owned())),
        }
        fields
    }

    pub(crate) fn without(&self, name: &str) -> Self {
        let fields = self.0.iter().filter(|(known, _)| known != name);
        Self(fields.cloned().collect())
    }

    pub(crate) fn twice(&self, name: &str, value: &str) -> Self {
        let mut fields = self.clone();
        fields.0.push((name.to_owned(), value.to_owned()));
        fields
    }

    pub(crate) fn written(&self) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.0).finish()
    }
}

/// A request with a form.
pub(crate) trait Formed {
    fn fields(self, fields: &Fields) -> Self;
}

impl Formed for RequestBuilder {
    fn fields(self, fields: &Fields) -> Self {
        let kind = "application/x-www-form-urlencoded";
        self.header("content-type", kind).body(fields.written())
    }
}

/// What the client `native-app` asks for.
pub(crate) fn wish() -> Fields {
    Fields::of(&[
        ("response_type", "code"),
        ("client_id", "native-app"),
        ("redirect_uri", BACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("state", "a state & more"),
        ("scope", "profile:read draft:read admin"),
    ])
}

pub(crate) fn redemption(code: &str) -> Fields {
    Fields::of(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("client_id", "native-app"),
        ("code_verifier", VERIFIER),
    ])
}

pub(crate) fn refreshing(token: &str) -> Fields {
    Fields::of(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", "native-app"),
    ])
}
