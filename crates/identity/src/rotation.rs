//! Refresh tokens: each one works once, and a lost answer does not log anyone out.
//!
//! The tokens of a session form a chain. Its *tip* is the one token that was never used; whoever presents it
//! gets the next one, which is the tip from then on. A token that comes again was copied, or its answer was
//! lost. It was lost, as far as can be known, if the token comes again soon, from the same client, and what was
//! given for it was never used: then that is revoked, and another one given in its place. In every other
//! case the session ends, with all its tokens.
//!
//! [`rotate`] decides; whoever keeps the tokens does as it says, while nobody else can change the session.
//! [`Family`] does it in memory.

use domain::Timestamp;
use thiserror::Error;

use crate::{
    client::ClientId,
    scope::{ScopeFault, Scopes},
    secret::{Digest, kind},
    session::{EndReason, Session, SessionLife},
};

type TokenDigest = Digest<kind::Refresh>;

/// A refresh token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    /// What is kept of the token itself.
    pub digest: TokenDigest,
    /// The one that it was given for; `None` for the first one of a session.
    pub parent: Option<TokenDigest>,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// When it was used first.
    pub used_at: Option<Timestamp>,
    /// When another one was given in its place.
    pub revoked_at: Option<Timestamp>,
}

/// What somebody asks for who presents a refresh token.
#[derive(Debug, Clone, Copy)]
pub struct Refresh<'a> {
    /// Who it says it is.
    pub client: &'a ClientId,
    /// What the access token shall permit; `None` for all that the session does.
    pub scopes: Option<Scopes>,
}

/// What is to be done for a token that was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It is used from now on; another one is given for it.
    Next(Given),
    /// The answer was lost: what was given is revoked, and another one given for the same token.
    Again {
        /// The one that is revoked.
        instead_of: TokenDigest,
        /// What is given.
        given: Given,
    },
    /// It was copied: the session ends, for [`EndReason::Reuse`].
    End,
}

/// What is given for a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// What the access token permits.
    pub scopes: Scopes,
    /// When the new refresh token is worth nothing any more.
    pub expires_at: Timestamp,
}

/// Why nothing is given, while everything stays as it is. Whoever asked never learns which, but for the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RefreshRefusal {
    /// The session has no such token.
    #[error("the token is unknown")]
    Unknown,
    /// The session was ended.
    #[error("the session was ended")]
    Ended,
    /// The session has come to its end, or was not used for too long.
    #[error("the session has expired")]
    Expired,
    /// The token is another client's.
    #[error("the token is another client's")]
    Client,
    /// It asks for more than the session permits.
    #[error(transparent)]
    Scope(#[from] ScopeFault),
    /// The token came again, and has ended the session.
    #[error("the token was used before: the session has ended")]
    Reused,
}

/// Decides what becomes of a token of this session; `successor` is what was given for it and not revoked.
///
/// # Errors
/// Why nothing is given; nothing changes then.
pub fn rotate(
    session: &Session,
    presented: &RefreshRecord,
    successor: Option<&RefreshRecord>,
    asked: Refresh<'_>,
    life: SessionLife,
    now: Timestamp,
) -> Result<Rotation, RefreshRefusal> {
    if session.ended.is_some() {
        return Err(RefreshRefusal::Ended);
    }
    if now >= session.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    let is_own = *asked.client == session.client;
    let given = || {
        Ok::<_, RefreshRefusal>(Given {
            scopes: session.scopes.narrowed(asked.scopes)?,
            expires_at: session.idles_at(life, now),
        })
    };
    if presented.revoked_at.is_some() {
        return Ok(Rotation::End);
    }
    if let Some(used_at) = presented.used_at {
        let is_soon = now.saturating_since(used_at) < life.grace;
        let unused = successor.filter(|it| it.used_at.is_none() && it.revoked_at.is_none());
        return match unused.filter(|_| is_own && is_soon) {
            Some(unused) => Ok(Rotation::Again {
                instead_of: unused.digest,
                given: given()?,
            }),
            None => Ok(Rotation::End),
        };
    }
    if !is_own {
        return Err(RefreshRefusal::Client);
    }
    if now >= presented.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    Ok(Rotation::Next(given()?))
}

