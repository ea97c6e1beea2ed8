//! The log's client from outside: against a simulated upstream with a known truth, and against
//! servers of a few lines that break its rules.

mod any_log;
mod common;
mod every_line;
mod recorded;
mod simulated;
mod unruly;
