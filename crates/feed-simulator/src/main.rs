//! Serves a simulated match feed and its truth, until it is stopped or all is read.

mod broker;
mod self_test;
mod summaries_command;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};
use feed_simulator::{
    Afterwards, AtEnd, Config, Fault, FaultSchedule, MessageFormat, MessageKind, RandomFaults,
    Rows, Simulator, UpgradeFault, World,
    logs::{LogsConfig, LogsUpstream},
    steam::{SteamConfig, SteamLimits, SteamUpstream},
    upstream::{CallFault, Upstream, UpstreamConfig, UpstreamServer},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::broker::Broker;

/// A websocket feed of matches with a known truth.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Port of the feed on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the truth on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    http_port: u16,
    /// Mean matches per second, Poisson distributed; 0 is as fast as the socket takes them
    #[arg(long, default_value_t = 14.0)]
    rate: f64,
    /// What a match looks like
    #[arg(long, value_enum, default_value_t = RowsArgument::Realistic)]
    rows: RowsArgument,
    /// Sends the rows of a recorded file instead: a JSON array, an object with matches, or JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "rows")]
    replay: Option<PathBuf>,
    /// Genuine matches after which the feed ends
    #[arg(long)]
    count: Option<u64>,
    /// Closes with code 1000 at the end instead of falling silent
    #[arg(long)]
    close_at_end: bool,
    /// Ends the program when all is sent and proved
    #[arg(long)]
    exit_when_done: bool,
    /// The same seed gives the same frames
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fraction of the frames that repeats a match
    #[arg(long, default_value_t = 0.0)]
    duplicates: f64,
    /// Fraction of the frames that is no match
    #[arg(long, default_value_t = 0.0)]
    invalid: f64,
    /// Fraction of the messages that is split into continuation frames
    #[arg(long, default_value_t = 0.0)]
    fragmented: f64,
    /// How matches stand in messages
    #[arg(long, value_enum, default_value_t = FormatArgument::Object)]
    format: FormatArgument,
    /// Fraction of the envelopes that is of another type
    #[arg(long, default_value_t = 0.0)]
    asides: f64,
    /// Sends binary messages
    #[arg(long)]
    binary: bool,
    /// Does not send again what a broken connection left unproved
    #[arg(long)]
    no_resend: bool,
    /// Keeps every id, for /truth/ids
    #[arg(long)]
    record_ids: bool,
    /// Faults to draw from, such as close:1011:why,reset,silence:10s,half-open,end-of-stream,slow-reader:64,oversized:20000000,text-not-utf8
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Mean number of frames between two faults
    #[arg(long, default_value_t = 1_000)]
    fault_every: u32,
    /// Faults of the upgrade to draw from: accept-then-close,refuse:503:RETRY_AFTER,slow:3s
    #[arg(long, value_delimiter = ',')]
    upgrade_faults: Vec<UpgradeFault>,
    /// Fraction of the upgrades that go wrong, if there are faults to draw from
    #[arg(long, default_value_t = 0.5)]
    upgrade_fault_fraction: f64,
    /// Opens an embedded broker with the platform's topics, and sends it a summary of each match
    #[arg(long)]
    broker: bool,
    /// Sends no summaries to the embedded broker
    #[arg(long, requires = "broker")]
    no_summaries: bool,
    /// Serves an HTTP API of matches on this port of 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    upstream_port: Option<u16>,
    /// Serves Steam's sequence of matches on this port of 127.0.0.1, to any key; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    steam_port: Option<u16>,
    /// How many matches the sequence has
    #[arg(long, default_value_t = 100_000, requires = "steam_port")]
    steam_matches: u32,
    /// How many times faster than the real one the sequence grows; from 2 on keys have no limits
    #[arg(long, default_value_t = 1, requires = "steam_port")]
    steam_speed: u32,
    /// Serves the log of the services on this port of 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    logs_port: Option<u16>,
    /// How many times faster than the real one the log is said
    #[arg(long, default_value_t = 1, requires = "logs_port")]
    logs_speed: u32,
    /// Faults of the APIs and the log to draw from, such as refuse:429,refuse:502,accept-then-close,slow:3s,wrong-id,odd-row,null-row,empty
    #[arg(long, value_delimiter = ',')]
    upstream_faults: Vec<CallFault>,
    /// Fraction of the APIs' calls that go wrong, if there are faults to draw from
    #[arg(long, default_value_t = 0.1)]
    upstream_fault_fraction: f64,
    /// Reads its own feed of bare matches on one core, prints frames per second, and ends
    #[arg(long)]
    self_test: bool,
}

/// What else there is to simulate.
#[derive(clap::Subcommand)]
enum Command {
    /// Fills a topic with summaries of whole matches, and says what was sent
    Summaries(summaries_command::Arguments),
}

#[derive(Clone, Copy, ValueEnum)]
enum RowsArgument {
    Bare,
    Realistic,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatArgument {
    Object,
    Envelope,
    Lines,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    // One thread: what is left of the machine belongs to the reader of the feed.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(Command::Summaries(arguments)) = arguments.command {
        runtime.block_on(summaries_command::run(arguments))
    } else if arguments.self_test {
        runtime.block_on(self_test::run(&config(&arguments)))
    } else {
        runtime.block_on(serve(&arguments))
    }
}

async fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let simulator = Simulator::start(config(arguments)).await?;
    println!("feed {}", simulator.websocket_url());
    println!(
        "truth {}",
        simulator
            .http_url()
            .context("the truth is always served here")?
    );
    let world = broker::world(arguments.seed);
    let broker = arguments
        .broker
        .then(|| Broker::start(simulator.feed(), world.clone(), !arguments.no_summaries))
        .transpose()?;
    if let Some(broker) = &broker {
        println!("broker {}", broker.address());
    }
    let upstream = match arguments.upstream_port {
        Some(port) => Some(start_upstream(arguments, world.clone(), port).await?),
        None => None,
    };
    let steam = match arguments.steam_port {
        Some(port) => Some(start_steam(arguments, world, port).await?),
        None => None,
    };
    let logs = match arguments.logs_port {
        Some(port) => Some(start_logs(arguments, broker::world(arguments.seed), port).await?),
        None => None,
    };
    if let Some(logs) = &logs {
        println!("logs {}/logs", logs.origin());
    }
    if let Some(steam) = &steam {
        println!("steam {}", steam.origin());
    }
    if let Some(upstream) = &upstream {
        println!("upstream {}", upstream.url());
    }
    let mut terminated = signal(SignalKind::terminate())?;
    let is_done = tokio::select! {
        () = simulator.finished(), if arguments.exit_when_done => true,
        interrupted = tokio::signal::ctrl_c() => { interrupted?; false }
        _ = terminated.recv() => false,
    };
    if let Some(broker) = broker
        && let Some(sent) = broker.stop().await?
    {
        println!("{{\"summaries_sent\":{sent}}}");
    }
    let mut truth = simulator.truth();
    simulator.stop().await;
    // A long soak has too many of them to read.
    truth.connections.clear();
    println!("{}", serde_json::to_string(&truth)?);
    if arguments.exit_when_done && !is_done {
        bail!("stopped before everything was read");
    }
    Ok(())
}

async fn start_upstream(
    arguments: &Arguments,
    world: World,
    port: u16,
) -> anyhow::Result<UpstreamServer> {
    let upstream = Upstream::new(UpstreamConfig {
        seed: arguments.seed,
        faults: arguments.upstream_faults.clone(),
        fault_fraction: arguments.upstream_fault_fraction,
        ..UpstreamConfig::new(world, broker::now())
    });
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(UpstreamServer::start(upstream, address).await?)
}

/// Its clock begins with the world: the sequence is empty, and grows.
async fn start_steam(
    arguments: &Arguments,
    world: World,
    port: u16,
) -> anyhow::Result<UpstreamServer> {
    let limits = match arguments.steam_speed {
        0 | 1 => SteamLimits::REAL,
        _ => SteamLimits::NONE,
    };
    let steam = SteamUpstream::new(SteamConfig {
        matches: arguments.steam_matches,
        speed: arguments.steam_speed,
        limits,
        seed: arguments.seed,
        faults: arguments.upstream_faults.clone(),
        fault_fraction: arguments.upstream_fault_fraction,
        ..SteamConfig::new(world)
    });
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(UpstreamServer::start(steam, address).await?)
}

/// Its clock begins with the world: after the first matches have ended, there is something to say.
async fn start_logs(
    arguments: &Arguments,
    world: World,
    port: u16,
) -> anyhow::Result<UpstreamServer> {
    let logs = LogsUpstream::new(LogsConfig {
        speed: arguments.logs_speed,
        seed: arguments.seed,
        faults: arguments.upstream_faults.clone(),
        fault_fraction: arguments.upstream_fault_fraction,
        ..LogsConfig::new(world)
    });
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(UpstreamServer::start(logs, address).await?)
}

fn config(arguments: &Arguments) -> Config {
    let on_loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let rows = match (&arguments.replay, arguments.rows) {
        (Some(path), _) => Rows::Replay(path.clone()),
        (None, RowsArgument::Bare) => Rows::Bare,
        (None, RowsArgument::Realistic) => Rows::Realistic,
    };
    let random = RandomFaults {
        faults: arguments.faults.clone(),
        frames_between_mean: arguments.fault_every,
        upgrade_faults: arguments.upgrade_faults.clone(),
        upgrade_fraction: arguments.upgrade_fault_fraction,
    };
    Config {
        websocket_address: on_loopback(arguments.port),
        http_address: Some(on_loopback(arguments.http_port)),
        seed: arguments.seed,
        rows,
        message_kind: if arguments.binary {
            MessageKind::Binary
        } else {
            MessageKind::Text
        },
        format: match arguments.format {
            FormatArgument::Object => MessageFormat::Object,
            FormatArgument::Envelope => MessageFormat::Envelope,
            FormatArgument::Lines => MessageFormat::Lines,
        },
        aside_fraction: arguments.asides,
        rate: arguments.rate,
        count: arguments.count,
        at_end: if arguments.close_at_end {
            AtEnd::Close
        } else {
            AtEnd::StayOpen
        },
        duplicate_fraction: arguments.duplicates,
        invalid_fraction: arguments.invalid,
        fragmented_fraction: arguments.fragmented,
        resend_unproved: !arguments.no_resend,
        record_ids: arguments.record_ids,
        record_proofs: false,
        faults: FaultSchedule {
            afterwards: Afterwards::Random(random),
            ..FaultSchedule::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
