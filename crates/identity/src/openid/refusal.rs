//! Why a callback is refused.

use thiserror::Error;

/// Why a callback is refused, in the order in which it is judged: what is wrong first is what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The query is no form.
    #[error("the query is no form")]
    Malformed,
    /// A key is there twice: another reader might take the other one.
    #[error("a key is there more than once")]
    RepeatedKey,
    /// A key has no place in an answer of the provider's.
    #[error("a key does not belong there")]
    UnknownKey,
    /// A value has a control character.
    #[error("a value has a control character")]
    ControlCharacter,
    /// The query is longer than any answer of the provider's.
    #[error("the query is longer than 4096 bytes")]
    TooLong,
    /// The user does not want to sign in. Nobody did anything wrong.
    #[error("the user has cancelled")]
    Cancelled,
    /// It asserts nothing.
    #[error("openid.mode is not id_res")]
    Mode,
    /// It is of another protocol, or of none.
    #[error("openid.ns is not that of OpenID 2.0")]
    Namespace,
    /// It is of another provider.
    #[error("openid.op_endpoint is not the provider of the settings")]
    Endpoint,
    /// It is about somebody whom the provider cannot know.
    #[error("openid.claimed_id is not an id of the provider's")]
    ClaimedId,
    /// It is about two.
    #[error("openid.identity is not openid.claimed_id")]
    Identity,
    /// It is about a group, a server or nobody.
    #[error("openid.claimed_id is not the id of a person")]
    NoPerson,
    /// It was made for another place, or for another attempt.
    #[error("openid.return_to is not where this attempt comes back to")]
    ReturnTo,
    /// What matters is not signed.
    #[error("openid.signed leaves out what matters")]
    Signed,
    /// It has no signature.
    #[error("openid.sig is missing")]
    Signature,
    /// Its nonce is none.
    #[error("openid.response_nonce is no nonce")]
    Nonce,
    /// It was not made now.
    #[error("openid.response_nonce is not of now")]
    NonceTime,
    /// It was here before.
    #[error("openid.response_nonce was seen before")]
    NonceSeen,
    /// Nobody has begun this attempt.
    #[error("there is no such attempt")]
    AttemptUnknown,
    /// The attempt has ended already.
    #[error("the attempt has ended")]
    AttemptEnded,
    /// The attempt has taken too long.
    #[error("the attempt has taken too long")]
    AttemptLate,
    /// The browser has not begun an attempt.
    #[error("the browser brings no cookie")]
    CookieMissing,
    /// Another browser has begun the attempt.
    #[error("the attempt is another browser's")]
    CookieOther,
}

impl Refusal {
    /// The word for it in metrics and in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::RepeatedKey => "repeated_key",
            Self::UnknownKey => "unknown_key",
            Self::ControlCharacter => "control_character",
            Self::TooLong => "too_long",
            Self::Cancelled => "cancelled",
            Self::Mode => "mode",
            Self::Namespace => "namespace",
            Self::Endpoint => "endpoint",
            Self::ClaimedId => "claimed_id",
            Self::Identity => "identity",
            Self::NoPerson => "no_person",
            Self::ReturnTo => "return_to",
            Self::Signed => "signed",
            Self::Signature => "signature",
            Self::Nonce => "nonce",
            Self::NonceTime => "nonce_time",
            Self::NonceSeen => "nonce_seen",
            Self::AttemptUnknown => "attempt_unknown",
            Self::AttemptEnded => "attempt_ended",
            Self::AttemptLate => "attempt_late",
            Self::CookieMissing => "cookie_missing",
            Self::CookieOther => "cookie_other",
        }
    }
}
