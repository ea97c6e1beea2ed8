//! When runs begin, as cron says it.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use domain::Timestamp;
use model_application::ports::Schedule;

/// Five fields, in UTC.
#[derive(Debug, Clone)]
pub struct CronSchedule {
    cron: Cron,
    text: String,
}

impl CronSchedule {
    /// Reads the five fields.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn try_new(text: &str) -> Result<Self, String> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text).map_err(|error| error.to_string())?;
        let text = text.trim().to_owned();
        let schedule = Self { cron, text };
        // From any moment on: what comes at all comes again.
        match schedule.next_after(Timestamp::from_unix_ms(0)) {
            Some(_) => Ok(schedule),
            None => Err("there is no such day".to_owned()),
        }
    }
}

impl Schedule for CronSchedule {
    fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let at = jiff::Timestamp::from_millisecond(at.as_unix_ms()).ok()?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC);
        let next = self.cron.find_next_occurrence(&at, false).ok()?;
        Some(Timestamp::from_unix_ms(next.timestamp().as_millisecond()))
    }

    fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_fields_in_utc() {
        let at = |text: &str| {
            let at: jiff::Timestamp = text.parse().expect("a time");
            Timestamp::from_unix_ms(at.as_millisecond())
        };
        for (fields, after, expected) in [
            (
                "17 */6 * * *",
                "2026-11-30T20:44:45Z",
                Some("2026-12-01T00:17:00Z"),
            ),
            (
                "17 */6 * * *",
                "2026-12-01T00:17:00Z",
                Some("2026-12-01T06:17:00Z"),
            ),
            (
                "0 4 * * 1",
                "2026-11-30T04:00:00Z",
                Some("2026-12-07T04:00:00Z"),
            ),
            (
                "0 0 29 2 *",
                "2026-11-30T04:00:00Z",
                Some("2028-02-29T00:00:00Z"),
            ),
        ] {
            let schedule = CronSchedule::try_new(fields).expect("five fields");
            assert_eq!(schedule.next_after(at(after)), expected.map(at), "{fields}");
        }
    }

    #[test]
    fn what_never_comes_is_no_schedule() {
        let wrong = CronSchedule::try_new("0 0 30 2 *").expect_err("February has no 30th");
        assert!(wrong.contains("no such day"), "{wrong}");
        assert!(CronSchedule::try_new("0 0 29 2 *").is_ok());
    }
}
