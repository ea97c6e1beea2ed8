//! Tokens: given for codes and for older ones, given back, looked at.

use std::time::Duration;

use domain::{SessionId, Timestamp};
use identity::{
    Client, ClientId, Code, CodeVerifier, EndReason, Person, RefreshRefusal, RefreshToken, Scope,
    Scopes, Session,
};
use thiserror::Error;

use crate::{
    auth::{Auth, warn_of},
    caller::Caller,
    fields::Fields,
    figures::Grant,
    keys::KeyId,
    ports::{
        AccessToken, Ending, RedeemRequest, Redeemed, RefreshRequest, Refreshed, StoreError, Which,
    },
};

/// Tokens that are given.
#[derive(Debug)]
pub struct TokenAnswer {
    /// The access token.
    pub access: AccessToken,
    /// How long it lives.
    pub expires_in: Duration,
    /// The refresh token.
    pub refresh: RefreshToken,
    /// What the access token permits.
    pub scopes: Scopes,
}

/// Why no tokens are given (RFC 6749, 5.2). It never says more than its word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The request is not one that a client should send.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// There is no such client.
    #[error("client_id names no client of this service")]
    InvalidClient,
    /// What it shows is worth nothing, for whatever reason.
    #[error("the code or the refresh token is worth nothing")]
    InvalidGrant,
    /// It shows something else than a code or a refresh token.
    #[error("grant_type is neither authorization_code nor refresh_token")]
    UnsupportedGrantType,
    /// It asks for more than the session permits, or for what is no list.
    #[error("scope is no list of scopes, or has more than was given before")]
    InvalidScope,
    /// It may work later, with the same refresh token. A code may have been used up.
    #[error("it may work later")]
    Unavailable,
}

impl TokenError {
    /// The word for it in the answer; `None` for what is no fault of the request.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(_) => Some("invalid_request"),
            Self::InvalidClient => Some("invalid_client"),
            Self::InvalidGrant => Some("invalid_grant"),
            Self::UnsupportedGrantType => Some("unsupported_grant_type"),
            Self::InvalidScope => Some("invalid_scope"),
            Self::Unavailable => None,
        }
    }

    pub(crate) fn away(error: &StoreError) -> Self {
        warn_of(error, "tokens cannot be given, taken back or looked at");
        Self::Unavailable
    }
}

