//! How a process says what became of it.
//!
//! The numbers are those of `sysexits.h`, so that supervisors and scripts can
//! tell a wrong setting (do not restart) from an internal failure (do).

/// What a command ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Ended as asked and nothing was lost.
    Ok = 0,
    /// The command line was not understood.
    Usage = 2,
    /// A dependency cannot be used.
    Unavailable = 69,
    /// The service itself failed, or had to give up before all was done.
    Internal = 70,
    /// The settings are wrong, or cannot work here.
    Config = 78,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
