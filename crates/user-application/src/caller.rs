//! Who asks, and about whom.

use domain::{DisplayName, PictureUrl, SteamId, Timestamp, UserId};

/// Whoever has sent a token that was taken, as far as profiles are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// Whether the token permits to look at one's own profile.
    pub may_read: bool,
    /// Whether it permits to change it.
    pub may_write: bool,
    /// Whether it permits everything, with everybody's.
    pub is_admin: bool,
    /// When the user has signed in; what does not say when, is of before everything.
    pub signed_in_at: Option<Timestamp>,
    /// Who that is on Steam.
    pub steam_id: Option<SteamId>,
    /// What the user is called there.
    pub name: Option<DisplayName>,
    /// Where the user's picture is.
    pub picture: Option<PictureUrl>,
}

/// Whose profile is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's.
    Mine,
    /// This user's, who may be the caller.
    Of(UserId),
}

impl Whose {
    /// The user whose it is.
    pub(crate) fn user(self, caller: &Caller) -> UserId {
        match self {
            Self::Mine => caller.user,
            Self::Of(user) => user,
        }
    }
}
