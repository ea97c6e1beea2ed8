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

impl ExitCode {
    /// All there are, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Ok,
        Self::Usage,
        Self::Unavailable,
        Self::Internal,
        Self::Config,
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_missing_among_all_there_are() {
        let place = |code| match code {
            ExitCode::Ok => 0,
            ExitCode::Usage => 1,
            ExitCode::Unavailable => 2,
            ExitCode::Internal => 3,
            ExitCode::Config => 4,
        };
        assert_eq!(ExitCode::ALL.map(place), [0, 1, 2, 3, 4]);
    }
}
