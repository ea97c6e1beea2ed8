//! How often somebody may ask, and how often somebody asked too often.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::HttpRequest;
use http_kit::{RateLimit, TooOften};

use crate::rates::RateSettings;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorize,
    Callback,
    Token,
    Revoke,
}

/// The limits of all networks, shared by all threads of the server.
pub(crate) struct Limits {
    authorize: RateLimit,
    token: RateLimit,
    failures: RateLimit,
    refused: [AtomicU64; Endpoint::ALL.len()],
}

impl Endpoint {
    const ALL: [Self; 4] = [Self::Authorize, Self::Callback, Self::Token, Self::Revoke];

    const fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Callback => "callback",
            Self::Token => "token",
            Self::Revoke => "revoke",
        }
    }
}

impl Limits {
    pub(crate) fn new(rates: RateSettings) -> Self {
        Self {
            authorize: RateLimit::new(rates.authorize),
            token: RateLimit::new(rates.token),
            failures: RateLimit::new(rates.failures),
            refused: Default::default(),
        }
    }

    /// Lets a request in, unless its network asks too often or has asked in vain too often. Coming back from Steam is
    /// free: it was begun here.
    pub(crate) fn admit(&self, request: &HttpRequest, to: Endpoint) -> Result<(), TooOften> {
        let admitted = self.failures.look(request).and_then(|()| match to {
            Endpoint::Authorize => self.authorize.take(request),
            Endpoint::Callback => Ok(()),
            Endpoint::Token | Endpoint::Revoke => self.token.take(request),
        });
        if admitted.is_err() {
            self.refused[to as usize].fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Counts that a request was in vain, by a fault of whoever has sent it.
    pub(crate) fn failed(&self, request: &HttpRequest) {
        // Requests that were let in at the same time may be more than it may be: they are over already.
        _ = self.failures.take(request);
    }

    /// How often somebody was not let in: endpoint, count.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = Endpoint::ALL.into_iter().zip(&self.refused);
        counts.map(|(endpoint, count)| (endpoint.name(), count.load(Ordering::Relaxed)))
    }
}
