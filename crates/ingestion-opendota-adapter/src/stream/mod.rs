//! The live match feed: a WebSocket whose messages name matches.
//!
//! [`MatchStream`] keeps a connection and reconnects for ever; [`StreamFormat`]
//! says how matches stand in messages, [`parse_frame`] judges one object. One read from the socket is buffered and no more: what
//! is not asked for stays with the upstream.

mod candidate;
mod client;
mod connection;
mod connector;
mod dialing;
mod envelope;
mod format;
mod gate;
mod handshake;
mod link;
mod parse;
mod progress;
mod pulse;
mod refusal;
mod request;
mod route;
mod section;
mod settings;
mod tls_failure;
mod upstream;

use ingestion_application::SourceName;

pub use client::MatchStream;
pub use connector::{ByteStream, Connector, TcpConnector};
pub use envelope::{parse_envelope, parse_text_envelope};
pub use format::{StreamFormat, StreamFrames};
pub(crate) use parse::invalid_frame;
pub use parse::{MatchFrames, parse_frame, parse_text_frame};
pub use section::StreamSection;
pub use settings::{StreamSettings, StreamSettingsError};

/// The name of this feed in records, metrics and logs.
pub const SOURCE: SourceName = SourceName::new("opendota_stream");
