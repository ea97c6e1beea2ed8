//! Refreshing sessions at a fixed rate, beside a transaction of the same shape alone.
//!
//! Both use the same real PostgreSQL, which syncs every commit, in turn, so that a machine whose speed drifts is unfair
//! to neither. The services are the builds beside this binary, with their default settings wherever there is a choice.

use std::time::Duration;

use anyhow::Result;
use auth_benchmarks::{Accounts, Alone, Latencies, Started};
use clap::Parser;
use sql_test_kit::Postgres;
use test_kit::usage::binaries_folder;

const SYNCED: [&str; 2] = ["fsync=on", "full_page_writes=on"];
const NOWHERE: &str = "postgresql://u:p@127.0.0.1:1/none";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[derive(Parser)]
struct Args {
    /// Refreshes a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Refreshes a round.
    #[arg(long, default_value_t = 4_000)]
    count: usize,
    /// Sessions that are refreshed in turn.
    #[arg(long, default_value_t = 400)]
    sessions: u32,
    /// Rounds of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let binaries = binaries_folder()?;
    let server = Postgres::start_with(&SYNCED).await?;
    for name in ["auth-service", "user-service"] {
        let program = binaries.join(name);
        let nowhere = settings(NOWHERE);
        let without = Started::start(&program, &nowhere).await?.answers_after;
        let url = server.fresh_database("idle").await?;
        let started = Started::start(&program, &settings(&url)).await?;
        let resident = started.resident_mib().await;
        let resident = match resident {
            Ok(resident) => format!("{resident:.1} MiB resident when idle"),
            Err(error) => format!("{error:#}"),
        };
        println!(
            "{name}: answers {:.0} ms after its start with nothing else alive; {resident}",
            ms(without)
        );
    }

    let url = server.fresh_database("alone").await?;
    let alone = Alone::prepare(&url, args.sessions.into()).await?;
    let url = server.fresh_database("auth").await?;
    let mut accounts = Accounts::start(&binaries.join("auth-service"), &settings(&url)).await?;
    accounts.sign_in(args.sessions).await?;
    println!(
        "\n{} refreshes a second, {} a round; p50, p99 and p99.9 in ms from the moment each was due",
        args.rate, args.count
    );
    println!(
        "{:>5}  {:>26}  {:>26}",
        "round", "transaction alone", "service"
    );
    for round in 1..=args.rounds {
        let floor = alone.refresh(args.rate, args.count).await?;
        let service = accounts.refresh(args.rate, args.count).await?;
        println!("{round:>5}  {}  {}", shown(&floor), shown(&service));
    }
    Ok(())
}

fn settings(url: &str) -> [(&str, &str); 2] {
    [("DATABASE_URL", url), ("AUTH_KEY_ENCRYPTION_KEY", KEY)]
}

fn shown(latencies: &Latencies) -> String {
    let shown =
        [500, 990, 999].map(|permille| format!("{:>8.2}", ms(latencies.permille(permille))));
    shown.join(" ")
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
