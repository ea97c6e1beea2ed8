//! The first moments of a command that a signal must not simply cut off.

use anyhow::Context as _;
use service_kit::{exit_code::ExitCode, lifecycle::EndSignals, telemetry};

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
