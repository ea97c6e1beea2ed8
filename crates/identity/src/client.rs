//! The applications that may have users sign in.

use std::fmt;

use thiserror::Error;

use crate::{
    address::{Address, AddressFault},
    redirect_uri::{RedirectPattern, RedirectUri},
    scope::Scopes,
};

const ID_LENGTH_MAX: usize = 64;
const NAME_CHARACTERS_MAX: usize = 64;
/// More than an application has places to come back to.
const REDIRECT_URIS_MAX: usize = 32;

/// Names a client: up to 64 of letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

/// Where a client runs, and so how it is told apart from those who pretend to be it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// On a server of its own, or in a page that comes from there.
    Web,
    /// On the user's machine.
    Native,
}

/// An application that may have users sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    id: ClientId,
    name: String,
    kind: ClientKind,
    redirect_uris: Vec<RedirectPattern>,
    scopes: Scopes,
    origins: Vec<String>,
}

/// What a client is made of, not judged yet.
#[derive(Debug, Clone, Copy)]
pub struct ClientParts<'a> {
    /// Its id.
    pub id: &'a str,
    /// What users read.
    pub name: &'a str,
    /// Where it runs.
    pub kind: ClientKind,
    /// Where users come back to.
    pub redirect_uris: &'a [&'a str],
    /// What it may have.
    pub scopes: Scopes,
    /// The origins of its pages that call us by themselves.
    pub origins: &'a [&'a str],
}

/// What is wrong with a client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientFault {
    /// The id is not of the characters of one.
    #[error("id {0:?} is not 1 to 64 of letters, digits, . _ and -")]
    Id(String),
    /// The name cannot be shown.
    #[error("name {0:?} is not 1 to 64 characters without control characters")]
    Name(String),
    /// It has nowhere to go back to, or too many places.
    #[error("{0} redirect_uris are not 1 to 32")]
    RedirectUris(usize),
    /// One of its addresses to come back to is not allowed.
    #[error("redirect URI {uri:?} {fault}")]
    RedirectUri {
        /// The address.
        uri: String,
        /// What is wrong with it.
        fault: RedirectFault,
    },
    /// One of its origins is none.
    #[error("origin {0:?} is not https://host[:port], or http:// with the IP of this machine")]
    Origin(String),
}

/// What is wrong with an address to come back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RedirectFault {
    /// It is no address.
    #[error(transparent)]
    Address(#[from] AddressFault),
    /// A web client is reached by `https` alone.
    #[error("is not https, as it must be of a web client")]
    NotHttps,
    /// `localhost` is a name, and a name can lead elsewhere.
    #[error("names localhost: write 127.0.0.1 or [::1], which lead nowhere else")]
    Localhost,
    /// A native client is reached on the user's machine.
    #[error(
        "is neither http:// with 127.0.0.1 or [::1] nor of a private scheme, as it must be of a native client"
    )]
    NotNative,
    /// A scheme without a dot may be anybody's.
    #[error("is of a private scheme without a dot: name it after a domain of yours, turned around")]
    SchemeWithoutDot,
}

