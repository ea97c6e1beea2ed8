//! `demo`: the whole product on one machine, with nothing installed.
//!
//! The real service runs between an embedded broker, which is filled with
//! summaries of a simulated week, and an embedded warehouse, all in this
//! process. At the end what was sent is compared with what was loaded and
//! counted. The broker is librdkafka's mock cluster and stores nothing, so
//! nothing is shown here about durability.

// A closed pipe makes these macros panic; see `command_kit::say`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod sender;
mod terminal;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use command_kit::{
    Given, block_on,
    demo::{demo_duration, exit_code, page_port, until},
    listen_first,
};
use etl_application::WishRules;
use etl_commands::{Service, settings::Settings};
use etl_kafka_adapter::KafkaSettings;
use kafka_kit::{embedded::EmbeddedBroker, settings::ClientSettings};
use service_kit::{
    exit_code::ExitCode,
    lifecycle::{EndSignals, Lifecycle},
    telemetry::{self, LogFormat},
};
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use warehouse_kit::WarehousePlace;

use self::sender::Sender;

/// The service's own threads, and one for the simulator.
const WORKER_THREADS: usize = 3;
const PARTITIONS: usize = 12;
/// Counters are to be seen soon.
const COUNTERS_DELAY: Duration = Duration::from_secs(2);
const BATCH_WAIT: Duration = Duration::from_millis(250);

/// Flags of `demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArguments {
    /// End after so long, such as 30s or 5m; without it the demo runs until Ctrl-C
    #[arg(long, value_parser = demo_duration)]
    duration: Option<Duration>,
    /// Summaries a second; 0 is as fast as they are taken
    #[arg(long, default_value_t = 500.0, value_parser = rate)]
    rate: f64,
    /// Matches that are played in the simulated week
    #[arg(long, default_value_t = 100_000)]
    matches: u64,
    /// The same seed gives the same matches
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Port of the live page; without it 8001, or a free one if that is taken
    #[arg(long)]
    port: Option<u16>,
}

/// Shows the product until Ctrl-C or the end of the duration; exit 0 only if
/// what was sent was loaded and counted.
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
    let begun = Instant::now();
    settings.log.level = settings.log.level.min(LevelFilter::WARN);
    settings.log.format = LogFormat::Text;
    telemetry::init(&settings.log)?;

    let topic = settings.kafka.match_summary_topic.take();
    let topic = topic.unwrap_or_else(|| "match_summaries".to_owned());
    let broker =
        EmbeddedBroker::start(&[(&topic, PARTITIONS), (&settings.kafka.dead_letter_topic, 1)])?;
    // Gone with the demo, like the broker.
    let folder = tempfile::tempdir().context("there is no place for a warehouse")?;
    settings.warehouse.place = WarehousePlace::Embedded;
    settings.warehouse.dir = folder.path().to_owned();
    settings.kafka = embedded_kafka(settings.kafka, &broker, &topic);
    settings.counters.delay = COUNTERS_DELAY;
    settings.loader.batch_wait = BATCH_WAIT;
    // Its matches are invented: nobody outside knows them.
    settings.loader.wishes = WishRules::default();
    "127.0.0.1".clone_into(&mut settings.api.host);
    settings.api.port = page_port(arguments.port, settings.api.port)?;
    let rules = settings.counters.rules.clone();

    let lifecycle = Lifecycle::new(settings.shutdown_timeout);
    let service = Service::build(settings, lifecycle.drain()).await?;
    let (etl, counters) = (
        Arc::clone(&service.api().etl),
        Arc::clone(&service.api().counters),
    );
    terminal::print_beginning(&arguments, PARTITIONS, service.address()?);
    let sender = Sender::start(&broker.bootstrap_servers(), &topic, &arguments)?;
    let terminal = terminal::start(Arc::clone(&etl));
    let first_counters = tokio::spawn(terminal::tell_first_counters(Arc::clone(&etl), begun));

    let mut end = arguments.duration.map(|duration| Instant::now() + duration);
    let mut sender = Some(sender);
    let mut verdict = None;
    let code = service
        .run(lifecycle, async || {
            let reason = tokio::select! {
                signal = signals.next() => signal,
                () = until(end.take()) => "the end of the demo",
            };
            // The second time there is nothing left to finish.
            if let Some(sender) = sender.take() {
                verdict = Some(sender.finish(&etl, &*counters, &rules).await);
            }
            reason
        })
        .await;
    first_counters.abort();
    terminal.stop().await;
    let verdict = verdict.context("it was not asked to end")??;
    Ok(if terminal::print_end(&verdict) {
        code
    } else {
        ExitCode::Internal
    })
}

/// The settings in force, but towards the embedded broker, which knows no security.
fn embedded_kafka(settings: KafkaSettings, broker: &EmbeddedBroker, topic: &str) -> KafkaSettings {
    let embedded = KafkaSettings::at(&broker.bootstrap_servers());
    KafkaSettings {
        client: ClientSettings {
            client_id: settings.client.client_id,
            ..embedded.client
        },
        group_id: settings.group_id,
        match_summary_topic: Some(topic.to_owned()),
        // Nobody sends ids.
        match_id_topic: None,
        dead_letter_topic: settings.dead_letter_topic,
        ..embedded
    }
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
