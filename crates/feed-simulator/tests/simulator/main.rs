//! The simulator over real sockets, against a websocket client that keeps its own tally.

mod command_line;
mod faults;
mod feed;
mod http;
mod steam;
mod summaries;
mod support;
mod upgrades;
mod upstream;
