//! Which access tokens are taken.
//!
//! Whoever verifies takes a token apart, judges [its shape](parts) and [its header](Verifier::judge_header),
//! checks the signature with the key that the header names, and judges [what it says](Verifier::judge_claims).
//! What is in the token never leads to a key, an address or an algorithm that was not there before.

use std::time::Duration;

use domain::{DisplayName, PictureUrl, SessionId, SteamId, Timestamp, UserId};
use thiserror::Error;

use crate::{
    claims::{ACCESS_LIFE_MAX, Algorithm},
    client::ClientId,
    issuer::Issuer,
    scope::Scopes,
};

/// Several times what a token of ours is long.
pub const TOKEN_BYTES_MAX: usize = 4_096;
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// Who takes tokens, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Who must have issued them.
    pub issuer: Issuer,
    /// For whom they must be.
    pub audience: String,
    /// How far ahead the issuer's clock may be.
    pub skew: Duration,
}

/// The header of a token, as it was sent. What is no text there is `None` here.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenHeader<'a> {
    /// `typ`
    pub kind: Option<&'a str>,
    /// `alg`
    pub algorithm: Option<&'a str>,
    /// `kid`
    pub key: Option<&'a str>,
    /// Whether there is a `crit`, whatever is in it.
    pub has_critical: bool,
}

/// What a token says, as it was sent. What is no text there is `None` here.
#[derive(Debug, Clone, Copy)]
pub struct TokenClaims<'a> {
    /// `iss`
    pub issuer: Option<&'a str>,
    /// `aud`, one or several.
    pub audience: &'a [&'a str],
    /// `exp`
    pub expires_at: ClaimedTime,
    /// `iat`
    pub issued_at: ClaimedTime,
    /// `nbf`
    pub not_before: ClaimedTime,
    /// `auth_time`
    pub authenticated_at: ClaimedTime,
    /// `sub`
    pub subject: Option<&'a str>,
    /// `client_id`
    pub client: Option<&'a str>,
    /// `jti`
    pub id: Option<&'a str>,
    /// `sid`
    pub session: Option<&'a str>,
    /// `scope`
    pub scope: Option<&'a str>,
    /// `steam_id`
    pub steam_id: Option<&'a str>,
    /// `name`
    pub name: Option<&'a str>,
    /// `picture`
    pub picture: Option<&'a str>,
}

/// A time in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClaimedTime {
    /// There is none.
    #[default]
    Missing,
    /// There is something that is no number.
    NoNumber,
    /// It is this one.
    At(Timestamp),
}

/// Who has sent a token that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The session, which may have ended since.
    pub session: Option<SessionId>,
    /// What is permitted.
    pub scopes: Scopes,
    /// When the user has signed in.
    pub authenticated_at: Option<Timestamp>,
    /// Who that is on Steam.
    pub steam_id: Option<SteamId>,
    /// What the user is called there.
    pub name: Option<DisplayName>,
    /// Where the user's picture is.
    pub picture: Option<PictureUrl>,
    /// When the token is worth nothing any more.
    pub expires_at: Timestamp,
}

/// Why a token is refused. Whoever sent it never learns that; the log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenRefusal {
    /// It is longer than any of ours.
    #[error("it is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// It is not three parts of base64.
    #[error("it is not three parts of base64url")]
    Parts,
    /// It is another kind of token.
    #[error("typ is not at+jwt")]
    Kind,
    /// It asks for what nobody here knows.
    #[error("it has a crit")]
    Critical,
    /// Nobody here knows its key. There may be a newer set of keys.
    #[error("kid names no key that is known")]
    KeyUnknown,
    /// It is signed in another way than with its key.
    #[error("alg is not the algorithm of its key")]
    Algorithm,
    /// The signature is not that of its key.
    #[error("the signature is wrong")]
    Signature,
    /// Its header or what it says is not what such a thing looks like.
    #[error("it is not JSON as it should be")]
    Form,
    /// Somebody else has issued it.
    #[error("iss is another issuer")]
    Issuer,
    /// It is for somebody else.
    #[error("aud is somebody else")]
    Audience,
    /// It is worth nothing any more, or does not say until when.
    #[error("exp is over, or no time")]
    Expired,
    /// It was issued later than now, or does not say when.
    #[error("iat is ahead, or no time")]
    IssuedAt,
    /// It is worth nothing yet.
    #[error("nbf is ahead, or no time")]
    NotBefore,
    /// It lives longer than any of ours.
    #[error("it lives for more than an hour")]
    Life,
    /// It names nobody.
    #[error("sub names no user")]
    Subject,
    /// It names no client.
    #[error("client_id names no client")]
    Client,
    /// It has no id.
    #[error("jti is missing")]
    Id,
    /// Something else that it says cannot be.
    #[error("sid, auth_time or steam_id cannot be")]
    Other,
}

