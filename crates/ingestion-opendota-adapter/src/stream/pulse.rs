//! Whether an upstream is alive: pings and their pongs, and the last data.
//!
//! Time counts only while somebody listens. A service that is pushed back on
//! leaves the socket alone for minutes; neither silence nor a missing pong
//! may be concluded from that.

use std::time::Duration;

use bytes::Bytes;
use ingestion_application::ports::DisconnectReason;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::ending::ConnectionEnd;

/// From here on a pause gives a pong all its time again, since it may stand
/// behind everything that piled up. Between two batches there is always a
/// shorter one.
const LONG_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Pulse {
    heartbeat: Duration,
    idle_timeout: Duration,
    /// When the next ping is due, and the last one must have been answered.
    heartbeat_at: Instant,
    idle_at: Instant,
    /// The number of the last ping; the pong repeats it.
    ping: u64,
    pong_is_missing: bool,
}

impl Pulse {
    /// Of a connection made at `now`.
    pub(super) fn new(heartbeat: Duration, idle_timeout: Duration, now: Instant) -> Self {
        Self {
            heartbeat,
            idle_timeout,
            heartbeat_at: now + heartbeat,
            idle_at: now + idle_timeout,
            ping: 0,
            pong_is_missing: false,
        }
    }

    /// When to [`check`](Self::check) next.
    pub(super) fn next_deadline(&self) -> Instant {
        self.heartbeat_at.min(self.idle_at)
    }

    /// The ping to be sent at `now`, if any, or why the connection must be given up.
    pub(super) fn check(&mut self, now: Instant) -> Result<Option<Bytes>, ConnectionEnd> {
        // First the pong: without one the upstream is gone, with one it is only silent.
        if now >= self.heartbeat_at && self.pong_is_missing {
            let detail = format!("a ping was not answered within {:?}", self.heartbeat);
            return Err(ConnectionEnd::new(DisconnectReason::PongTimeout, detail));
        }
        if now >= self.idle_at {
            let detail = format!("no data for {:?}", self.idle_timeout);
            return Err(ConnectionEnd::new(DisconnectReason::IdleTimeout, detail)
                .closing_with(CloseCode::Normal));
        }
        if now < self.heartbeat_at {
            return Ok(None);
        }
        self.ping += 1;
        self.pong_is_missing = true;
        self.heartbeat_at = now + self.heartbeat;
        Ok(Some(Bytes::copy_from_slice(&self.ping.to_be_bytes())))
    }

    /// Only the answer to the last ping is one: a pong may come unasked, or late.
    pub(super) fn pong_received(&mut self, payload: &[u8]) {
        if payload == self.ping.to_be_bytes() {
            self.pong_is_missing = false;
        }
    }

    pub(super) fn data_received(&mut self, now: Instant) {
        self.idle_at = now + self.idle_timeout;
    }

    /// Until `now` nobody has listened for the time of `pause`.
    pub(super) fn forgive(&mut self, pause: Duration, now: Instant) {
        self.idle_at += pause;
        self.heartbeat_at += pause;
        if self.pong_is_missing && pause >= LONG_PAUSE {
            self.heartbeat_at = now + self.heartbeat;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pulse() -> (Pulse, Instant) {
        let start = Instant::now();
        (Pulse::new(30 * SECOND, 60 * SECOND, start), start)
    }

    /// The reason at `now`, or the ping, or nothing.
    fn check(pulse: &mut Pulse, now: Instant) -> Result<Option<Bytes>, DisconnectReason> {
        pulse.check(now).map_err(|ending| ending.reason)
    }

    #[test]
    fn a_ping_leaves_every_interval_while_it_is_answered() {
        let (mut pulse, start) = pulse();
        for interval in 1..=10 {
            let now = start + interval * 30 * SECOND;
            pulse.data_received(now - SECOND);
            assert_eq!(pulse.next_deadline(), now);
            assert_eq!(check(&mut pulse, now - SECOND / 2), Ok(None));
            let ping = check(&mut pulse, now)
                .ok()
                .flatten()
                .expect("a ping is due");
            pulse.pong_received(&ping);
        }
    }

    #[test]
    fn only_the_answer_to_the_last_ping_counts() {
        let (mut pulse, start) = pulse();
        pulse.pong_received(b"");
        let ping = check(&mut pulse, start + 30 * SECOND)
            .ok()
            .flatten()
            .expect("a ping is due");
        pulse.pong_received(b"");
        pulse.pong_received(
            &(u64::from_be_bytes(*ping.as_array().expect("a number")) - 1).to_be_bytes(),
        );
        pulse.data_received(start + 59 * SECOND);
        assert_eq!(
            check(&mut pulse, start + 60 * SECOND),
            Err(DisconnectReason::PongTimeout)
        );
    }

    #[test]
    fn silence_is_measured_from_the_last_data() {
        let (mut pulse, start) = pulse();
        pulse.data_received(start + 10 * SECOND);
        let ping = check(&mut pulse, start + 30 * SECOND)
            .ok()
            .flatten()
            .expect("a ping is due");
        pulse.pong_received(&ping);
        assert!(
            check(&mut pulse, start + 69 * SECOND).is_ok(),
            "pongs are no data, but all is well"
        );
        assert_eq!(
            check(&mut pulse, start + 70 * SECOND),
            Err(DisconnectReason::IdleTimeout)
        );
    }

    #[test]
    fn a_missing_pong_says_more_than_the_silence_that_ends_with_it() {
        let (mut pulse, start) = pulse();
        assert!(check(&mut pulse, start + 30 * SECOND).is_ok_and(|ping| ping.is_some()));
        assert_eq!(
            check(&mut pulse, start + 60 * SECOND),
            Err(DisconnectReason::PongTimeout)
        );
    }

    #[test]
    fn a_pause_does_not_count() {
        let (mut pulse, start) = pulse();
        let pause = 1000 * SECOND;
        pulse.forgive(pause, start + pause);
        assert_eq!(pulse.next_deadline(), start + pause + 30 * SECOND);
        pulse.data_received(start + pause);
        assert!(check(&mut pulse, start + pause + 30 * SECOND).is_ok_and(|ping| ping.is_some()));
        let late = start + pause + 59 * SECOND;
        pulse.forgive(SECOND / 2, late);
        assert_eq!(
            pulse.next_deadline(),
            late + SECOND + SECOND / 2,
            "a short pause is added"
        );
        pulse.forgive(pause, late + pause);
        pulse.data_received(late + pause);
        assert_eq!(
            pulse.next_deadline(),
            late + pause + 30 * SECOND,
            "a pong gets its whole time"
        );
    }
}
