//! Profiles: who sees and changes them, what may stand in them, and what is left when they are deleted.
//!
//! A profile is a document: it is read, replaced and patched as JSON, and what is wrong with one is said by pointers
//! into it. So JSON is the language here, and not only the wire's: [`document`] says how a profile is written down,
//! [`Edit`] what a change makes of that. Whatever is kept is typed.
//!
//! Deliberately absent: who verifies tokens, and where profiles are kept. The first is told by a [`Caller`], the
//! second is the port [`ports::ProfileStore`].

mod caller;
mod document;
mod edit;
mod fault;
pub mod ports;
mod preferences;
mod profile;
mod profiles;
mod store_figures;
mod subscription;
mod version;

pub use caller::{Caller, Whose};
pub use document::document;
pub use edit::Edit;
pub use fault::{Fault, Faults};
pub use preferences::{HEROES_MAX, PREFERENCES_BYTES_MAX, Preferences, SKILLS};
pub use profile::{DEFAULT_NAME, Details, Locale, Profile, TimeZone};
pub use profiles::{PAGE_MAX, Profiles, Refusal};
pub use store_figures::StoreFigures;
pub use subscription::{Plan, Subscription, SubscriptionState};
pub use version::Version;
