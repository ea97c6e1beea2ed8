//! Whether brokers can be reached where they say they are.
//!
//! A client asks one of the bootstrap servers where the brokers are, and goes
//! there for everything else. An address in `advertised.listeners` that leads
//! nowhere from here shows as a request without an answer, whichever is the
//! first, and would be blamed on whatever that request is for.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use rdkafka::metadata::{Metadata, MetadataBroker};

/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);

/// The first broker that cannot be reached at its own address, and what to do
/// about it; blocks while names are resolved and connections made.
#[must_use]
pub fn first_unreachable(metadata: &Metadata) -> Option<String> {
    metadata.brokers().iter().find_map(unreachable)
}

fn unreachable(broker: &MetadataBroker) -> Option<String> {
    let (id, host, port) = (broker.id(), broker.host(), broker.port());
    let tried = u16::try_from(port).ok().map(|port| try_address(host, port));
    let why = match tried {
        Some(Ok(())) => return None,
        Some(Err(Failure::Name(error))) => {
            format!("which cannot be resolved here: {error}; see that this name is known here, or")
        }
        Some(Err(Failure::Connection(error))) => {
            format!("which cannot be reached from here: {error}; see that it runs, or")
        }
        None => "which is no address;".to_owned(),
    };
    Some(format!(
        "broker {id} calls itself {host}:{port}, {why} set its advertised.listeners to an address \
         that leads to it from here: clients go there for all but their first question"
    ))
}

/// The step that failed.
enum Failure {
    Name(io::Error),
    Connection(io::Error),
}

fn try_address(host: &str, port: u16) -> Result<(), Failure> {
    let addresses = (host, port).to_socket_addrs().map_err(Failure::Name)?;
    let mut failure = Failure::Name(io::Error::other("the name has no address"));
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIME_MAX) {
            Ok(_) => return Ok(()),
            Err(error) => failure = Failure::Connection(error),
        }
    }
    Err(failure)
}
