//! Whose tokens are taken, and that no forgery is.

mod any_text;
mod claims;
mod forge;
mod forgeries;
mod http;
mod keys;
mod sessions;
mod settings;
mod world;
