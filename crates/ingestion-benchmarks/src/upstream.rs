//! A simulated upstream beside what is measured.

use std::{net::SocketAddr, sync::mpsc, thread};

use anyhow::{Context as _, Result};
use feed_simulator::upstream::{Answers, UpstreamServer};

/// Where an upstream is served.
#[derive(Debug, Clone)]
pub struct Served {
    /// Such as `http://127.0.0.1:40123`.
    pub origin: String,
    /// What paths of `OpenDota`'s API go behind.
    pub url: String,
}

/// Serves in a thread of its own, to the end of the process.
///
/// # Errors
/// It does not come to that.
pub fn serve(upstream: impl Answers) -> Result<Served> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let address = SocketAddr::from(([127, 0, 0, 1], 0));
            let server = UpstreamServer::start(upstream, address).await?;
            tell.send(Served {
                origin: server.origin(),
                url: server.url(),
            })?;
            std::future::pending().await
        })
    });
    told.recv().context("the upstream does not listen")
}
