//! Following a run of the running service, by what that tells of it.
//!
//! Its events say at once what happens; whether the run has ended is also asked for now
//! and then, so a stream that breaks off ends no command.

use std::time::Duration;

use domain::Timestamp;
use model_application::{
    ports::{Failure, RunId, RunState, StepName, Trigger},
    runs::{RunEvent, RunEventKind},
};
use reqwest::Response;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::service_client::{Refusal, ServiceClient, Told};

/// Whether a run has ended is asked so often.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A service that does not answer for so long is lost.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// What an event says of an end may come so much later than the end.
const LATE_MAX: Duration = Duration::from_secs(1);
/// How runs are on the whole is told too; nothing is longer.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Listens to what happens to runs.
pub(crate) struct Following<'a> {
    client: &'a ServiceClient,
    /// None where it has broken off: then there is only what is asked for.
    stream: Option<Response>,
    read: Vec<u8>,
}

impl<'a> Following<'a> {
    /// Listens from now on.
    pub(crate) async fn new(client: &'a ServiceClient) -> Self {
        let stream = client.listen().await;
        if let Err(error) = &stream {
            tracing::debug!(%error, "the service does not tell what happens to runs");
        }
        Self {
            client,
            stream: stream.ok(),
            read: Vec::new(),
        }
    }

    /// Tells what happens to a run, until an event says that it has ended or it
    /// `is_over`; how it is then.
    pub(crate) async fn follow(
        &mut self,
        id: RunId,
        is_over: impl Fn(&Told) -> bool,
        mut tell: impl FnMut(&RunEvent),
    ) -> Result<Told, Refusal> {
        let mut heard_at = Instant::now();
        loop {
            let has_ended = timeout(ASK_EVERY, self.hear_end(id, &mut tell)).await;
            let asked = self.client.run(id).await;
            match asked {
                Ok(told) if has_ended.is_ok() => return Ok(told),
                Ok(told) if is_over(&told) => {
                    let _ = timeout(LATE_MAX, self.hear_end(id, &mut tell)).await;
                    return Ok(told);
                }
                Ok(_) => heard_at = Instant::now(),
                Err(refusal) if heard_at.elapsed() > LOST_AFTER => {
                    let lost = format!("{refusal}; run {id} may go on: `runs show {id}` says so");
                    return Err(Refusal::unavailable(lost));
                }
                Err(_) => sleep(ASK_EVERY).await,
            }
        }
    }

    /// Tells what happens to a run until it has ended; for ever if nothing more is heard.
    async fn hear_end(&mut self, id: RunId, tell: &mut impl FnMut(&RunEvent)) {
        loop {
            let Some(event) = self.next().await else {
                return std::future::pending().await;
            };
            if event.run == id {
                tell(&event);
                if matches!(event.kind, RunEventKind::Ended { .. }) {
                    return;
                }
            }
        }
    }

    /// The next event of any run; none if there will be none.
    async fn next(&mut self) -> Option<RunEvent> {
        loop {
            while let Some(end) = self.read.windows(2).position(|bytes| bytes == b"\n\n") {
                let text: Vec<u8> = self.read.drain(..end + 2).collect();
                if let Some(event) = event(&String::from_utf8_lossy(&text)) {
                    return Some(event);
                }
            }
            let chunk = self.stream.as_mut()?.chunk().await;
            match chunk {
                Ok(Some(chunk)) if self.read.len() + chunk.len() <= EVENT_BYTES_MAX => {
                    self.read.extend_from_slice(&chunk);
                }
                _ => self.stream = None,
            }
        }
    }
}

/// What an event says of a run; none of another kind, or of a later version.
fn event(text: &str) -> Option<RunEvent> {
    let field = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    if field("event")? != "run" {
        return None;
    }
    let told: Value = serde_json::from_str(field("data")?).ok()?;
    let at: jiff::Timestamp = told["at"].as_str()?.parse().ok()?;
    Some(RunEvent {
        run: RunId::of(told["run"].as_str()?)?,
        at: Timestamp::from_unix_ms(at.as_millisecond()),
        kind: kind(&told)?,
    })
}

fn kind(told: &Value) -> Option<RunEventKind> {
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let step = || StepName::of(told["step"].as_str()?);
    let attempt = || u32::try_from(told["attempt"].as_u64()?).ok();
    let seconds = |name: &str| Duration::try_from_secs_f64(told[name].as_f64()?).ok();
    Some(match told["what"].as_str()? {
        "queued" => RunEventKind::Queued {
            trigger: Trigger::of(told["trigger"].as_str()?)?,
            by: text("by"),
        },
        "step_began" => RunEventKind::StepBegan {
            step: step()?,
            attempt: attempt()?,
        },
        "step_done" => RunEventKind::StepDone {
            step: step()?,
            attempt: attempt()?,
            rows: told["rows"].as_u64()?,
            detail: text("detail")?,
            took: seconds("took_seconds")?,
        },
        "step_failed" => RunEventKind::StepFailed {
            step: step()?,
            attempt: attempt()?,
            cause: text("cause")?,
            again_in: seconds("again_in_seconds"),
        },
        "switched" => RunEventKind::Switched {
            patch: text("patch")?,
        },
        "ended" => RunEventKind::Ended {
            state: RunState::of(told["state"].as_str()?)?,
            failure: failure(&told["failure"]),
        },
        _ => return None,
    })
}

fn failure(told: &Value) -> Option<Failure> {
    Some(Failure {
        step: StepName::of(told["step"].as_str()?)?,
        cause: told["cause"].as_str()?.to_owned(),
    })
}
