//! `dead-letters`: looks through what was set aside, and sends it again.

mod list;
mod redrive;

use health_kit::{Clock as _, SystemClock};
use ingestion_application::{DeadLetterFilter, DeadLetterReason};
use ingestion_kafka_adapter::DeadLetterTopic;
use service_kit::exit_code::ExitCode;

use crate::moment::Moment;
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
pub(crate) async fn run(settings: Settings, arguments: DeadLettersArguments) -> ExitCode {
    let archive = match DeadLetterTopic::try_new(&settings.kafka) {
        Ok(archive) => archive,
        Err(error) => {
            eprintln!("the KAFKA_ settings cannot work: {error}");
            return ExitCode::Config;
        }
    };
    match arguments.action {
        Action::List(arguments) => list::run(&settings, &archive, &arguments).await,
        Action::Redrive(arguments) => redrive::run(settings, &archive, &arguments).await,
    }
}
