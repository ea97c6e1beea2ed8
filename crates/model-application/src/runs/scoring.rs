//! Scores of accounts, against what a run has published.
//!
//! They are not of the patch's switch: each account stands for itself, there are many,
//! and what readers see of the patch must not wait for them. So they are a `stage` of
//! their own after the last `verify`, with its own deadline and its own entry in the
//! ledger, and nothing that becomes of it changes how the run ends.

use std::time::Duration;

use super::{
    Runner,
    recorder::{Done, Plan, Recorder, Trouble},
};
use crate::{
    accounts::{AccountChoice, AccountRound, RoundEnd, RoundTrouble},
    ports::{Leadership, ReadBackError, StepName},
    result::PatchHead,
};

/// A round begins at its first account again, so it is not tried often.
const RETRIES_MAX: u32 = 1;

impl From<RoundTrouble> for Trouble {
    fn from(trouble: RoundTrouble) -> Self {
        match trouble {
            RoundTrouble::Read(error) => error.into(),
            RoundTrouble::Store(error) => error.into(),
        }
    }
}

impl Runner {
    /// Scores accounts if one of these is what readers see of the current patch. A
    /// failure is told and nothing else: the run has published.
    pub(super) async fn score_accounts(
        &self,
        recorder: &mut Recorder<'_>,
        published: &[PatchHead],
        leadership: Option<&Leadership>,
    ) {
        let round = self.parts().accounts.as_ref();
        let Some(round) = round.filter(|round| round.choice != AccountChoice::Nobody) else {
            return;
        };
        if published.is_empty() {
            return;
        }
        let plan = Plan {
            name: StepName::Stage,
            retries: self.parts().settings.retries.min(RETRIES_MAX),
            may_stop: true,
            needs_readers: false,
        };
        let scoring = recorder.step(plan, || self.score_against(round, published, leadership));
        let trouble = match scoring.await {
            Ok(trouble) => trouble,
            Err(end) => Some(
                end.failure
                    .map_or_else(|| "it was stopped".to_owned(), |failure| failure.cause),
            ),
        };
        if let Some(cause) = &trouble {
            let run = recorder.run.id;
            tracing::warn!(%run, cause, "not all accounts are scored; the run is published");
        }
        self.parts().status.scored_accounts(trouble);
    }

    /// Scores accounts; what is to be said of it, if not all is well.
    async fn score_against(
        &self,
        round: &AccountRound,
        published: &[PatchHead],
        leadership: Option<&Leadership>,
    ) -> Result<Done<Option<String>>, Trouble> {
        let index = self.parts().published.index().await;
        let index = index.map_err(|error| match error {
            ReadBackError::Publisher(error) => Trouble::from(error),
            error @ ReadBackError::Unreadable { .. } => Trouble::Final(error.to_string()),
        })?;
        let current = index.and_then(|index| index.patches.into_iter().next());
        let current = current.map_or_else(String::new, |entry| entry.patch);
        let Some(patch) = published.iter().find(|result| result.patch == current) else {
            return Ok(Done {
                value: None,
                rows: 0,
                detail: format!("accounts are scored against {current}, which is as it was"),
            });
        };
        let time_max = time_max(self.parts().settings.step_timeout);
        let end = round.carry_out(patch, leadership, time_max).await?;
        self.parts()
            .status
            .gave(usize::try_from(end.scored).unwrap_or(usize::MAX));
        let trouble = trouble(end);
        let mut detail = format!(
            "{current}: {} of {} accounts are scored, by {} games",
            end.scored, end.wanted, end.games
        );
        if let Some(trouble) = &trouble {
            detail = format!("{detail}; {trouble}");
        }
        Ok(Done {
            value: trouble,
            rows: end.scored,
            detail,
        })
    }
}

/// A page that begins then is done before the step's deadline.
fn time_max(step_timeout: Duration) -> Duration {
    step_timeout / 5 * 4
}

fn trouble(end: RoundEnd) -> Option<String> {
    if end.is_late {
        Some("there was no time for all of them: see MODEL_STEP_TIMEOUT and PAS_ACCOUNTS".into())
    } else if end.is_cut {
        Some("more accounts are tracked than a run scores, so some were left out".into())
    } else if end.odd > 0 {
        Some(format!(
            "{} of those that are tracked are no accounts",
            end.odd
        ))
    } else {
        None
    }
}
