//! Chance that is the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use auth_application::ports::Chance;

/// Bytes that never repeat within a run and are the same in the next.
#[derive(Debug, Default)]
pub struct RepeatingChance(AtomicU64);

impl RepeatingChance {
    /// One of several in a run, which draws what no other draws.
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        Self(AtomicU64::new((number as u64) << 32))
    }
}

impl Chance for RepeatingChance {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            // Every bit of an odd multiple depends on the count.
            let mixed = (count + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_be_bytes();
            chunk.copy_from_slice(&mixed[..chunk.len()]);
        }
    }
}
