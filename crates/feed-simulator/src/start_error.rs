//! What keeps a simulator from starting, wherever in it that is found.

use std::{io, net::SocketAddr};

use crate::{config::ConfigError, replay::ReplayError};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A value of the configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The recorded file cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// An address cannot be listened on.
    #[error("failed to listen on {address} for {purpose}")]
    Listen {
        /// What was to be listened on.
        address: SocketAddr,
        /// What for.
        purpose: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
