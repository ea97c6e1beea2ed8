//! `validate`: the settings in force and where each comes from.

use std::io::{Write as _, stdout};

use service_kit::{config::Report, exit_code::ExitCode};

/// Prints the report; wrong settings have ended the process before.
#[must_use]
pub fn print_report(report: &Report) -> ExitCode {
    // Whoever closes the pipe has read enough.
    let _ = write!(stdout(), "{report}");
    ExitCode::Ok
}
