//! `dead-letters redrive`: what was set aside, through the pipeline again.

use std::{collections::BTreeMap, fmt::Write as _, mem};

use ingestion_application::{
    DeadLetterFilter, NotRedriven, Redrive,
    ports::{ArchivedLetter, DeadLetterArchive},
};
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio_util::sync::CancellationToken;

use super::FilterArguments;
use crate::{
    feeds,
    intake::{Intake, Kind, Stop, with_intake},
    progress::{Progress, percent},
    settings::Settings,
};

/// So many are handed in at once …
const BATCH_LETTERS_MAX: usize = 500;
/// … and no further one beyond so many bytes.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Flags of `dead-letters redrive`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RedriveArguments {
    #[command(flatten)]
    filter: FilterArguments,

    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Also those that came back from an earlier redrive
    #[arg(long)]
    again: bool,
}

/// Sends dead letters again.
pub(super) async fn run(
    settings: Settings,
    signals: EndSignals,
    archive: &dyn DeadLetterArchive,
    arguments: &RedriveArguments,
) -> ExitCode {
    with_intake(settings, signals, Kind::Payloads, async |intake, stop| {
        work_through(archive, arguments, Some(intake), stop).await
    })
    .await
}

/// Only says what would be done.
pub(super) async fn try_out(
    archive: &dyn DeadLetterArchive,
    arguments: &RedriveArguments,
) -> ExitCode {
    work_through(archive, arguments, None, &CancellationToken::new()).await
}

async fn work_through(
    archive: &dyn DeadLetterArchive,
    arguments: &RedriveArguments,
    intake: Option<&Intake>,
    stop: &CancellationToken,
) -> ExitCode {
    let mut work = Work {
        archive,
        filter: &arguments.filter.filter(),
        limit: arguments.filter.limit(),
        intake,
        stop,
        progress: Progress::new(),
        sum: Sum::default(),
        batch: Vec::new(),
    };
    let stopped = work.run(arguments.again).await.err();
    work.conclude(stopped.as_ref())
}

struct Work<'a> {
    archive: &'a dyn DeadLetterArchive,
    filter: &'a DeadLetterFilter,
    limit: u64,
    /// None when it is only tried.
    intake: Option<&'a Intake>,
    stop: &'a CancellationToken,
    progress: Progress,
    sum: Sum,
    batch: Vec<ArchivedLetter>,
}

/// What became of the letters.
#[derive(Default)]
struct Sum {
    read: u64,
    matched: u64,
    redriven: u64,
    invalid: u64,
    skipped: [u64; NotRedriven::ALL.len()],
    /// The last offset redriven of each partition.
    places: BTreeMap<i32, i64>,
}

