//! The runtime of a command.

use std::future::Future;

use service_kit::{config::ServiceSettings, exit_code::ExitCode, telemetry};

use crate::Given;

/// Does `work` on a runtime with so many threads that poll tasks.
#[must_use]
pub fn block_on(worker_threads: usize, work: impl Future<Output = ExitCode>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(worker_threads)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A name that is still being looked up must not hold up the end.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            telemetry::say_last(format_args!(
                "cannot start the runtime: {error}; are threads or file descriptors limited?"
            ));
            ExitCode::Internal
        }
    }
}

/// Reads the settings of a command, starts its log, and does `work` with them on a runtime with so many threads.
#[must_use]
pub fn with_settings<Settings: ServiceSettings>(
    worker_threads: usize,
    given: &Given,
    work: impl AsyncFnOnce(Settings) -> ExitCode,
) -> ExitCode {
    match given.load_for_command() {
        Ok(settings) => block_on(worker_threads, work(settings)),
        Err(code) => code,
    }
}
