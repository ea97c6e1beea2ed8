//! Who somebody is on Steam.

use std::{fmt, str::FromStr};

use crate::{AccountId, InvalidData};

/// What stands in the upper half of every person's id: public universe, individual account, desktop instance
/// ([`SteamID`](https://developer.valvesoftware.com/wiki/SteamID)).
const PERSON: u64 = 0x0110_0001;
const DIGITS: usize = 17;

/// Identifies one person's account on Steam: an individual account of the public universe.
///
/// Groups, servers and accounts of Steam's own universes have ids of the same length and are none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SteamId(AccountId);

impl SteamId {
    /// Takes a raw id.
    ///
    /// # Errors
    /// [`InvalidData::SteamIdNoPerson`] if it is not a person's.
    pub fn try_new(raw: u64) -> Result<Self, InvalidData> {
        let no_person = InvalidData::SteamIdNoPerson(raw);
        if raw >> 32 != PERSON {
            return Err(no_person);
        }
        let lower = u32::try_from(raw & u64::from(u32::MAX)).expect("it is masked to 32 bits");
        AccountId::try_new(lower).map(Self).map_err(|_| no_person)
    }

    /// The id of the person who plays with this account.
    #[must_use]
    pub const fn of(account: AccountId) -> Self {
        Self(account)
    }

    /// The raw id.
    #[must_use]
    pub fn get(self) -> u64 {
        PERSON << 32 | u64::from(self.0.get())
    }

    /// The account that matches name.
    #[must_use]
    pub const fn account_id(self) -> AccountId {
        self.0
    }
}

impl fmt::Display for SteamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl FromStr for SteamId {
    type Err = InvalidData;

    /// Reads 17 digits, and nothing around them.
    fn from_str(text: &str) -> Result<Self, InvalidData> {
        let is_number = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        let excerpt = &text[..text.floor_char_boundary(DIGITS)];
        let invalid = || InvalidData::SteamIdInvalid(excerpt.to_owned());
        let raw = is_number.then(|| text.parse().ok()).flatten();
        Self::try_new(raw.ok_or_else(invalid)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_an_account() {
        let id: SteamId = "76561198046967340".parse().expect("a person's");
        assert_eq!(id.account_id().get(), 86_701_612);
        assert_eq!(id.get(), 76_561_198_046_967_340);
        assert_eq!(id.to_string(), "76561198046967340");
        assert_eq!(SteamId::of(id.account_id()), id);
    }

    #[test]
    fn others_than_persons_are_none() {
        for text in [
            // A group, an account of another universe, one of another instance, nobody, an anonymous one.
            "103582791429521408",
            "10358279142952140",
            "148618787703226368",
            "76561202255233025",
            "76561197960265728",
            "76561202255233023",
            // No ids.
            "",
            "7656119804696734",
            "765611980469673400",
            "+7656119804696734",
            "7656119804696734a",
            "７６５６１１９８０４６９６７３４０",
        ] {
            assert!(text.parse::<SteamId>().is_err(), "{text}");
        }
    }
}