/// The key in Redis under which it says that a session has ended before its tokens expire, for whoever looks there.
#[must_use]
pub fn revoked_key(session: SessionId) -> String {
    format!("auth:revoked:{session}")
}

/// Takes a token apart: header, claims and signature, still encoded.
///
/// # Errors
/// [`TokenRefusal::TooLong`] or [`TokenRefusal::Parts`].
pub fn parts(token: &str) -> Result<[&str; 3], TokenRefusal> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenRefusal::TooLong);
    }
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_encoded);
    let mut parts = token.split('.').map(|part| is_part(part).then_some(part));
    let found = [parts.next(), parts.next(), parts.next()].map(Option::flatten);
    match (found, parts.next()) {
        ([Some(header), Some(claims), Some(signature)], None) => Ok([header, claims, signature]),
        _ => Err(TokenRefusal::Parts),
    }
}

impl Verifier {
    /// Judges a header; `algorithm_of` knows the keys. Its answer is the algorithm by which the signature is to
    /// be checked, with that key and no other.
    ///
    /// # Errors
    /// Why the token is refused.
    pub fn judge_header(
        &self,
        header: TokenHeader<'_>,
        algorithm_of: impl FnOnce(&str) -> Option<Algorithm>,
    ) -> Result<Algorithm, TokenRefusal> {
        let kind = header.kind.unwrap_or_default();
        require(TYPES.contains(&kind), TokenRefusal::Kind)?;
        require(!header.has_critical, TokenRefusal::Critical)?;
        let algorithm = header.key.and_then(algorithm_of);
        let algorithm = algorithm.ok_or(TokenRefusal::KeyUnknown)?;
        require(
            header.algorithm == Some(algorithm.name()),
            TokenRefusal::Algorithm,
        )?;
        Ok(algorithm)
    }

    /// Judges what a token says whose signature is right.
    ///
    /// # Errors
    /// Why the token is refused.
    pub fn judge_claims(
        &self,
        claims: &TokenClaims<'_>,
        now: Timestamp,
    ) -> Result<Principal, TokenRefusal> {
        require(
            claims.issuer == Some(self.issuer.as_str()),
            TokenRefusal::Issuer,
        )?;
        require(
            claims.audience.contains(&self.audience.as_str()),
            TokenRefusal::Audience,
        )?;
        let expires_at = claims.expires_at.time(TokenRefusal::Expired)?;
        let expires_at = expires_at
            .filter(|at| now < *at)
            .ok_or(TokenRefusal::Expired)?;
        let soon = now.saturating_add(self.skew);
        let issued_at = claims.issued_at.time(TokenRefusal::IssuedAt)?;
        let issued_at = issued_at
            .filter(|at| *at <= soon)
            .ok_or(TokenRefusal::IssuedAt)?;
        let not_before = claims.not_before.time(TokenRefusal::NotBefore)?;
        require(
            not_before.is_none_or(|at| at <= soon),
            TokenRefusal::NotBefore,
        )?;
        let life = expires_at.saturating_since(issued_at);
        require(life <= ACCESS_LIFE_MAX, TokenRefusal::Life)?;
        let user = parse(claims.subject)
            .ok()
            .flatten()
            .ok_or(TokenRefusal::Subject)?;
        let client = ClientId::try_new(claims.client.unwrap_or_default());
        require(claims.id.is_some_and(|id| !id.is_empty()), TokenRefusal::Id)?;
        Ok(Principal {
            user,
            client: client.map_err(|_| TokenRefusal::Client)?,
            session: parse(claims.session)?,
            // Scopes of tomorrow permit nothing today.
            scopes: Scopes::try_read(claims.scope.unwrap_or_default()).unwrap_or_default(),
            authenticated_at: claims.authenticated_at.time(TokenRefusal::Other)?,
            steam_id: parse(claims.steam_id)?,
            name: claims.name.and_then(|name| DisplayName::try_new(name).ok()),
            picture: claims.picture.and_then(|url| PictureUrl::try_new(url).ok()),
            expires_at,
        })
    }
}

impl ClaimedTime {
    /// The time of a number of seconds since 1970, which may have a fraction (RFC 7519, 2: `NumericDate`).
    #[must_use]
    pub fn from_unix_seconds(seconds: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whatever is beyond all times is the last one, and what is no number is not given"
        )]
        let ms = (seconds * 1_000.0).floor() as i64;
        if seconds.is_nan() {
            return Self::NoNumber;
        }
        Self::At(Timestamp::from_unix_ms(ms))
    }

    fn time(self, refusal: TokenRefusal) -> Result<Option<Timestamp>, TokenRefusal> {
        match self {
            Self::Missing => Ok(None),
            Self::NoNumber => Err(refusal),
            Self::At(at) => Ok(Some(at)),
        }
    }
}

fn parse<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, TokenRefusal> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|_| TokenRefusal::Other)
}

fn require(holds: bool, refusal: TokenRefusal) -> Result<(), TokenRefusal> {
    holds.then_some(()).ok_or(refusal)
}
