//! Where matches come from.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::Timestamp;

use super::CallFigures;
use crate::{Checkpoint, DeadLetterReason, FoundMatch, SourceName};

/// A live feed that is read as fast as it is asked, and no faster.
///
/// A frame is received once it has been read whole from the socket; from then
/// on it is the service's, and has to be handed over.
///
/// The feed is pulled: while nobody calls [`next`](Self::next) nothing is read,
/// and the pressure reaches the upstream's socket.
///
/// An implementation MUST
/// - connect, and connect again, by itself and for ever, with a bounded pause
///   in between: to lose the connection is an event, not an error;
/// - hand over everything it has read, in order, before it reports the
///   connection lost, or says goodbye;
/// - be cancel safe: a dropped [`next`](Self::next) loses nothing that was read;
/// - pause its timeouts while it is not being asked: only a feed that could
///   have been heard can be silent;
/// - hand over of a match only what a record of summaries can say: a start
///   after 2010 and at most a day after it was received.
///
/// # Feeds that keep their place
///
/// An upstream that can be asked for what comes after a certain place is not
/// read twice and not left out in parts: its feed hands over a [`Checkpoint`]
/// with a batch, and the next process begins there. Such a feed MUST
/// - say so in [`keeps_its_place`](Self::keeps_its_place), and ask its upstream
///   for nothing before it has been told where to [`resume`](Self::resume);
/// - hand over a checkpoint with the last of the frames that come before it, or
///   after them: whoever resumes there does not see them again;
/// - ask for what comes next only when [`next`](Self::next) is called: then
///   there is room, so an upstream that waits to be asked needs no other
///   back-pressure, and what was asked for has been handed over;
/// - go on without a checkpoint as its settings say, and tell of one that it
///   does not understand in the log.
///
/// A checkpoint is kept once every frame up to it has its outcome, from this
/// feed or another. So a process that dies at any moment leaves out nothing; at
/// worst the next one asks for some frames again, and the dedup window knows them.
#[async_trait]
pub trait FeedReader: Send {
    /// Whose matches these are.
    fn source(&self) -> SourceName;

    /// What its connections, or requests, can end with: the same at every call.
    fn disconnect_reasons(&self) -> &'static [DisconnectReason];

    /// Whether it hands over checkpoints, and has to be told where to go on.
    fn keeps_its_place(&self) -> bool {
        false
    }

    /// Goes on behind `place`, or without one where its settings say: told once,
    /// before the first [`next`](Self::next), of a feed that keeps its place.
    fn resume(&mut self, place: Option<Checkpoint>) {
        drop(place);
    }

    /// Whether it hands over by itself what it had missed while it was interrupted,
    /// or while there was no process to read it. Interruptions of other feeds leave
    /// gaps, which somebody else has to close.
    fn can_look_back(&self) -> bool {
        self.keeps_its_place()
    }

    /// Whether it tells of everything in its order, and says how far it has come in
    /// [`FeedEvent::Covered`]: then it closes the gaps of other feeds. What it leaves
    /// out it says in [`FeedEvent::PassedOver`], before it says that it is further.
    fn tells_in_order(&self) -> bool {
        false
    }

    /// Which of its upstreams it is connected to, where there can be several.
    fn upstream(&self) -> Option<UpstreamInUse> {
        None
    }

    /// What becomes of its calls, where it is asked call by call.
    fn call_figures(&self) -> Option<Arc<dyn CallFigures>> {
        None
    }

    /// Waits for what happens next on the feed.
    async fn next(&mut self) -> FeedEvent;

    /// Ends the feed: to be called until it returns `None`, and after it nothing else.
    ///
    /// Reads nothing more from the upstream. What had been read already is
    /// handed over, batch by batch and none empty; then the upstream is told
    /// goodbye, as far as a short time allows. What arrives after the first
    /// call is not received.
    async fn close(&mut self) -> Option<ReceivedBatch>;
}

/// The upstream that a feed is connected to, of those that it can be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamInUse {
    /// Its host and port; holds no secrets.
    pub name: String,
    /// Its place by preference, from 1 on.
    pub preference: usize,
    /// How many there are.
    pub of: usize,
}

impl fmt::Display for UpstreamInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            preference,
            of,
        } = self;
        match of {
            1 => f.write_str(name),
            _ => write!(f, "{name}, {preference} of {of} by preference"),
        }
    }
}

/// What can happen on a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// The connection stands, or a request has been answered; data may follow.
    Connected,
    /// Frames have been read; at least one, unless there is a checkpoint or
    /// something was passed over.
    Received(ReceivedBatch),
    /// Everything in a time has been handed over.
    Covered(Coverage),
    /// Something was not asked for, and will not be.
    PassedOver(PassedOver),
    /// The connection, or an attempt at one, is over.
    Disconnected(Disconnection),
}

