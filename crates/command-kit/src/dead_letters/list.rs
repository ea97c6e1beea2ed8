//! `dead-letters list`: one line a letter.

use std::io::{self, Write as _, stdout};

use service_kit::exit_code::ExitCode;

use super::Letters;

use crate::complain;

/// Prints a line for each letter that is meant, at most `limit` of them, below
/// `heading` if there is one.
pub async fn print_letters<L: Letters>(
    letters: &L,
    limit: u64,
    heading: Option<&str>,
    line: impl Fn(&L::Letter) -> String,
) -> ExitCode {
    match print_all(letters, limit, heading, line).await {
        Ok(()) => ExitCode::Ok,
        Err(error) => {
            complain(&error);
            ExitCode::Unavailable
        }
    }
}

async fn print_all<L: Letters>(
    letters: &L,
    limit: u64,
    heading: Option<&str>,
    line: impl Fn(&L::Letter) -> String,
) -> Result<(), L::Error> {
    let mut reading = letters.open().await?;
    if let Some(heading) = heading
        && print(heading).is_err()
    {
        return Ok(());
    }
    let mut left = limit;
    while left > 0
        && let Some(next) = reading.letters.recv().await
    {
        let letter = next?;
        if !letters.is_meant(&letter) {
            continue;
        }
        left -= 1;
        if print(&line(&letter)).is_err() {
            // Whoever closes the pipe has read enough.
            break;
        }
    }
    Ok(())
}

fn print(line: &str) -> io::Result<()> {
    writeln!(stdout(), "{line}")
}
