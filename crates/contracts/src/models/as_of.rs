//! When a run looked at the world, in whole seconds.

use domain::Timestamp;
use jiff::fmt::temporal::{DateTimeParser, DateTimePrinter};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(0));

/// A moment, written as RFC 3339 in UTC to the second: `2024-06-30T06:17:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf(Timestamp);

impl AsOf {
    /// The second in which `at` is.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(Timestamp::from_unix_ms(
            at.as_unix_ms().div_euclid(1000) * 1000,
        ))
    }

    /// The beginning of that second.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.0
    }
}

impl Serialize for AsOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_millisecond(self.0.as_unix_ms()).unwrap_or_default();
        serializer.serialize_str(&PRINTER.timestamp_to_string(&at))
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = DateTimeParser::new().parse_timestamp(&text);
        let at =
            parsed.map_err(|_| D::Error::custom("a time as RFC 3339 writes it is expected"))?;
        Ok(Self::of(Timestamp::from_unix_ms(at.as_millisecond())))
    }
}
