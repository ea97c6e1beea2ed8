//! Waiting for what becomes true by itself: asked for again and again, up to
//! a deadline, and never assumed after a pause.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// Between two questions: short beside any deadline, and long enough that the
/// questions do not hold up what is waited for.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Waits until `found` finds something, and gives that.
///
/// # Errors
/// When there is nothing after `deadline`; the error names `what` was waited for.
pub async fn wait_for<T>(
    deadline: Duration,
    what: &str,
    mut found: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = found().await {
            return Ok(found);
        }
        if begun.elapsed() > deadline {
            bail!("after {deadline:?} still not: {what}");
        }
        sleep(ASK_AGAIN_AFTER).await;
    }
}

/// Waits until `condition` holds.
///
/// # Errors
/// When it does not hold after `deadline`; the error names `what` was waited for.
pub async fn wait_until(
    deadline: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) -> Result<()> {
    wait_for(deadline, what, async || condition().await.then_some(())).await
}