impl Auth {
    /// Gives tokens for a code or for a refresh token; `fields` are the form's parameters, decoded.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn token(
        &self,
        fields: &[(String, String)],
        caller: &Caller,
    ) -> Result<TokenAnswer, TokenError> {
        let fields = Fields(fields);
        if fields.repeated().is_some() {
            return Err(TokenError::InvalidRequest(
                "a parameter is there more than once",
            ));
        }
        let grant = fields.one("grant_type");
        let grant = match grant.ok_or(TokenError::InvalidRequest("grant_type is missing"))? {
            "authorization_code" => Grant::Code,
            "refresh_token" => Grant::Refresh,
            _ => return Err(TokenError::UnsupportedGrantType),
        };
        let client = fields.one("client_id");
        let client = client.ok_or(TokenError::InvalidRequest("client_id is missing"))?;
        let client = self.settings.clients.named(client);
        let client = client.ok_or(TokenError::InvalidClient)?;
        // Whoever cannot sign uses nothing up.
        let key = self.ring.active_key().ok_or(TokenError::Unavailable)?;
        match grant {
            Grant::Code => self.redeem(fields, client, caller, &key).await,
            Grant::Refresh => self.refresh(fields, client, caller, &key).await,
        }
    }

    async fn redeem(
        &self,
        fields: Fields<'_>,
        client: &Client,
        caller: &Caller,
        key: &KeyId,
    ) -> Result<TokenAnswer, TokenError> {
        let missing = TokenError::InvalidRequest("code, redirect_uri or code_verifier is missing");
        let code = fields.one("code").ok_or(missing)?;
        let redirect_uri = fields.one("redirect_uri").ok_or(missing)?;
        let verifier = fields.one("code_verifier").ok_or(missing)?;
        let code = Code::try_read(code).map_err(|_| TokenError::InvalidGrant)?;
        let verifier = CodeVerifier::try_new(verifier).map_err(|_| {
            TokenError::InvalidRequest("code_verifier is not 43 to 128 unreserved characters")
        })?;
        let now = self.clock.now();
        let refresh: RefreshToken = self.secret();
        let request = RedeemRequest {
            code: code.digest(),
            client: client.id().clone(),
            redirect_uri: redirect_uri.to_owned(),
            verifier,
            session: self.session_id(now),
            first: refresh.digest(),
            life: self.settings.session_life,
            caller: caller.clone(),
            at: now,
        };
        let redeemed = self.stores.sessions.redeem(&request).await;
        match redeemed.map_err(|error| TokenError::away(&error))? {
            Redeemed::Begun { session, person } => {
                let scopes = session.scopes;
                let answer = self.answer(key, &session, person, scopes, refresh, now)?;
                self.figures.issued(Grant::Code, client.id());
                Ok(answer)
            }
            Redeemed::Refused { refusal, ended } => {
                let reason = refusal.code();
                tracing::info!(reason, client.id = %client.id(), "a code was not redeemed");
                self.have_ended(ended.as_slice(), EndReason::CodeReuse, now)
                    .await;
                Err(TokenError::InvalidGrant)
            }
        }
    }

    async fn refresh(
        &self,
        fields: Fields<'_>,
        client: &Client,
        caller: &Caller,
        key: &KeyId,
    ) -> Result<TokenAnswer, TokenError> {
        let token = fields.one("refresh_token");
        let token = token.ok_or(TokenError::InvalidRequest("refresh_token is missing"))?;
        let token = RefreshToken::try_read(token).map_err(|_| TokenError::InvalidGrant)?;
        let scopes = fields.one("scope").map(Scopes::try_read).transpose();
        let scopes = scopes.map_err(|_| TokenError::InvalidScope)?;
        let now = self.clock.now();
        let next: RefreshToken = self.secret();
        let request = RefreshRequest {
            token: token.digest(),
            next: next.digest(),
            client: client.id().clone(),
            scopes,
            life: self.settings.session_life,
            caller: caller.clone(),
            at: now,
        };
        let refreshed = self.stores.sessions.refresh(&request).await;
        match refreshed.map_err(|error| TokenError::away(&error))? {
            Refreshed::Given {
                session,
                person,
                given,
                ..
            } => {
                let answer = self.answer(key, &session, person, given.scopes, next, now)?;
                self.figures.issued(Grant::Refresh, client.id());
                Ok(answer)
            }
            Refreshed::Refused { refusal, ended } => {
                let reason = refusal.code();
                tracing::info!(reason, client.id = %client.id(), "a session was not refreshed");
                self.have_ended(ended.as_slice(), EndReason::Reuse, now)
                    .await;
                Err(match refusal {
                    RefreshRefusal::Scope(_) => TokenError::InvalidScope,
                    _ => TokenError::InvalidGrant,
                })
            }
        }
    }

    fn answer(
        &self,
        key: &KeyId,
        session: &Session,
        person: Person,
        scopes: Scopes,
        refresh: RefreshToken,
        now: Timestamp,
    ) -> Result<TokenAnswer, TokenError> {
        // Whoever was an administrator when the session began may be none any more.
        let scopes = if self.is_admin(person.steam_id) {
            scopes
        } else {
            scopes.without(Scope::Admin)
        };
        let id = self.token_id(now);
        let claims = self.settings.terms.claims(id, session, person, scopes, now);
        let access = self.ring.sign(key, &claims).map_err(|error| {
            tracing::error!(%error, key.id = %key, "a token cannot be signed");
            TokenError::Unavailable
        })?;
        Ok(TokenAnswer {
            access,
            expires_in: claims.expires_at.saturating_since(now),
            refresh,
            scopes: claims.scopes,
        })
    }

    /// Ends the session of a token of either kind, if it is one and, where a client says who it is, that client's
    /// (RFC 7009). Whoever asks does not learn whether anything has ended.
    ///
    /// # Errors
    /// [`TokenError::InvalidRequest`] without a token, and [`TokenError::Unavailable`]; it helps to ask again then.
    pub async fn revoke(
        &self,
        fields: &[(String, String)],
        caller: &Caller,
    ) -> Result<(), TokenError> {
        let fields = Fields(fields);
        if fields.repeated().is_some() {
            return Err(TokenError::InvalidRequest(
                "a parameter is there more than once",
            ));
        }
        let token = fields.one("token");
        let token = token.ok_or(TokenError::InvalidRequest("token is missing"))?;
        let client = match fields.one("client_id").map(ClientId::try_new) {
            None => None,
            Some(Ok(client)) => Some(client),
            // Nothing is nobody's.
            Some(Err(_)) => return Ok(()),
        };
        let now = self.clock.now();
        let which = match RefreshToken::try_read(token) {
            Ok(token) => Which::OfToken {
                token: token.digest(),
                client,
            },
            Err(_) => match self.ring.verify(token, now) {
                Ok(principal) => {
                    let Some(session) = principal.session else {
                        return Ok(());
                    };
                    Which::One {
                        session,
                        user: principal.user,
                        client,
                    }
                }
                Err(_) => return Ok(()),
            },
        };
        let ended = self.end_sessions(which, EndReason::Revoked, caller).await;
        ended.map(drop).map_err(|error| TokenError::away(&error))
    }

    /// The session of an access token, unless it was ended. One that is over by itself gives no more tokens, and
    /// those that it gave live on.
    pub(crate) async fn live_session(
        &self,
        id: Option<SessionId>,
    ) -> Result<Option<Session>, StoreError> {
        let Some(id) = id else {
            return Ok(None);
        };
        let session = self.stores.sessions.session(id).await?;
        Ok(session.filter(|session| session.ended.is_none()))
    }

    pub(crate) async fn end_sessions(
        &self,
        which: Which,
        reason: EndReason,
        caller: &Caller,
    ) -> Result<Vec<SessionId>, StoreError> {
        let at = self.clock.now();
        let ending = Ending {
            which,
            reason,
            caller: caller.clone(),
            at,
        };
        let ended = self.stores.sessions.end(&ending).await?;
        self.have_ended(&ended, reason, at).await;
        Ok(ended)
    }
}
