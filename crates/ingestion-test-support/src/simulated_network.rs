//! The network that turmoil simulates, under the client of a feed.

use std::{io, net::SocketAddr};

use async_trait::async_trait;
use ingestion_opendota_adapter::stream::{ByteStream, Connector};
use turmoil::net::TcpStream;

/// Finds the hosts of the simulation that runs, and connects to them.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedConnector;

#[async_trait]
impl Connector for SimulatedConnector {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::new(turmoil::lookup(host), port)])
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        Ok(Box::new(TcpStream::connect(address).await?))
    }
}
