//! The thread that polls, and the name of its member.

use std::{fs, process, sync::Arc, thread, time::Duration};

use health_kit::Clock;
use rdkafka::{
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::time::Instant;

use super::{Consumer, context::Context, standing::Shared};
use crate::{error_code::code_of, settings::SettingsError};

/// How long a poll waits; what is asked of the thread meanwhile waits as well.
const POLL_TIME_MAX: Duration = Duration::from_millis(100);
/// Before another attempt to be a member at all.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Where the system says what it is called.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";
/// A time in milliseconds has so many digits until the year 33658: names are
/// compared as texts.
const TIME_DIGITS: usize = 15;

/// Joins the group as the member that came last.
///
/// # Errors
/// [`SettingsError`] when librdkafka refuses the settings.
pub(super) fn join(
    shared: &Arc<Shared>,
    clock: &dyn Clock,
) -> Result<Arc<Consumer>, SettingsError> {
    let mut config = shared.config().clone();
    let now = clock.now().as_unix_ms();
    config.set("client.id", name(shared.client_id(), now));
    let consumer: Consumer = config.create_with_context(Context::new(Arc::clone(shared)))?;
    consumer.subscribe(&[shared.topic()])?;
    let consumer = Arc::new(consumer);
    shared.set_consumer(&consumer);
    Ok(consumer)
}

/// Belongs to the group until it is asked to stop: as one member, and when the
/// group has missed that one as another.
pub(super) fn belong(shared: &Arc<Shared>, first: Arc<Consumer>, clock: &dyn Clock) {
    let mut consumer = first;
    loop {
        poll_until_missed(shared, &consumer);
        // Leaves the group, if it is not missed.
        drop(consumer);
        if shared.should_stop() {
            return;
        }
        tracing::warn!(
            "the group has missed this process, which joins it again, behind all others"
        );
        consumer = loop {
            match join(shared, clock) {
                Ok(consumer) => break consumer,
                Err(error) => shared.set_trouble(Some(error.to_string())),
            }
            if shared.should_stop() {
                return;
            }
            thread::sleep(TRY_AGAIN_AFTER);
        };
    }
}

fn poll_until_missed(shared: &Shared, consumer: &Consumer) {
    let session = session_timeout(shared);
    let mut polled_at = Instant::now();
    while !shared.should_stop() && !consumer.context().is_missed() {
        if let Some(Err(error)) = consumer.poll(POLL_TIME_MAX) {
            note(shared, &error);
        }
        // Suspended for a session, it has been missed, and does not know it yet:
        // a member without partitions is not even told.
        let pause = polled_at.elapsed();
        polled_at = Instant::now();
        if pause > session {
            return;
        }
    }
}

fn note(shared: &Shared, error: &KafkaError) {
    use RDKafkaErrorCode::{GroupAuthorizationFailed, TopicAuthorizationFailed};
    let code = code_of(error);
    let advice = match code {
        GroupAuthorizationFailed => "allow this user Read on the group KAFKA_GROUP_ID",
        TopicAuthorizationFailed => "allow this user Read on the topic",
        _ => {
            tracing::debug!(%code, "the member goes on");
            return;
        }
    };
    shared.set_trouble(Some(format!("{code}; {advice}")));
}

fn session_timeout(shared: &Shared) -> Duration {
    let given = shared.config().get("session.timeout.ms");
    let ms = given.and_then(|ms| ms.parse().ok());
    Duration::from_millis(ms.expect("librdkafka has taken it for a number"))
}

/// What this process calls itself as a member that begins now: members are
/// compared by it. It also says to people where the process is.
fn name(client_id: &str, now_unix_ms: i64) -> String {
    let host = fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    let (host, process) = (host.trim(), process::id());
    format!("{now_unix_ms:0TIME_DIGITS$}.{client_id}@{host}/{process}")
}

/// The name of a member as people are to read it.
pub(super) fn without_time(name: &str) -> &str {
    match name.split_once('.') {
        Some((time, rest)) if time.len() == TIME_DIGITS => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ascend_with_time_and_are_told_without_it() {
        let times = [
            1_763_817_901_040,
            1_763_817_901_041,
            9_999_999_999_999,
            10_000_000_000_000,
        ];
        let names = times.map(|time| name("service", time));
        assert!(names.is_sorted(), "{names:?}");
        let told = without_time(&names[0]);
        assert!(told.starts_with("service@"), "{told}");
        assert_eq!(without_time("another.name"), "another.name");
    }
}
