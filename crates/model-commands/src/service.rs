//! The wiring of the service, and the order in which its parts end.

use std::{convert::Infallible, net::TcpListener, sync::Arc, time::Duration};

use command_kit::{COMMIT, VERSION};
use contracts::models::PUBLISHED_CHANNEL;
use health_kit::{Health, HealthReporter, HealthStatus, Readiness};
use http_kit::ServiceParts;
use model_application::runs::{Timetable, Watch};
use model_http_api::{ApiState, Published};
use model_openlineage_adapter::Lineage;
use redis_kit::{KeySpace as _, RedisHealth, ServerKeySpace};
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{Lifecycle, ProcessEnd},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{parts::Parts, settings::Settings};

/// What is published is looked at every two seconds anyway.
const SUBSCRIBE_AGAIN: Duration = Duration::from_secs(5);

/// The service, put together and not yet running.
pub struct Service {
    parts: Parts,
    timetable: Timetable,
    watch: Watch,
    redis: Arc<RedisHealth>,
    api: ApiState,
    listener: TcpListener,
}

impl Service {
    /// Puts the service together. Taken from the world are the port of the HTTP
    /// interface and the file of the ledger.
    ///
    /// `drain` is cancelled when the service is asked to end.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub async fn build(settings: Settings, drain: CancellationToken) -> anyhow::Result<Self> {
        let listener = http_kit::listen(&settings.api.host, settings.api.port)?;
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
        let redis = Arc::new(redis);
        let api = api(settings, &parts, redis.clone(), drain);
        Ok(Self {
            parts,
            timetable,
            watch,
            redis,
            api,
            listener,
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
            api,
            listener,
        } = self;
        let Parts {
            runner,
            orders,
            leading,
            ledger,
            redis: keys,
            lineage,
            ..
        } = parts;
        tracing::info!(version = VERSION, commit = COMMIT, "started");
        // Cancelled when the last run has ended: the lock is kept until then.
        let finished = CancellationToken::new();
        let published = Arc::clone(&api.published);
        // It answers until the last run has ended.
        lifecycle.spawn(
            "http",
            model_http_api::serve(listener, api, finished.clone()),
        );
        lifecycle.spawn("published", {
            let finished = finished.clone();
            async move {
                tokio::join!(
                    published.run(finished.clone()),
                    finished.run_until_cancelled(hear(&keys, &published))
                );
                Ok::<_, Infallible>(())
            }
        });
        runner.remember().await;
        tell_lineage(&lifecycle, lineage, &finished);
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

/// What the HTTP interface shows, and asks.
fn api(
    settings: Settings,
    parts: &Parts,
    redis: Arc<RedisHealth>,
    drain: CancellationToken,
) -> ApiState {
    let reporters: Vec<Arc<dyn HealthReporter>> = vec![redis, parts.runs.status().clone()];
    ApiState {
        service: ServiceParts::new(
            settings.service_name,
            (VERSION, COMMIT),
            &settings.api,
            Health::new(reporters),
            // Ledger and schedule are usable, or there is no service.
            Readiness::new(drain, Vec::new()),
        ),
        published: Arc::new(
            Published::new(parts.publisher.clone(), Arc::clone(&parts.clock))
                .sharing(parts.runs.status().clone()),
        ),
        runs: Arc::clone(&parts.runs),
        token: settings.api.token,
        accounts: parts.accounts.clone(),
        level: f64::from(settings.models.runs.level) / 10_000.0,
        clock: Arc::clone(&parts.clock),
    }
}

/// Has a collector told of runs until the last one has ended, if there is one.
fn tell_lineage(lifecycle: &Lifecycle, lineage: Option<Lineage>, finished: &CancellationToken) {
    let Some(lineage) = lineage else { return };
    let finished = finished.clone();
    lifecycle.spawn("lineage", async move {
        lineage.run(finished).await;
        Ok::<_, Infallible>(())
    });
}

/// Has what is published looked at whenever it is told of; who is away is asked again.
async fn hear(keys: &ServerKeySpace, published: &Published) {
    loop {
        if let Ok(mut messages) = keys.subscribe(PUBLISHED_CHANNEL).await {
            while messages.next().await.is_some() {
                published.look_soon();
            }
        }
        sleep(SUBSCRIBE_AGAIN).await;
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
