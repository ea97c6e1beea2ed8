//! Loading from Kafka, beside the client alone with the same matches in memory.
//!
//! Both use the same real ClickHouse, in turn, each with an empty database, so
//! that a machine whose speed drifts is unfair to neither. The service is the
//! release build beside this binary, with its default settings.

use anyhow::Result;
use clap::Parser;
use clickhouse_test_kit::ClickHouse;
use etl_benchmarks::{Database, Kafka, Matches, idle, load, rebuild, store};
use feed_simulator::summaries::SummaryProducer;
use test_kit::usage::binaries_folder;

#[derive(Parser)]
struct Args {
    /// Matches a run, without players.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Matches of the day that is rebuilt; 0 rebuilds none.
    #[arg(long, default_value_t = 1_200_000)]
    day_matches: u64,
    /// Runs of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let binaries = binaries_folder()?;
    let engine = ClickHouse::start().await?;
    let kafka = Kafka::start().await?;
    let producer = SummaryProducer::try_new(kafka.bootstrap_servers(), &kafka.summaries)?;
    let matches = Matches::make(args.day_matches, args.count, &producer).await?;

    let database = Database::create(&engine).await?;
    let (resident, most) = idle(&kafka, &binaries, &engine, &database).await?;
    println!("idle: {resident:.1} MiB resident, {most:.1} MiB at most\n");
    println!(
        "{:>5}  {:>30}  {:>52}  {:>5}",
        "round", "client alone, from memory", "service, from Kafka", "ratio"
    );
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        let database = Database::create(&engine).await?;
        let alone = store(&database, matches.in_topic(), &engine).await?;
        database.expect_matches(&engine, args.count).await?;
        let database = Database::create(&engine).await?;
        let service = load(&kafka, args.count, &binaries, &engine, &database).await?;
        let ratio = service.per_second / alone.per_second;
        println!(
            "{round:>5}  {:>8.0}/s {:>5.2} s/M, engine {:>5.2}  {:>8.0}/s ({:>8.0}/s reading) {:>5.2} s/M, engine {:>5.2}, {:>5.1} MiB  {ratio:>5.2}",
            alone.per_second,
            per_million(alone.client_cpu_seconds, args.count),
            per_million(alone.engine_cpu_seconds, args.count),
            service.per_second,
            service.per_second_from_first,
            per_million(service.usage.cpu_seconds, args.count),
            per_million(service.engine_cpu_seconds, args.count),
            service.usage.resident_mib_max,
        );
        ratios.push(ratio);
        rates.push(service.per_second);
    }
    println!(
        "\nthe service loads {:.0} matches a second from its start, {:.2} of what the client alone does (medians of {})",
        median(&mut rates),
        median(&mut ratios),
        args.rounds
    );
    if args.day_matches > 0 {
        let database = Database::create(&engine).await?;
        for part in [matches.in_topic(), matches.others()] {
            store(&database, part, &engine).await?;
        }
        let day = rebuild(&database, matches.day, &engine).await?;
        println!(
            "a day of {} matches, {} counted, is rebuilt in {:.2} s with {:.2} processor seconds, engine and client together, and swapped in {:.0} ms",
            day.matches,
            day.counted,
            day.took.as_secs_f64(),
            day.cpu_seconds,
            day.swap.as_secs_f64() * 1000.0
        );
    }
    Ok(())
}

fn per_million(cpu_seconds: f64, count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let millions = count as f64 / 1e6;
    cpu_seconds / millions
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