impl ClientId {
    /// Takes an id.
    ///
    /// # Errors
    /// [`ClientFault::Id`].
    pub fn try_new(text: &str) -> Result<Self, ClientFault> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_id = (1..=ID_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_id {
            Ok(Self(text.to_owned()))
        } else {
            let excerpt = &text[..text.floor_char_boundary(ID_LENGTH_MAX)];
            Err(ClientFault::Id(excerpt.to_owned()))
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Client {
    /// Judges the parts of a client.
    ///
    /// # Errors
    /// [`ClientFault`], the first one.
    pub fn try_new(parts: ClientParts<'_>) -> Result<Self, ClientFault> {
        let id = ClientId::try_new(parts.id)?;
        let characters = parts.name.chars().count();
        if !(1..=NAME_CHARACTERS_MAX).contains(&characters) || parts.name.contains(char::is_control)
        {
            return Err(ClientFault::Name(
                parts.name.chars().take(NAME_CHARACTERS_MAX).collect(),
            ));
        }
        if !(1..=REDIRECT_URIS_MAX).contains(&parts.redirect_uris.len()) {
            return Err(ClientFault::RedirectUris(parts.redirect_uris.len()));
        }
        let pattern = |uri: &&str| {
            RedirectPattern::try_new(uri, parts.kind).map_err(|fault| ClientFault::RedirectUri {
                uri: (*uri).to_owned(),
                fault,
            })
        };
        let origin = |text: &&str| {
            let is_origin = Address::try_new(text)
                .is_ok_and(|address| address.is_private() && address.rest.is_empty());
            let origin = is_origin.then(|| (*text).to_owned());
            origin.ok_or_else(|| ClientFault::Origin((*text).to_owned()))
        };
        Ok(Self {
            id,
            name: parts.name.to_owned(),
            kind: parts.kind,
            redirect_uris: parts
                .redirect_uris
                .iter()
                .map(pattern)
                .collect::<Result<_, _>>()?,
            scopes: parts.scopes,
            origins: parts.origins.iter().map(origin).collect::<Result<_, _>>()?,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// What users read.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it runs.
    #[must_use]
    pub fn kind(&self) -> ClientKind {
        self.kind
    }

    /// What it may have.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The origins of its pages that call us by themselves.
    #[must_use]
    pub fn origins(&self) -> &[String] {
        &self.origins
    }

    /// The address that a user may be sent back to, if this is one of those that were agreed on.
    #[must_use]
    pub fn redirect_uri(&self, asked: &str) -> Option<RedirectUri> {
        self.redirect_uris
            .iter()
            .find_map(|pattern| pattern.matched(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scope;

    const WEB: ClientParts<'_> = ClientParts {
        id: "stats-site",
        name: "Statistics",
        kind: ClientKind::Web,
        redirect_uris: &["https://stats.example/back", "https://stats.example/other"],
        scopes: Scopes::NONE,
        origins: &["https://stats.example", "http://127.0.0.1:3000"],
    };

    #[test]
    fn a_client_is_what_it_was_made_of() {
        let scopes = Scopes::from_iter([Scope::DraftRead]);
        let client = Client::try_new(ClientParts { scopes, ..WEB }).expect("a client");
        assert_eq!(client.id().as_str(), "stats-site");
        assert_eq!(client.name(), "Statistics");
        assert_eq!(client.kind(), ClientKind::Web);
        assert_eq!(client.scopes(), scopes);
        assert_eq!(client.origins(), WEB.origins);
        let other = client.redirect_uri("https://stats.example/other");
        assert_eq!(
            other.expect("it is agreed on").as_str(),
            "https://stats.example/other"
        );
        assert_eq!(client.redirect_uri("https://stats.example/third"), None);
    }

    #[test]
    fn a_client_that_is_wrong_is_told_why() {
        let check = |parts, words: &str| {
            let error = Client::try_new(parts).expect_err("it is wrong").to_string();
            assert!(error.contains(words), "{error}");
        };
        let long = "a".repeat(65);
        for id in ["", "a b", "ä", "a/b", &long] {
            check(ClientParts { id, ..WEB }, "is not 1 to 64 of letters");
        }
        for name in ["", "a\u{7}b", &long] {
            check(ClientParts { name, ..WEB }, "without control characters");
        }
        let redirect_uris = &[][..];
        check(
            ClientParts {
                redirect_uris,
                ..WEB
            },
            "0 redirect_uris",
        );
        let redirect_uris = &["https://a.example/"; 33][..];
        check(
            ClientParts {
                redirect_uris,
                ..WEB
            },
            "33 redirect_uris",
        );
        let redirect_uris = &["http://a.example/"][..];
        check(
            ClientParts {
                redirect_uris,
                ..WEB
            },
            "\"http://a.example/\" is not https",
        );
        for origins in [
            &["https://a.example/"],
            &["http://a.example"],
            &["*"],
            &["null"],
            &["https://a.example/b"],
        ] {
            check(ClientParts { origins, ..WEB }, "is not https://host");
        }
    }
}
