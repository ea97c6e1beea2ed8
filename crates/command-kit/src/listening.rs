//! The first moments of a command that a signal must not simply cut off.

use anyhow::Context as _;
use service_kit::{config::ServiceSettings, exit_code::ExitCode, lifecycle::EndSignals, telemetry};
use tokio::runtime::Handle;

use crate::Given;

/// Runs a service: reads its settings, starts its log, has it built, and then lets
/// it `work`. Listens for signals first, see [`listen_first`]; whatever `build` waits
/// for does not keep the process from ending.
///
/// A service that cannot be built ends with [`ExitCode::Config`], and says why.
pub async fn run_service<Settings: ServiceSettings, Service: Send + 'static>(
    given: Given,
    build: impl AsyncFnOnce(Settings) -> anyhow::Result<Service> + Send + 'static,
    work: impl AsyncFnOnce(Service, EndSignals) -> ExitCode,
) -> ExitCode {
    let prepare = move || {
        let settings = given.load_for_service()?;
        Handle::current()
            .block_on(build(settings))
            .map_err(|error| {
                telemetry::say_last(format_args!("{error:#}"));
                ExitCode::Config
            })
    };
    listen_first(prepare, work).await
}

/// Listens for signals, then calls `prepare`, and then does `work` with what
/// that has given. A signal that comes before `work` ends the process well:
/// nothing was received.
///
/// To the first process of a container a signal that it does not listen for
/// yet is lost, so nothing is read before.
pub async fn listen_first<T: Send + 'static>(
    prepare: impl FnOnce() -> Result<T, ExitCode> + Send + 'static,
    work: impl AsyncFnOnce(T, EndSignals) -> ExitCode,
) -> ExitCode {
    let mut signals = match EndSignals::try_new() {
        Ok(signals) => signals,
        Err(error) => {
            telemetry::say_last(format_args!("cannot listen for signals: {error}"));
            return ExitCode::Internal;
        }
    };
    // On a thread of its own: a name that is being looked up, or a disk that
    // does not answer, must not keep the process from ending.
    let preparation = tokio::task::spawn_blocking(prepare);
    let prepared = tokio::select! {
        prepared = preparation => prepared.context("the start panicked"),
        signal = signals.next() => {
            tracing::info!(signal, "asked to end before it began: nothing was received");
            return ExitCode::Ok;
        }
    };
    match prepared {
        Ok(Ok(prepared)) => work(prepared, signals).await,
        Ok(Err(code)) => code,
        Err(error) => {
            telemetry::say_last(format_args!("{error:#}"));
            ExitCode::Internal
        }
    }
}
