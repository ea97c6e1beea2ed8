//! How far a backfill is.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// What is set down beside the number of records. As text it stands in the
/// position of a [`Backfill`](super::Backfill); a text that cannot be read is
/// the beginning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Who loads it, and goes on with it.
    pub owner: BackfillOwner,
    /// Records that were not loaded, because they break a rule or the warehouse
    /// refuses them.
    pub invalid: u64,
    /// Calls to an upstream that it took, 0 where nobody is called.
    pub calls: u64,
    /// How much of the range is done, from 0 to 1; none where nobody knows how
    /// much it is.
    pub done: Option<f64>,
    /// Where the origin goes on; how that is written is its own matter. Empty
    /// at the beginning.
    pub at: String,
}

/// Who loads a backfill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum BackfillOwner {
    /// A command, which somebody has to start again.
    #[default]
    Command,
    /// The service, which goes on with it whenever it starts.
    Service,
}

impl BackfillOwner {
    /// The word in positions and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.as_str();
        write!(f, "owner={owner} invalid={}", self.invalid)?;
        if self.calls > 0 {
            write!(f, " calls={}", self.calls)?;
        }
        if let Some(done) = self.done {
            write!(f, " done={done:.6}")?;
        }
        write!(f, " at={}", self.at)
    }
}

impl FromStr for Progress {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let mut progress = Self::default();
        let (figures, at) = text.split_once(" at=").unwrap_or((text, ""));
        at.clone_into(&mut progress.at);
        for figure in figures.split(' ') {
            match figure.split_once('=') {
                Some(("owner", "service")) => progress.owner = BackfillOwner::Service,
                Some(("invalid", count)) => progress.invalid = count.parse().unwrap_or(0),
                Some(("calls", count)) => progress.calls = count.parse().unwrap_or(0),
                Some(("done", done)) => progress.done = done.parse().ok(),
                // A newer program may say more.
                _ => {}
            }
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_it_is_written() {
        for (progress, text) in [
            (Progress::default(), "owner=command invalid=0 at="),
            (
                Progress {
                    owner: BackfillOwner::Service,
                    invalid: 3,
                    calls: 12,
                    done: Some(0.5),
                    at: "{\"0\": 7, \" at=\": 1}".to_owned(),
                },
                "owner=service invalid=3 calls=12 done=0.500000 at={\"0\": 7, \" at=\": 1}",
            ),
        ] {
            assert_eq!(progress.to_string(), text);
            assert_eq!(text.parse(), Ok(progress));
        }
        for nonsense in ["", "7", "owner=nobody invalid=x done=y z"] {
            assert_eq!(nonsense.parse(), Ok(Progress::default()), "{nonsense}");
        }
    }
}
