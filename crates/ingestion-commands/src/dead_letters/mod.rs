//! `dead-letters`: looks through what was set aside, and sends it again.

mod list;
mod redrive;

use command_kit::{
    Given, complain,
    dead_letters::{FormArguments, Letters, PartArguments, Reading, RedriveFlags, find_word},
    listen_first,
};
use domain::Timestamp;
use health_kit::{Clock as _, SystemClock};
use ingestion_application::{
    DeadLetterFilter, DeadLetterReason,
    ports::{ArchiveError, ArchivedLetter, DeadLetterArchive as _},
};
use ingestion_kafka_adapter::DeadLetterTopic;
use service_kit::exit_code::ExitCode;

use crate::settings::Settings;

/// Flags of `dead-letters`.
#[derive(Debug, Clone, clap::Args)]
pub struct DeadLettersArguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with them.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Action {
    /// Show them, the oldest of each partition first
    List {
        #[command(flatten)]
        filter: FilterArguments,
        #[command(flatten)]
        form: FormArguments,
    },
    /// Send them through the pipeline again, each once
    Redrive {
        #[command(flatten)]
        filter: FilterArguments,
        #[command(flatten)]
        flags: RedriveFlags,
    },
}

/// Which of them are meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct FilterArguments {
    /// Only those with this reason; can be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<DeadLetterReason>,

    #[command(flatten)]
    part: PartArguments,
}

fn reason(text: &str) -> Result<DeadLetterReason, String> {
    find_word(text, &DeadLetterReason::ALL, DeadLetterReason::as_str)
}

/// The letters in the topic, and which of them are meant.
struct ChosenLetters {
    archive: DeadLetterTopic,
    filter: DeadLetterFilter,
}

impl Letters for ChosenLetters {
    type Letter = ArchivedLetter;
    type Error = ArchiveError;

    async fn open(&self) -> Result<Reading<ArchivedLetter, ArchiveError>, ArchiveError> {
        let reading = self.archive.read(self.filter.since).await?;
        Ok(Reading {
            places: reading.places,
            letters: reading.letters,
        })
    }

    fn is_meant(&self, letter: &ArchivedLetter) -> bool {
        self.filter.matches(letter)
    }
}

/// Does what is asked for.
pub(crate) async fn run(given: Given, arguments: DeadLettersArguments) -> ExitCode {
    match arguments.action {
        Action::Redrive { filter, flags } if !flags.dry_run => {
            let limit = filter.part.limit();
            listen_first(
                move || open(&given, filter),
                async |(settings, letters), signals| {
                    redrive::run(settings, signals, letters, limit, &flags).await
                },
            )
            .await
        }
        // A signal may end these anywhere, and does so by itself: nothing is done.
        Action::Redrive { filter, flags } => {
            let limit = filter.part.limit();
            match open(&given, filter) {
                Ok((settings, letters)) => {
                    redrive::try_out(&settings, letters, limit, &flags).await
                }
                Err(code) => code,
            }
        }
        Action::List { filter, form } => {
            let limit = filter.part.limit();
            match open(&given, filter) {
                Ok((_, letters)) => list::run(&letters, limit, &form).await,
                Err(code) => code,
            }
        }
    }
}

/// The settings, and the letters of the topic that they name.
fn open(given: &Given, filter: FilterArguments) -> Result<(Settings, ChosenLetters), ExitCode> {
    let settings: Settings = given.load_for_command()?;
    let archive = DeadLetterTopic::try_new(&settings.kafka).map_err(|error| {
        complain(format_args!("the KAFKA_ settings cannot work: {error}"));
        ExitCode::Config
    })?;
    let (since, until) = filter.part.span(SystemClock.now().as_unix_ms());
    let filter = DeadLetterFilter {
        reasons: filter.reasons,
        since: since.map(Timestamp::from_unix_ms),
        until: until.map(Timestamp::from_unix_ms),
    };
    Ok((settings, ChosenLetters { archive, filter }))
}
