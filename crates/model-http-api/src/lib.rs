//! What models show over HTTP: what is published, how good it is, what drafts are
//! worth, the runs that computed it, and the live page.
//!
//! Readers are answered from memory: [`Published`] holds what stands in Redis and
//! is refreshed by one task, so that answers do not wait for Redis and outlive
//! it. Nothing is estimated or decided here. Drafts are scored by the library
//! that everybody else scores them with, from the same published integers.
//! The server, its limits and what every service shows are http-kit's.
//!
//! Whoever can reach the port may read what is said here, and what is said
//! here holds no secrets. To start, publish or cancel a run takes the token, and
//! without one there are no paths for it.

mod accounts;
mod draft;
mod heroes;
mod interface;
mod metrics;
mod page;
mod problems;
mod published;
mod runs;
mod slices;
mod state;
mod target;

pub use interface::{RUN_CANCEL_PATH, RUN_PUBLISH_PATH, RUNS_PATH, serve};
pub use published::{
    HERO_BYTES_MAX, HeroDocuments, LookError, PATCHES_MAX, PackedDocuments, PatchModels, Published,
    SliceModels, Snapshot,
};
pub use state::ApiState;
