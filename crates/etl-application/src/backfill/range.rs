//! Which past is loaded, and where from.

use std::fmt;
use std::str::FromStr;

use domain::{Day, Timestamp};
use thiserror::Error;

/// What a backfill loads. As text it is what one gives to the command to ask
/// for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillRange {
    /// The lines of a file, by its whole path; `-` is standard input.
    File(String),
    /// The records of the topic of summaries that were written in a time.
    Topic(Span),
    /// The public matches that started in a time, asked of `OpenDota`.
    OpenDota(Span),
    /// A part of Steam's sequence of matches.
    Steam(SequencePart),
}

/// A part of the sequence in which matches end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequencePart {
    /// The matches with these numbers.
    Numbers {
        /// The first one.
        from: u64,
        /// The first one after them.
        to: u64,
    },
    /// The matches that ended in a time.
    Times(Span),
}

/// A time, its end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// A text that names no range; it may be that of a newer program.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} names no range that this program knows")]
pub struct UnknownRange(pub String);

/// How standard input is named.
pub const STANDARD_INPUT: &str = "-";

const FILE: &str = "--file ";
const TOPIC: &str = "--topic ";
const OPENDOTA: &str = "--source opendota ";
const STEAM: &str = "--source steam ";

impl BackfillRange {
    /// Whether the same name stands for something else each time: standard
    /// input, a pipe of the shell, a device.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        match self {
            Self::File(path) => path == STANDARD_INPUT || path.starts_with("/dev/"),
            Self::Topic(_) | Self::OpenDota(_) | Self::Steam(_) => false,
        }
    }
}

impl fmt::Display for BackfillRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{FILE}{path}"),
            Self::Topic(span) => write!(f, "{TOPIC}{span}"),
            Self::OpenDota(span) => write!(f, "{OPENDOTA}{span}"),
            Self::Steam(part) => write!(f, "{STEAM}{part}"),
        }
    }
}

impl FromStr for BackfillRange {
    type Err = UnknownRange;

    fn from_str(text: &str) -> Result<Self, UnknownRange> {
        let range = if let Some(path) = text.strip_prefix(FILE) {
            Some(Self::File(path.to_owned()))
        } else if let Some(span) = text.strip_prefix(OPENDOTA) {
            Span::read(span).map(Self::OpenDota)
        } else if let Some(part) = text.strip_prefix(STEAM) {
            SequencePart::read(part).map(Self::Steam)
        } else {
            let span = text.strip_prefix(TOPIC).and_then(Span::read);
            span.map(Self::Topic)
        };
        range.ok_or_else(|| UnknownRange(text.to_owned()))
    }
}

impl SequencePart {
    /// Those numbers, if there are any between them.
    #[must_use]
    pub fn of_numbers(from: u64, to: u64) -> Option<Self> {
        let is_number = |number: u64| i64::try_from(number).is_ok();
        (from < to && is_number(to)).then_some(Self::Numbers { from, to })
    }

    /// Reads back what was written.
    fn read(text: &str) -> Option<Self> {
        let Some(numbers) = text.strip_prefix("--from-seq ") else {
            return Span::read(text).map(Self::Times);
        };
        let (from, to) = numbers.split_once(" --to-seq ")?;
        Self::of_numbers(from.parse().ok()?, to.parse().ok()?)
    }
}

impl fmt::Display for SequencePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers { from, to } => write!(f, "--from-seq {from} --to-seq {to}"),
            Self::Times(span) => span.fmt(f),
        }
    }
}

impl Span {
    /// Reads back what was written.
    fn read(text: &str) -> Option<Self> {
        let (from, to) = text.strip_prefix("--from ")?.split_once(" --to ")?;
        Some(Self {
            from: read_moment(from)?,
            to: read_moment(to)?,
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("--from ")?;
        write_moment(self.from, f)?;
        f.write_str(" --to ")?;
        write_moment(self.to, f)
    }
}

const MS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// As RFC 3339 writes it, in UTC, with milliseconds.
fn write_moment(at: Timestamp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let ms = at.as_unix_ms().rem_euclid(MS_PER_DAY);
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let day = Day::of(at);
    write!(f, "{day}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

fn read_moment(text: &str) -> Option<Timestamp> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let day: Day = day.parse().ok()?;
    let (time, ms) = time.split_once('.')?;
    let mut parts = time.splitn(3, ':').map(str::parse::<i64>);
    let mut part = || parts.next()?.ok();
    let seconds = part()? * 3_600 + part()? * 60 + part()?;
    let ms = seconds * 1_000 + ms.parse::<i64>().ok()?;
    let midnight = i64::from(day.days_since_epoch()) * MS_PER_DAY;
    Some(Timestamp::from_unix_ms(midnight + ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_as_it_is_written() {
        let span = Span {
            from: Timestamp::from_unix_ms(1_762_626_600_000),
            to: Timestamp::from_unix_ms(1_762_630_199_999),
        };
        let check = |range: BackfillRange, text: &str| {
            assert_eq!(range.to_string(), text);
            assert_eq!(text.parse(), Ok(range));
        };
        let times = "--from 2025-11-08T18:30:00.000Z --to 2025-11-08T19:29:59.999Z";
        check(
            BackfillRange::File("/a b/--topic".to_owned()),
            "--file /a b/--topic",
        );
        check(BackfillRange::File(STANDARD_INPUT.to_owned()), "--file -");
        check(BackfillRange::Topic(span), &format!("--topic {times}"));
        check(
            BackfillRange::OpenDota(span),
            &format!("--source opendota {times}"),
        );
        check(
            BackfillRange::Steam(SequencePart::Times(span)),
            &format!("--source steam {times}"),
        );
        let numbers = SequencePart::of_numbers(7, 6_912_775_440).expect("some are between");
        check(
            BackfillRange::Steam(numbers),
            "--source steam --from-seq 7 --to-seq 6912775440",
        );
        for unknown in [
            "--source steam --from-seq 7 --to-seq 7",
            "--source steam --from-seq 7 --to-seq 9223372036854775808",
            "",
            "--topic --from 1 --to 2",
            "--source steam --from-seq 1",
        ] {
            let read: Result<BackfillRange, _> = unknown.parse();
            assert_eq!(read, Err(UnknownRange(unknown.to_owned())));
        }
    }
}
