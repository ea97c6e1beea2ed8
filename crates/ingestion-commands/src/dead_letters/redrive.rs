//! `dead-letters redrive`: what was set aside, through the pipeline again.

use command_kit::dead_letters::{Letters, Place, Reading, RedriveFlags, Redriving, Sent, redrive};
use ingestion_application::{
    DeadLetterReason, NotRedriven, REPLAY, Redrive,
    ports::{ArchiveError, ArchivedLetter},
};
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio_util::sync::CancellationToken;

use super::ChosenLetters;
use crate::{
    feeds,
    intake::{Intake, Kind, with_intake},
    settings::Settings,
};

/// Sends dead letters again.
pub(super) async fn run(
    settings: Settings,
    signals: EndSignals,
    chosen: ChosenLetters,
    limit: u64,
    flags: &RedriveFlags,
) -> ExitCode {
    let rule = rule(&settings, flags);
    with_intake(settings, signals, Kind::Payloads, async |intake, stop| {
        let mut letters = RedrivenLetters {
            chosen,
            rule,
            intake: Some(intake),
        };
        redrive(&mut letters, flags, limit, stop).await
    })
    .await
}

/// Only says what would be done.
pub(super) async fn try_out(
    settings: &Settings,
    chosen: ChosenLetters,
    limit: u64,
    flags: &RedriveFlags,
) -> ExitCode {
    let mut letters = RedrivenLetters {
        chosen,
        rule: rule(settings, flags),
        intake: None,
    };
    redrive(&mut letters, flags, limit, &CancellationToken::new()).await
}

fn rule(settings: &Settings, flags: &RedriveFlags) -> Redrive {
    Redrive::new(flags.again, &feeds::parsers(settings).sources())
}

struct RedrivenLetters<'a> {
    chosen: ChosenLetters,
    rule: Redrive,
    /// None when it is only tried.
    intake: Option<&'a Intake>,
}

impl Letters for RedrivenLetters<'_> {
    type Letter = ArchivedLetter;
    type Error = ArchiveError;

    async fn open(&self) -> Result<Reading<ArchivedLetter, ArchiveError>, ArchiveError> {
        self.chosen.open().await
    }

    fn is_meant(&self, letter: &ArchivedLetter) -> bool {
        self.chosen.is_meant(letter)
    }
}

impl Redriving for RedrivenLetters<'_> {
    type Skipped = NotRedriven;

    const SKIPPED: &'static [NotRedriven] = &NotRedriven::ALL;
    const AFTER_STOP: &'static str =
        "what came back, and what is published by then, is passed over when it is run again";

    fn destination(&self) -> Option<String> {
        self.intake.map(Intake::describe)
    }

    fn place(&self, letter: &ArchivedLetter) -> Place {
        Place {
            partition: letter.partition,
            offset: letter.offset,
            passed: letter.passed,
            size_bytes: letter.payload.len(),
        }
    }

    fn note(&mut self, letter: &ArchivedLetter) -> Result<(), String> {
        if self.rule.note(letter) {
            return Ok(());
        }
        Err(format!(
            "more than {} dead letters have come back from earlier redrives; \
             name a part of the topic with --since",
            Redrive::CAME_BACK_MAX
        ))
    }

    fn judge(&mut self, letter: &ArchivedLetter) -> Result<(), NotRedriven> {
        self.rule.judge(letter)
    }

    async fn send(&self, letters: &[ArchivedLetter], stop: &CancellationToken) -> Sent {
        let mut sum = Sent {
            invalid: Some(0),
            ..Sent::default()
        };
        let Some(intake) = self.intake else {
            sum.taken = letters.len();
            return sum;
        };
        // Each is judged as what its own feed hands over.
        for letters in letters.chunk_by(|one, next| source_of(one) == source_of(next)) {
            let payloads: Vec<_> = letters.iter().map(|it| it.payload.clone()).collect();
            let source = source_of(&letters[0]);
            let taken = intake.hand_in(&payloads, source, stop).await;
            sum.taken += taken.taken;
            *sum.invalid.get_or_insert_default() += taken.invalid;
            sum.stop = taken.stop;
            if sum.stop.is_some() {
                break;
            }
        }
        sum
    }
}

/// Whose frame it is; what was judged fit has a source.
///
/// Of what Kafka has refused, the value of its record was kept: that is no frame
/// of the feed, but the object that a line of a replay is.
fn source_of(letter: &ArchivedLetter) -> &str {
    match &letter.account {
        Ok(account) if account.reason == DeadLetterReason::RefusedByKafka => REPLAY.as_str(),
        Ok(account) => &account.source,
        Err(_) => "",
    }
}
