//! Signing in with Steam, tokens and sessions: what happens, in which order, and what is needed of the world for it.
//!
//! What may happen at all is said by the pure rules of `identity`. Those that decide about something that is kept
//! are asked by whoever keeps it, in the middle of a change that nobody else can interfere with: every
//! implementation of a [port](ports) shares the rule and differs only in where things are.
//!
//! Deliberately absent: HTTP, SQL, cryptography, limits on how often somebody may ask.

mod account;
mod audit;
mod auth;
mod caller;
mod fields;
mod figures;
mod introspection;
mod key_ring;
mod key_schedule;
mod keys;
pub mod ports;
mod settings;
mod sign_in;
mod tokens;
mod upkeep;

pub use self::{
    account::AccountError,
    audit::{AuditEntry, AuditEvent},
    auth::{Auth, AuthParts, Stores},
    caller::{AddressPrefix, Caller, UserAgent},
    figures::{AuthFigures, FigureSnapshot, Grant, LoginResult},
    introspection::Introspection,
    key_ring::{KeyRing, KeyRingError},
    key_schedule::{KEY_KEPT, KeySchedule, KeyScheduleFault},
    keys::{KeyId, MadeKey, PublicKey, SealedKey, SigningKey},
    settings::{AuthSettings, ClientTwice, Clients},
    sign_in::{AuthorizeError, Authorized, CameBack, NoClient, PageReason},
    tokens::{TokenAnswer, TokenError},
};
