//! Reads what is to be loaded from Kafka, and sets aside there what cannot be.
//!
//! [`KafkaRecords`] is a member of the service's consumer group and judges each
//! record by the contract of its topic. [`KafkaDeadLetters`] keeps what cannot
//! be loaded, unchanged, until its topic has it. [`KafkaHealth`] watches the
//! brokers, the topics and the member. [`DeadLetterTopic`] and [`Redriver`] are
//! for the commands that show dead letters and send them again, [`KafkaTrial`] is for
//! the one that looks for what is wrong, and [`SummaryTopic`] for backfills.
//!
//! Positions are committed only when told. Topics are never created here; a
//! missing one shows in health together with the command that creates it.

mod settings;

mod judge;
mod records;

mod dead_letters;
mod kept_letters;
mod redriver;
mod topic_range;
mod trial;

mod health;

pub use dead_letters::KafkaDeadLetters;
pub use health::KafkaHealth;
pub use kept_letters::{DeadLetterTopic, LetterReading};
pub use records::KafkaRecords;
pub use redriver::Redriver;
pub use settings::{KafkaSection, KafkaSettings};
pub use topic_range::{SummaryRange, SummaryTopic};
pub use trial::KafkaTrial;
