//! A client wants a user signed in.

use domain::Timestamp;
use identity::{
    Attempt, AttemptSecret, BrowserSecret, Client, ClientState, CodeChallenge, RedirectUri, Scopes,
};
use thiserror::Error;

use super::{AuthorizeError, back};
use crate::{
    auth::{Auth, warn_of},
    fields::Fields,
};

/// Where a browser goes that a client has sent.
#[derive(Debug)]
pub enum Authorized {
    /// To Steam.
    ToSteam {
        /// The address.
        location: String,
        /// What the browser shall keep in its cookie, if it has nothing there yet.
        browser: Option<BrowserSecret>,
    },
    /// Back to the client, which has asked wrongly, or at a bad time.
    Back {
        /// The address.
        location: String,
        /// Why.
        error: AuthorizeError,
    },
    /// Nowhere: who has sent it is not known.
    Nowhere(NoClient),
}

/// Why a browser is sent nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoClient {
    /// No client has this id.
    #[error("client_id is missing, there more than once, or names no client of this service")]
    Client,
    /// The client has not agreed on this address.
    #[error("redirect_uri is missing, there more than once, or is none of this client's")]
    RedirectUri,
}

/// What is wrong with a client's wish, and what it is told.
struct Wrong(AuthorizeError, &'static str);

impl Auth {
    /// Begins to sign somebody in; `fields` are the query's parameters, decoded, and `browser` what the browser
    /// has in its cookie.
    ///
    /// A client that is not known, or an address that was not agreed on, leads nowhere. Every other fault goes back
    /// to the client.
    pub async fn authorize(
        &self,
        fields: &[(String, String)],
        browser: Option<&BrowserSecret>,
    ) -> Authorized {
        let fields = Fields(fields);
        let Some(client) = fields
            .one("client_id")
            .and_then(|id| self.settings.clients.named(id))
        else {
            return Authorized::Nowhere(NoClient::Client);
        };
        let asked = fields.one("redirect_uri");
        let Some(uri) = asked.and_then(|asked| client.redirect_uri(asked)) else {
            return Authorized::Nowhere(NoClient::RedirectUri);
        };
        let state = fields.one("state").map(ClientState::try_new);
        let state = state.and_then(Result::ok);
        let now = self.clock.now();
        let made = browser.is_none().then(|| self.secret());
        let secret = browser
            .or(made.as_ref())
            .expect("one is made if there is none");

        let issuer = &self.settings.terms.issuer;
        let attempt = attempt(fields, client, &uri, state.clone(), secret, now);
        let Wrong(error, description) = match attempt {
            Ok(attempt) => {
                let id: AttemptSecret = self.secret();
                match self.stores.logins.begin(&id.digest(), &attempt).await {
                    Ok(()) => {
                        return Authorized::ToSteam {
                            location: self.settings.provider.question(issuer, &id),
                            browser: made,
                        };
                    }
                    Err(error) => {
                        warn_of(&error, "no attempt to sign in can begin");
                        Wrong(AuthorizeError::TemporarilyUnavailable, "")
                    }
                }
            }
            Err(wrong) => wrong,
        };
        Authorized::Back {
            location: back(&uri, state.as_ref(), issuer, error, description),
            error,
        }
    }
}

/// What a client asks for, if it asks rightly.
fn attempt(
    fields: Fields<'_>,
    client: &Client,
    uri: &RedirectUri,
    state: Option<ClientState>,
    browser: &BrowserSecret,
    now: Timestamp,
) -> Result<Attempt, Wrong> {
    let invalid = |description| Wrong(AuthorizeError::InvalidRequest, description);
    if fields.repeated().is_some() {
        return Err(invalid("a parameter is there more than once"));
    }
    match fields.one("response_type") {
        Some("code") => {}
        Some(_) => {
            let description = "response_type is not code";
            return Err(Wrong(AuthorizeError::UnsupportedResponseType, description));
        }
        None => return Err(invalid("response_type is missing")),
    }
    let client_state = state.ok_or(invalid("state is not 1 to 512 printable ASCII characters"))?;
    let challenge = fields.one("code_challenge");
    let challenge = challenge.ok_or(invalid("code_challenge is missing"))?;
    let challenge = CodeChallenge::try_new(challenge, fields.one("code_challenge_method"))
        .map_err(|fault| invalid(described(fault)))?;
    let scopes = fields.one("scope").map(Scopes::try_read).transpose();
    let scopes = scopes.map_err(|_| {
        let description = "scope is no list of words between single spaces";
        Wrong(AuthorizeError::InvalidScope, description)
    })?;
    Ok(Attempt {
        client: client.id().clone(),
        redirect_uri: uri.clone(),
        client_state,
        challenge,
        scopes: scopes.map(|scopes| scopes.and(client.scopes())),
        browser: browser.digest(),
        begun_at: now,
        ended_at: None,
        checks_failed: 0,
    })
}

/// In words of which none came with the request.
fn described(fault: identity::PkceFault) -> &'static str {
    match fault {
        identity::PkceFault::MethodMissing => "code_challenge_method is missing: S256 is needed",
        identity::PkceFault::MethodOther => "code_challenge_method is not S256",
        identity::PkceFault::Challenge | identity::PkceFault::Verifier => {
            "code_challenge is not 43 to 128 unreserved characters"
        }
    }
}
