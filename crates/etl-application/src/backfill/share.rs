//! How much of the warehouse a backfill may take.

use std::time::Duration;

/// The share of the warehouse's time that the backfills of a process take
/// together, from 1 to 100 percent: after a batch that it worked for so long,
/// they rest in proportion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillShare(u8);

impl BackfillShare {
    /// So many percent; none if that is not 1 to 100.
    #[must_use]
    pub fn of_percent(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// How many percent it is.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// How long to rest after work of such a length.
    #[must_use]
    pub fn rest_after(self, worked: Duration) -> Duration {
        let Self(percent) = self;
        worked * u32::from(100 - percent) / u32::from(percent)
    }
}

impl Default for BackfillShare {
    fn default() -> Self {
        Self(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_leaves_the_share() {
        let worked = Duration::from_secs(2);
        for (percent, rest) in [(100, 0), (50, 2), (25, 6), (20, 8), (1, 198)] {
            let share = BackfillShare::of_percent(percent).expect("it is a share");
            let rest = Duration::from_secs(rest);
            assert_eq!(share.rest_after(worked), rest, "{percent}");
        }
        assert_eq!(
            BackfillShare::of_percent(50),
            Some(BackfillShare::default())
        );
        for wrong in [0, 101, u8::MAX] {
            assert_eq!(BackfillShare::of_percent(wrong), None);
        }
    }
}
