//! What a token is worth, for those who ask instead of verifying.

use domain::{DisplayName, PictureUrl, SessionId, SteamId, Timestamp, UserId};
use identity::{ClientId, RefreshToken, Scopes};

use crate::{auth::Auth, ports::StoreError, tokens::TokenError};

/// A token that is worth something now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// Whether it is a refresh token.
    pub is_refresh_token: bool,
    /// Who has signed in.
    pub user: UserId,
    /// The client that got it.
    pub client: ClientId,
    /// The session.
    pub session: SessionId,
    /// What it permits.
    pub scopes: Scopes,
    /// When the user has signed in.
    pub authenticated_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// Who that is on Steam, of an access token.
    pub steam_id: Option<SteamId>,
    /// What the user is called, if the token says it.
    pub name: Option<DisplayName>,
    /// Where the user's picture is, if the token says it.
    pub picture: Option<PictureUrl>,
}

impl Auth {
    /// What a token is worth now; `None` for nothing (RFC 7662).
    ///
    /// # Errors
    /// [`TokenError::Unavailable`].
    pub async fn introspect(&self, token: &str) -> Result<Option<Introspection>, TokenError> {
        let now = self.clock.now();
        let found = match RefreshToken::try_read(token) {
            Ok(token) => self.introspect_refresh(&token, now).await,
            Err(_) => self.introspect_access(token, now).await,
        };
        found.map_err(|error| TokenError::away(&error))
    }

    async fn introspect_access(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Introspection>, StoreError> {
        let Ok(principal) = self.ring.verify(token, now) else {
            return Ok(None);
        };
        let Some(session) = self.live_session(principal.session).await? else {
            return Ok(None);
        };
        Ok(Some(Introspection {
            is_refresh_token: false,
            user: principal.user,
            client: principal.client,
            session: session.id,
            scopes: principal.scopes,
            authenticated_at: session.authenticated_at,
            expires_at: principal.expires_at,
            steam_id: principal.steam_id,
            name: principal.name,
            picture: principal.picture,
        }))
    }

    async fn introspect_refresh(
        &self,
        token: &RefreshToken,
        now: Timestamp,
    ) -> Result<Option<Introspection>, StoreError> {
        let state = self.stores.sessions.token(&token.digest()).await?;
        Ok(state.and_then(|state| {
            let (session, token) = (state.session, state.token);
            let is_tip = token.used_at.is_none() && token.revoked_at.is_none();
            let is_active =
                session.ended.is_none() && is_tip && now < token.expires_at.min(session.expires_at);
            is_active.then_some(Introspection {
                is_refresh_token: true,
                user: session.user,
                client: session.client,
                session: session.id,
                scopes: session.scopes,
                authenticated_at: session.authenticated_at,
                expires_at: token.expires_at.min(session.expires_at),
                steam_id: None,
                name: None,
                picture: None,
            })
        }))
    }
}
