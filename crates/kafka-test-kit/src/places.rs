//! Room for the brokers of one test process: each takes 200 MB and, while it
//! starts, a processor.

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many run at once, the shared one aside.
const BROKERS_MAX: u32 = 4;
static PLACES: Semaphore = Semaphore::const_new(BROKERS_MAX as usize);

/// Room for some brokers, as long as it is kept.
pub(super) type Places = SemaphorePermit<'static>;

/// Waits for room for so many, or for all there is; who asks first is first.
pub(super) async fn places(brokers: usize) -> Places {
    let wanted = u32::try_from(brokers).map_or(BROKERS_MAX, |brokers| brokers.min(BROKERS_MAX));
    let room = PLACES.acquire_many(wanted).await;
    room.expect("nobody closes it")
}

/// Waits for all the room there is.
pub(super) async fn all_places() -> Places {
    places(BROKERS_MAX as usize).await
}

/// As long as this is kept, no broker runs in this process but the shared one:
/// for what is measured.
pub struct Quiet {
    _places: Places,
}

impl Quiet {
    /// Waits until it is quiet.
    pub async fn keep() -> Self {
        let places = all_places().await;
        Self { _places: places }
    }
}
