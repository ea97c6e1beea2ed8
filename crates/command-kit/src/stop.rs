//! Work that ends in good order when a signal asks for it.

use std::fmt;

use service_kit::{exit_code::ExitCode, lifecycle::EndSignals};
use tokio_util::sync::CancellationToken;

use crate::complain;

/// Why work does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The user has asked for that.
    Asked,
    /// It cannot, for this reason.
    Refused(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("asked to end"),
            Self::Refused(reason) => f.write_str(reason),
        }
    }
}

/// Does `work`, whose token the first of `signals` cancels; a second signal
/// does not wait for it.
pub async fn stoppable(
    mut signals: EndSignals,
    work: impl AsyncFnOnce(&CancellationToken) -> ExitCode,
) -> ExitCode {
    let stop = CancellationToken::new();
    let second_signal = async {
        signals.next().await;
        stop.cancel();
        signals.next().await;
    };
    tokio::select! {
        code = work(&stop) => code,
        () = second_signal => {
            complain("ended at once: how much was taken last is not known");
            ExitCode::Unavailable
        }
    }
}