/// A time of which a feed has told everything, or will never tell any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Of matches that ended before it may not have told.
    pub since: Timestamp,
    /// All that ended before it, and after `since`, were handed over.
    pub up_to: Timestamp,
    /// Whether it goes on where an earlier process was: then there is nothing
    /// between what that one has told and what this one has.
    pub is_resumed: bool,
}

/// A time of which a feed has not told everything and will not, although it could
/// be heard: there was more than it could ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedOver {
    /// All that ended before it was handed over, or was passed over earlier.
    pub from: Timestamp,
    /// By then all had appeared that was left out.
    pub to: Timestamp,
}

/// Frames read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedBatch {
    /// When they had been read from the socket.
    pub received_at: Timestamp,
    /// Each frame's match, or what was wrong with the frame.
    pub frames: Vec<Result<FoundMatch, Box<InvalidFrame>>>,
    /// Where another process goes on when all of this, and whatever was handed
    /// over before, has its outcome; none where the feed keeps no place.
    pub checkpoint: Option<Checkpoint>,
    /// How much else was read that is no frame: what is of another kind, tells of
    /// no match, and is no fault. It is counted, and that is all.
    pub passed_over: u64,
}

/// A frame that holds no valid match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFrame {
    /// Which rule it breaks.
    pub reason: DeadLetterReason,
    /// What exactly is wrong and where, for the person who reads it.
    pub detail: String,
    /// The frame as received.
    pub payload: Bytes,
}

/// The end of a connection or of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnection {
    /// The kind, for metrics and rules.
    pub reason: DisconnectReason,
    /// What happened, for the person who reads it; holds no secrets.
    pub detail: String,
    /// How long until the next attempt.
    pub retry_in: Duration,
}

/// The kinds of ends a connection can have, or a request where a feed is asked.
///
/// Each feed names those that it can have, so that another kind of feed may
/// have others, and neither shows what cannot happen to it. The names go into
/// metrics: one that is there stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DisconnectReason {
    /// DNS, TCP or TLS failed.
    ConnectFailed,
    /// The whole of connecting took too long.
    ConnectTimeout,
    /// The upstream answered the upgrade with another status.
    UpgradeRefused,
    /// The upstream closed the connection in an orderly way.
    ClosedByUpstream,
    /// The connection broke.
    ConnectionLost,
    /// A ping was not answered in time.
    PongTimeout,
    /// No data for too long.
    IdleTimeout,
    /// A message was larger than allowed.
    MessageTooLarge,
    /// A text message was not UTF-8.
    NotUtf8,
    /// The upstream broke the protocol in another way.
    ProtocolError,
    /// Calls are not permitted for a while: there were too many.
    RateLimited,
    /// No key is accepted.
    KeyRefused,
    /// A call brought nothing usable.
    CallFailed,
    /// The upstream answered the request with another status than success.
    Refused,
    /// The time of the connection was over, by plan.
    Renewed,
    /// An upstream that is preferred to the one in use gives data again.
    PreferredAgain,
}

impl DisconnectReason {
    /// Those that a feed over a websocket can have.
    pub const OF_WEBSOCKETS: [Self; 11] = [
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::UpgradeRefused,
        Self::ClosedByUpstream,
        Self::ConnectionLost,
        Self::PongTimeout,
        Self::IdleTimeout,
        Self::MessageTooLarge,
        Self::NotUtf8,
        Self::ProtocolError,
        Self::PreferredAgain,
    ];

    /// Those that a feed can have which is asked call by call.
    pub const OF_CALLS: [Self; 4] = [
        Self::RateLimited,
        Self::KeyRefused,
        Self::CallFailed,
        Self::ProtocolError,
    ];

    /// Those that a feed can have whose upstream answers without an end.
    pub const OF_EVENT_STREAMS: [Self; 9] = [
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::Refused,
        Self::ClosedByUpstream,
        Self::ConnectionLost,
        Self::IdleTimeout,
        Self::MessageTooLarge,
        Self::ProtocolError,
        Self::Renewed,
    ];

    /// Whether it is no fault: the feed ends a connection that stands, to go on
    /// with another one at once.
    #[must_use]
    pub const fn is_planned(self) -> bool {
        matches!(self, Self::Renewed | Self::PreferredAgain)
    }

    /// Whether nothing is missed: the next connection was read before this one ended.
    #[must_use]
    pub const fn is_without_seam(self) -> bool {
        matches!(self, Self::PreferredAgain)
    }

    /// The word used in metrics, logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::UpgradeRefused => "upgrade_refused",
            Self::ClosedByUpstream => "closed_by_upstream",
            Self::ConnectionLost => "connection_lost",
            Self::PongTimeout => "pong_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::MessageTooLarge => "message_too_large",
            Self::NotUtf8 => "not_utf8",
            Self::ProtocolError => "protocol_error",
            Self::RateLimited => "rate_limited",
            Self::KeyRefused => "key_refused",
            Self::CallFailed => "call_failed",
            Self::Refused => "refused",
            Self::Renewed => "renewed",
            Self::PreferredAgain => "preferred_again",
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
