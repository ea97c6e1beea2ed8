//! Who is who, as rules: signing in with Steam, the clients that may ask for it, what they get for it, how long
//! that lasts, and which tokens are taken.
//!
//! Everything here is a function of what it is given. Time and chance are passed in, nothing is read, kept,
//! sent or written as JSON, so each rule is tested as it stands, whoever applies it: the service that issues
//! tokens, and every service that takes them.
//!
//! Secrets are types that `Debug` does not show and that are wiped when they are dropped; only their hashes are
//! kept, and compared in constant time.

mod address;
mod attempt;
mod claims;
mod client;
mod code;
mod form;
mod issuer;
pub mod openid;
mod pkce;
mod redirect_uri;
mod rotation;
mod scope;
mod secret;
mod session;
mod verifier;

pub use address::AddressFault;
pub use attempt::{ATTEMPT_LIFE, Attempt, CHECKS_MAX, ClientState, ClientStateFault};
pub use claims::{ACCESS_LIFE_MAX, AccessClaims, Algorithm, Person, TokenTerms};
pub use client::{Client, ClientFault, ClientId, ClientKind, ClientParts, RedirectFault};
pub use code::{CodeGrant, CodeRefusal, Redemption};
pub use issuer::{CALLBACK_PATH, Issuer};
pub use pkce::{CodeChallenge, CodeVerifier, PkceFault};
pub use redirect_uri::RedirectUri;
pub use rotation::{Family, Given, Refresh, RefreshRecord, RefreshRefusal, Rotation, rotate};
pub use scope::{Scope, ScopeFault, Scopes};
pub use secret::{
    AttemptSecret, BrowserSecret, Code, Digest, NoSecret, RefreshToken, Secret, kind,
};
pub use session::{EndReason, Ended, Session, SessionLife};
pub use verifier::{
    ClaimedTime, Principal, TOKEN_BYTES_MAX, TokenClaims, TokenHeader, TokenRefusal, Verifier,
    parts, revoked_key,
};
