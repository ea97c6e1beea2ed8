//! Sessions: what begins when a code is redeemed, and ends once.

use std::time::Duration;

use domain::{SessionId, Timestamp, UserId};

use crate::{client::ClientId, scope::Scopes};

/// How long sessions last, and what is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLife {
    /// Without being used.
    pub idle: Duration,
    /// However much it is used.
    pub absolute: Duration,
    /// How long after its first use a refresh token may come again because the answer got lost; zero for never.
    pub grace: Duration,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Who has signed in.
    pub user: UserId,
    /// With whom.
    pub client: ClientId,
    /// What it permits at most.
    pub scopes: Scopes,
    /// When the user has signed in.
    pub authenticated_at: Timestamp,
    /// When tokens were given last.
    pub last_used_at: Timestamp,
    /// When it ends however much it is used.
    pub expires_at: Timestamp,
    /// When it was ended before that, and why.
    pub ended: Option<Ended>,
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it was.
    pub at: Timestamp,
    /// Why it was.
    pub reason: EndReason,
}

/// Why a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// A refresh token came again that should not have.
    Reuse,
    /// A code came again.
    CodeReuse,
    /// The client has given its token back.
    Revoked,
    /// The user has logged out.
    LoggedOut,
    /// The user is blocked.
    Blocked,
    /// An administrator has ended it.
    Admin,
}

impl Session {
    /// One that begins now.
    #[must_use]
    pub fn begin(
        id: SessionId,
        grant: &crate::code::CodeGrant,
        life: SessionLife,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            user: grant.user,
            client: grant.client.clone(),
            scopes: grant.scopes,
            authenticated_at: grant.authenticated_at,
            last_used_at: now,
            expires_at: now.saturating_add(life.absolute),
            ended: None,
        }
    }

    /// Whether tokens can still come of it.
    #[must_use]
    pub fn is_live(&self, life: SessionLife, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.over_at(life)
    }

    /// When it was ended, or is over by itself if nobody uses it.
    #[must_use]
    pub fn over_at(&self, life: SessionLife) -> Timestamp {
        let by_itself = self.idles_at(life, self.last_used_at);
        self.ended.map_or(by_itself, |ended| ended.at)
    }

    /// Ends it; what has ended stays as it ended.
    pub fn end(&mut self, reason: EndReason, now: Timestamp) {
        self.ended.get_or_insert(Ended { at: now, reason });
    }

    /// When it is over if it is not used after `last`.
    pub(crate) fn idles_at(&self, life: SessionLife, last: Timestamp) -> Timestamp {
        last.saturating_add(life.idle).min(self.expires_at)
    }
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Reuse,
        Self::CodeReuse,
        Self::Revoked,
        Self::LoggedOut,
        Self::Blocked,
        Self::Admin,
    ];

    /// The word for it in the database and in metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::CodeReuse => "code_reuse",
            Self::Revoked => "revoked",
            Self::LoggedOut => "logged_out",
            Self::Blocked => "blocked",
            Self::Admin => "admin",
        }
    }

    /// The reason of this word.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_word() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::named(reason.code()), Some(reason));
        }
        assert_eq!(EndReason::named("other"), None);
    }
}
