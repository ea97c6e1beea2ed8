//! `validate`: the settings in force and where each comes from.

use std::io::{Write as _, stdout};

use service_kit::{config::ServiceSettings, exit_code::ExitCode};

use crate::Given;

/// Prints every setting of a service, or what is wrong.
#[must_use]
pub fn validate<Settings: ServiceSettings>(given: &Given) -> ExitCode {
    match given.load::<Settings>() {
        Ok(loaded) => {
            // Whoever closes the pipe has read enough.
            let _ = write!(stdout(), "{}", loaded.report);
            ExitCode::Ok
        }
        Err(code) => code,
    }
}
