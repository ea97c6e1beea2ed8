//! `run`: the service, until it is asked to end.

use anyhow::Context as _;
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
    telemetry,
};

use crate::{Given, service::Service};

/// Runs the service until a signal asks it to end.
pub(crate) async fn run(given: Given) -> ExitCode {
    // Before anything is read: to the first process of a container a signal
    // that it does not listen for yet is lost.
    let mut signals = match EndSignals::try_new() {
        Ok(signals) => signals,
        Err(error) => {
            telemetry::say_last(format_args!("cannot listen for signals: {error}"));
            return ExitCode::Internal;
        }
    };
    // On a thread of its own: a name that is being looked up, or a disk that
    // does not answer, must not keep the process from ending.
    let preparation = tokio::task::spawn_blocking(move || prepare(&given));
    let prepared = tokio::select! {
        prepared = preparation => prepared.context("the start panicked"),
        signal = signals.next() => {
            tracing::info!(signal, "asked to end before it began: nothing was received");
            return ExitCode::Ok;
        }
    };
    match prepared {
        Ok(Ok((service, lifecycle))) => service.run(lifecycle, async || signals.next().await).await,
        Ok(Err(code)) => code,
        Err(error) => {
            telemetry::say_last(format_args!("{error:#}"));
            ExitCode::Internal
        }
    }
}

/// All that may wait for files and names.
fn prepare(given: &Given) -> Result<(Service, Lifecycle), ExitCode> {
    let settings = given.load()?.settings;
    telemetry::init(&settings.log).map_err(|error| {
        telemetry::say_last(error);
        ExitCode::Internal
    })?;
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let service = Service::build(settings, lifecycle.drain()).map_err(|error| {
        telemetry::say_last(format_args!("{error:#}"));
        ExitCode::Config
    })?;
    Ok((service, lifecycle))
}
