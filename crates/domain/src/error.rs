//! What can be wrong with data.

use thiserror::Error;

/// A value from outside that is no valid piece of the domain.
///
/// The sender is at fault: the value is refused and everything else goes on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidData {
    /// A match id below 1; ids are positive 64-bit signed integers.
    #[error("match id {0} is not in 1..=9223372036854775807")]
    MatchIdOutOfRange(i64),
    /// Hero id 0, which upstreams write for a slot without a hero.
    #[error("hero id 0 is no hero")]
    HeroIdZero,
    /// An account id that upstreams write for players who do not show theirs.
    #[error("account id {0} is that of an anonymous player")]
    AccountIdAnonymous(u32),
    /// A slot above 9.
    #[error("slot {0} is not in 0..=9")]
    SlotOutOfRange(u8),
    /// A number that upstreams give to no player's place.
    #[error("player_slot is {0}, no place of a match")]
    NoPlayerSlot(u8),
    /// Position 0, or one above 5.
    #[error("position {0} is not in 1..=5")]
    PositionOutOfRange(u8),
    /// A bracket above 8.
    #[error("skill bracket {0} is not in 0..=8")]
    SkillBracketOutOfRange(u8),
    /// A side with more than five slots.
    #[error("a team of {0} slots has more than 5")]
    TeamTooLarge(usize),
    /// A start before there were matches.
    #[error("a start at {0} is before 1262304000")]
    StartTooEarly(u32),
    /// A start that nobody can know of yet.
    #[error("a start at {0} is more than a day ahead")]
    StartTooLate(u32),
    /// Words or numbers that name no day of the calendar.
    #[error("{0:?} is not a day between 0000-01-01 and 9999-12-31")]
    DayUnknown(String),
    /// A patch without a name, or with one too long for a name.
    #[error("the patch name {0:?} is not of 1 to 32 bytes")]
    PatchNameInvalid(String),
    /// Two patches with the same name, or with the same beginning.
    #[error("patch {0} has the name or the beginning of another one")]
    PatchRepeated(String),
    /// Words that are no id of ours.
    #[error("{0:?} is no id: small hexadecimal digits in groups of 8, 4, 4, 4 and 12")]
    IdInvalid(String),
    /// Words that are no id of Steam's.
    #[error("{0:?} is not the 17 digits of a Steam id")]
    SteamIdInvalid(String),
    /// An id of Steam's that is a group's, a server's or nobody's.
    #[error("Steam id {0} is not that of a person")]
    SteamIdNoPerson(u64),
    /// A name that cannot be shown.
    #[error("a display name is not of 1 to 64 characters without control characters")]
    DisplayNameInvalid,
    /// An address that is no picture's.
    #[error("a picture is not at an https address of up to 256 characters")]
    PictureUrlInvalid,
}
