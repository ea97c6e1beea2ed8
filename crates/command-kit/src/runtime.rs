//! The runtime of a command.

use std::future::Future;

use service_kit::{exit_code::ExitCode, telemetry};

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
