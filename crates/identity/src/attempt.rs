//! An attempt to sign in: from a client's wish, over Steam, back to the client.

use std::{fmt, time::Duration};

use domain::Timestamp;
use thiserror::Error;

use crate::{
    client::ClientId,
    pkce::CodeChallenge,
    redirect_uri::RedirectUri,
    scope::Scopes,
    secret::{Digest, kind},
};

/// How long somebody may take at Steam.
pub const ATTEMPT_LIFE: Duration = Duration::from_mins(10);
/// How often Steam is asked about one attempt: once, and once more if it could not answer.
pub const CHECKS_MAX: u8 = 2;
const CLIENT_STATE_LENGTH_MAX: usize = 512;

/// An attempt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Who wants somebody signed in.
    pub client: ClientId,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// What the client wants to see in the answer.
    pub client_state: ClientState,
    /// Who may redeem the code.
    pub challenge: CodeChallenge,
    /// What was asked for, as far as the client may have it; `None` if nothing in particular was.
    pub scopes: Option<Scopes>,
    /// The browser that began it.
    pub browser: Digest<kind::Browser>,
    /// When it began.
    pub begun_at: Timestamp,
    /// When it ended, well or not.
    pub ended_at: Option<Timestamp>,
    /// How often Steam was asked about it and could not answer.
    pub checks_failed: u8,
}

/// What a client wants to see in its answer, so that it knows its own question. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientState(String);

/// What a client sent as its state cannot be sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("state is not 1 to 512 printable ASCII characters")]
pub struct ClientStateFault;

impl Attempt {
    /// Whether it is still under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none() && self.checks_failed < CHECKS_MAX
    }

    /// Whether it has taken too long.
    #[must_use]
    pub fn is_late(&self, now: Timestamp) -> bool {
        now.saturating_since(self.begun_at) >= ATTEMPT_LIFE
    }
}

impl ClientState {
    /// Takes what a client sent.
    ///
    /// # Errors
    /// [`ClientStateFault`].
    pub fn try_new(text: &str) -> Result<Self, ClientStateFault> {
        let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let is_state = (1..=CLIENT_STATE_LENGTH_MAX).contains(&text.len()) && is_printable;
        is_state
            .then(|| Self(text.to_owned()))
            .ok_or(ClientStateFault)
    }

    /// As the client sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientState")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_can_be_sent_back() {
        for (text, is_state) in [
            ("a", true),
            ("a b\"\\~", true),
            (&*"a".repeat(512), true),
            (&*"a".repeat(513), false),
            ("", false),
            ("a\n", false),
            ("a\u{7f}", false),
            ("ä", false),
        ] {
            let state = ClientState::try_new(text);
            assert_eq!(state.is_ok(), is_state, "{text}");
            if let Ok(state) = state {
                assert_eq!(state.as_str(), text);
                assert_eq!(format!("{state:?}"), "ClientState");
            }
        }
    }
}
