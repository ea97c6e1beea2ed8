//! Words that tables hold as small numbers, and adapters may show as words.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A number that stands for no word of its column: whoever wrote it is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{code} is no code of a {column}")]
pub struct UnknownCode {
    /// The number.
    pub code: i8,
    /// What should have been there.
    pub column: &'static str,
}

/// Declares the words of a column with their numbers.
macro_rules! codes {
    (
        $(#[$about:meta])*
        $name:ident as $column:literal {
            $( $(#[$note:meta])* $variant:ident = $code:literal $word:literal, )+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "i8", try_from = "i8")]
        #[repr(i8)]
        pub enum $name {
            $( $(#[$note])* $variant = $code, )+
        }

        impl $name {
            /// Every one of them, by number.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// Its number in the table.
            #[must_use]
            pub const fn code(self) -> i8 {
                match self {
                    $( Self::$variant => $code, )+
                }
            }

            /// Its word in the table.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl From<$name> for i8 {
            fn from(word: $name) -> Self {
                word.code()
            }
        }

        impl TryFrom<i8> for $name {
            type Error = UnknownCode;

            fn try_from(code: i8) -> Result<Self, UnknownCode> {
                match code {
                    $( $code => Ok(Self::$variant), )+
                    _ => Err(UnknownCode { code, column: $column }),
                }
            }
        }
    };
}

codes! {
    /// Whether a player won.
    Won as "won" {
        /// Nobody said who won.
        Unknown = 0 "unknown",
        /// The player's side did.
        Yes = 1 "yes",
        /// The other side did.
        No = 2 "no",
    }
}

codes! {
    /// A side of a match.
    SideCode as "side" {
        /// Radiant.
        Radiant = 1 "radiant",
        /// Dire.
        Dire = 2 "dire",
    }
}

codes! {
    /// How two heroes met.
    Relation as "relation" {
        /// On different sides.
        Against = 1 "against",
        /// On the same side.
        With = 2 "with",
    }
}

codes! {
    /// What became of a wish for the details of a match.
    WishState as "state of a wish" {
        /// It is tried again.
        Waiting = 1 "waiting",
        /// The details are there.
        Fetched = 2 "fetched",
        /// Nobody has them, or there was no room to wait.
        GivenUp = 3 "given_up",
    }
}

codes! {
    /// What became of the loading of a past range.
    BackfillState as "state of a backfill" {
        /// It goes on, after a restart from its position.
        Running = 1 "running",
        /// All of the range is loaded.
        Finished = 2 "finished",
        /// Somebody stopped it.
        Cancelled = 3 "cancelled",
        /// It cannot go on: the range is not to be had.
        Failed = 4 "failed",
    }
}

impl From<domain::Side> for SideCode {
    fn from(side: domain::Side) -> Self {
        match side {
            domain::Side::Radiant => Self::Radiant,
            domain::Side::Dire => Self::Dire,
        }
    }
}

impl From<Option<bool>> for Won {
    fn from(won: Option<bool>) -> Self {
        match won {
            None => Self::Unknown,
            Some(true) => Self::Yes,
            Some(false) => Self::No,
        }
    }
}
