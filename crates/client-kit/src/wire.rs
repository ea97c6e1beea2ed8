//! Values of answers, as they may be written.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// What is written as an object, and not as a list of the same values.
#[derive(Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyObject(PhantomData))
    }
}

struct AnyObject<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyObject<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

/// From here on a float does not hold every integer.
const FLOAT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The integer that a float without a fraction is.
#[must_use]
pub fn whole(float: f64) -> Option<u64> {
    let is_whole = float.fract() == 0.0 && (0.0..FLOAT_INTEGER_MAX).contains(&float);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and in range"
    )]
    is_whole.then_some(float as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_whole_as_long_as_it_holds_every_integer() {
        for (float, expected) in [
            (0.0, Some(0)),
            (-0.0, Some(0)),
            (81.0, Some(81)),
            (0.5, None),
            (-1.0, None),
            (9_007_199_254_740_991.0, Some(9_007_199_254_740_991)),
            (9_007_199_254_740_992.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(whole(float), expected, "{float}");
        }
    }
}
