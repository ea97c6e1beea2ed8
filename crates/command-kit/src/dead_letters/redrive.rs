//! `dead-letters redrive`: what was set aside, once more.

use std::{collections::BTreeMap, fmt::Display, fmt::Write as _, mem};

use service_kit::exit_code::ExitCode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Letters, Reading, RedriveFlags};
use crate::{Progress, Stop, complain, percent, say};

/// So many are sent at once …
const BATCH_LETTERS_MAX: usize = 500;
/// … and no further one beyond so many bytes.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Dead letters that can be sent once more.
pub trait Redriving: Letters {
    /// Why one is not.
    type Skipped: Display + Copy + PartialEq + 'static;

    /// Every such reason, in the order in which they are told.
    const SKIPPED: &'static [Self::Skipped];
    /// What becomes of the rest when it is run again after a stop.
    const AFTER_STOP: &'static str;

    /// Where they go, as the end of a sentence; nothing when it is only tried.
    fn destination(&self) -> Option<String>;

    /// Where a letter is, and how large it is.
    fn place(&self, letter: &Self::Letter) -> Place;

    /// Begins to read what must be known before the first is judged, see [`note`](Self::note).
    ///
    /// # Errors
    /// What is in the way.
    #[expect(async_fn_in_trait, reason = "a command awaits it where it is")]
    async fn open_for_notes(&self) -> Result<Reading<Self::Letter, Self::Error>, Self::Error> {
        self.open().await
    }

    /// Takes note of a letter before the first is judged.
    ///
    /// # Errors
    /// There is no room for that, and what to do about it.
    fn note(&mut self, letter: &Self::Letter) -> Result<(), String>;

    /// Whether the letter may be sent.
    ///
    /// # Errors
    /// The reason why not.
    fn judge(&mut self, letter: &Self::Letter) -> Result<(), Self::Skipped>;

    /// Sends letters, in their order; waits for room until `stop`.
    #[expect(async_fn_in_trait, reason = "a command awaits it where it is")]
    async fn send(&self, letters: &[Self::Letter], stop: &CancellationToken) -> Sent;
}

/// Where a letter is, and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// How many places of the topic have been passed with it.
    pub passed: u64,
    /// The length of its payload.
    pub size_bytes: usize,
}

/// What became of letters that were sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// So many were taken, from the first on.
    pub taken: usize,
    /// Of these, so many are still invalid; nothing where that is not known yet.
    pub invalid: Option<usize>,
    /// Why not all were taken.
    pub stop: Option<Stop>,
}

/// Sends all that are meant, at most `limit` of them, and says what became of
/// each; or only says what would be done.
pub async fn redrive<R: Redriving>(
    letters: &mut R,
    flags: &RedriveFlags,
    limit: u64,
    stop: &CancellationToken,
) -> ExitCode {
    let mut work = Work {
        sum: Sum {
            skipped: vec![0; R::SKIPPED.len()],
            ..Sum::default()
        },
        letters,
        limit,
        stop,
        progress: Progress::new(),
        batch: Vec::new(),
    };
    let stopped = work.run(flags.again).await.err();
    work.conclude(stopped.as_ref(), flags.dry_run)
}

struct Work<'a, R: Redriving> {
    letters: &'a mut R,
    limit: u64,
    stop: &'a CancellationToken,
    progress: Progress,
    sum: Sum,
    batch: Vec<R::Letter>,
}

/// What became of the letters.
#[derive(Default)]
struct Sum {
    read: u64,
    matched: u64,
    redriven: u64,
    invalid: Option<u64>,
    /// By reason.
    skipped: Vec<u64>,
    /// The last offset redriven of each partition.
    places: BTreeMap<i32, i64>,
}

