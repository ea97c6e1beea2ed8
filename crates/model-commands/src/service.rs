//! The wiring of the service, and the order in which its parts end.

use std::{convert::Infallible, sync::Arc};

use command_kit::{COMMIT, VERSION};
use health_kit::HealthStatus;
use model_application::runs::{Timetable, Watch};
use redis_kit::RedisHealth;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Lifecycle, ProcessEnd},
};
use tokio_util::sync::CancellationToken;

use crate::{parts::Parts, settings::Settings};

/// The service, put together and not yet running.
pub struct Service {
    parts: Parts,
    timetable: Timetable,
    watch: Watch,
    redis: Arc<RedisHealth>,
}

impl Service {
    /// Puts the service together. Taken from the world is the file of the ledger.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub async fn build(settings: Settings) -> anyhow::Result<Self> {
        let parts = Parts::build(&settings, true).await?;
        let timetable = Timetable::new(
            Arc::clone(&parts.runs),
            settings.models.schedule(),
            settings.models.on_start,
            Arc::clone(&parts.patches),
            Arc::clone(&parts.clock),
        );
        let watch = Watch::new(Arc::clone(&parts.runner), Arc::clone(&parts.runs));
        let redis = RedisHealth::new(
            parts.redis.server().clone(),
            HealthStatus::Degraded,
            Arc::clone(&parts.clock),
        );
        Ok(Self {
            parts,
            timetable,
            watch,
            redis: Arc::new(redis),
        })
    }

    /// Runs until `next_signal` says so, then drains: a run that is under way is
    /// finished if there is time, and interrupted if not; it publishes all or nothing.
    pub async fn run(
        self,
        lifecycle: Lifecycle,
        next_signal: impl AsyncFnMut() -> &'static str,
    ) -> ExitCode {
        let Self {
            parts,
            timetable,
            watch,
            redis,
        } = self;
        let Parts {
            runner,
            orders,
            leading,
            ledger,
            ..
        } = parts;
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        runner.remember().await;
        // Cancelled when the last run has ended: the lock is kept until then.
        let finished = CancellationToken::new();
        if let Some(leading) = leading {
            let finished = finished.clone();
            lifecycle.spawn("leader", async move {
                leading.run(finished).await;
                Ok::<_, Infallible>(())
            });
        }
        lifecycle.spawn("timetable", {
            let drain = lifecycle.drain();
            async move {
                tokio::join!(
                    timetable.run(drain.clone()),
                    watch.run(drain.clone()),
                    redis.watch(drain)
                );
                Ok::<_, Infallible>(())
            }
        });
        lifecycle.spawn("runs", {
            let (drain, abort) = (lifecycle.drain(), lifecycle.abort());
            async move {
                runner.run(orders, drain, abort).await;
                finished.cancel();
                Ok::<_, Infallible>(())
            }
        });
        let ending = lifecycle.run(next_signal).await;
        ledger.close().await;
        conclude(&ending)
    }
}

/// Says how it all ended.
fn conclude(ending: &ProcessEnd) -> ExitCode {
    if !ending.unfinished.is_empty() {
        tracing::error!(tasks = ?ending.unfinished, "tasks did not end when they were aborted");
    }
    let all_is_well = ending.failed.is_empty() && ending.unfinished.is_empty();
    let code = if all_is_well {
        ExitCode::Ok
    } else {
        ExitCode::Internal
    };
    tracing::info!(exit_code = code as u8, "stopped");
    code
}
