//! `run-once`: one run, then the end.
//!
//! Where the service runs, it carries the run out, and what it tells of it is told here.

use std::sync::Arc;

use clap::ValueEnum;
use command_kit::{Given, complain, say};
use model_application::{
    Mode, Skill,
    ports::{RunId, RunState, StepName, Trigger},
    runs::{Blame, RunEvent, RunEventKind, RunOutcome, RunRequest, Standing},
};
use serde_json::json;
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use crate::{
    following::Following,
    lineage,
    parts::Parts,
    service_client::{Refusal, ServiceClient, Told},
    settings::Settings,
};

/// What is to be run.
#[derive(Debug, Clone, clap::Args)]
pub struct RunOnceArguments {
    /// Only this patch, such as 7.41
    #[arg(long, value_name = "PATCH")]
    patch: Option<String>,
    /// Only this skill; the patch is published as a whole all the same
    #[arg(long, value_name = "SKILL")]
    skill: Option<Skill>,
    /// Only this mode, likewise
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Say what would come of it, and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Publish also what is worse than what is published, and compute also what has not changed
    #[arg(long)]
    force: bool,
    /// How steps are told
    #[arg(long, value_enum, default_value = "text")]
    progress: Progress,
}

/// How steps are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Progress {
    /// For people.
    Text,
    /// A JSON object a line, for orchestrators.
    Json,
}

/// The run is worse than what is published: of the contract, and this command's own.
pub(crate) const HELD: u8 = 75;

/// Runs once; the exit code of a run that has ended, or why there is none.
pub(crate) async fn run(given: Given, arguments: RunOnceArguments) -> Result<u8, ExitCode> {
    let settings: Settings = given.load_for_command()?;
    // What publishes nothing is in nobody's way.
    let service = if arguments.dry_run {
        None
    } else {
        ServiceClient::find(&settings)
            .await
            .map_err(|refusal| complained(&refusal))?
    };
    if let Some(service) = service {
        let ended = hand_over(&service, &arguments).await;
        return conclude_there(
            &ended.map_err(|refusal| complained(&refusal))?,
            arguments.progress,
        );
    }
    let parts = Parts::build(&settings, false).await.map_err(|error| {
        complain(format_args!("{error:#}"));
        ExitCode::Config
    })?;
    let request = RunRequest {
        patch: arguments.patch.clone(),
        skill: arguments.skill,
        mode: arguments.mode,
        force: arguments.force,
        dry_run: arguments.dry_run,
        trigger: Trigger::Manual,
        by: Some("run-once".to_owned()),
    };
    let listener = parts.runs.events().listen();
    let telling = tokio::spawn(tell(listener, arguments.progress));
    let ledger = Arc::clone(&parts.ledger);
    let outcome = once(parts, request).await;
    ledger.close().await;
    // What was told last is said before the end.
    telling.abort();
    let _ = telling.await;
    let outcome = outcome?;
    let run = &outcome.run;
    let why = run.failure.as_ref().map_or(String::new(), |failure| {
        format!(" at the step {}: {}", failure.step, failure.cause)
    });
    conclude(run.id, run.state, &why, arguments.progress);
    match (outcome.run.state, outcome.blame) {
        (RunState::Published | RunState::Unchanged, _) => Ok(0),
        (RunState::Held, _) => Ok(HELD),
        (_, Blame::Dependency) => Err(ExitCode::Unavailable),
        _ => Err(ExitCode::Internal),
    }
}

fn complained(refusal: &Refusal) -> ExitCode {
    complain(refusal);
    refusal.code
}

/// Has the running service carry the run out; how it has ended. The first signal
/// cancels it there.
async fn hand_over(service: &ServiceClient, arguments: &RunOnceArguments) -> Result<Told, Refusal> {
    let stop = stopped_by_signals().map_err(|code| Refusal {
        code,
        ..Refusal::unavailable("nothing was begun")
    })?;
    let RunOnceArguments {
        patch,
        skill,
        mode,
        force,
        progress,
        ..
    } = arguments;
    let wanted = json!({
        "patch": patch, "skill": skill.map(Skill::as_str), "mode": mode.map(Mode::as_str),
        "force": force,
    });
    let mut following = Following::new(service).await;
    let begun = service.begin(&wanted).await?;
    if *progress == Progress::Text {
        let url = service.url();
        say(format_args!(
            "run {} is carried out by the service at {url}",
            begun.id
        ));
    }
    let cancelling = async {
        stop.cancelled().await;
        if let Err(refusal) = service.cancel(begun.id).await {
            complain(format_args!("run {} is not cancelled: {refusal}", begun.id));
        }
        std::future::pending::<()>().await;
    };
    let ending = following.follow(
        begun.id,
        |told| told.state.is_finished(),
        |event| tell_event(event, *progress),
    );
    tokio::select! {
        ended = ending => ended,
        () = cancelling => unreachable!("it has no end"),
    }
}

/// Says how a run has ended that another process has carried out.
fn conclude_there(told: &Told, progress: Progress) -> Result<u8, ExitCode> {
    let why = told
        .failure
        .as_ref()
        .map_or(String::new(), |(step, cause)| {
            format!(" at the step {step}: {cause}")
        });
    conclude(told.id, told.state, &why, progress);
    let step = told
        .failure
        .as_ref()
        .and_then(|(step, _)| StepName::of(step));
    match (told.state, step) {
        (RunState::Published | RunState::Unchanged, _) => Ok(0),
        (RunState::Held, _) => Ok(HELD),
        // These fail when something does not answer, or is not as it must be.
        (RunState::Failed, Some(StepName::Read | StepName::Judge | StepName::Stage)) => {
            Err(ExitCode::Unavailable)
        }
        _ => Err(ExitCode::Internal),
    }
}

