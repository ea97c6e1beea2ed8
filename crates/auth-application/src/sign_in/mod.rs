//! Signing in: from a client over Steam back to the client.

mod authorize;
mod callback;

pub use authorize::{Authorized, NoClient};
pub use callback::{CameBack, PageReason};

use identity::{ClientState, Issuer, RedirectUri};

/// Why a client gets no code (RFC 6749, 4.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthorizeError {
    /// The request is not one that a client should send.
    InvalidRequest,
    /// It asks for something else than a code.
    UnsupportedResponseType,
    /// Its list of scopes is none.
    InvalidScope,
    /// The user has said no, or is not let in.
    AccessDenied,
    /// It may work later.
    TemporarilyUnavailable,
}

impl AuthorizeError {
    /// The word for it in the answer.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// Where the user goes back to, with why there is no code.
fn back(
    uri: &RedirectUri,
    state: Option<&ClientState>,
    issuer: &Issuer,
    error: AuthorizeError,
    description: &str,
) -> String {
    let mut answer = vec![("error", error.code())];
    if !description.is_empty() {
        answer.push(("error_description", description));
    }
    if let Some(state) = state {
        answer.push(("state", state.as_str()));
    }
    answer.push(("iss", issuer.as_str()));
    uri.with(&answer)
}
