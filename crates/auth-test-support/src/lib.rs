//! What stands for the world of auth in tests: chance that repeats, a Steam that answers as told, keys and tokens
//! without cryptography; and [the suite](store_contract) that holds every store to its ports.
//!
//! Only tests use it.

mod plain_keys;
mod repeating_chance;
mod scripted_steam;
pub mod store_contract;
mod told_verifiers;

pub use plain_keys::{PlainMaker, PlainSigner};
pub use repeating_chance::RepeatingChance;
pub use scripted_steam::{ScriptedPeople, ScriptedSteam};
pub use told_verifiers::ToldVerifiers;
