//! Serves a simulated Steam until it is stopped.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use domain::SteamId;
use health_kit::SystemClock;
use steam_simulator::{Mode, Person, SteamSimulator};

/// Signing in with Steam, simulated: logs in whom you say.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Whom every browser is signed in as; without it a page asks
    #[arg(long, value_name = "ID")]
    steam_id: Option<SteamId>,
    /// What that person is called
    #[arg(long, default_value = "Somebody", requires = "steam_id")]
    name: String,
    /// honest, cancel, http-ids, stale-nonces, no, html, refuse:STATUS, slow:TIME, dribble:TIME, huge, redirect, two-answers, wrong-namespace or close
    #[arg(long, default_value = "honest")]
    mode: Mode,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    // Nobody but this process needs to know the key, and nothing real depends on it.
    let mut key = [0; 32];
    let port = arguments.port.to_be_bytes();
    key[..2].copy_from_slice(&port);
    key[2..6].copy_from_slice(&std::process::id().to_be_bytes());
    let simulator = SteamSimulator::start(address, key, Arc::new(SystemClock)).await?;
    simulator.set_mode(arguments.mode);
    simulator.log_in(arguments.steam_id);
    if let Some(id) = arguments.steam_id {
        let picture = "https://avatars.example/somebody.jpg".to_owned();
        simulator.call(
            id,
            Person {
                name: arguments.name,
                picture,
            },
        );
    }
    println!("endpoint {}", simulator.endpoint());
    println!("ids {}", simulator.claimed_id_prefix());
    println!("api {}", simulator.origin());
    tokio::signal::ctrl_c()
        .await
        .context("cannot listen for Ctrl-C")?;
    println!("{:?}", simulator.counts());
    Ok(())
}
