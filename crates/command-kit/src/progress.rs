//! How far a command is, on standard error.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    time::Duration,
};

use tokio::time::Instant;

/// On a terminal one line is written again and again, as fast as one can read …
const TERMINAL_PERIOD: Duration = Duration::from_millis(200);
/// … and elsewhere, such as in a log, a line now and then.
const LINE_PERIOD: Duration = Duration::from_secs(5);

/// Says how far it is, not too often.
pub struct Progress {
    is_terminal: bool,
    period: Duration,
    last: Instant,
    /// Whether a line on the terminal waits to be written over.
    is_open: bool,
}

impl Progress {
    /// On standard error, whatever that is; nothing is said yet.
    #[must_use]
    pub fn new() -> Self {
        let is_terminal = stderr().is_terminal();
        Self {
            is_terminal,
            period: if is_terminal {
                TERMINAL_PERIOD
            } else {
                LINE_PERIOD
            },
            last: Instant::now(),
            is_open: false,
        }
    }

    /// Says `text`, if it is time to say something.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if self.last.elapsed() < self.period {
            return;
        }
        self.last = Instant::now();
        let text = text();
        // Nobody may be looking any more.
        let _ = if self.is_terminal {
            self.is_open = true;
            // Back to the beginning of the line, and nothing left of it.
            write!(stderr(), "\r{text}\x1b[K")
        } else {
            writeln!(stderr(), "{text}")
        };
    }

    /// Says `text` on a line of its own, whatever the time.
    pub fn say(&mut self, text: &str) {
        self.close();
        let _ = writeln!(stderr(), "{text}");
    }

    /// Leaves nothing half said.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.is_open) {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.close();
    }
}

/// How much of a whole is done, such as `40%`.
#[must_use]
pub fn percent(done: u64, whole: u64) -> String {
    match whole {
        0 => "100%".to_owned(),
        _ => format!("{}%", done.min(whole).saturating_mul(100) / whole),
    }
}
