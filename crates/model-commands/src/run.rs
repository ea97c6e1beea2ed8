//! `run`: the service, until it is asked to end.

use command_kit::{Given, listen_first};
use service_kit::{exit_code::ExitCode, lifecycle::Lifecycle, telemetry};
use tokio::runtime::Handle;

use crate::{service::Service, settings::Settings};

/// Runs the service until a signal asks it to end.
pub(crate) async fn run(given: Given) -> ExitCode {
    listen_first(
        move || prepare(&given),
        async |(service, lifecycle), mut signals| {
            service.run(lifecycle, async || signals.next().await).await
        },
    )
    .await
}

/// All that may wait for files and names.
fn prepare(given: &Given) -> Result<(Service, Lifecycle), ExitCode> {
    let settings: Settings = given.load_for_service()?;
    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let service = Handle::current()
        .block_on(Service::build(settings, lifecycle.drain()))
        .map_err(|error| {
            telemetry::say_last(format_args!("{error:#}"));
            ExitCode::Config
        })?;
    Ok((service, lifecycle))
}
