//! What the use cases need of the world.
//!
//! Every call here may be given up at any time by dropping its future: a change then happened whole or not at
//! all. Times are given with each call; no implementation looks at a clock of its own.

mod assertion_checker;
mod audit_log;
mod chance;
mod housekeeping;
mod key_store;
mod login_store;
mod person_lookup;
mod revocation_list;
mod session_store;
mod store_error;
mod token_signer;
mod user_store;

pub use assertion_checker::{AssertionChecker, CheckFault};
pub use audit_log::AuditLog;
pub use chance::Chance;
pub use housekeeping::{ATTEMPT_KEPT, CODE_KEPT, Housekeeping, Pruned, SESSION_KEPT};
pub use key_store::KeyStore;
pub use login_store::{AttemptDigest, Completed, Login, LoginStore, Look};
pub use person_lookup::{LookupFault, PersonLookup, Profile};
pub use revocation_list::{RevocationFault, RevocationList};
pub use session_store::{
    BeganSession, Ending, GrantRefusal, RedeemRequest, Redeemed, RefreshRequest, Refreshed,
    SESSIONS_SHOWN_MAX, SessionStore, TokenState, Which,
};
pub use store_error::StoreError;
pub use token_signer::{AccessToken, KeyFault, KeyMaker, TokenSigner};
pub use user_store::{Block, BlockReason, BlockReasonFault, Blocked, Unblock, User, UserStore};
