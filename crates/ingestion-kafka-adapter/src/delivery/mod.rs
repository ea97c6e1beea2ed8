//! What becomes of a record once librdkafka has it.
//!
//! librdkafka reports every record it has taken once: acknowledged, or failed
//! with an error. Until then its message is among the [`unreported`] ones. Each
//! way of delivery hears of the [`client::Outcomes`] in its own manner: without
//! transactions an acknowledged message is settled at once, and a failed one is
//! sent again as it is or as what it has become; with them both wait until
//! their transaction has ended. Errors librdkafka can repair itself it does not
//! report.

pub(crate) mod client;
pub(crate) mod halves;
pub(crate) mod in_flight;
pub(crate) mod pause;
pub(crate) mod record;
pub(crate) mod room;
pub(crate) mod trouble;
pub(crate) mod unreported;
