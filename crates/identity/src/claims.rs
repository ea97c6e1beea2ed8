//! What an access token says (RFC 9068).

use std::time::Duration;

use domain::{DisplayName, PictureUrl, SessionId, SteamId, Timestamp, TokenId, UserId};

use crate::{client::ClientId, issuer::Issuer, scope::Scopes, session::Session};

/// No access token lives longer, whatever the settings say.
pub const ACCESS_LIFE_MAX: Duration = Duration::from_hours(1);

/// How a token is signed. Nothing else is taken, least of all nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA with PKCS #1.
    Rs256,
}

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who has issued it.
    pub issuer: Issuer,
    /// For whom: our services.
    pub audience: String,
    /// Its own id.
    pub id: TokenId,
    /// Who has signed in.
    pub user: UserId,
    /// Who that is on Steam.
    pub steam_id: SteamId,
    /// What Steam calls the user, if it was asked.
    pub name: Option<DisplayName>,
    /// Where Steam has the user's picture, if it was asked.
    pub picture: Option<PictureUrl>,
    /// The session that it comes of.
    pub session: SessionId,
    /// The client that got it.
    pub client: ClientId,
    /// What it permits.
    pub scopes: Scopes,
    /// When the user has signed in.
    pub authenticated_at: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}

/// Who a user is elsewhere, as far as tokens say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who that is on Steam.
    pub steam_id: SteamId,
    /// What Steam calls the user, if it was asked.
    pub name: Option<DisplayName>,
    /// Where Steam has the user's picture, if it was asked.
    pub picture: Option<PictureUrl>,
}

/// What all tokens have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTerms {
    /// Who issues them.
    pub issuer: Issuer,
    /// For whom.
    pub audience: String,
    /// How long they live.
    pub life: Duration,
}

impl TokenTerms {
    /// What a token of this session says that permits `scopes`. It lives no longer than the session.
    #[must_use]
    pub fn claims(
        &self,
        id: TokenId,
        session: &Session,
        person: Person,
        scopes: Scopes,
        now: Timestamp,
    ) -> AccessClaims {
        let life = self.life.min(ACCESS_LIFE_MAX);
        AccessClaims {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            id,
            user: session.user,
            steam_id: person.steam_id,
            name: person.name,
            picture: person.picture,
            session: session.id,
            client: session.client.clone(),
            scopes: scopes.and(session.scopes),
            authenticated_at: session.authenticated_at,
            issued_at: now,
            expires_at: now.saturating_add(life).min(session.expires_at),
        }
    }
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// As a header names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}
