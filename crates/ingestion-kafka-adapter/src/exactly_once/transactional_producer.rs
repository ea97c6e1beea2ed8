//! The producer of transactions: opened, and replaced once it has failed for good.
//!
//! To open one fences every other producer of the same transactional id
//! and settles what it has left open. So a failed producer can be replaced at
//! any time, unless another instance has started since: that would shut out the
//! successor. If librdkafka does not say so the topic does, see [`Others`].

use std::sync::{Arc, PoisonError, RwLock};

use kafka_kit::{error_code::code_of, settings::SettingsError};
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{Producer, ThreadedProducer},
};
use tokio::time::{Duration, Instant};

use crate::{
    delivery::{
        client::{Context, retire},
        pause::{RESEND_PAUSE_MAX, RESEND_PAUSE_MIN},
        trouble::Trouble,
    },
    exactly_once::{
        others::Others,
        reports::{OtherEnds, Reports},
        transaction_queue::TransactionQueue,
        writer_end::{Stopped, WriterEnd},
    },
    settings::KafkaSettings,
    topic::readable::Readability,
};

/// No call blocks for longer, so that a stop is noticed.
pub(crate) const STEP: Duration = Duration::from_millis(200);
/// How long brokers keep a transaction open of which they hear nothing: the
/// longest their default settings allow. Afterwards they abort it and shut its
/// producer out, which cannot be told from a successor's doing; see
/// [`STUCK_AFTER`] for why that does not happen.
const TIMEOUT_MS: u32 = 900_000;
/// … and what they are asked for if they do not allow that.
const TIMEOUT_SHORT_MS: u32 = 60_000;
/// A transaction that is tried for longer is given up together with its
/// producer, and what it held is sent again by the next one.
///
/// So however long an outage is, brokers never meet a transaction that has
/// been open for longer than they allow: that would look as if another
/// instance had taken over.
const STUCK_AFTER: Duration = Duration::from_secs(40);
/// A producer that has not been opened for so long is worth a word.
const OPENED_WITHIN: Duration = Duration::from_secs(3);
/// Between two looks at one that is being opened.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// What a failed call means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// To be called again.
    NotYet(RDKafkaErrorCode),
    /// This transaction cannot be committed.
    Abort(RDKafkaErrorCode),
    /// This producer can do nothing more.
    Broken(RDKafkaErrorCode, String),
    /// Another producer has been opened under the same transactional id.
    Fenced(String),
}

/// The current client, for those who ask the brokers through it.
pub(crate) type Slot = Arc<RwLock<ThreadedProducer<Context>>>;

/// One producer at a time under one transactional id.
pub(crate) struct TransactionalProducer {
    config: ClientConfig,
    transactional_id: String,
    trouble: Arc<Trouble>,
    pub(crate) readability: Arc<Readability>,
    pub(crate) queue: Arc<TransactionQueue>,
    pub(crate) client: ThreadedProducer<Context>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) others: Others,
    /// Of each partition of other topics the offset after the last of ours.
    pub(crate) other_ends: OtherEnds,
    slot: Slot,
    timeout_ms: u32,
    state: State,
    /// Whether each record travels in a batch of its own.
    is_alone: bool,
    /// Before the next attempt to replace it.
    pause: Duration,
    /// How long a transaction may be tried.
    pub(crate) stuck_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Broken,
}

impl TransactionalProducer {
    /// Makes the first client; nothing is connected yet.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka does not accept the settings.
    pub(crate) fn try_new(
        settings: &KafkaSettings,
        trouble: Arc<Trouble>,
        readability: Arc<Readability>,
        queue: Arc<TransactionQueue>,
    ) -> Result<Self, SettingsError> {
        let mut config = settings.producer_config();
        config
            .set("transactional.id", &settings.transactional_id)
            // Messages gather before their transaction begins.
            .set("linger.ms", "0");
        let reports = Arc::new(Reports::default());
        let client = create(&config, TIMEOUT_MS, false, &trouble, &reports)?;
        let others = Others::new(settings, Arc::clone(&trouble), Arc::clone(&queue));
        Ok(Self {
            config,
            transactional_id: settings.transactional_id.clone(),
            trouble,
            readability,
            queue,
            slot: Arc::new(RwLock::new(client.clone())),
            client,
            reports,
            others,
            other_ends: OtherEnds::default(),
            timeout_ms: TIMEOUT_MS,
            state: State::New,
            is_alone: false,
            pause: RESEND_PAUSE_MIN,
            stuck_after: STUCK_AFTER,
        })
    }

    /// Where the current client is to be found.
    pub(crate) fn slot(&self) -> Slot {
        Arc::clone(&self.slot)
    }

    /// Sees to it that a transaction can begin, of single records or not, and
    /// that nobody else has written since the last one.
    ///
    /// # Errors
    /// [`WriterEnd`] when that will never be.
    pub(crate) fn open(&mut self, is_alone: bool) -> Result<(), WriterEnd> {
        if self.state == State::Open && self.is_alone != is_alone {
            self.discard();
        }
        if self.state != State::Open {
            self.initialise(is_alone)?;
            self.others.check()?;
            self.state = State::Open;
            self.trouble.set_transactions(None);
        }
        Ok(())
    }

