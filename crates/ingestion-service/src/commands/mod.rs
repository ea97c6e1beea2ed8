//! One module a command; here is what they share.

mod healthcheck;
mod intake;
mod moment;
mod progress;
mod run;
mod validate;

pub(crate) mod dead_letters;
pub(crate) mod replay;

use std::{future::Future, path::Path};

use service_kit::{exit_code::ExitCode, telemetry};

use crate::{
    cli::{Invocation, Task},
    settings::{Loaded, Settings},
};

/// Threads that poll tasks. One task receives, the others are short, and
/// librdkafka and the HTTP interface have threads of their own. With a second
/// thread that task would wander between the two, and the allocator, which
/// keeps a heap for each, would hold the most that was ever on its way twice.
const WORKER_THREADS: usize = 1;

/// Does what the command line asks for.
pub(crate) fn execute(invocation: Invocation) -> ExitCode {
    let code = match invocation.task.clone() {
        Task::Run => block_on(WORKER_THREADS, run::run(invocation)),
        #[cfg(feature = "demo")]
        Task::Demo(arguments) => with_settings(&invocation, |loaded| {
            block_on(
                crate::demo::WORKER_THREADS,
                crate::demo::run(loaded.settings, arguments),
            )
        }),
        Task::Validate => with_settings(&invocation, |loaded| validate::run(&loaded)),
        Task::Healthcheck(arguments) => with_settings(&invocation, |loaded| {
            let healthcheck = healthcheck::run(&loaded.settings.api, arguments.ready);
            block_on(WORKER_THREADS, healthcheck)
        }),
        Task::Replay(arguments) => with_settings(&invocation, |loaded| {
            block_on(WORKER_THREADS, replay::run(loaded.settings, arguments))
        }),
        Task::DeadLetters(arguments) => with_settings(&invocation, |loaded| {
            let work = dead_letters::run(loaded.settings, arguments.action);
            block_on(WORKER_THREADS, work)
        }),
    };
    telemetry::flush();
    code
}

fn with_settings(invocation: &Invocation, work: impl FnOnce(Loaded) -> ExitCode) -> ExitCode {
    match load(invocation) {
        Ok(loaded) => work(loaded),
        Err(code) => code,
    }
}

fn load(invocation: &Invocation) -> Result<Loaded, ExitCode> {
    let arguments: Vec<_> = invocation
        .settings
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    let loaded = Settings::load(
        &arguments,
        invocation.config_file.clone(),
        std::env::vars_os(),
        Path::new("."),
    );
    loaded.map_err(|wrong| {
        telemetry::say_last(wrong);
        ExitCode::Config
    })
}

fn block_on(worker_threads: usize, work: impl Future<Output = ExitCode>) -> ExitCode {
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
