//! Signing in with Steam, by OpenID 2.0, which Steam speaks without associations.
//!
//! A browser goes to Steam with a [question](Provider::question) and comes back with a [`Callback`]. What it
//! brings could come from anybody, so it is judged before anything is sent anywhere: it must be about the one
//! provider that the settings name, made for us, for this attempt, now. Then the provider is asked whether it
//! said that, and its [answer](judge_answer) is judged as well. Nothing is ever discovered, and no address that a
//! browser brings is ever called.

mod answer;
mod callback;
mod nonce;
mod provider;
mod refusal;

pub use answer::{ANSWER_BYTES_MAX, AnswerFault, judge_answer};
pub use callback::{Assertion, CALLBACK_BYTES_MAX, Callback};
pub use nonce::{NONCE_KEPT, Nonce};
pub use provider::Provider;
pub use refusal::Refusal;

/// The namespace of the protocol.
const NAMESPACE: &str = "http://specs.openid.net/auth/2.0";
