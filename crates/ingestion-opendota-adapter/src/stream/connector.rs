//! Where byte streams come from: the seam at which tests put another network.

use std::{io, net::SocketAddr};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};

/// A connection of bytes, both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Finds hosts and opens byte streams; everything above is the same on any network.
///
/// The caller sets the time limits: it drops a call that takes too long.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The addresses of `host`, a name or an address itself, the best one first.
    ///
    /// # Errors
    /// What the resolver says.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// Connects to one address.
    ///
    /// # Errors
    /// What the network says.
    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>>;
}

/// Connects over TCP, by the resolver of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnector;

#[async_trait]
impl Connector for TcpConnector {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        let stream = TcpStream::connect(address).await?;
        // Pings and pongs are small and must not wait for company.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
