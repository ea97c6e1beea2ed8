//! `dead-letters`: looks through what was set aside, and sends it again.

mod list;
mod redrive;

use command_kit::{Given, listen_first};
use health_kit::{Clock as _, SystemClock};
use ingestion_application::{DeadLetterFilter, DeadLetterReason};
use ingestion_kafka_adapter::DeadLetterTopic;
use service_kit::exit_code::ExitCode;

use crate::{load_for_command, moment::Moment, settings::Settings};

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
    List(list::ListArguments),
    /// Send them through the pipeline again, each once
    Redrive(redrive::RedriveArguments),
}

/// Which of them are meant.
#[derive(Debug, Clone, clap::Args)]
struct FilterArguments {
    /// Only those with this reason; can be given several times
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<DeadLetterReason>,

    /// Only those received then or later: 2026-01-31T12:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,

    /// Only those received before then
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    until: Option<Moment>,

    /// At most so many of them
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,
}

impl FilterArguments {
    fn filter(&self) -> DeadLetterFilter {
        let now = SystemClock.now();
        let resolve = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now));
        DeadLetterFilter {
            reasons: self.reasons.clone(),
            since: resolve(self.since),
            until: resolve(self.until),
        }
    }

    fn limit(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX)
    }
}

fn reason(text: &str) -> Result<DeadLetterReason, String> {
    let known = DeadLetterReason::ALL.map(DeadLetterReason::as_str);
    let found = known.iter().position(|word| *word == text);
    found
        .map(|index| DeadLetterReason::ALL[index])
        .ok_or_else(|| format!("not one of {}", known.join(", ")))
}

/// Does what is asked for.
pub(crate) async fn run(given: Given, arguments: DeadLettersArguments) -> ExitCode {
    match arguments.action {
        Action::Redrive(arguments) if !arguments.dry_run => {
            listen_first(
                move || open(&given),
                async |(settings, archive), signals| {
                    redrive::run(settings, signals, &archive, &arguments).await
                },
            )
            .await
        }
        // A signal may end these anywhere, and does so by itself: nothing is done.
        Action::Redrive(arguments) => match open(&given) {
            Ok((_, archive)) => redrive::try_out(&archive, &arguments).await,
            Err(code) => code,
        },
        Action::List(arguments) => match open(&given) {
            Ok((_, archive)) => list::run(&archive, &arguments).await,
            Err(code) => code,
        },
    }
}

/// The settings, and the topic that they name.
fn open(given: &Given) -> Result<(Settings, DeadLetterTopic), ExitCode> {
    let settings = load_for_command(given)?;
    let archive = DeadLetterTopic::try_new(&settings.kafka).map_err(|error| {
        eprintln!("the KAFKA_ settings cannot work: {error}");
        ExitCode::Config
    })?;
    Ok((settings, archive))
}
