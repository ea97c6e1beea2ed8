//! Wishes and whoever grants them, between a warehouse in memory and an upstream
//! that does as it is told, in paused time.

mod attempts;
mod budget;
mod looking;
mod trouble;
mod world;
