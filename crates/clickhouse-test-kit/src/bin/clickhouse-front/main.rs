//! A ClickHouse server for tests: the engine of the npm package, which is a
//! library, behind the part of ClickHouse's HTTP interface that clients use.
//!
//! It has no users, no TLS, no sessions and no compressed answers, and it does
//! not stream answers, so an error comes instead of an answer and never within
//! one. What it cannot do it refuses. One process has one engine, and that one
//! folder; kill it at any time, as a server.

mod library;
mod request;
mod server;
mod session;

use std::{net::Ipv4Addr, path::PathBuf};

use anyhow::{Result, anyhow};
use clap::Parser;
use tokio::{net::TcpListener, runtime};

use self::library::Library;

/// Speaks ClickHouse's HTTP over the engine in a library.
#[derive(Parser)]
struct Options {
    /// The engine: libchdb.so.
    #[arg(long)]
    library: PathBuf,
    /// The folder of the database, which is made if it is missing.
    #[arg(long)]
    path: PathBuf,
    /// Where to listen on the loopback interface; 0 takes any free port.
    #[arg(long)]
    port: u16,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let library = Library::load(&options.library, &options.path)?;
    // While there is a connection, the engine stays open; those of requests come and go.
    let connection = library.connect().map_err(|error| anyhow!(error.text))?;
    let version = connection.query("SELECT version()", "TabSeparated", &[]);
    let version = version.map_err(|error| anyhow!(error.text))?;

    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(server::CONNECTIONS_MAX)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let version = String::from_utf8_lossy(&version);
        eprintln!(
            "ClickHouse {} answers at http://{}",
            version.trim(),
            listener.local_addr()?
        );
        server::serve(listener, library).await;
        Ok(())
    })
}
