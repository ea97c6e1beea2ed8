//! The rules as whoever applies them meets them.

mod callback;
mod query;
mod rotation;
mod tokens;