impl RefreshRefusal {
    /// The word for it in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "refresh_unknown",
            Self::Ended => "refresh_ended",
            Self::Expired => "refresh_expired",
            Self::Client => "refresh_client",
            Self::Scope(_) => "refresh_scope",
            Self::Reused => "refresh_reuse",
        }
    }
}

/// A session with all its tokens, in memory.
#[derive(Debug, Clone)]
pub struct Family {
    session: Session,
    tokens: Vec<RefreshRecord>,
}

impl Family {
    /// A session that begins with this token.
    #[must_use]
    pub fn begin(session: Session, first: TokenDigest, life: SessionLife) -> Self {
        let first = RefreshRecord {
            digest: first,
            parent: None,
            expires_at: session.idles_at(life, session.last_used_at),
            used_at: None,
            revoked_at: None,
        };
        Self {
            session,
            tokens: vec![first],
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether this token was given in it, whatever became of it.
    #[must_use]
    pub fn has(&self, token: &TokenDigest) -> bool {
        self.token(token).is_some()
    }

    /// A token that was given in it, whatever became of it.
    #[must_use]
    pub fn token(&self, token: &TokenDigest) -> Option<&RefreshRecord> {
        self.tokens.iter().find(|it| it.digest == *token)
    }

    /// Forgets at most `count_max` tokens that were used or revoked and have expired; which.
    pub fn forget(&mut self, now: Timestamp, count_max: usize) -> Vec<TokenDigest> {
        let is_over = |it: &&RefreshRecord| {
            (it.used_at.is_some() || it.revoked_at.is_some()) && it.expires_at <= now
        };
        let over = self.tokens.iter().filter(is_over).take(count_max);
        let over: Vec<_> = over.map(|it| it.digest).collect();
        self.tokens.retain(|it| !over.contains(&it.digest));
        over
    }

    /// Everything that would be given something for if it were presented now, by its client.
    pub fn tips(&self, now: Timestamp) -> impl Iterator<Item = &RefreshRecord> {
        let is_over = self.session.ended.is_some() || now >= self.session.expires_at;
        self.tokens.iter().filter(move |token| {
            let is_tip = token.used_at.is_none() && token.revoked_at.is_none();
            !is_over && is_tip && now < token.expires_at
        })
    }

    /// Ends the session; what has ended stays as it ended.
    pub fn end(&mut self, reason: EndReason, now: Timestamp) {
        self.session.end(reason, now);
    }

    /// Gives `next` for a token that is presented, if it may be given.
    ///
    /// # Errors
    /// Why not. The session has ended if it is [`RefreshRefusal::Reused`], and has not changed otherwise.
    pub fn refresh(
        &mut self,
        presented: &TokenDigest,
        next: TokenDigest,
        asked: Refresh<'_>,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Given, RefreshRefusal> {
        let at = |digest: &TokenDigest| self.tokens.iter().position(|it| it.digest == *digest);
        let at_presented = at(presented).ok_or(RefreshRefusal::Unknown)?;
        let successor = self
            .tokens
            .iter()
            .find(|it| it.parent.as_ref() == Some(presented) && it.revoked_at.is_none());
        let token = &self.tokens[at_presented];
        let given = match rotate(&self.session, token, successor, asked, life, now)? {
            Rotation::Next(given) => {
                self.tokens[at_presented].used_at = Some(now);
                given
            }
            Rotation::Again { instead_of, given } => {
                let revoked = self.tokens.iter_mut().filter(|it| it.digest == instead_of);
                revoked.for_each(|it| it.revoked_at = Some(now));
                given
            }
            Rotation::End => {
                self.end(EndReason::Reuse, now);
                return Err(RefreshRefusal::Reused);
            }
        };
        self.tokens.push(RefreshRecord {
            digest: next,
            parent: Some(*presented),
            expires_at: given.expires_at,
            used_at: None,
            revoked_at: None,
        });
        self.session.last_used_at = now;
        Ok(given)
    }
}
