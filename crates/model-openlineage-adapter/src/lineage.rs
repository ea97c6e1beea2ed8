//! Listening to runs, and telling the collector.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use client_kit::Backoff;
use model_application::{
    ports::{RunId, RunState},
    runs::{RunEvent, RunEventKind, RunEvents},
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    collector::Collector,
    event::{Description, EventType, Happened},
};

/// So often an event is offered; then the next one has its turn.
const ATTEMPTS_MAX: u32 = 3;
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// So long the end of the process waits for what is not told yet.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_secs(2);

/// Tells a collector of runs: that one has begun, and how it has ended.
///
/// What waits to be told are the events of runs that wait for every listener, of which
/// there is a limit: while the collector is away the oldest are passed over.
pub struct Lineage {
    collector: Arc<dyn Collector>,
    description: Description,
    events: Receiver<Arc<RunEvent>>,
    under_way: Option<UnderWay>,
}

/// What is known of the run that is under way; there is never more than one.
struct UnderWay {
    run: RunId,
    /// Whether it was told that it has begun.
    is_told: bool,
    patches: Vec<String>,
}

impl Lineage {
    /// Listens from now on, and tells of it once it [runs](Self::run).
    #[must_use]
    pub fn new(
        collector: Arc<dyn Collector>,
        description: Description,
        events: &RunEvents,
    ) -> Self {
        Self {
            collector,
            description,
            events: events.listen(),
            under_way: None,
        }
    }

    /// Tells of runs until `end`; then what has happened before, if two seconds are
    /// enough for that.
    pub async fn run(mut self, end: CancellationToken) {
        let too_late = async {
            end.cancelled().await;
            sleep(LAST_WORDS_TIME_MAX).await;
        };
        tokio::select! {
            () = self.tell_all(&end) => {}
            () = too_late => tracing::warn!("the end comes before all of the lineage is told"),
        }
    }

    async fn tell_all(&mut self, end: &CancellationToken) {
        loop {
            let event = tokio::select! {
                biased;
                event = self.events.recv() => event,
                () = end.cancelled() => return,
            };
            match event {
                Ok(event) => {
                    if let Some(json) = self.what_to_tell(&event) {
                        self.tell(event.run, json, end).await;
                    }
                }
                Err(RecvError::Lagged(events)) => {
                    tracing::warn!(events, "events of runs were passed over: lineage has a gap");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// What the collector is to know of it, if anything.
    fn what_to_tell(&mut self, event: &RunEvent) -> Option<Bytes> {
        match &event.kind {
            RunEventKind::Queued { .. } => {
                self.under_way = Some(UnderWay {
                    run: event.run,
                    is_told: true,
                    patches: Vec::new(),
                });
                Some(self.description.event(&Happened {
                    what: EventType::Start,
                    at: event.at,
                    run: event.run,
                    patches: &[],
                    failure: None,
                }))
            }
            RunEventKind::Switched { patch } => {
                self.known(event.run).patches.push(patch.clone());
                None
            }
            RunEventKind::Ended { state, failure } => {
                let what = EventType::of(*state)?;
                self.known(event.run);
                let UnderWay {
                    is_told, patches, ..
                } = self.under_way.take()?;
                // A rehearsal nobody needs to know of; a run that was held, or replaced,
                // was begun and told of before.
                (is_told || *state == RunState::Published).then(|| {
                    self.description.event(&Happened {
                        what,
                        at: event.at,
                        run: event.run,
                        patches: &patches,
                        failure: failure.as_ref(),
                    })
                })
            }
            RunEventKind::StepBegan { .. }
            | RunEventKind::StepDone { .. }
            | RunEventKind::StepFailed { .. } => None,
        }
    }

    /// The run, whether or not it was heard of.
    fn known(&mut self, run: RunId) -> &mut UnderWay {
        let known = self.under_way.take().filter(|known| known.run == run);
        self.under_way.insert(known.unwrap_or(UnderWay {
            run,
            is_told: false,
            patches: Vec::new(),
        }))
    }

    async fn tell(&self, run: RunId, json: Bytes, end: &CancellationToken) {
        let seed = run.0.as_u64_pair().1;
        let mut backoff = Backoff::new(PAUSE_MIN, PAUSE_MAX, seed);
        for attempt in 1..=ATTEMPTS_MAX {
            let (cause, helps_again) = match self.collector.take(json.clone()).await {
                Ok(answer) if (200..300).contains(&answer.status) => return,
                Ok(answer) => {
                    let status = answer.status;
                    let passes_by = matches!(status, 408 | 429 | 500..);
                    (format!("the collector answered {status}"), passes_by)
                }
                Err(failed) => (failed.to_string(), true),
            };
            if !helps_again || attempt == ATTEMPTS_MAX {
                tracing::warn!(%run, cause, attempt, "the lineage of a run is not told");
                return;
            }
            let pause = sleep(backoff.next_wait());
            end.run_until_cancelled(pause).await;
        }
    }
}

#[cfg(test)]
mod tests;
