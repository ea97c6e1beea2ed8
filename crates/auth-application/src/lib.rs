//! Signing in with Steam, tokens and sessions: what happens, in which order, and what is needed of the world for it.
//!
//! What may happen at all is said by the pure rules of `identity`. Those that decide about something that is kept
//! are asked by whoever keeps it, in the middle of a change that nobody else can interfere with: every
//! implementation of a [port](ports) shares the rule and differs only in where things are.
//!
//! Deliberately absent: HTTP, SQL, cryptography, limits on how often somebody may ask.

mod audit;
mod caller;
mod keys;
pub mod ports;

pub use self::{
    audit::{AuditEntry, AuditEvent},
    caller::{AddressPrefix, Caller, UserAgent},
    keys::{
        KEY_KEPT, KeyId, KeySchedule, KeyScheduleFault, MadeKey, PublicKey, SealedKey, SigningKey,
    },
};
