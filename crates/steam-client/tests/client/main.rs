//! The client between its keys and a server.

mod calls;
mod recorded;
