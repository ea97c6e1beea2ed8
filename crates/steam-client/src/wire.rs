//! The answers as they are written, as far as a whole match needs it.
//!
//! Names are Steam's. What is not listed is skipped, of any type and size: logos
//! are beyond 64 bits with a sign. What is listed is taken as it comes and judged
//! one by one, so that what is wrong can be named.

use std::fmt;

use client_kit::wire::{Object, whole};
use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(crate) struct WireAnswer<'a> {
    #[serde(borrow)]
    pub(crate) result: WireResult<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireResult<'a> {
    pub(crate) status: Scalar,
    #[serde(rename = "statusDetail", borrow)]
    pub(crate) status_detail: Option<&'a RawValue>,
    /// Each as it is written: one that is odd does not spoil the others.
    #[serde(borrow)]
    pub(crate) matches: Option<Vec<&'a RawValue>>,
}

/// What a match cannot do without.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireIdentity {
    pub(crate) match_id: Scalar,
    pub(crate) match_seq_num: Scalar,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireMatch {
    pub(crate) match_id: Scalar,
    pub(crate) match_seq_num: Scalar,
    pub(crate) start_time: Scalar,
    pub(crate) duration: Scalar,
    pub(crate) radiant_win: Scalar,
    pub(crate) lobby_type: Scalar,
    pub(crate) game_mode: Scalar,
    pub(crate) cluster: Scalar,
    pub(crate) leagueid: Scalar,
    pub(crate) human_players: Scalar,
    pub(crate) players: Option<Vec<Object<WirePlayer>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WirePlayer {
    pub(crate) player_slot: Scalar,
    pub(crate) account_id: Scalar,
    pub(crate) hero_id: Scalar,
    pub(crate) kills: Scalar,
    pub(crate) deaths: Scalar,
    pub(crate) assists: Scalar,
    pub(crate) last_hits: Scalar,
    pub(crate) denies: Scalar,
    pub(crate) gold_per_min: Scalar,
    pub(crate) xp_per_min: Scalar,
    pub(crate) level: Scalar,
    pub(crate) net_worth: Scalar,
    pub(crate) hero_damage: Scalar,
    pub(crate) tower_damage: Scalar,
    pub(crate) hero_healing: Scalar,
    pub(crate) leaver_status: Scalar,
    pub(crate) item_0: Scalar,
    pub(crate) item_1: Scalar,
    pub(crate) item_2: Scalar,
    pub(crate) item_3: Scalar,
    pub(crate) item_4: Scalar,
    pub(crate) item_5: Scalar,
}

/// A value without parts, of whatever type.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    /// Absent, or `null`.
    #[default]
    Missing,
    Boolean(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    /// A text, an array or an object: in words.
    Other(&'static str),
}

impl Scalar {
    /// An integer that is not negative and fits; it may be written as a float
    /// without a fraction. Nothing when it is missing.
    ///
    /// # Errors
    /// What is wrong, with the name.
    pub(crate) fn unsigned<T: TryFrom<u64>>(self, name: &str) -> Result<Option<T>, String> {
        let integer = match self {
            Self::Missing => return Ok(None),
            Self::Unsigned(integer) => Some(integer),
            Self::Float(float) => whole(float),
            _ => None,
        };
        let fits = integer.and_then(|integer| T::try_from(integer).ok());
        fits.map(Some)
            .ok_or_else(|| format!("{name} is {self}, no integer that is expected there"))
    }

    /// A truth value; nothing when it is missing.
    ///
    /// # Errors
    /// What is wrong, with the name.
    pub(crate) fn boolean(self, name: &str) -> Result<Option<bool>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Boolean(value) => Ok(Some(value)),
            _ => Err(format!("{name} is {self}, neither true nor false")),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Boolean(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Negative(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:e}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(u64::try_from(value).map_or(Scalar::Negative(value), Scalar::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_str<E>(self, _: &str) -> Result<Scalar, E> {
        Ok(Scalar::Other("a text"))
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Scalar, A::Error> {
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Scalar, A::Error> {
        while parts.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other("an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<u16>, String> {
        let scalar: Scalar = serde_json::from_str(json).expect("JSON");
        scalar.unsigned("kills")
    }

    #[test]
    fn an_integer_may_be_written_as_a_float() {
        for (json, expected) in [
            ("null", None),
            ("0", Some(0)),
            ("65535", Some(65_535)),
            ("81.0", Some(81)),
            ("1.5e3", Some(1_500)),
            ("-0.0", Some(0)),
        ] {
            assert_eq!(read(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, shown) in [
            ("65536", "65536"),
            ("-1", "-1"),
            ("0.5", "5e-1"),
            ("10380389074903513000000", "1.0380389074903513e22"),
            ("true", "true"),
            ("\"7\"", "a text"),
            ("[7,[8]]", "an array"),
            ("{\"a\":{}}", "an object"),
        ] {
            let expected = format!("kills is {shown}, no integer that is expected there");
            assert_eq!(read(json), Err(expected), "{json}");
        }
        let truth = |json| {
            let scalar: Scalar = serde_json::from_str(json).expect("JSON");
            scalar.boolean("radiant_win")
        };
        assert_eq!(truth("true"), Ok(Some(true)));
        assert_eq!(truth("null"), Ok(None));
        let detail = truth("1").expect_err("a number");
        assert_eq!(detail, "radiant_win is 1, neither true nor false");
    }
}
