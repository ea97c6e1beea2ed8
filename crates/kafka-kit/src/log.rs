//! What librdkafka logs.

use rdkafka::config::RDKafkaLogLevel;

/// Connections refused and lost, and requests nobody answered, as librdkafka calls them.
const CONNECTION_FACILITIES: [&str; 4] = ["FAIL", "GETPID", "METADATA", "REQTMOUT"];

/// Logs a line of a client whose connections are watched.
///
/// Lines about connections come with every attempt to make one; health reports
/// such a loss once, so the lines themselves are for debugging.
pub fn log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        _ if CONNECTION_FACILITIES.contains(&facility) => {
            tracing::debug!(facility, "librdkafka: {line}");
        }
        // It goes on by itself, or reports the records it has given up.
        Emerg | Alert | Critical | Error | Warning => {
            tracing::warn!(facility, "librdkafka: {line}");
        }
        Notice | Info => tracing::info!(facility, "librdkafka: {line}"),
        Debug => tracing::debug!(facility, "librdkafka: {line}"),
    }
}
