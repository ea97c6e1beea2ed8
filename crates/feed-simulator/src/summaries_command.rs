//! `summaries`: fills a topic that exists, and prints what was sent as a line of JSON.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use domain::Timestamp;
use feed_simulator::{
    World,
    summaries::{Knowledge, Summaries, SummariesConfig, SummaryProducer},
};
use serde::Serialize;

/// Which summaries, and where to.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Addresses of Kafka: host:port, separated by commas
    #[arg(long, default_value = "localhost:9092")]
    bootstrap_servers: String,
    /// Topic that the records go to; it must exist
    #[arg(long, default_value = "match_summaries")]
    topic: String,
    /// Records per second on average; 0 is as fast as they are taken
    #[arg(long, default_value_t = 0.0, value_parser = rate)]
    rate: f64,
    /// Different matches
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// The same seed gives the same world and the same records
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tells of the ten players too
    #[arg(long)]
    players: bool,
    /// When the first match starts, such as 2026-04-12T13:20:00Z; otherwise then
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Spreads the starts over so much time, such as 30days; otherwise 14 matches start in a second
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    span: Option<Duration>,
    /// Fraction of the records that is the same as an earlier one
    #[arg(long, default_value_t = 0.0)]
    repeat_share: f64,
    /// Fraction of the records that corrects an earlier one
    #[arg(long, default_value_t = 0.0)]
    correct_share: f64,
    /// Fraction of the records that a consumer has to set aside
    #[arg(long, default_value_t = 0.0)]
    invalid_share: f64,
}

/// What was sent.
#[derive(Serialize)]
struct Report {
    records: u64,
    matches: u64,
    ids_digest: feed_simulator::IdDigest,
    repeated: u64,
    corrected: u64,
    invalid: BTreeMap<&'static str, u64>,
}

/// Sends everything, and waits until it is delivered.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut summaries = Summaries::try_new(SummariesConfig {
        from: arguments.from,
        span: arguments.span,
        sources: vec![if arguments.players {
            Knowledge::Everything
        } else {
            Knowledge::Pages
        }],
        seed: arguments.seed,
        repeat_fraction: arguments.repeat_share,
        correct_fraction: arguments.correct_share,
        invalid_fraction: arguments.invalid_share,
        ..SummariesConfig::new(World::new(arguments.seed), arguments.count)
    })?;
    let producer = SummaryProducer::try_new(&arguments.bootstrap_servers, &arguments.topic)?;
    producer.send_all(&mut summaries, arguments.rate).await?;
    let sent = summaries.into_sent();
    let report = Report {
        records: sent.records,
        matches: sent.matches,
        ids_digest: sent.ids_digest,
        repeated: sent.repeated,
        corrected: sent.corrected,
        invalid: sent.invalid,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|_| "not a number".to_owned())?;
    let config = feed_simulator::Config {
        rate,
        ..feed_simulator::Config::default()
    };
    config.validate().map_err(|error| error.to_string())?;
    Ok(rate)
}

/// A time as RFC 3339 writes it, in UTC.
fn time(text: &str) -> anyhow::Result<Timestamp> {
    let time = humantime::parse_rfc3339(text)?;
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("it is before 1970")?;
    let seconds = i64::try_from(since_epoch.as_secs())?;
    Ok(Timestamp::from_unix_seconds(seconds))
}
