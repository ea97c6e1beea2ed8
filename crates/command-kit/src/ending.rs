//! How a service ends.

use service_kit::{exit_code::ExitCode, lifecycle::ProcessEnd, telemetry};

/// Says how a service has ended, in the last line of its log. What `in_the_way` says, if anything, somebody has to
/// change before it can run here.
#[must_use]
pub fn conclude(ending: &ProcessEnd, in_the_way: Option<&str>) -> ExitCode {
    if !ending.unfinished.is_empty() {
        tracing::error!(tasks = ?ending.unfinished, "tasks did not end when they were aborted");
    }
    let all_is_well = ending.failed.is_empty() && ending.unfinished.is_empty();
    let code = match in_the_way {
        Some(reason) => {
            telemetry::say_last(reason);
            ExitCode::Config
        }
        None if all_is_well => ExitCode::Ok,
        None => ExitCode::Internal,
    };
    tracing::info!(exit_code = code as u8, "stopped");
    code
}