async fn once(mut parts: Parts, request: RunRequest) -> Result<RunOutcome, ExitCode> {
    let stop = stopped_by_signals()?;
    if request.dry_run {
        let queued = parts.runs.description().queued(&request, parts.clock.now());
        return Ok(parts.runner.rehearse(queued, &request).await);
    }
    let end = CancellationToken::new();
    let leading = lead(&parts, &end).await?;
    let telling = lineage::tell(parts.lineage.take(), &end);
    parts.runner.remember().await;
    let asked = parts.runs.request(request).await;
    let outcome = match asked {
        Ok(_) => {
            let order = parts.orders.next().await.expect("it was accepted");
            Ok(parts.runner.carry_out(order, &stop, &stop).await)
        }
        Err(refused) => {
            complain(format_args!("no run begins: {refused}"));
            Err(ExitCode::Internal)
        }
    };
    end.cancel();
    for task in [leading, telling].into_iter().flatten() {
        let _ = task.await;
    }
    outcome
}

/// Takes the lock, and keeps it until `end`.
pub(crate) async fn lead(
    parts: &Parts,
    end: &CancellationToken,
) -> Result<Option<tokio::task::JoinHandle<()>>, ExitCode> {
    let Some(leading) = &parts.leading else {
        return Ok(None);
    };
    match leading.ask().await {
        Ok(true) => {}
        Ok(false) => {
            let standing = match parts.runs.status().standing() {
                Standing::Standby {
                    leader: Some(leader),
                } => format!("{leader} leads"),
                _ => "who leads is not known".to_owned(),
            };
            complain(format_args!(
                "another instance has the lock, so nothing is run here: {standing}; set API_HOST \
                 and API_PORT to where it listens, and it is asked"
            ));
            return Err(ExitCode::Internal);
        }
        Err(error) => {
            complain(format_args!("nobody can say who may publish: {error}"));
            return Err(ExitCode::Unavailable);
        }
    }
    let (leading, end) = (Arc::clone(leading), end.clone());
    Ok(Some(tokio::spawn(async move { leading.run(end).await })))
}

/// Cancelled by the first signal.
pub(crate) fn stopped_by_signals() -> Result<CancellationToken, ExitCode> {
    let mut signals = EndSignals::try_new().map_err(|error| {
        complain(format_args!("cannot listen for signals: {error}"));
        ExitCode::Internal
    })?;
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signals.next().await;
            stop.cancel();
        }
    });
    Ok(stop)
}

async fn tell(mut listener: broadcast::Receiver<Arc<RunEvent>>, progress: Progress) {
    loop {
        match listener.recv().await {
            Ok(event) => tell_event(&event, progress),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell_event(event: &RunEvent, progress: Progress) {
    match progress {
        Progress::Text => tell_text(&event.kind),
        Progress::Json => say(in_json(event)),
    }
}

fn tell_text(kind: &RunEventKind) {
    match kind {
        RunEventKind::StepDone {
            step,
            detail,
            took,
            rows,
            ..
        } => {
            say(format_args!(
                "{step}: {rows} in {} ms; {detail}",
                took.as_millis()
            ));
        }
        RunEventKind::StepFailed {
            step,
            attempt,
            cause,
            again_in,
        } => {
            let again = again_in.map_or(String::new(), |pause| format!("; again in {pause:?}"));
            say(format_args!(
                "{step}: attempt {attempt} has failed: {cause}{again}"
            ));
        }
        RunEventKind::Switched { patch } => say(format_args!("{patch} is published")),
        RunEventKind::Queued { .. }
        | RunEventKind::StepBegan { .. }
        | RunEventKind::Ended { .. } => {}
    }
}

fn in_json(event: &RunEvent) -> serde_json::Value {
    let mut object = match &event.kind {
        RunEventKind::Queued { trigger, by } => {
            json!({"event": "queued", "trigger": trigger.as_str(), "by": by})
        }
        RunEventKind::StepBegan { step, attempt } => {
            json!({"event": "step_began", "step": step.as_str(), "attempt": attempt})
        }
        RunEventKind::StepDone {
            step,
            attempt,
            rows,
            detail,
            took,
        } => json!({
            "event": "step_done", "step": step.as_str(), "attempt": attempt, "rows": rows,
            "detail": detail, "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }),
        RunEventKind::StepFailed {
            step,
            attempt,
            cause,
            again_in,
        } => json!({
            "event": "step_failed", "step": step.as_str(), "attempt": attempt, "cause": cause,
            "again_in_ms": again_in.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
        }),
        RunEventKind::Switched { patch } => json!({"event": "switched", "patch": patch}),
        RunEventKind::Ended { state, failure } => json!({
            "event": "ended", "state": state.as_str(),
            "step": failure.as_ref().map(|failure| failure.step.as_str()),
            "cause": failure.as_ref().map(|failure| &failure.cause),
        }),
    };
    object["run"] = event.run.to_string().into();
    object["at"] = command_kit::rfc3339(event.at.as_unix_ms()).into();
    object
}

fn conclude(id: RunId, state: RunState, why: &str, progress: Progress) {
    match progress {
        Progress::Text => say(format_args!("run {id} is {state}{why}")),
        // An ending is an event too, which was told; what it is about goes to people.
        Progress::Json if !why.is_empty() => complain(format_args!("run {id} {state}{why}")),
        Progress::Json => {}
    }
}
