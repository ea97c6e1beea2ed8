//! What is set down for good.

use domain::{SessionId, Timestamp, UserId};
use identity::ClientId;

use crate::caller::AddressPrefix;

/// Something that has happened, and is never changed or forgotten. No secret is in it, nor the hash of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was.
    pub at: Timestamp,
    /// What it was.
    pub event: AuditEvent,
    /// Whom it was about.
    pub user: Option<UserId>,
    /// Which client took part.
    pub client: Option<ClientId>,
    /// Which session it was about.
    pub session: Option<SessionId>,
    /// Whence it came.
    pub address: Option<AddressPrefix>,
    /// What else is to be said, by name.
    pub detail: Vec<(&'static str, String)>,
}

impl AuditEntry {
    /// One of which nothing else is known.
    #[must_use]
    pub const fn new(at: Timestamp, event: AuditEvent) -> Self {
        Self {
            at,
            event,
            user: None,
            client: None,
            session: None,
            address: None,
            detail: Vec::new(),
        }
    }

    /// With why it happened: one of the words that metrics have, too.
    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        self.with("reason", reason.to_owned())
    }

    /// With something else.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.detail.push((name, value));
        self
    }
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+) => {
        /// What has happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditEvent {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl AuditEvent {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word for it in the log.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

events! {
    /// Somebody has signed in: a code was given.
    Login = "login",
    /// Somebody was not let in; `reason` says why.
    LoginRefused = "login_refused",
    /// Steam could not say whether somebody may come in.
    LoginUnavailable = "login_unavailable",
    /// A code was redeemed, and a session has begun.
    SessionBegun = "session_begun",
    /// A code was not redeemed; `reason` says why.
    CodeRefused = "code_refused",
    /// A session was refreshed. `again` says that the answer before was lost.
    Refreshed = "refreshed",
    /// A refresh token was worth nothing; `reason` says why.
    RefreshRefused = "refresh_refused",
    /// A session was ended; `reason` says why.
    SessionEnded = "session_ended",
    /// A user was blocked; `reason` says why, `by` who did it.
    UserBlocked = "user_blocked",
    /// A user was let in again; `by` says who did it.
    UserUnblocked = "user_unblocked",
    /// A signing key was published; `kid` names it.
    KeyPublished = "key_published",
    /// A signing key was removed, its last token being over; `kid` names it.
    KeyRemoved = "key_removed",
}
