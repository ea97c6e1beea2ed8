//! Where codes, sessions and refresh tokens are.

use async_trait::async_trait;
use domain::{SessionId, Timestamp, UserId};
use identity::{
    ClientId, CodeRefusal, CodeVerifier, Digest, EndReason, Given, Person, Redemption, Refresh,
    RefreshRecord, RefreshRefusal, Scopes, Session, SessionLife, kind,
};
use thiserror::Error;

use super::StoreError;
use crate::{
    audit::{AuditEntry, AuditEvent},
    caller::Caller,
};

/// How many sessions a user is shown, and more than anybody has.
pub const SESSIONS_SHOWN_MAX: usize = 100;

/// Codes, sessions and refresh tokens.
///
/// A session changes only while nobody else can change it, and the rules of `identity` decide then:
/// [`CodeGrant::redeem`](identity::CodeGrant::redeem), [`Session::begin`] and [`rotate`](identity::rotate). Each change
/// is set down in the same step. A session that has ended MUST never live again.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Redeems a code: the session begins with its first refresh token, and the code is used.
    ///
    /// A refusal leaves the code as it is. A code that was redeemed before ends what its first use gave, whoever
    /// shows it. Of any number of requests with one code, one begins a session.
    ///
    /// # Errors
    /// Whether it was redeemed is not known. Another request with the same code ends what it gave.
    async fn redeem(&self, request: &RedeemRequest) -> Result<Redeemed, StoreError>;

    /// Gives another refresh token for one, if the rule says so, or ends the session if it says that.
    ///
    /// Of any number of requests with tokens of one session, however they come, there MUST be one token that was
    /// never used, or none if the session has ended.
    ///
    /// # Errors
    /// Whether it was given is not known; the same token may be shown again.
    async fn refresh(&self, request: &RefreshRequest) -> Result<Refreshed, StoreError>;

    /// Ends sessions that have not ended; which. All of them or none.
    ///
    /// # Errors
    /// Whether they have ended is not known; it helps to end them again.
    async fn end(&self, ending: &Ending) -> Result<Vec<SessionId>, StoreError>;

    /// How a session is; `None` if there never was one, or it is forgotten.
    ///
    /// # Errors
    /// It could not be looked up.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// How a refresh token is, with its session; `None` if there never was one, or it is forgotten.
    ///
    /// # Errors
    /// It could not be looked up.
    async fn token(&self, token: &Digest<kind::Refresh>) -> Result<Option<TokenState>, StoreError>;

    /// The sessions of a user that are [live](Session::is_live), the last used first, at most
    /// [`SESSIONS_SHOWN_MAX`].
    ///
    /// # Errors
    /// They could not be looked up.
    async fn live_sessions(
        &self,
        user: UserId,
        life: SessionLife,
        now: Timestamp,
    ) -> Result<Vec<BeganSession>, StoreError>;
}

/// Somebody shows a code.
#[derive(Debug)]
pub struct RedeemRequest {
    /// What is kept of the code.
    pub code: Digest<kind::Code>,
    /// Who it says it is.
    pub client: ClientId,
    /// Where it says the code was sent.
    pub redirect_uri: String,
    /// That it asked for the code.
    pub verifier: CodeVerifier,
    /// The session's id, if one begins.
    pub session: SessionId,
    /// What is kept of its first refresh token.
    pub first: Digest<kind::Refresh>,
    /// How long sessions last.
    pub life: SessionLife,
    /// Whence it came.
    pub caller: Caller,
    /// Now.
    pub at: Timestamp,
}

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// A session has begun.
    Begun {
        /// The session.
        session: Session,
        /// Who has signed in.
        person: Person,
    },
    /// None has.
    Refused {
        /// Why.
        refusal: GrantRefusal,
        /// What has ended by it.
        ended: Option<SessionId>,
    },
}

/// Why no session begins. Whoever shows a code never learns that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GrantRefusal {
    /// There is no such code, or it is forgotten.
    #[error("the code is unknown")]
    Unknown,
    /// The code is not for whoever shows it, or not any more.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The user is blocked. The code stays as it is.
    #[error("the user is blocked")]
    Blocked,
}

/// Somebody shows a refresh token.
#[derive(Debug, Clone)]
pub struct RefreshRequest {
    /// What is kept of it.
    pub token: Digest<kind::Refresh>,
    /// What is kept of the one that is given for it, if one is.
    pub next: Digest<kind::Refresh>,
    /// Who it says it is.
    pub client: ClientId,
    /// What the access token shall permit; `None` for all that the session does.
    pub scopes: Option<Scopes>,
    /// How long sessions last.
    pub life: SessionLife,
    /// Whence it came.
    pub caller: Caller,
    /// Now.
    pub at: Timestamp,
}

