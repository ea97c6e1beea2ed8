//! Authorization codes: what a client gets over the browser, and exchanges for tokens.

use domain::{SessionId, Timestamp, UserId};
use thiserror::Error;

use crate::{
    client::ClientId,
    pkce::{CodeChallenge, CodeVerifier},
    redirect_uri::RedirectUri,
    scope::Scopes,
};

/// What a code stands for, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeGrant {
    /// Who has signed in.
    pub user: UserId,
    /// With whom.
    pub client: ClientId,
    /// Where the code was sent.
    pub redirect_uri: RedirectUri,
    /// Who may redeem it.
    pub challenge: CodeChallenge,
    /// What was granted.
    pub scopes: Scopes,
    /// When the user has signed in.
    pub authenticated_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// What its first use gave.
    pub redeemed: Option<SessionId>,
}

/// What somebody shows who redeems a code.
#[derive(Debug)]
pub struct Redemption<'a> {
    /// Who it says it is.
    pub client: &'a ClientId,
    /// Where it says the code was sent.
    pub redirect_uri: &'a str,
    /// That it asked for the code.
    pub verifier: &'a CodeVerifier,
}

/// Why a code is not redeemed. Whoever shows it never learns that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodeRefusal {
    /// It was redeemed before. One of the two who did was not meant to: what the first one got must end.
    #[error("the code was redeemed before, for session {0}")]
    Redeemed(SessionId),
    /// It has taken too long.
    #[error("the code has expired")]
    Expired,
    /// It is another client's.
    #[error("the code is another client's")]
    Client,
    /// It was sent elsewhere.
    #[error("the code was sent to another address")]
    RedirectUri,
    /// It was asked for by somebody else.
    #[error("the code was asked for with another verifier")]
    Verifier,
}

impl CodeGrant {
    /// Whether it may be redeemed. A refusal leaves it as it is: the one who may still can.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn redeem(&self, by: &Redemption<'_>, now: Timestamp) -> Result<(), CodeRefusal> {
        if let Some(session) = self.redeemed {
            return Err(CodeRefusal::Redeemed(session));
        }
        if now >= self.expires_at {
            return Err(CodeRefusal::Expired);
        }
        if *by.client != self.client {
            return Err(CodeRefusal::Client);
        }
        if by.redirect_uri != self.redirect_uri.as_str() {
            return Err(CodeRefusal::RedirectUri);
        }
        if !self.challenge.is_met_by(by.verifier) {
            return Err(CodeRefusal::Verifier);
        }
        Ok(())
    }
}

impl CodeRefusal {
    /// The word for it in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Redeemed(_) => "code_reuse",
            Self::Expired => "code_expired",
            Self::Client => "code_client",
            Self::RedirectUri => "code_redirect_uri",
            Self::Verifier => "code_verifier",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_ms(1_000_000);
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const BACK: &str = "https://a.example/back";

    fn client(id: &str) -> ClientId {
        ClientId::try_new(id).expect("an id")
    }

    fn grant() -> CodeGrant {
        CodeGrant {
            user: UserId::new(NOW, [1; 10]),
            client: client("a"),
            redirect_uri: RedirectUri::kept(BACK.to_owned()),
            challenge: CodeChallenge::try_new(CHALLENGE, Some("S256")).expect("a challenge"),
            scopes: Scopes::NONE,
            authenticated_at: NOW,
            expires_at: Timestamp::from_unix_ms(1_060_000),
            redeemed: None,
        }
    }

    #[test]
    fn whoever_asked_for_a_code_redeems_it_in_time() {
        let check = |id: &str, redirect_uri: &str, verifier: &str, at_ms, expected| {
            let by = Redemption {
                client: &client(id),
                redirect_uri,
                verifier: &CodeVerifier::try_new(verifier).expect("a verifier"),
            };
            let redeemed = grant().redeem(&by, Timestamp::from_unix_ms(at_ms));
            assert_eq!(redeemed, expected);
        };
        check("a", BACK, VERIFIER, 1_059_999, Ok(()));
        check("a", BACK, VERIFIER, 1_060_000, Err(CodeRefusal::Expired));
        check("A", BACK, VERIFIER, 1_000_000, Err(CodeRefusal::Client));
        check(
            "a",
            "https://a.example/back/",
            VERIFIER,
            1_000_000,
            Err(CodeRefusal::RedirectUri),
        );
        check("a", BACK, CHALLENGE, 1_000_000, Err(CodeRefusal::Verifier));
    }

    #[test]
    fn a_code_that_comes_again_names_what_must_end() {
        let session = SessionId::new(NOW, [2; 10]);
        let redeemed = CodeGrant {
            redeemed: Some(session),
            ..grant()
        };
        let by = Redemption {
            client: &client("b"),
            redirect_uri: "",
            verifier: &CodeVerifier::try_new(CHALLENGE).expect("a verifier"),
        };
        // Whoever shows it, and however late.
        let again = redeemed.redeem(&by, Timestamp::from_unix_ms(i64::MAX));
        assert_eq!(again, Err(CodeRefusal::Redeemed(session)));
    }
}
