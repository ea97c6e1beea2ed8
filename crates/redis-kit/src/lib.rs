//! Redis for every service: where it is (`[redis]`), calls that end in time, a
//! space of keys, and how the server is.
//!
//! A [`KeySpace`] is what services need of Redis and no more. [`ServerKeySpace`]
//! is the one on a server; [`MemoryKeySpace`] is one in the process, for demos
//! and tests, which keeps the same promises. One suite, in this crate's
//! tests, holds both to them.
//!
//! What is promised there rests on scripts that change many keys in one step,
//! which Redis Cluster cannot do for keys of different slots, so a cluster is
//! refused. Which keys there are is a matter of `contracts` and the adapters.

mod error;
mod health;
mod key_space;
mod memory;
mod place;
mod scripts;
mod section;
mod server;
mod server_key_space;
mod server_state;

pub use error::{Fault, RedisError};
pub use health::RedisHealth;
pub use key_space::{
    Change, Epoch, Guard, KeySpace, Lock, Outcome, Step, Subscription, TimeToLive,
};
pub use memory::MemoryKeySpace;
pub use place::RedisPlace;
pub use section::{OptionalRedisSection, RedisSection, RedisSettings};
pub use server::RedisServer;
pub use server_key_space::ServerKeySpace;
pub use server_state::ServerState;