impl<R: Redriving> Work<'_, R> {
    async fn run(&mut self, again: bool) -> Result<(), Stop> {
        if let Some(destination) = self.letters.destination() {
            self.progress
                .say(&format!("redriving through {destination}"));
        }
        if !again {
            self.look_for_what_came_back().await?;
        }
        let mut reading = or_stop(self.stop, self.letters.open()).await?;
        while self.sum.redriven + (self.batch.len() as u64) < self.limit {
            let Some(letter) = next(self.stop, &mut reading.letters).await? else {
                break;
            };
            let passed = self.letters.place(&letter).passed;
            self.consider(letter);
            if self.is_batch_full() {
                self.send().await?;
            }
            let (sum, places) = (&self.sum, reading.places);
            self.progress.show(|| {
                format!(
                    "read {}, {} of the topic; redriven {}",
                    sum.read,
                    percent(passed, places),
                    sum.redriven
                )
            });
        }
        self.send().await
    }

    /// Reads the topic once to know what came back before, as that may be
    /// anywhere behind what it came from.
    async fn look_for_what_came_back(&mut self) -> Result<(), Stop> {
        let mut reading = or_stop(self.stop, self.letters.open_for_notes()).await?;
        while let Some(letter) = next(self.stop, &mut reading.letters).await? {
            self.letters.note(&letter).map_err(Stop::Refused)?;
            let (passed, places) = (self.letters.place(&letter).passed, reading.places);
            self.progress.show(|| {
                let done = percent(passed, places);
                format!("looking for what came back before: {done} of the topic")
            });
        }
        Ok(())
    }

    fn consider(&mut self, letter: R::Letter) {
        self.sum.read += 1;
        if !self.letters.is_meant(&letter) {
            return;
        }
        self.sum.matched += 1;
        match self.letters.judge(&letter) {
            Ok(()) => self.batch.push(letter),
            Err(reason) => {
                let index = R::SKIPPED.iter().position(|one| *one == reason);
                self.sum.skipped[index.expect("every reason is among all")] += 1;
            }
        }
    }

    fn is_batch_full(&self) -> bool {
        let bytes = || {
            let sizes = self.batch.iter();
            sizes
                .map(|letter| self.letters.place(letter).size_bytes)
                .sum::<usize>()
        };
        self.batch.len() >= BATCH_LETTERS_MAX || bytes() >= BATCH_BYTES_MAX
    }

    async fn send(&mut self) -> Result<(), Stop> {
        let batch = mem::take(&mut self.batch);
        let sent = self.letters.send(&batch, self.stop).await;
        for letter in &batch[..sent.taken] {
            let place = self.letters.place(letter);
            self.sum.places.insert(place.partition, place.offset);
        }
        self.sum.redriven += sent.taken as u64;
        if let Some(invalid) = sent.invalid {
            *self.sum.invalid.get_or_insert_default() += invalid as u64;
        }
        sent.stop.map_or(Ok(()), Err)
    }

    fn conclude(mut self, stopped: Option<&Stop>, is_dry_run: bool) -> ExitCode {
        self.progress.close();
        if let Some(reason) = stopped {
            let places = self.sum.places.iter().map(|(partition, offset)| {
                format!(", up to offset {offset} of partition {partition}")
            });
            complain(format_args!(
                "stopped{}: {reason}; {}",
                places.collect::<String>(),
                R::AFTER_STOP
            ));
        }
        say(self.sum.describe(R::SKIPPED, is_dry_run));
        match stopped {
            None | Some(Stop::Asked) => ExitCode::Ok,
            Some(Stop::Refused(_)) => ExitCode::Unavailable,
        }
    }
}

async fn or_stop<T, E: Display>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Stop> {
    match stop.run_until_cancelled(work).await {
        None => Err(Stop::Asked),
        Some(done) => done.map_err(|error| Stop::Refused(error.to_string())),
    }
}

async fn next<L, E: Display>(
    stop: &CancellationToken,
    letters: &mut mpsc::Receiver<Result<L, E>>,
) -> Result<Option<L>, Stop> {
    or_stop(stop, async { letters.recv().await.transpose() }).await
}

impl Sum {
    fn describe(&self, reasons: &[impl Display], is_dry_run: bool) -> String {
        let skipped: u64 = self.skipped.iter().sum();
        let redriven = match self.invalid {
            _ if is_dry_run => format!("{} would be redriven", self.redriven),
            None => format!("redriven {}", self.redriven),
            Some(invalid) => format!(
                "redriven {}, {invalid} of them still invalid",
                self.redriven
            ),
        };
        let mut text = format!(
            "read {}, matched {}, {redriven}, skipped {skipped}",
            self.read, self.matched
        );
        for (reason, count) in reasons.iter().zip(&self.skipped) {
            if *count > 0 {
                write!(text, "\n  skipped {count}: {reason}").expect("a string takes everything");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_accounts_for_every_letter() {
        let sum = Sum {
            read: 20,
            matched: 12,
            redriven: 7,
            invalid: Some(2),
            skipped: vec![3, 0, 2],
            places: BTreeMap::new(),
        };
        let reasons = ["came back", "too old", "no records of this service"];
        assert_eq!(
            sum.describe(&reasons, false),
            "read 20, matched 12, redriven 7, 2 of them still invalid, skipped 5\n  \
             skipped 3: came back\n  \
             skipped 2: no records of this service"
        );
        assert!(sum.describe(&reasons, true).contains("7 would be redriven"));
        let unknown = Sum {
            invalid: None,
            ..sum
        };
        let described = unknown.describe(&reasons, false);
        assert!(described.contains("redriven 7, skipped 5"), "{described}");
    }
}
