//! `validate`: the settings in force and where each comes from.

use std::io::{Write as _, stdout};

use service_kit::exit_code::ExitCode;

use crate::settings::Loaded;

/// Prints the report; wrong settings have ended the process before.
pub(crate) fn run(loaded: &Loaded) -> ExitCode {
    // Whoever closes the pipe has read enough.
    let _ = write!(stdout(), "{}", loaded.report);
    ExitCode::Ok
}
