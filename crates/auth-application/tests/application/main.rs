//! What auth does for whoever asks, over stores in memory and a Steam that answers as told.

mod account;
mod authorize;
mod callback;
mod keys;
mod many_loads;
mod query;
mod tokens;
mod upkeep;
mod world;
