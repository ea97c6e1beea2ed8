//! Ids that we give ourselves: UUIDs of version 7, which sort by when they were made.

use std::{fmt, str::FromStr};

use uuid::{Builder, Uuid};

use crate::{InvalidData, Timestamp};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, made at this time; `chance` tells it from others of the same millisecond.
            #[must_use]
            pub fn new(made_at: Timestamp, chance: [u8; 10]) -> Self {
                let ms = u64::try_from(made_at.as_unix_ms()).unwrap_or(0);
                Self(Builder::from_unix_timestamp_millis(ms, &chance).into_uuid())
            }

            /// One that was given before, as a database keeps it.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// As a database keeps it.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidData;

            /// Reads what `Display` writes, and no other spelling of the same id.
            fn from_str(text: &str) -> Result<Self, InvalidData> {
                parse(text).map(Self)
            }
        }
    };
}

id! {
    /// Identifies a user of ours. It says nothing of who that is elsewhere.
    UserId
}

id! {
    /// Identifies a session: one sign-in with one client, with everything that comes of it.
    SessionId
}

id! {
    /// Identifies one access token.
    TokenId
}

fn parse(text: &str) -> Result<Uuid, InvalidData> {
    let invalid = || InvalidData::IdInvalid(text[..text.floor_char_boundary(36)].to_owned());
    let uuid = Uuid::try_parse(text).map_err(|_| invalid())?;
    let is_canonical = uuid.hyphenated().to_string() == text;
    is_canonical.then_some(uuid).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_when_they_were_made() {
        let at = |ms| UserId::new(Timestamp::from_unix_ms(ms), [0xff; 10]);
        assert!(at(1_764_547_200_000) < at(1_764_547_200_001));
        assert_eq!(at(-5), at(0));
        assert_eq!(at(5).as_uuid().get_version_num(), 7);
        assert_ne!(at(5), UserId::new(Timestamp::from_unix_ms(5), [0; 10]));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = SessionId::new(Timestamp::from_unix_ms(1_764_547_200_000), [7; 10]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(SessionId::from_uuid(id.as_uuid()), id);
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            format!("{text} "),
            "me".to_owned(),
            String::new(),
            "ä".repeat(40),
        ] {
            assert!(other.parse::<SessionId>().is_err(), "{other}");
        }
    }
}
