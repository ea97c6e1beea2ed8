//! What stands between the service and its warehouse, and does not always pass
//! on what it is given.

use std::{sync::Arc, time::Duration};

use clickhouse_test_kit::{Asked, Liar, Lie};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// What a server says that cannot take anything for now: time-outs, overload,
/// too many parts, memory, readonly.
const PASSING: [u32; 8] = [159, 202, 209, 210, 241, 242, 252, 999];
/// Longer than an insert may take.
const HELD_MS_MAX: u64 = 5000;
/// From one lie to the next.
const PAUSE_MS_MAX: u64 = 400;

/// Tells so many lies, one after the other, about whatever is asked meanwhile.
pub(super) fn tell(liar: &Arc<Liar>, seed: u64, count: u32) -> AbortOnDropHandle<()> {
    let liar = Arc::clone(liar);
    let mut rng = StdRng::seed_from_u64(seed ^ 0x11E5);
    AbortOnDropHandle::new(tokio::spawn(async move {
        for _ in 0..count {
            sleep(Duration::from_millis(rng.random_range(0..PAUSE_MS_MAX))).await;
            let lie = draw(&mut rng);
            let asked = match rng.random_range(0..3) {
                0 => Asked::Anything,
                _ => Asked::Inserts,
            };
            liar.lie_once(asked, lie.clone());
            if lie == Lie::Hold {
                sleep(Duration::from_millis(rng.random_range(0..HELD_MS_MAX))).await;
                liar.let_go();
            }
        }
    }))
}

fn draw(rng: &mut StdRng) -> Lie {
    match rng.random_range(0..6) {
        0 => Lie::DropBefore,
        1 | 2 => Lie::DropAfter,
        3 => Lie::Garbage,
        4 => Lie::Hold,
        _ => Lie::Refuse(PASSING[rng.random_range(0..PASSING.len())]),
    }
}
