//! The identity of a player's account.

use std::{fmt, num::NonZeroU32};

use crate::InvalidData;

/// Identifies one player's account, in 1 … 4294967294.
///
/// The lower 32 bits of a Steam id. Players who do not show their account have
/// none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(NonZeroU32);

impl AccountId {
    /// Takes a raw id.
    ///
    /// # Errors
    /// [`InvalidData::AccountIdAnonymous`] for 0 and 4294967295, which stand
    /// for whoever does not show an account.
    pub const fn try_new(raw: u32) -> Result<Self, InvalidData> {
        match NonZeroU32::new(raw) {
            Some(id) if raw != u32::MAX => Ok(Self(id)),
            _ => Err(InvalidData::AccountIdAnonymous(raw)),
        }
    }

    /// The raw id, at least 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_nobody() {
        for (raw, valid) in [
            (0, false),
            (1, true),
            (86_745_912, true),
            (u32::MAX - 1, true),
            (u32::MAX, false),
        ] {
            match AccountId::try_new(raw) {
                Ok(id) => {
                    assert!(valid, "{raw}");
                    assert_eq!(id.get(), raw);
                    assert_eq!(id.to_string(), raw.to_string());
                }
                Err(e) => {
                    assert!(!valid, "{raw}");
                    assert_eq!(e, InvalidData::AccountIdAnonymous(raw));
                }
            }
        }
    }
}
