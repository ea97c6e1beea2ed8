//! `run`: the service, until it is asked to end.

use command_kit::{Given, run_service};
use service_kit::{exit_code::ExitCode, lifecycle::Lifecycle};

use crate::{service::Service, settings::Settings};

/// Runs the service until a signal asks it to end.
pub(crate) async fn run(given: Given) -> ExitCode {
    run_service(
        given,
        async |settings: Settings| {
            let lifecycle = Lifecycle::new(settings.shutdown_timeout);
            let service = Service::build(settings, lifecycle.drain())?;
            Ok((service, lifecycle))
        },
        async |(service, lifecycle), mut signals| {
            service.run(lifecycle, async || signals.next().await).await
        },
    )
    .await
}
