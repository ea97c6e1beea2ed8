//! Every upstream, simulated with its faults and with a known truth.
//!
//! A [`Simulator`] serves a websocket feed of matches and keeps a ledger of what it sent and of
//! what its client has *proved* to have read: after a group of frames it sends a ping with a
//! sequence number, and the pong that brings the number back proves every frame before it.
//! Frames that a broken connection left unproved are sent again on the next one, so that a run
//! ends with everything proved and any consumer can be compared with the [`Truth`].
//!
//! ```no_run
//! # async fn example() -> Result<(), feed_simulator::StartError> {
//! use feed_simulator::{Config, Simulator};
//!
//! let simulator = Simulator::start(Config { count: Some(1_000), ..Config::default() }).await?;
//! println!("connect a client to {}", simulator.websocket_url());
//! simulator.finished().await;
//! println!("{} matches were read", simulator.truth().ids_proved);
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! The sockets are a thin shell: [`Feed::serve_connection`] runs over any stream, on tokio's clock,
//! so a simulated network can carry the same feed.
//! The crate knows nothing of the service that reads the feed.

mod arrivals;
mod broadcast;
mod config;
mod connection;
mod digest;
mod faults;
mod feed;
mod generator;
mod http;
mod ids;
mod invalid;
mod line_batch;
pub mod logs;
mod replay;
mod rows;
mod session;
mod simulator;
mod start_error;
mod state;
pub mod steam;
pub mod summaries;
mod trouble;
mod truth;
pub mod upstream;
mod wire;
mod world;

pub use broadcast::Broadcast;
pub use config::{AtEnd, Config, ConfigError, MessageFormat, MessageKind, Rows};
pub use digest::IdDigest;
pub use faults::{
    Afterwards, ConnectionPlan, Fault, FaultParseError, FaultSchedule, PlannedFault, RandomFaults,
    UpgradeFault,
};
pub use feed::Feed;
pub use invalid::InvalidReason;
pub use replay::ReplayError;
pub use simulator::{RunningSimulator, Simulator};
pub use start_error::StartError;
pub use truth::{ConnectionRecord, FrameCounts, Proof, ProvedFrame, Truth};
pub use world::{World, WorldMatch};
