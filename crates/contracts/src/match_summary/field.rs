//! Fields of a value, judged one by one by what was written.

use std::array;

use domain::Timestamp;
use serde_json::value::RawValue;

use crate::{json::Member, number, rejected_record::RejectedRecord, shown, wire_time};

/// A field of the value or of one of its players.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    name: &'static str,
    /// Whose field it is, if it is a player's.
    player: Option<usize>,
    member: Member<'a>,
}

/// The integers that fields hold.
pub(super) trait Unsigned: TryFrom<u64> {
    /// The largest one.
    const MAX: u64;
}

impl Unsigned for u8 {
    const MAX: u64 = u8::MAX as u64;
}
impl Unsigned for u16 {
    const MAX: u64 = u16::MAX as u64;
}
impl Unsigned for u32 {
    const MAX: u64 = u32::MAX as u64;
}
impl Unsigned for u64 {
    const MAX: u64 = u64::MAX;
}

impl<'a> Field<'a> {
    /// Gives members the names under which they were looked for.
    pub(super) fn all<const N: usize>(
        members: &[Member<'a>; N],
        names: &[&'static str; N],
        player: Option<usize>,
    ) -> [Self; N] {
        array::from_fn(|place| Self {
            name: names[place],
            player,
            member: members[place],
        })
    }

    /// The value as it was written; nothing when it is absent or `null`.
    pub(super) fn known(self) -> Result<Option<&'a str>, RejectedRecord> {
        match self.member {
            Member::Missing | Member::Once("null") => Ok(None),
            Member::Once(value) => Ok(Some(value)),
            Member::Repeated => Err(self.invalid("is given more than once")),
        }
    }

    pub(super) fn unsigned<T: Unsigned>(self) -> Result<Option<T>, RejectedRecord> {
        let value = self.known()?;
        value
            .map(|value| parse(value).map_err(|detail| self.invalid(detail)))
            .transpose()
    }

    pub(super) fn boolean(self) -> Result<Option<bool>, RejectedRecord> {
        match self.known()? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(value) => Err(self.invalid(format!(
                "is {}, neither true nor false",
                shown::value(value)
            ))),
        }
    }

    /// A time as RFC 3339 writes it.
    pub(super) fn time(self) -> Result<Option<Timestamp>, RejectedRecord> {
        let Some(value) = self.known()? else {
            return Ok(None);
        };
        let text: Option<String> = serde_json::from_str(value).ok();
        let at = text.and_then(|text| wire_time::decode(text.as_bytes()).ok());
        at.map(Some).ok_or_else(|| {
            let shown = shown::value(value);
            self.invalid(format!("is {shown}, not a time as RFC 3339 writes it"))
        })
    }

    /// An array of integers.
    pub(super) fn numbers(self) -> Result<Option<Vec<u16>>, RejectedRecord> {
        let Some(values) = self.array()? else {
            return Ok(None);
        };
        let numbers = values.iter().enumerate().map(|(place, value)| {
            parse(value.get()).map_err(|detail| self.invalid_at(place, detail))
        });
        numbers.collect::<Result<_, _>>().map(Some)
    }

    /// An array of anything.
    pub(super) fn array(self) -> Result<Option<Vec<&'a RawValue>>, RejectedRecord> {
        let Some(value) = self.known()? else {
            return Ok(None);
        };
        serde_json::from_str(value)
            .map(Some)
            .map_err(|_| self.invalid(format!("is {}, not an array", shown::value(value))))
    }

    pub(super) fn invalid(self, detail: impl Into<String>) -> RejectedRecord {
        RejectedRecord::FieldInvalid {
            field: self.path(),
            detail: detail.into(),
        }
    }

    /// What is wrong with a piece of an array.
    pub(super) fn invalid_at(self, place: usize, detail: impl Into<String>) -> RejectedRecord {
        RejectedRecord::FieldInvalid {
            field: format!("{}[{place}]", self.path()),
            detail: detail.into(),
        }
    }

    fn path(self) -> String {
        match self.player {
            None => self.name.to_owned(),
            Some(player) => format!("players[{player}].{}", self.name),
        }
    }
}

/// The integer that a value is, or what it is instead.
fn parse<T: Unsigned>(value: &str) -> Result<T, String> {
    let integer = number::unsigned(value).and_then(|integer| T::try_from(integer).ok());
    integer.ok_or_else(|| {
        let shown = shown::value(value);
        format!("is {shown}, not an integer in 0..={}", T::MAX)
    })
}
