//! Where byte streams come from: the seam at which tests put another network.

use std::io;

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection of bytes, both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Opens byte streams; everything above them is the same on any network.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Resolves `host` and connects; the caller sets the time limit.
    ///
    /// # Errors
    /// What the network says.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>>;
}

/// Connects over TCP, by the resolver of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpConnector;

#[async_trait]
impl Connector for TcpConnector {
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn ByteStream>> {
        let stream = TcpStream::connect((host, port)).await?;
        // Pings and pongs are small and must not wait for company.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
