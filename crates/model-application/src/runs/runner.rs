//! Carrying runs out, one at a time.

use std::{future::ready, sync::Arc, time::Duration};

use domain::Timestamp;
use health_kit::Clock;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Order, RunEventKind, RunEvents, RunOrders, RunRequest, RunSettings, RunsStatus, Task,
    recorder::{Blame, End, Plan, Recorder, Stop},
    steps::{Held, lock},
};
use crate::{
    accounts::AccountRound,
    ports::{
        CounterReader, Leadership, ModelPublisher, PatchSource, PublishedResults, ReadBackError,
        ResultDocuments, ResultStore, Run, RunLedger, RunState, StepName,
    },
    result::PatchResult,
};

/// Everything that a run needs.
pub struct RunnerParts {
    /// Where counts come from.
    pub reader: Arc<dyn CounterReader>,
    /// Which patches there are.
    pub patches: Arc<dyn PatchSource>,
    /// Where results go.
    pub publisher: Arc<dyn ModelPublisher>,
    /// How they look there.
    pub documents: Arc<dyn ResultDocuments>,
    /// What is there.
    pub published: Arc<dyn PublishedResults>,
    /// Where results are kept.
    pub results: Arc<dyn ResultStore>,
    /// Who scores accounts; none where nobody does.
    pub accounts: Option<AccountRound>,
    /// What became of runs.
    pub ledger: Arc<dyn RunLedger>,
    /// How runs are on the whole.
    pub status: Arc<RunsStatus>,
    /// Who listens.
    pub events: RunEvents,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What runs are to do.
    pub settings: RunSettings,
    /// Tells settings and programs apart, for counts that are the same but would be
    /// estimated differently.
    pub settings_hash: String,
}

/// Carries out what is ordered.
pub struct Runner {
    parts: RunnerParts,
    /// The lock, while this instance has it; nothing where there is no lock.
    leadership: Option<watch::Receiver<Option<Leadership>>>,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// As the ledger has it.
    pub run: Run,
    /// Whose fault it is that it has not published, if it has not.
    pub blame: Blame,
    /// What it has found.
    pub results: Vec<Arc<PatchResult>>,
}

/// Whether readers can be reached is looked at so often: a run goes on within five
/// seconds of their return.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// A run waits no longer for its readers.
const PATIENCE: Duration = Duration::from_hours(24);
/// So long a run that has ended waits to be among the last ones that everybody sees.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

impl RunnerParts {
    /// Waits before an attempt; false if there is no point in one. Readers that are
    /// back are not kept waiting.
    pub(super) async fn pause(&self, plan: Plan, pause: Duration, is_last: bool) -> bool {
        if !plan.needs_readers {
            sleep(pause).await;
            return true;
        }
        let limit = if is_last { PATIENCE } else { pause };
        let looking = async {
            loop {
                sleep(LOOK_EVERY).await;
                let looked = self.published.index().await;
                if !matches!(looked, Err(ReadBackError::Publisher(_))) {
                    return;
                }
            }
        };
        tokio::select! {
            () = looking => true,
            () = sleep(limit) => !is_last,
        }
    }
}

impl Runner {
    /// Puts it together. `leadership` tells of the lock, where there is one.
    #[must_use]
    pub const fn new(
        parts: RunnerParts,
        leadership: Option<watch::Receiver<Option<Leadership>>>,
    ) -> Self {
        Self { parts, leadership }
    }

    /// Carries out orders until `drain` is cancelled. What is under way then is
    /// finished, unless `abort` is cancelled before.
    pub async fn run(
        &self,
        mut orders: RunOrders,
        drain: CancellationToken,
        abort: CancellationToken,
    ) {
        loop {
            let order = tokio::select! {
                biased;
                () = drain.cancelled() => break,
                order = orders.next() => order,
            };
            let Some(order) = order else { return };
            self.carry_out(order, &drain, &abort).await;
        }
        orders.close();
        while let Some(order) = orders.next().await {
            let ended = RunState::Interrupted;
            if !order.run.state.is_finished() {
                self.end_unbegun(order.run, ended).await;
            }
        }
    }

    /// Carries out one order; what became of it.
    pub async fn carry_out(
        &self,
        order: Order,
        drain: &CancellationToken,
        abort: &CancellationToken,
    ) -> RunOutcome {
        let Order { run, task, turn } = order;
        let recorder = Recorder {
            parts: &self.parts,
            run,
            is_real: true,
            stop: Stop {
                cancel: turn.cancelled().clone(),
                abort: abort.clone(),
                drain: drain.clone(),
            },
        };
        match task {
            Task::Compute(request) => self.compute_and_publish(recorder, &request).await,
            Task::Publish { results, by } => self.publish_kept(recorder, results, by).await,
        }
    }

    /// Finds out what a run would find, and publishes nothing; the ledger does not
    /// know of it.
    pub async fn rehearse(&self, run: Run, request: &RunRequest) -> RunOutcome {
        let none = CancellationToken::new();
        let mut recorder = Recorder {
            parts: &self.parts,
            run,
            is_real: false,
            stop: Stop {
                cancel: none.clone(),
                abort: none.clone(),
                drain: none,
            },
        };
        self.refresh().await;
        recorder.run.started_at = Some(self.now());
        let found = self.compute(&mut recorder, request).await;
        let (results, end) = match found {
            Ok(found) => {
                let state = found.state();
                (
                    found.results(),
                    End {
                        state,
                        failure: found.failure(),
                        blame: Blame::Nobody,
                    },
                )
            }
            Err(end) => (Vec::new(), end),
        };
        recorder.run.state = end.state;
        recorder.run.failure = end.failure;
        recorder.run.ended_at = Some(self.now());
        RunOutcome {
            run: recorder.run,
            blame: end.blame,
            results,
        }
    }

