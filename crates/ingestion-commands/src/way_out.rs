//! The way out, of the service and of the commands that run without one:
//! Kafka, the journal, and the backlog before both.

use std::sync::Arc;

use anyhow::Context as _;
use health_kit::{Clock, SystemClock};
use ingestion_application::{Backlog, BacklogLimits, BacklogSettings, BacklogWork, HandIn, Ledger};
use ingestion_journal_adapter::FileJournal;
use ingestion_kafka_adapter::KafkaPublisher;

use crate::{feeds, settings::Settings};

/// Where matches go, put together and not yet running.
pub(crate) struct WayOut {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) publisher: Arc<KafkaPublisher>,
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) work: BacklogWork,
    pub(crate) hand_in: Arc<HandIn>,
}

impl WayOut {
    /// Puts it together; the journal's folder is this process's from here on.
    ///
    /// # Errors
    /// A setting that is well-formed but cannot work here.
    pub(crate) fn build(settings: &Settings) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ledger = Arc::new(Ledger::new(Arc::clone(&clock)));
        let publisher = KafkaPublisher::try_new(&settings.kafka, &clock)
            .context("the KAFKA_ settings cannot work")?;
        let publisher = Arc::new(publisher);
        let parsers = feeds::parsers(settings);
        // Each may have left something there.
        let sources = parsers.sources();
        let journal = FileJournal::open(&settings.journal, &sources, Arc::clone(&clock))?;
        let journal = Arc::new(journal);
        let (backlog, work) = Backlog::new(
            BacklogSettings {
                dedup_window_size: settings.dedup_window_size,
                has_summaries: settings.kafka.match_summary_topic.is_some(),
                may_stand_by: settings.kafka.is_standby,
                limits: BacklogLimits::DEFAULT,
            },
            journal.clone(),
            publisher.clone(),
            Arc::clone(&ledger),
            Arc::clone(&clock),
        );
        let hand_in = Arc::new(HandIn::new(backlog, parsers, Arc::clone(&clock)));
        Ok(Self {
            clock,
            ledger,
            publisher,
            journal,
            work,
            hand_in,
        })
    }
}
