//! The feed over pages: against the simulated upstream, over sockets and without,
//! and against answers written for the occasion.

mod answers;
mod recorded;
mod sockets;
mod support;
mod world;
