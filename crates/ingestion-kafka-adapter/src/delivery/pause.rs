//! How long what came back waits before it is sent again.

use std::time::Duration;

/// What came back is sent again after this pause, at first …
pub(crate) const RESEND_PAUSE_MIN: Duration = Duration::from_millis(50);
/// … and after at most this one: a topic that is there again is used within a second.
pub(crate) const RESEND_PAUSE_MAX: Duration = Duration::from_secs(1);