    async fn compute_and_publish(
        &self,
        mut recorder: Recorder<'_>,
        request: &RunRequest,
    ) -> RunOutcome {
        recorder.run.state = RunState::Running;
        recorder.run.started_at = Some(self.now());
        let mut results = Vec::new();
        let ended = self.all_steps(&mut recorder, request, &mut results).await;
        let end = ended.unwrap_or_else(|end| end);
        recorder.run.state = end.state;
        recorder.run.failure = end.failure;
        recorder.run.ended_at = Some(self.now());
        self.has_ended(&recorder).await;
        RunOutcome {
            run: recorder.run,
            blame: end.blame,
            results,
        }
    }

    /// From the lock to what readers see.
    async fn all_steps(
        &self,
        recorder: &mut Recorder<'_>,
        request: &RunRequest,
        results: &mut Vec<Arc<PatchResult>>,
    ) -> Result<End, End> {
        let leadership = self.lock(recorder).await?;
        self.refresh().await;
        let found = self.compute(recorder, request).await?;
        *results = found.results();
        recorder.run.counts_hash = found.hash();
        if !results.is_empty() {
            let heads: Vec<_> = results.iter().map(|result| result.head()).collect();
            recorder.run.figures = Some(self.parts.documents.figures(&heads));
            self.keep(results).await;
        }
        self.renew(recorder, &found, leadership.as_ref()).await?;
        for result in found.to_publish() {
            self.publish(recorder, result, leadership.as_ref()).await?;
        }
        let published = found.to_publish().map(PatchResult::head);
        let published: Vec<_> = published.chain(found.to_renew().cloned()).collect();
        self.score_accounts(recorder, &published, leadership.as_ref())
            .await;
        Ok(End {
            state: found.state(),
            failure: found.failure(),
            blame: Blame::Nobody,
        })
    }

    /// Readers can do without what is kept; a later publication of the same result
    /// cannot, and it says so then.
    async fn keep(&self, results: &[Arc<PatchResult>]) {
        for result in results {
            let patch = &result.patch;
            let seen = self.parts.status.published(patch);
            let published = seen.map(|seen| seen.result.run);
            if let Err(error) = self.parts.results.keep(result, published).await {
                tracing::error!(run = %result.run, patch, %error, "a result is not kept");
            }
        }
    }

    async fn publish_kept(
        &self,
        mut recorder: Recorder<'_>,
        results: Vec<PatchResult>,
        by: Option<String>,
    ) -> RunOutcome {
        let by = by.unwrap_or_else(|| "somebody".to_owned());
        tracing::info!(run = %recorder.run.id, by, "a result is published that is kept");
        let before = recorder.run.state;
        let published = async {
            let leadership = self.lock(&mut recorder).await?;
            for result in &results {
                self.publish(&mut recorder, result, leadership.as_ref())
                    .await?;
            }
            let published: Vec<_> = results.iter().map(PatchResult::head).collect();
            self.score_accounts(&mut recorder, &published, leadership.as_ref())
                .await;
            Ok::<_, End>(())
        };
        let blame = match published.await {
            Ok(()) => {
                recorder.run.state = RunState::Published;
                recorder.run.failure = None;
                recorder.run.ended_at = Some(self.now());
                Blame::Nobody
            }
            Err(end) => {
                recorder.run.state = before;
                end.blame
            }
        };
        self.has_ended(&recorder).await;
        RunOutcome {
            run: recorder.run,
            blame,
            results: results.into_iter().map(Arc::new).collect(),
        }
    }

    async fn end_unbegun(&self, mut run: Run, state: RunState) {
        run.state = state;
        run.ended_at = Some(self.now());
        if let Err(error) = self.parts.ledger.set_down(&run).await {
            tracing::error!(run = %run.id, %error, "the ledger does not know how the run is");
        }
    }

    async fn has_ended(&self, recorder: &Recorder<'_>) {
        let run = &recorder.run;
        recorder.set_down().await;
        self.parts.status.ended(run);
        recorder.tell(RunEventKind::Ended {
            state: run.state,
            failure: run.failure.clone(),
        });
        let cause = run.failure.as_ref().map(|failure| &*failure.cause);
        tracing::info!(run = %run.id, state = %run.state, cause, "a run has ended");
        let entry = self.parts.documents.entry(run);
        let adding = self.parts.publisher.record(entry);
        if !matches!(
            tokio::time::timeout(RECORD_TIMEOUT, adding).await,
            Ok(Ok(()))
        ) {
            tracing::debug!(run = %run.id, "the run is not among the last ones that everybody sees");
        }
    }

    /// Becoming sure to be the only one that publishes.
    async fn lock(&self, recorder: &mut Recorder<'_>) -> Result<Option<Leadership>, End> {
        let plan = Plan {
            name: StepName::Lock,
            retries: 0,
            may_stop: true,
            needs_readers: false,
        };
        let held = match &self.leadership {
            None => Held::NoLock,
            Some(leadership) => leadership.borrow().clone().map_or(Held::Not, Held::Lock),
        };
        recorder.step(plan, || ready(lock(held.clone()))).await
    }

    pub(super) fn parts(&self) -> &RunnerParts {
        &self.parts
    }

    pub(super) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }
}
