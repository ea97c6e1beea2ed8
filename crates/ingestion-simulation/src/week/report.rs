//! What a run has come to.

use std::fmt;

use domain::MatchId;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Matches that were told of are neither in the topic nor in a gap that is listed.
    Missing {
        /// How many.
        count: usize,
        /// Some of them, and when each was first told of, in seconds since the beginning.
        some: Vec<(MatchId, u32)>,
    },
    /// A match is in the topic twice, within the dedup window.
    Repeated {
        /// How many are.
        count: usize,
        /// Some of them, with so many records in between.
        some: Vec<(MatchId, u32)>,
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
    /// A feed has said that it has told of everything in a time, and has not.
    SaidToBeTold {
        /// Which feed.
        source: &'static str,
        /// Which time, since the beginning.
        seconds: (u32, u32),
        /// How many it had not told of.
        count: usize,
        /// One of them.
        first: MatchId,
    },
    /// A gap was said to be closed, and was not.
    ClosedTooEarly {
        /// Whose gap.
        source: &'static str,
        /// Who is said to have closed it.
        by: &'static str,
        /// Its bounds, since the beginning.
        seconds: (u32, u32),
        /// How many matches were missing.
        count: usize,
        /// One of them.
        first: MatchId,
    },
}

/// What one source has brought.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceReport {
    /// Its name.
    pub source: &'static str,
    /// Matches of which it told, whether somebody listened or not.
    pub told: usize,
    /// Matches that it handed over.
    pub seen: usize,
    /// Matches that it was the first to bring.
    pub first: usize,
    /// Of those: how long after it told of them they were in the topic, in seconds, at
    /// most, for the half, for 95 and for 99 of a hundred.
    pub freshness_seconds: [u32; 3],
    /// Its calls, where it is asked.
    pub calls: Option<Calls>,
}

/// What became of calls, as the upstream has counted them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calls {
    /// Those that were answered.
    pub answered: u64,
    /// Those that were refused because there were too many, while nothing else was wrong.
    pub limited: u64,
    /// Those that met a trouble of the diary.
    pub troubled: u64,
    /// For each limit its name, the most calls that were made, and those it allows.
    pub limits: Vec<(&'static str, u32, u32)>,
}

/// The gaps of one source at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapReport {
    /// Its name.
    pub source: &'static str,
    /// How many there are of each state.
    pub by_state: Vec<(&'static str, usize)>,
    /// Those that are not closed: state, and bounds in seconds since the beginning.
    pub bounds: Vec<(&'static str, u32, Option<u32>)>,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Hours in which matches started.
    pub hours: u32,
    /// Matches that there were.
    pub matches: usize,
    /// Those that any source told of.
    pub told: usize,
    /// Those that are in the topic.
    pub published: usize,
    /// Those that are not, and lie in gaps that are listed.
    pub in_listed_gaps: usize,
    /// Matches that are in the topic once more, further apart than the window reaches.
    pub repeated_beyond_the_window: usize,
    /// How long it took until all was there, after the last match was told of, in minutes.
    pub minutes_behind: u64,
    /// What each source has brought.
    pub sources: Vec<SourceReport>,
    /// Interruptions of which something was lost, ever.
    pub interruptions_lost: u64,
    /// Gaps that were closed, ever.
    pub gaps_closed: usize,
    /// What gaps there are at the end.
    pub gaps: Vec<GapReport>,
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
            "{} hours: {} matches, {} told of, {} published, {} in listed gaps, {} again beyond \
             the window; all there {} minutes after the last was told of",
            self.hours,
            self.matches,
            self.told,
            self.published,
            self.in_listed_gaps,
            self.repeated_beyond_the_window,
            self.minutes_behind,
        )?;
        for of in &self.sources {
            write!(f, "{of}")?;
        }
        writeln!(
            f,
            "gaps: {} closed, {} interruptions lost",
            self.gaps_closed, self.interruptions_lost
        )?;
        for of in &self.gaps {
            write!(f, "{of}")?;
        }
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation:?}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SourceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, nearly_all] = self.freshness_seconds;
        writeln!(
            f,
            "{}: told of {}, seen {}, first to bring {}; freshness p50 {half} s, p95 {most} s, \
             p99 {nearly_all} s",
            self.source, self.told, self.seen, self.first,
        )?;
        let Some(calls) = &self.calls else {
            return Ok(());
        };
        write!(
            f,
            "    calls: {} answered, {} too many, {} in troubles",
            calls.answered, calls.limited, calls.troubled,
        )?;
        for (name, made, allowed) in &calls.limits {
            write!(f, "; at most {made} of {allowed} {name}")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for GapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gaps of {}:", self.source)?;
        for (state, count) in &self.by_state {
            write!(f, " {count} {state}")?;
        }
        writeln!(f)?;
        for (state, from, to) in &self.bounds {
            let to = to.map_or_else(|| "…".to_owned(), time);
            writeln!(f, "    {state} from {} to {to}", time(*from))?;
        }
        Ok(())
    }
}

/// Hours, minutes and seconds since the beginning.
fn time(seconds: u32) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}", seconds % 60)
}
