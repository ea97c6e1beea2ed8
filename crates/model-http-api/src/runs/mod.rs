//! Runs: how they are and were, and what whoever has the token may ask of them.

mod answers;
mod events;
mod list;
mod orders;
mod overview;

pub(crate) use self::{
    events::run_events,
    list::{LedgerQuestions, one, runs},
    orders::{BODY_BYTES_MAX, Begun, begin, cancel, publish},
};
