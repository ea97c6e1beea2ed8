//! Whose tokens are taken, and that no forgery is.

mod claims;
mod forge;
mod forgeries;
mod http;
mod keys;
mod sessions;
mod settings;
mod world;
