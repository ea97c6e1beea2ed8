//! `dead-letters`: looks through what was set aside, and has it consumed again.

mod list;
mod redrive;

use command_kit::{
    Given, complain,
    dead_letters::{FormArguments, Letters, PartArguments, Reading, RedriveFlags, find_word},
    listen_first, stoppable,
};
use domain::Timestamp;
use etl_application::{DeadLetter, DeadLetterFilter, DeadLetterReason};
use etl_kafka_adapter::{DeadLetterTopic, KafkaSettings};
use health_kit::{Clock as _, SystemClock};
use kafka_kit::{scan::ScanError, settings::SettingsError};
use service_kit::exit_code::ExitCode;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// Flags of `dead-letters`.
#[derive(Debug, Clone, clap::Args)]
pub struct DeadLettersArguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with them.
#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Show them, the oldest of each partition first
    List {
        #[command(flatten)]
        filter: FilterArguments,
        #[command(flatten)]
        form: FormArguments,
    },
    /// Send them, as they were, back to the topics they came from, each once
    Redrive {
        #[command(flatten)]
        filter: FilterArguments,
        #[command(flatten)]
        flags: RedriveFlags,
    },
}

/// Which of them are meant.
#[derive(Debug, Clone, clap::Args)]
struct FilterArguments {
    /// Only those with this reason; can be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<DeadLetterReason>,

    #[command(flatten)]
    part: PartArguments,
}

fn reason(text: &str) -> Result<DeadLetterReason, String> {
    find_word(text, DeadLetterReason::ALL, DeadLetterReason::as_str)
}

/// The letters in the topic, and which of them are meant.
struct ChosenLetters {
    topic: DeadLetterTopic,
    filter: DeadLetterFilter,
    limit: u64,
}

impl ChosenLetters {
    async fn read(
        &self,
        from: Option<Timestamp>,
    ) -> Result<Reading<DeadLetter, ScanError>, ScanError> {
        let reading = self.topic.read(from).await?;
        Ok(Reading {
            places: reading.places,
            letters: reading.records,
        })
    }
}

impl Letters for ChosenLetters {
    type Letter = DeadLetter;
    type Error = ScanError;

    async fn open(&self) -> Result<Reading<DeadLetter, ScanError>, ScanError> {
        self.read(self.filter.since).await
    }

    fn is_meant(&self, letter: &DeadLetter) -> bool {
        self.filter.matches(letter)
    }
}

/// Does what is asked for.
pub(crate) async fn run(given: Given, arguments: DeadLettersArguments) -> ExitCode {
    match arguments.action {
        Action::Redrive { filter, flags } if !flags.dry_run => {
            listen_first(
                move || open(&given, filter),
                async |(settings, letters), signals| {
                    stoppable(signals, async |stop| {
                        redrive::run(&settings, letters, &flags, stop).await
                    })
                    .await
                },
            )
            .await
        }
        // A signal may end these anywhere, and does so by itself: nothing is done.
        Action::Redrive { filter, flags } => match open(&given, filter) {
            Ok((settings, letters)) => {
                redrive::run(&settings, letters, &flags, &CancellationToken::new()).await
            }
            Err(code) => code,
        },
        Action::List { filter, form } => match open(&given, filter) {
            Ok((_, letters)) => list::run(&letters, &form).await,
            Err(code) => code,
        },
    }
}

/// The settings, and the letters of the topic that they name.
fn open(
    given: &Given,
    filter: FilterArguments,
) -> Result<(KafkaSettings, ChosenLetters), ExitCode> {
    let settings = given.load_for_command::<Settings>()?.kafka;
    let topic = DeadLetterTopic::try_new(&settings).map_err(|error| refuse(&error))?;
    let (since, until) = filter.part.span(SystemClock.now().as_unix_ms());
    let letters = ChosenLetters {
        topic,
        limit: filter.part.limit(),
        filter: DeadLetterFilter {
            reasons: filter.reasons,
            since: since.map(Timestamp::from_unix_ms),
            until: until.map(Timestamp::from_unix_ms),
        },
    };
    Ok((settings, letters))
}

fn refuse(error: &SettingsError) -> ExitCode {
    complain(format_args!("the KAFKA_ settings cannot work: {error}"));
    ExitCode::Config
}