    /// Shuts out every other producer.
    fn initialise(&mut self, is_alone: bool) -> Result<(), WriterEnd> {
        let begun = Instant::now();
        loop {
            self.queue.check_stop()?;
            if self.state == State::Broken {
                self.others.glance()?;
                if !self.renew(is_alone) {
                    self.wait_before_renewal()?;
                    continue;
                }
            }
            let Err(error) = self.client.init_transactions(STEP) else {
                return Ok(());
            };
            match classify(&error) {
                Failure::NotYet(code) => {
                    if begun.elapsed() > OPENED_WITHIN {
                        self.explain(code);
                    }
                    self.queue.sleep(LOOK_PAUSE)?;
                }
                Failure::Fenced(reason) => return Err(WriterEnd::Fenced(reason)),
                Failure::Abort(code) | Failure::Broken(code, _) => {
                    self.state = State::Broken;
                    if code == RDKafkaErrorCode::InvalidTransactionTimeout
                        && self.timeout_ms > TIMEOUT_SHORT_MS
                    {
                        self.timeout_ms = TIMEOUT_SHORT_MS;
                        tracing::warn!(
                            "the brokers allow no transactions of {TIMEOUT_MS} ms, so they may be \
                             open for {TIMEOUT_SHORT_MS} ms; raise transaction.max.timeout.ms"
                        );
                        continue;
                    }
                    self.explain(code);
                    self.wait_before_renewal()?;
                }
            }
        }
    }

    /// Takes back everything the producer has; it is replaced when it is next
    /// [opened](Self::open).
    pub(crate) fn discard(&mut self) {
        if self.state != State::Broken {
            self.state = State::Broken;
            retire(&self.client);
        }
    }

    /// As [`discard`](Self::discard), after a failure: the next one waits a while.
    ///
    /// # Errors
    /// [`Stopped`] in the middle of the wait.
    pub(crate) fn discard_failed(&mut self) -> Result<(), Stopped> {
        if let Some((code, reason)) = self.client.client().fatal_error() {
            tracing::warn!(%code, "the Kafka producer has failed and is replaced: {reason}");
        }
        self.discard();
        self.wait_before_renewal()
    }

    /// A transaction was committed, so a later failure is a new one.
    pub(crate) fn succeeded(&mut self) {
        self.pause = RESEND_PAUSE_MIN;
    }

    fn wait_before_renewal(&mut self) -> Result<(), Stopped> {
        let pause = self.pause;
        self.pause = RESEND_PAUSE_MAX.min(pause * 2);
        self.queue.sleep(pause)
    }

    /// Replaces the client; whether there is a new one.
    fn renew(&mut self, is_alone: bool) -> bool {
        let reports = Arc::new(Reports::default());
        let created = create(
            &self.config,
            self.timeout_ms,
            is_alone,
            &self.trouble,
            &reports,
        );
        match created {
            Ok(client) => {
                // The slot always holds a whole producer, whatever has panicked elsewhere.
                *self.slot.write().unwrap_or_else(PoisonError::into_inner) = client.clone();
                self.client = client;
                self.reports = reports;
                self.is_alone = is_alone;
                self.state = State::New;
                true
            }
            Err(error) => {
                tracing::error!("there is no new Kafka producer, another attempt follows: {error}");
                false
            }
        }
    }

    /// Says in health why it cannot be opened, and what to do about it.
    fn explain(&self, code: RDKafkaErrorCode) {
        let id = &self.transactional_id;
        let advice = match code {
            RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
                "allow this user Describe and Write on it"
            }
            RDKafkaErrorCode::ClusterAuthorizationFailed => {
                "allow this user IdempotentWrite on the cluster"
            }
            RDKafkaErrorCode::InvalidTransactionTimeout => {
                "raise transaction.max.timeout.ms of the brokers to at least a minute"
            }
            RDKafkaErrorCode::UnsupportedFeature => "the brokers are older than Kafka 2.5",
            _ => {
                "check that all brokers run, and that __transaction_state has the replicas that \
                 transaction.state.log.replication.factor asks for"
            }
        };
        let reason =
            format!("transactions of the transactional id {id} cannot begin: {code}; {advice}");
        if self.trouble.set_transactions(Some(reason.clone())) {
            tracing::debug!("{reason}");
        }
    }
}

fn create(
    config: &ClientConfig,
    timeout_ms: u32,
    is_alone: bool,
    trouble: &Arc<Trouble>,
    reports: &Arc<Reports>,
) -> Result<ThreadedProducer<Context>, SettingsError> {
    let mut config = config.clone();
    config.set("transaction.timeout.ms", timeout_ms.to_string());
    if is_alone {
        config.set("batch.num.messages", "1");
    }
    let reports: Arc<Reports> = Arc::clone(reports);
    let context = Context::new(reports, Arc::clone(trouble));
    Ok(config.create_with_context(context)?)
}

/// What a failed call means for its caller.
pub(crate) fn classify(error: &KafkaError) -> Failure {
    let code = code_of(error);
    match error {
        KafkaError::Flush(_) => Failure::NotYet(code),
        KafkaError::Transaction(error) => {
            if is_fencing(code) {
                Failure::Fenced(error.string())
            } else if error.is_fatal() {
                Failure::Broken(code, error.string())
            } else if error.txn_requires_abort() {
                Failure::Abort(code)
            } else if error.is_retriable() {
                Failure::NotYet(code)
            } else {
                Failure::Broken(code, error.string())
            }
        }
        _ => Failure::Broken(code, error.to_string()),
    }
}

/// Whether a fatal error means that another producer has been opened.
pub(crate) fn is_fencing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
    matches!(code, Fenced | ProducerFenced | InvalidProducerEpoch)
}