/// What became of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// Another one is given.
    Given {
        /// The session, as it is now.
        session: Session,
        /// Who has signed in.
        person: Person,
        /// What is given.
        given: Given,
        /// Whether the answer before was lost.
        is_again: bool,
    },
    /// None is.
    Refused {
        /// Why.
        refusal: RefreshRefusal,
        /// What has ended by it.
        ended: Option<SessionId>,
    },
}

/// Sessions that shall end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub which: Which,
    /// Why.
    pub reason: EndReason,
    /// Whence it came.
    pub caller: Caller,
    /// Now.
    pub at: Timestamp,
}

/// Which sessions shall end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one that this token was ever given in.
    OfToken {
        /// What is kept of the token.
        token: Digest<kind::Refresh>,
        /// Only if it is this client's.
        client: Option<ClientId>,
    },
    /// This one.
    One {
        /// Its id.
        session: SessionId,
        /// Only if it is this user's.
        user: UserId,
        /// Only if it is this client's.
        client: Option<ClientId>,
    },
    /// All of a user.
    AllOf(UserId),
}

/// A session with what its user recognises it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeganSession {
    /// The session.
    pub session: Session,
    /// When it began.
    pub began_at: Timestamp,
    /// Whence it was begun.
    pub caller: Caller,
}

/// A refresh token with its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenState {
    /// The session.
    pub session: Session,
    /// The token.
    pub token: RefreshRecord,
}

impl RedeemRequest {
    /// What the rule is asked.
    #[must_use]
    pub fn redemption(&self) -> Redemption<'_> {
        Redemption {
            client: &self.client,
            redirect_uri: &self.redirect_uri,
            verifier: &self.verifier,
        }
    }

    /// What is set down of it, by what became of it; `user` is whose code it is, if it is anybody's.
    #[must_use]
    pub fn entries(&self, redeemed: &Redeemed, user: Option<UserId>) -> Vec<AuditEntry> {
        let entry = |event, session| AuditEntry {
            user,
            client: Some(self.client.clone()),
            session,
            address: self.caller.address.clone(),
            ..AuditEntry::new(self.at, event)
        };
        match redeemed {
            Redeemed::Begun { session, .. } => {
                vec![entry(AuditEvent::SessionBegun, Some(session.id))]
            }
            Redeemed::Refused { refusal, ended } => {
                let refused = entry(AuditEvent::CodeRefused, None).because(refusal.code());
                let end = ended.map(|session| {
                    let ended = entry(AuditEvent::SessionEnded, Some(session));
                    ended.because(EndReason::CodeReuse.code())
                });
                [refused].into_iter().chain(end).collect()
            }
        }
    }
}

impl RefreshRequest {
    /// What the rule is asked.
    #[must_use]
    pub fn asked(&self) -> Refresh<'_> {
        Refresh {
            client: &self.client,
            scopes: self.scopes,
        }
    }

    /// What is set down of it, by what became of it; `session` is whose token it is, if it is anybody's.
    #[must_use]
    pub fn entries(&self, refreshed: &Refreshed, session: Option<&Session>) -> Vec<AuditEntry> {
        let entry = |event| AuditEntry {
            user: session.map(|it| it.user),
            client: Some(self.client.clone()),
            session: session.map(|it| it.id),
            address: self.caller.address.clone(),
            ..AuditEntry::new(self.at, event)
        };
        match refreshed {
            Refreshed::Given { is_again, .. } => {
                let given = entry(AuditEvent::Refreshed);
                vec![match is_again {
                    true => given.with("again", "true".to_owned()),
                    false => given,
                }]
            }
            Refreshed::Refused { refusal, ended } => {
                let refused = entry(AuditEvent::RefreshRefused).because(refusal.code());
                let end =
                    ended.map(|_| entry(AuditEvent::SessionEnded).because(EndReason::Reuse.code()));
                [refused].into_iter().chain(end).collect()
            }
        }
    }
}

impl Ending {
    /// What is set down of a session that has ended.
    #[must_use]
    pub fn entry(&self, session: SessionId, user: UserId, client: &ClientId) -> AuditEntry {
        let entry = AuditEntry {
            user: Some(user),
            client: Some(client.clone()),
            session: Some(session),
            address: self.caller.address.clone(),
            ..AuditEntry::new(self.at, AuditEvent::SessionEnded)
        };
        entry.because(self.reason.code())
    }
}

impl GrantRefusal {
    /// The word for it in metrics and in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "code_unknown",
            Self::Code(refusal) => refusal.code(),
            Self::Blocked => "blocked",
        }
    }
}
