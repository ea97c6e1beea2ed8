//! `migrate`: the tables of a service, brought up to date before it starts.

use service_kit::exit_code::ExitCode;

use crate::{complain, say};

/// Flags of `migrate`.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct MigrateArguments {
    /// Only look whether they are; exit 69 if steps are missing
    #[arg(long)]
    check: bool,
}

/// Has `work` bring the tables up to date, or only look, and says what came of it.
pub async fn migrate(
    arguments: MigrateArguments,
    work: impl AsyncFnOnce(bool) -> (ExitCode, String),
) -> ExitCode {
    let (code, said) = work(arguments.check).await;
    match code {
        ExitCode::Ok => say(said),
        _ => complain(said),
    }
    code
}
