//! What stands for the world of auth in tests: chance that repeats, a Steam that answers as told, keys and tokens
//! without cryptography; and the suites that hold [every store](store_contract), and [whoever makes and uses
//! keys](key_contract), to their ports.
//!
//! Only tests use it.

pub mod key_contract;
mod plain_keys;
mod repeating_chance;
mod scripted_steam;
pub mod store_contract;
mod told_verifiers;

pub use plain_keys::{PlainMaker, PlainSigner};
pub use repeating_chance::RepeatingChance;
pub use scripted_steam::{ScriptedPeople, ScriptedSteam};
pub use told_verifiers::ToldVerifiers;