impl Work<'_> {
    async fn run(&mut self, again: bool) -> Result<(), Stop> {
        if let Some(intake) = self.intake {
            let through = format!("redriving through {}", intake.describe());
            self.progress.say(&through);
        }
        let redrive = self.look_for_what_came_back(again).await?;
        let mut reading = self.open().await?;
        while self.sum.redriven + (self.batch.len() as u64) < self.limit {
            let Some(letter) = self.next(&mut reading.letters).await? else {
                break;
            };
            let passed = letter.passed;
            self.consider(&redrive, letter);
            if self.is_batch_full() {
                self.hand_in().await?;
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
        self.hand_in().await
    }

    /// Reads the topic once to know what came back before, as that may be
    /// anywhere behind what it came from.
    async fn look_for_what_came_back(&mut self, again: bool) -> Result<Redrive, Stop> {
        let mut redrive = Redrive::new(again, &feeds::parsers().sources());
        if again {
            return Ok(redrive);
        }
        let mut reading = self.open().await?;
        while let Some(letter) = self.next(&mut reading.letters).await? {
            if !redrive.note(&letter) {
                let reason = format!(
                    "more than {} dead letters have come back from earlier redrives; \
                     name a part of the topic with --since",
                    Redrive::CAME_BACK_MAX
                );
                return Err(Stop::Refused(reason));
            }
            let places = reading.places;
            self.progress.show(|| {
                let done = percent(letter.passed, places);
                format!("looking for what came back before: {done} of the topic")
            });
        }
        Ok(redrive)
    }

    async fn open(&self) -> Result<ingestion_application::ports::DeadLetterReading, Stop> {
        let opened = self
            .stop
            .run_until_cancelled(self.archive.read(self.filter.since));
        match opened.await {
            None => Err(Stop::Asked),
            Some(opened) => opened.map_err(|error| Stop::Refused(error.to_string())),
        }
    }

    async fn next(&self, letters: &mut Letters) -> Result<Option<ArchivedLetter>, Stop> {
        match self.stop.run_until_cancelled(letters.recv()).await {
            None => Err(Stop::Asked),
            Some(None) => Ok(None),
            Some(Some(next)) => next
                .map(Some)
                .map_err(|error| Stop::Refused(error.to_string())),
        }
    }

    fn consider(&mut self, redrive: &Redrive, letter: ArchivedLetter) {
        self.sum.read += 1;
        if !self.filter.matches(&letter) {
            return;
        }
        self.sum.matched += 1;
        match redrive.judge(&letter) {
            Ok(()) => self.batch.push(letter),
            Err(reason) => self.sum.skipped[reason.index()] += 1,
        }
    }

    fn is_batch_full(&self) -> bool {
        let bytes = || {
            self.batch
                .iter()
                .map(|letter| letter.payload.len())
                .sum::<usize>()
        };
        self.batch.len() >= BATCH_LETTERS_MAX || bytes() >= BATCH_BYTES_MAX
    }

    async fn hand_in(&mut self) -> Result<(), Stop> {
        let batch = mem::take(&mut self.batch);
        let Some(intake) = self.intake else {
            self.sum.redriven += batch.len() as u64;
            return Ok(());
        };
        // Each is judged as what its own feed hands over.
        for letters in batch.chunk_by(|one, next| source_of(one) == source_of(next)) {
            let payloads: Vec<_> = letters.iter().map(|it| it.payload.clone()).collect();
            let source = source_of(&letters[0]);
            let taken = intake.hand_in(&payloads, source, self.stop).await;
            for letter in &letters[..taken.taken] {
                self.sum.places.insert(letter.partition, letter.offset);
            }
            self.sum.redriven += taken.taken as u64;
            self.sum.invalid += taken.invalid as u64;
            taken.stop.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn conclude(mut self, stopped: Option<&Stop>) -> ExitCode {
        self.progress.close();
        if let Some(reason) = stopped {
            let places: Vec<_> = self.sum.places.iter().collect();
            let places = places.into_iter().map(|(partition, offset)| {
                format!(", up to offset {offset} of partition {partition}")
            });
            eprintln!(
                "stopped{}: {reason}; what came back, and what is published by then, is passed over \
                 when it is run again",
                places.collect::<String>()
            );
        }
        println!("{}", self.sum.describe(self.intake.is_none()));
        match stopped {
            None | Some(Stop::Asked) => ExitCode::Ok,
            Some(Stop::Refused(_)) => ExitCode::Unavailable,
        }
    }
}

/// Which feed it came from; what was judged fit has one.
fn source_of(letter: &ArchivedLetter) -> &str {
    letter.account.as_ref().map_or("", |it| &it.source)
}

type Letters =
    tokio::sync::mpsc::Receiver<Result<ArchivedLetter, ingestion_application::ports::ArchiveError>>;

impl Sum {
    fn describe(&self, is_dry_run: bool) -> String {
        let skipped: u64 = self.skipped.iter().sum();
        let redriven = if is_dry_run {
            format!("{} would be redriven", self.redriven)
        } else {
            format!(
                "redriven {}, {} of them still invalid",
                self.redriven, self.invalid
            )
        };
        let mut text = format!(
            "read {}, matched {}, {redriven}, skipped {skipped}",
            self.read, self.matched
        );
        for reason in NotRedriven::ALL {
            let count = self.skipped[reason.index()];
            if count > 0 {
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
            invalid: 2,
            skipped: [3, 0, 2, 0],
            places: BTreeMap::new(),
        };
        assert_eq!(
            sum.describe(false),
            "read 20, matched 12, redriven 7, 2 of them still invalid, skipped 5\n  \
             skipped 3: came back from an earlier redrive\n  \
             skipped 2: no records of this service"
        );
        assert!(sum.describe(true).contains("7 would be redriven"));
    }
}
