//! `run`: the service, until it is asked to end.

use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
    telemetry,
};

use crate::{service::Service, settings::Settings};

/// Runs the service until SIGTERM or SIGINT.
pub(crate) async fn run(settings: Settings) -> ExitCode {
    if let Err(error) = telemetry::init(&settings.log) {
        eprintln!("cannot start logging: {error}");
        return ExitCode::Internal;
    }
    let mut signals = match EndSignals::try_new() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!("cannot listen for signals: {error}");
            return ExitCode::Internal;
        }
    };
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    match Service::build(settings, lifecycle.drain()) {
        Ok(service) => service.run(lifecycle, async || signals.next().await).await,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::Config
        }
    }
}
