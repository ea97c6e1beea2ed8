//! `dead-letters redrive`: what was set aside goes back to where it came from.

use command_kit::{
    Stop,
    dead_letters::{Letters, Place, Reading, RedriveFlags, Redriving, Sent, redrive},
};
use etl_application::{DeadLetter, NotRedriven, Redrive};
use etl_kafka_adapter::{KafkaSettings, Redriver};
use kafka_kit::scan::ScanError;
use service_kit::exit_code::ExitCode;
use tokio_util::sync::CancellationToken;

use super::{ChosenLetters, refuse};

/// Sends dead letters again, or only says what would be done.
pub(super) async fn run(
    settings: &KafkaSettings,
    chosen: ChosenLetters,
    flags: &RedriveFlags,
    stop: &CancellationToken,
) -> ExitCode {
    let redriver = match Redriver::try_new(settings) {
        _ if flags.dry_run => None,
        Ok(redriver) => Some(redriver),
        Err(error) => return refuse(&error),
    };
    let limit = chosen.limit;
    let topics: Vec<_> = settings.topics().map(str::to_owned).collect();
    let mut letters = RedrivenLetters {
        chosen,
        destination: topics.join(" and "),
        rule: Redrive::new(flags.again, topics),
        redriver,
    };
    redrive(&mut letters, flags, limit, stop).await
}

struct RedrivenLetters {
    chosen: ChosenLetters,
    destination: String,
    rule: Redrive,
    /// None when it is only tried.
    redriver: Option<Redriver>,
}

impl Letters for RedrivenLetters {
    type Letter = DeadLetter;
    type Error = ScanError;

    async fn open(&self) -> Result<Reading<DeadLetter, ScanError>, ScanError> {
        self.chosen.open().await
    }

    fn is_meant(&self, letter: &DeadLetter) -> bool {
        self.chosen.is_meant(letter)
    }
}

impl Redriving for RedrivenLetters {
    type Skipped = NotRedriven;

    const SKIPPED: &'static [NotRedriven] = &NotRedriven::ALL;
    const AFTER_STOP: &'static str = "when it is run again these are sent once more, which \
        changes nothing in the warehouse; what came back by then is passed over";

    fn destination(&self) -> Option<String> {
        self.redriver.as_ref().map(|_| self.destination.clone())
    }

    fn place(&self, letter: &DeadLetter) -> Place {
        Place {
            partition: letter.partition,
            offset: letter.offset,
            passed: letter.passed,
            size_bytes: letter.record.value_bytes().len(),
        }
    }

    /// All of them: what a letter came from may be from before `--since`.
    async fn open_for_notes(&self) -> Result<Reading<DeadLetter, ScanError>, ScanError> {
        self.chosen.read(None).await
    }

    fn note(&mut self, letter: &DeadLetter) -> Result<(), String> {
        if self.rule.note(letter) {
            return Ok(());
        }
        Err(format!(
            "the topic holds more than {} different records, so what came back of them cannot be \
             known; --again sends all that are meant, once",
            Redrive::RECORDS_MAX
        ))
    }

    fn judge(&mut self, letter: &DeadLetter) -> Result<(), NotRedriven> {
        self.rule.judge(letter)
    }

    async fn send(&self, letters: &[DeadLetter], _: &CancellationToken) -> Sent {
        let (taken, refused) = match &self.redriver {
            Some(redriver) => redriver.send(letters).await,
            None => (letters.len(), None),
        };
        Sent {
            taken,
            // That is found out by whoever consumes them.
            invalid: None,
            stop: refused.map(Stop::Refused),
        }
    }
}
