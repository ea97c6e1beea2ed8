//! What a run has come to.

use std::fmt;

use domain::MatchId;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Matches that were told of are not in the topic.
    Missing {
        /// How many.
        count: usize,
        /// One of them, and when it was told of, in seconds since the beginning.
        first: (MatchId, u32),
    },
    /// A match is in the topic twice, within the dedup window.
    Repeated {
        /// How many are.
        count: usize,
        /// One of them, with so many records in between.
        first: (MatchId, u32),
    },
    /// A match is in the topic of which nobody has told, or before.
    Invented(MatchId),
    /// An upstream was called above its limits.
    AboveALimit {
        /// Which one.
        source: &'static str,
        /// What was counted.
        what: String,
    },
}

/// What one source has brought.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceReport {
    /// Its name.
    pub source: &'static str,
    /// Matches that it was the first to bring.
    pub published: usize,
    /// How long after they were told of they were in the topic, in seconds: at
    /// most, for the half, for 95 and for 99 of a hundred.
    pub freshness_seconds: [u32; 3],
    /// Calls that were answered.
    pub answered: u64,
    /// Calls that were refused because there were too many, while nothing else was wrong.
    pub limited: u64,
    /// Calls that met a trouble of the diary.
    pub troubled: u64,
    /// The most calls of a key in a day, and how many it has.
    pub day_calls: (u32, u32),
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Hours in which matches started.
    pub hours: u32,
    /// Matches that there were.
    pub matches: usize,
    /// Those that were told of.
    pub exposed: usize,
    /// Those that are in the topic.
    pub published: usize,
    /// Matches that are in the topic once more, further apart than the window reaches.
    pub repeated_beyond_the_window: usize,
    /// How long it took until all was there, after the last match was told of, in minutes.
    pub minutes_behind: u64,
    /// What each source has brought.
    pub sources: Vec<SourceReport>,
    /// What went wrong.
    pub diary: String,
    /// Promises that were not kept.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.diary)?;
        writeln!(
            f,
            "{} hours: {} matches, {} told of, {} published, {} again beyond the window; all \
             there {} minutes after the last was told of",
            self.hours,
            self.matches,
            self.exposed,
            self.published,
            self.repeated_beyond_the_window,
            self.minutes_behind,
        )?;
        for of in &self.sources {
            let [half, most, nearly_all] = of.freshness_seconds;
            let (day_max, day_limit) = of.day_calls;
            writeln!(
                f,
                "{}: first to bring {}; freshness p50 {half} s, p95 {most} s, p99 {nearly_all} s; \
                 calls {} answered, {} too many, {} in troubles; at most {day_max} of {day_limit} \
                 a key and day",
                of.source, of.published, of.answered, of.limited, of.troubled,
            )?;
        }
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation:?}")?;
        }
        Ok(())
    }
}
