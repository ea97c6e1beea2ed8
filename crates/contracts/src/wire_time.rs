//! Points in time as records carry them: RFC 3339, UTC, milliseconds.

use domain::Timestamp;
use jiff::fmt::temporal::{DateTimeParser, DateTimePrinter};

use crate::header::{DecodeError, RECEIVED_AT, invalid};

/// Three decimals always, so that every record of a second has the same length.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// Writes `at`; a time outside the calendar's years -9999 to 9999 becomes its nearest end.
pub(crate) fn encode(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_unix_ms()).unwrap_or_else(|_| {
        if at.as_unix_ms() < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }
    });
    PRINTER.timestamp_to_string(&at)
}

pub(crate) fn decode(value: &[u8]) -> Result<Timestamp, DecodeError> {
    DateTimeParser::new()
        .parse_timestamp(value)
        .map(|at| Timestamp::from_unix_ms(at.as_millisecond()))
        .map_err(|_| invalid(RECEIVED_AT, value, "a time as RFC 3339 writes it"))
}
