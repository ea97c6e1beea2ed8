//! Who has sent a request: access tokens (RFC 9068), and who takes them (`[auth]`).
//!
//! A [`TokenVerifier`] judges tokens by the keys of their issuer. Which tokens are taken is said in `identity`, to the
//! last claim; here is what that needs: the set of keys, fetched in the background, at once when a token names a key
//! that nobody knows, and kept on disk, so that tokens are taken while the issuer is away; signatures; a memory of
//! tokens that were taken; and, where there is Redis, the sessions that ended before their tokens.
//!
//! A handler says whom it answers by an argument, [`Authorized`]:
//!
//! ```ignore
//! #[get("/api/v1/profile")]
//! async fn profile(user: Authorized<ProfileRead>) -> HttpResponse {
//!     show(user.user)
//! }
//! ```
//!
//! Whoever is refused never learns which check failed; the log does, without the token. What stands in a token leads to
//! no key, no address and no algorithm that was not there before.

mod access;
mod authorized;
mod demand;
mod health;
mod key;
mod key_file;
mod key_set;
mod remembered;
mod revocations;
mod section;
mod settings;
mod source;
mod token;
mod verifier;

pub use access::{AccessRefusals, refused_token};
pub use authorized::{
    AdminScope, AnyScope, Authorized, DraftRead, DraftWrite, NeededScope, ProfileRead, ProfileWrite,
};
pub use identity::{Principal, Scope};
pub use key_set::{KeySet, KeySetFault};
pub use section::{AuthSection, IssuerSection, IssuerSettings};
pub use settings::AuthSettings;
pub use verifier::{Refused, TokenVerifier, VerifierParts};
