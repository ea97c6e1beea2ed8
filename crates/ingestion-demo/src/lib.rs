//! `demo`: the whole product on one machine, with nothing installed.
//!
//! The real pipeline and HTTP interface run between a simulated feed and an
//! embedded broker, all in this process. A reader follows the topic, and at
//! the end what the feed sent is compared with what the topic got. The broker
//! is librdkafka's mock cluster: it stores nothing and knows no transactions,
//! so nothing is shown here about durability.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod gate;
mod terminal;
mod topic_check;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use command_kit::{
    Given, block_on,
    demo::{demo_duration, exit_code, page_port, until},
    listen_first,
};
use feed_simulator::{Config, RunningSimulator, Simulator, Truth};
use ingestion_commands::{service::Service, settings::Settings};
use ingestion_kafka_adapter::{Delivery, KafkaSettings};
use kafka_kit::{embedded::EmbeddedBroker, settings::ClientSettings};
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
    telemetry::{self, LogFormat},
};
use tokio::time::{Instant, timeout};
use tracing::level_filters::LevelFilter;

use self::{gate::Gate, topic_check::TopicCheck};

/// The service's own thread, and one for the feed.
const WORKER_THREADS: usize = 2;
/// The mock cluster keeps 5 MB a partition: with 16, the reader has time to read.
const PARTITIONS: usize = 16;
/// One frame in a hundred repeats a match, one in a thousand is invalid.
const DUPLICATE_FRACTION: f64 = 0.01;
const INVALID_FRACTION: f64 = 0.001;
/// How long the client may take to read what has been sent when the demo ends.
const LAST_READ_TIME_MAX: Duration = Duration::from_secs(10);

/// Flags of `demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArguments {
    /// End after so long, such as 30s or 5m; without it the demo runs until Ctrl-C
    #[arg(long, value_parser = demo_duration)]
    duration: Option<Duration>,
    /// Matches a second, Poisson distributed; 0 is as fast as the socket takes them
    #[arg(long, default_value_t = 1000.0, value_parser = rate)]
    rate: f64,
    /// The same seed gives the same matches
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Port of the live page; without it 8000, or a free one if that is taken
    #[arg(long)]
    port: Option<u16>,
}

/// Shows the product until Ctrl-C or the end of the duration; exit 0 only if
/// the topic got each match that the feed sent, once.
#[must_use]
pub fn execute(arguments: DemoArguments, given: &Given) -> ExitCode {
    let given = given.clone();
    let demo = listen_first(
        move || given.load::<Settings>(),
        async |loaded, signals| exit_code(show(loaded.settings, signals, arguments).await),
    );
    block_on(WORKER_THREADS, demo)
}

async fn show(
    mut settings: Settings,
    mut signals: EndSignals,
    arguments: DemoArguments,
) -> anyhow::Result<ExitCode> {
    settings.log.level = settings.log.level.min(LevelFilter::WARN);
    settings.log.format = LogFormat::Text;
    telemetry::init(&settings.log)?;

    let broker = EmbeddedBroker::start(&[
        (&settings.kafka.publish_topic, PARTITIONS),
        (&settings.kafka.dead_letter_topic, 1),
    ])?;
    let simulator = Arc::new(Simulator::start(feed(&arguments)).await?);
    let gate = Arc::new(Gate::new(simulator.feed()));

    // Gone with the demo, like the broker.
    let journal = tempfile::tempdir().context("there is no place for a journal")?;
    settings.journal.dir = journal.path().to_owned();
    settings.kafka = embedded_kafka(settings.kafka, &broker);
    settings.opendota.urls = vec![simulator.websocket_url().into()];
    settings.opendota.headers.clear();
    "127.0.0.1".clone_into(&mut settings.api.host);
    settings.api.port = page_port(arguments.port, settings.api.port)?;
    let publish_topic = settings.kafka.publish_topic.clone();

    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let service = Service::build(settings, lifecycle.drain())?;
    let ingestion = Arc::clone(&service.api().ingestion);
    let check = TopicCheck::start(
        &broker.bootstrap_servers(),
        &publish_topic,
        Arc::clone(&ingestion),
        Arc::clone(&gate),
    )?;
    terminal::print_beginning(&arguments, PARTITIONS, service.address()?);
    let terminal = terminal::start(Arc::clone(&ingestion));

    let mut end = arguments.duration.map(|duration| Instant::now() + duration);
    let code = service
        .run(lifecycle, async || {
            // The second time there is nothing left to finish.
            let is_first = !gate.is_closed_for_good();
            let reason = tokio::select! {
                signal = signals.next() => signal,
                () = until(end.take()) => "the end of the demo",
            };
            if is_first {
                finish_feed(&gate, &simulator).await;
            }
            reason
        })
        .await;
    terminal.stop().await;

    let snapshot = ingestion.snapshot();
    let topic = check.finish(snapshot.ledger.published).await;
    let verdict = terminal::print_end(&simulator.truth(), &topic, &snapshot);
    Ok(if verdict { code } else { ExitCode::Internal })
}

fn feed(arguments: &DemoArguments) -> Config {
    Config {
        seed: arguments.seed,
        rate: arguments.rate,
        duplicate_fraction: DUPLICATE_FRACTION,
        invalid_fraction: INVALID_FRACTION,
        ..Config::default()
    }
}

/// The settings in force, but towards the embedded broker, which knows no security.
fn embedded_kafka(settings: KafkaSettings, broker: &EmbeddedBroker) -> KafkaSettings {
    let embedded = KafkaSettings::at(&broker.bootstrap_servers());
    KafkaSettings {
        client: ClientSettings {
            client_id: settings.client.client_id,
            ..embedded.client
        },
        publish_topic: settings.publish_topic,
        dead_letter_topic: settings.dead_letter_topic,
        // The embedded broker knows no transactions.
        delivery: Delivery::AtLeastOnce,
        linger: settings.linger,
        compression: settings.compression,
        ..embedded
    }
}

/// Stops the feed, and waits until the client has read all that was sent.
async fn finish_feed(gate: &Gate, simulator: &RunningSimulator) {
    gate.close_for_good();
    let all_read = simulator.until(|truth: &Truth| truth.frames_unproved == 0);
    if timeout(LAST_READ_TIME_MAX, all_read).await.is_err() {
        tracing::warn!("the client has not read everything that was sent");
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().map_err(|_| "not a number".to_owned())?;
    let config = Config {
        rate,
        ..Config::default()
    };
    config.validate().map_err(|error| error.to_string())?;
    Ok(rate)
}
