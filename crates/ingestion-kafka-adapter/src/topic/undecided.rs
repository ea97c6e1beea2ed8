//! Waits for what has been written and cannot be read yet.

use std::thread;

use kafka_kit::undecided::{Hidden, Sight};
use rdkafka::ClientConfig;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::topic::published_tail::NoTail;

/// Before a transaction that is open is looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Transactions of others may be short, and follow one another: for so long
/// nobody needs to hear of them.
const DECIDED_WITHIN: Duration = Duration::from_secs(1);

/// Waits until all that is in the topic now is decided: it can be read, or
/// never will be. Blocks while it does, and tells what it waits for if that
/// takes long, and that it waits no more.
///
/// What the newest records are cannot be told before: those which are hidden
/// may be committed already.
///
/// # Errors
/// [`NoTail`] when it is stopped or refused; to try again is the caller's.
pub(crate) fn wait_until_decided(
    config: &ClientConfig,
    topic: &str,
    stop: &CancellationToken,
    tell: impl Fn(Option<Hidden>),
) -> Result<(), NoTail> {
    let sight = Sight::open(config, topic)?;
    let ends = sight.ends()?;
    let begun = Instant::now();
    while let Some(hidden) = sight.hidden(&ends)? {
        if begun.elapsed() > DECIDED_WITHIN {
            tell(Some(hidden));
        }
        if stop.is_cancelled() {
            return Err(NoTail::Stopped);
        }
        thread::sleep(LOOK_AGAIN_AFTER);
    }
    tell(None);
    Ok(())
}
