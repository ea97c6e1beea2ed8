//! The stream client from outside: on a simulated network, on real sockets,
//! over TLS, and the parser on recorded payloads and on whatever there may be.

mod answers;
mod any_frame;
mod common;
mod every_frame;
mod failover;
mod formats;
mod read_ahead;
mod real_sockets;
mod recorded_payloads;
mod several_addresses;
mod simulated_network;
mod tls;
mod upgrade;
