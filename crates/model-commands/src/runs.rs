//! `runs`: the history, and what can be done with it.

use std::{sync::Arc, time::Duration};

use command_kit::{Given, complain, rfc3339, say, url_to_ask};
use model_application::{
    ports::{Run, RunId, RunLedger as _, RunState},
    runs::Blame,
};
use service_kit::exit_code::ExitCode;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    following::Following,
    lineage,
    parts::Parts,
    run_once::{lead, stopped_by_signals},
    service_client::{Refusal, ServiceClient, Told},
    settings::Settings,
};

/// What to do with runs.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum RunsCommand {
    /// The last runs, the newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Everything that is known of a run
    Show {
        /// Its id
        id: String,
    },
    /// Publish what a run has found that was held, or that later ones have replaced
    Publish {
        /// Its id
        id: String,
    },
    /// End the run that the service has under way
    Cancel {
        /// Its id
        id: String,
    },
}

/// Whether it has is asked so often.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A run that is cancelled ends within this, unless it is just being switched to.
const CANCEL_TIME_MAX: Duration = Duration::from_mins(1);

pub(crate) async fn run(given: Given, command: RunsCommand) -> ExitCode {
    let settings: Settings = match given.load_for_command() {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let is_order = matches!(
        command,
        RunsCommand::Cancel { .. } | RunsCommand::Publish { .. }
    );
    if is_order {
        match ServiceClient::find(&settings).await {
            Ok(Some(service)) => return order(&service, &command).await,
            Ok(None) => {}
            Err(refusal) => {
                complain(&refusal);
                return refusal.code;
            }
        }
    }
    if let RunsCommand::Cancel { id } = &command {
        return with_id(id, async |_| nobody_to_ask(&settings)).await;
    }
    let parts = match Parts::build(&settings, false).await {
        Ok(parts) => parts,
        Err(error) => {
            complain(format_args!("{error:#}"));
            return ExitCode::Config;
        }
    };
    let ledger = Arc::clone(&parts.ledger);
    let code = match command {
        RunsCommand::List { limit } => list(&parts, limit).await,
        RunsCommand::Show { id } => with_id(&id, async |id| show(&parts, id).await).await,
        RunsCommand::Publish { id } => with_id(&id, async |id| publish(parts, id).await).await,
        RunsCommand::Cancel { .. } => ExitCode::Usage,
    };
    ledger.close().await;
    code
}

async fn with_id(text: &str, work: impl AsyncFnOnce(RunId) -> ExitCode) -> ExitCode {
    let Some(id) = RunId::of(text) else {
        complain(format_args!(
            "{text:?} is no id of a run, as `runs list` shows them"
        ));
        return ExitCode::Usage;
    };
    work(id).await
}

async fn list(parts: &Parts, limit: usize) -> ExitCode {
    let runs = match parts.ledger.runs(limit, None).await {
        Ok(runs) => runs,
        Err(error) => {
            complain(format_args!("{error}"));
            return ExitCode::Unavailable;
        }
    };
    if runs.is_empty() {
        say(format_args!("there were no runs"));
    }
    for run in runs {
        let why = run.failure.as_ref().map_or("", |failure| &failure.cause);
        let queued = rfc3339(run.queued_at.as_unix_ms());
        say(format_args!(
            "{} {queued} {} {} {why}",
            run.id, run.state, run.trigger
        ));
    }
    ExitCode::Ok
}

async fn show(parts: &Parts, id: RunId) -> ExitCode {
    match parts.ledger.run(id).await {
        Ok(Some(run)) => {
            show_run(&run);
            ExitCode::Ok
        }
        Ok(None) => no_such_run(id),
        Err(error) => {
            complain(format_args!("{error}"));
            ExitCode::Unavailable
        }
    }
}

fn no_such_run(id: RunId) -> ExitCode {
    complain(format_args!("there is no run {id}"));
    ExitCode::Usage
}

fn show_run(run: &Run) {
    let by = run
        .by
        .as_deref()
        .map_or(String::new(), |by| format!(" by {by}"));
    say(format_args!(
        "run {} is {}: {}{by}",
        run.id, run.state, run.trigger
    ));
    if let Some(failure) = &run.failure {
        say(format_args!(
            "at the step {}: {}",
            failure.step, failure.cause
        ));
    }
    say(format_args!(
        "queued {}",
        rfc3339(run.queued_at.as_unix_ms())
    ));
    say(format_args!(
        "program {}, settings {}",
        run.program, run.settings_hash
    ));
    for step in &run.steps {
        let took = step.ended_at.map_or_else(
            || "goes on".to_owned(),
            |ended| format!("{} ms", ended.saturating_since(step.started_at).as_millis()),
        );
        let (name, attempt, rows) = (step.name, step.attempt, step.rows);
        say(format_args!(
            "  {name} ({attempt}): {took}, {rows}; {}",
            step.detail
        ));
    }
    if let Some(figures) = &run.figures {
        say(format_args!("{figures}"));
    }
}

async fn publish(mut parts: Parts, id: RunId) -> ExitCode {
    let stop = match stopped_by_signals() {
        Ok(stop) => stop,
        Err(code) => return code,
    };
    let end = CancellationToken::new();
    let leading = match lead(&parts, &end).await {
        Ok(leading) => leading,
        Err(code) => return code,
    };
    let telling = lineage::tell(parts.lineage.take(), &end);
    let code = match parts
        .runs
        .publish(id, Some("runs publish".to_owned()))
        .await
    {
        Ok(()) => {
            let order = parts.orders.next().await.expect("it was accepted");
            let outcome = parts.runner.carry_out(order, &stop, &stop).await;
            if outcome.blame == Blame::Nobody && outcome.run.state == RunState::Published {
                say(format_args!("run {id} is published"));
                ExitCode::Ok
            } else {
                let last = outcome.run.steps.last();
                let why = last.map_or("", |step| &step.detail);
                complain(format_args!("run {id} is not published: {why}"));
                match outcome.blame {
                    Blame::Dependency => ExitCode::Unavailable,
                    Blame::Run | Blame::Nobody => ExitCode::Internal,
                }
            }
        }
        Err(model_application::runs::PublishRefused::NoSuchRun(id)) => no_such_run(id),
        Err(refused) => {
            complain(format_args!("{refused}"));
            ExitCode::Internal
        }
    };
    end.cancel();
    for task in [leading, telling].into_iter().flatten() {
        let _ = task.await;
    }
    code
}

/// Only the process that carries a run out can end it.
fn nobody_to_ask(settings: &Settings) -> ExitCode {
    let url = url_to_ask(&settings.api.host, settings.api.port);
    complain(format_args!(
        "no service answers at {url}, and only the one that carries a run out can end it: set \
         API_HOST and API_PORT to where it listens"
    ));
    ExitCode::Unavailable
}

/// Has the running service do it.
async fn order(service: &ServiceClient, command: &RunsCommand) -> ExitCode {
    match command {
        RunsCommand::Publish { id } => {
            with_id(id, async |id| said(publish_there(service, id).await)).await
        }
        RunsCommand::Cancel { id } => {
            with_id(id, async |id| said(cancel_there(service, id).await)).await
        }
        RunsCommand::List { .. } | RunsCommand::Show { .. } => ExitCode::Usage,
    }
}

fn said(done: Result<ExitCode, Refusal>) -> ExitCode {
    done.unwrap_or_else(|refusal| {
        complain(&refusal);
        refusal.code
    })
}

async fn publish_there(service: &ServiceClient, id: RunId) -> Result<ExitCode, Refusal> {
    let mut following = Following::new(service).await;
    let before = service.run(id).await?;
    service.publish(id).await?;
    // One that was replaced is published already, and is so anew.
    let is_over =
        |told: &Told| told.state == RunState::Published && told.ended_at != before.ended_at;
    let told = following.follow(id, is_over, |_| {}).await?;
    if is_over(&told) {
        say(format_args!("run {id} is published"));
        return Ok(ExitCode::Ok);
    }
    let why = &told.last_detail;
    complain(format_args!("run {id} is not published: {why}"));
    Ok(ExitCode::Unavailable)
}

async fn cancel_there(service: &ServiceClient, id: RunId) -> Result<ExitCode, Refusal> {
    service.cancel(id).await?;
    let ending = async {
        loop {
            let told = service.run(id).await?;
            if told.state.is_finished() {
                return Ok(told.state);
            }
            sleep(ASK_EVERY).await;
        }
    };
    match timeout(CANCEL_TIME_MAX, ending).await {
        Ok(Ok(RunState::Cancelled)) => {
            say(format_args!("run {id} is cancelled"));
            Ok(ExitCode::Ok)
        }
        Ok(Ok(state)) => {
            complain(format_args!(
                "run {id} is {state}: it was too late to cancel it"
            ));
            Ok(ExitCode::Internal)
        }
        Ok(Err(refusal)) => Err(refusal),
        Err(_) => {
            say(format_args!("run {id} is being cancelled"));
            Ok(ExitCode::Ok)
        }
    }
}
