//! The rules of this workspace as functions: each takes what it judges as a
//! value and returns what breaks it, so that every rule is tested on a planted
//! violation, and `tests/workspace.rs` applies all of them to the real tree.
//!
//! It reads nothing and runs nothing itself. What clippy or rustc can say is
//! left to them; `.cargo/deny.toml` guards the layers a second time.

pub mod documents;
pub mod layers;
pub mod manifests;
pub mod sources;
pub mod targets;
mod text;
mod violation;

pub use text::TextFile;
pub use violation::Violation;
