//! The feed as its users hold it: controls, truth, and one connection to serve.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::Instant,
};

use crate::{
    config::{self, Config, ConfigError, MessageKind},
    connection,
    faults::{Fault, UpgradeFault},
    generator::Content,
    start_error::StartError,
    state::{Cut, FeedState, GIVEN_FRAMES_MAX},
    truth::{Proof, Truth},
};

/// A feed without its sockets. Clones share the same feed.
///
/// The feed belongs to the newest open connection; older ones stay open and silent, and get it
/// back when the newer ones end. The frames that the previous owner left unproved go first to the
/// next one. Connections and arrivals keep tokio's clock, so paused time works.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    /// Never held across an await.
    state: Mutex<FeedState>,
    /// Told when connections have to look at the state again.
    control: watch::Sender<()>,
    /// Told when the truth has changed other than by sending.
    progress: watch::Sender<()>,
}

impl Feed {
    /// A feed that nobody is connected to yet.
    ///
    /// # Errors
    /// The configuration cannot work, or a recorded file cannot be replayed.
    pub fn try_new(config: &Config) -> Result<Self, StartError> {
        config.validate()?;
        let shared = Shared {
            started: Instant::now(),
            state: Mutex::new(FeedState::try_new(config)?),
            control: watch::Sender::new(()),
            progress: watch::Sender::new(()),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Serves one client from its upgrade request to its end, over any stream.
    ///
    /// Ends when the client or a fault ends the connection; a half-open one lasts ten minutes.
    /// Dropping the future drops the connection, and its unproved frames go to the next.
    pub async fn serve_connection<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        connection::serve(self, stream).await;
    }

    /// All figures of this moment.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.state().truth(self.elapsed_ms())
    }

    /// The distinct genuine ids sent, in their order; empty unless `record_ids` is set.
    #[must_use]
    pub fn ids_sent(&self) -> Vec<i64> {
        self.state().ids_sent.clone()
    }

    /// The distinct genuine ids proved, in their order; empty unless `record_ids` is set.
    #[must_use]
    pub fn ids_proved(&self) -> Vec<i64> {
        self.state().ids_proved.clone()
    }

    /// How and when each frame was proved, in their order; empty unless `record_proofs` is set.
    #[must_use]
    pub fn proofs(&self) -> Vec<Proof> {
        self.state().proofs.clone().unwrap_or_default()
    }

    /// Waits until all of `count`, or of the recorded file, is sent and every frame is proved.
    /// Never returns for an endless feed.
    pub async fn finished(&self) {
        self.wait_until(FeedState::is_finished).await;
    }

    /// Waits until the truth satisfies the condition.
    ///
    /// It is looked at when a connection changes or frames are proved, not at each frame sent.
    pub async fn until(&self, condition: impl Fn(&Truth) -> bool) {
        self.wait_until(|state| condition(&state.truth(self.elapsed_ms())))
            .await;
    }

    /// Holds all data back; pings are still answered, and what was sent is still proved.
    pub fn pause(&self) {
        self.change(|state| state.set_paused(true));
    }

    /// Ends a pause. What would have arrived meanwhile does not.
    pub fn resume(&self) {
        self.change(|state| state.set_paused(false));
    }

    /// Changes the mean arrivals per second; 0 means as fast as the socket takes them.
    ///
    /// # Errors
    /// The rate is out of its limits.
    pub fn set_rate(&self, rate: f64) -> Result<(), ConfigError> {
        config::validate_rate(rate)?;
        self.change(|state| state.set_rate(rate));
        Ok(())
    }

    /// Makes the upgrade of every new connection go wrong. Open connections stay.
    pub fn refuse(&self, fault: UpgradeFault) {
        self.change(|state| state.standing_upgrade_fault = Some(fault));
    }

    /// Accepts new connections again, by the schedule.
    pub fn accept_again(&self) {
        self.change(|state| state.standing_upgrade_fault = None);
    }

    /// Makes every open connection go through a fault now.
    pub fn cut(&self, fault: Fault) {
        self.change(|state| {
            let number = state.cut.as_ref().map_or(1, |cut| cut.number + 1);
            state.cut = Some(Cut { number, fault });
        });
    }

    /// Sends a text message next, ahead of the matches.
    ///
    /// It is counted as `other` and proved like the rest; whether it is a match is not looked at.
    /// Bytes that are not UTF-8 are sent as they are, which breaks the protocol.
    /// Beyond 100,000 messages waiting, the message is refused by returning `false`.
    #[must_use = "a message that was refused is never sent"]
    pub fn send_text(&self, body: impl Into<Bytes>) -> bool {
        self.send(MessageKind::Text, body.into())
    }

    /// As [`Feed::send_text`], as a binary message.
    #[must_use = "a message that was refused is never sent"]
    pub fn send_binary(&self, body: impl Into<Bytes>) -> bool {
        self.send(MessageKind::Binary, body.into())
    }

    /// Begins or ends to keep the ids of the matches sent for [`take_followed_ids`](Self::take_followed_ids).
    pub(crate) fn follow_ids(&self, is_followed: bool) {
        self.change(|state| state.followed = is_followed.then(Vec::new));
    }

    /// The matches sent since the last time.
    pub(crate) fn take_followed_ids(&self) -> Vec<i64> {
        let is_empty = self.state().followed.as_ref().is_none_or(Vec::is_empty);
        if is_empty {
            return Vec::new();
        }
        // A feed that waited for it goes on.
        self.change(|state| {
            state
                .followed
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default()
        })
    }

    /// Looks at the state, for a moment.
    pub(crate) fn state(&self) -> MutexGuard<'_, FeedState> {
        // A panic while the lock is held would be a bug of ours; its figures are still the best there are.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and lets every connection look at it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut FeedState) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.control.send_replace(());
        self.shared.progress.send_replace(());
        result
    }

    /// Proves frames by the number that a pong brought back.
    pub(crate) fn prove(&self, connection: u64, sequence: u64) {
        let now_ms = self.elapsed_ms();
        if self.state().prove(connection, sequence, now_ms) {
            self.shared.progress.send_replace(());
        }
    }

    pub(crate) fn watch_control(&self) -> watch::Receiver<()> {
        self.shared.control.subscribe()
    }

    /// Time since the feed began: the clock of [`Truth`] and [`Proof`].
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.shared.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn send(&self, kind: MessageKind, body: Bytes) -> bool {
        self.change(|state| {
            let has_room = state.given.len() < GIVEN_FRAMES_MAX;
            if has_room {
                state.given.push_back(Content::Given { kind, body });
            }
            has_room
        })
    }

    async fn wait_until(&self, condition: impl Fn(&FeedState) -> bool) {
        let mut progress = self.shared.progress.subscribe();
        while !condition(&self.state()) {
            progress
                .changed()
                .await
                .expect("the sender lives as long as the feed");
        }
    }
}
