//! `dead-letters`, as far as it is the same for every service: which of them
//! are meant, how they are listed, and how they are worked through once more.
//!
//! What a dead letter is, and where it goes again, is the service's.

mod list;
mod redrive;
mod shown;

use std::fmt::Display;

use tokio::sync::mpsc;

use crate::Moment;

pub use list::print_letters;
pub use redrive::{Place, Redriving, Sent, redrive};
pub use shown::{beginning, printable, text_or_base64};

/// The dead letters of a service.
pub trait Letters {
    /// One of them.
    type Letter;
    /// Why they cannot be read, in words that say what to do.
    type Error: Display;

    /// Begins to read those that may be meant, up to the last one that is there now.
    ///
    /// # Errors
    /// What is in the way.
    #[expect(async_fn_in_trait, reason = "a command awaits it where it is")]
    async fn open(&self) -> Result<Reading<Self::Letter, Self::Error>, Self::Error>;

    /// Whether the user means this one.
    fn is_meant(&self, letter: &Self::Letter) -> bool;
}

/// Letters as they come; the end of the channel is the end.
#[derive(Debug)]
pub struct Reading<L, E> {
    /// How many places of the topic there are to pass.
    pub places: u64,
    /// The letters; after an error nothing follows.
    pub letters: mpsc::Receiver<Result<L, E>>,
}

/// Which part of them is meant, whatever is wrong with each.
#[derive(Debug, Clone, clap::Args)]
pub struct PartArguments {
    /// Only those of then or later: 2026-01-31T12:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,

    /// Only those of before then
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    until: Option<Moment>,

    /// At most so many of them
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl PartArguments {
    /// Begin and end of the time that is meant, in milliseconds since 1970;
    /// the end is not included.
    #[must_use]
    pub fn span(&self, now_unix_ms: i64) -> (Option<i64>, Option<i64>) {
        let resolve = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now_unix_ms));
        (resolve(self.since), resolve(self.until))
    }

    /// How many are meant at most.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }
}

/// Flags of `dead-letters list`, beside those that choose.
#[derive(Debug, Clone, clap::Args)]
pub struct FormArguments {
    /// One JSON object a line, with the whole payload
    #[arg(long)]
    pub json: bool,
}

/// Flags of `dead-letters redrive`, beside those that choose.
#[derive(Debug, Clone, clap::Args)]
pub struct RedriveFlags {
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// Also those that came back from an earlier redrive
    #[arg(long)]
    pub again: bool,
}

/// Finds a word among those there are, as a parser of flags does.
///
/// # Errors
/// Which words there are.
pub fn find_word<T: Copy>(
    text: &str,
    all: &[T],
    word: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|one| word(*one) == text);
    found.ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|one| word(*one)).collect();
        format!("not one of {}", known.join(", "))
    })
}
