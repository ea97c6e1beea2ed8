//! Runs a PostgreSQL until it is stopped, for a look: what it holds ends with it.

use std::env;

use anyhow::{Context as _, Result};
use sql_test_kit::Postgres;

/// Prints the address of an empty database for each name that it is given.
#[tokio::main]
async fn main() -> Result<()> {
    let postgres = Postgres::start().await?;
    for name in env::args().skip(1) {
        println!("{name} {}", postgres.fresh_database(&name).await?);
    }
    tokio::signal::ctrl_c()
        .await
        .context("cannot listen for Ctrl-C")
}
