//! The feed over Steam's sequence: against the simulated upstream, and against
//! answers written for the occasion. Time is paused in all of it.

mod answers;
mod support;
mod world;
