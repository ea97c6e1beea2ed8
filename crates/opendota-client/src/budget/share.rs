//! The calls of those who may take a share of the budget only.

/// So much of what is permitted, from 1 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallShare(u8);

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Of one who takes what is permitted.
    Whole,
    /// Of one of those who together take no more than a share of it.
    Share(CallShare),
}

/// Which calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// All of them.
    All,
    /// Those of a [`Caller::Share`] alone; they are among all, too.
    Shared,
}

/// What is counted of them, in the minute and the day of the budget.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) in_minute: u64,
    /// Set down for the day by others than this process.
    before: u64,
    begun: u64,
    /// Calls that are set down and not begun.
    pub(super) ready: u64,
}

impl CallShare {
    /// So many percent; none if that is not 1 to 100.
    #[must_use]
    pub fn of_percent(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self(percent))
    }

    /// The share of so many calls. One call is left even of few.
    pub(super) fn of(self, calls: u64) -> u64 {
        (calls.saturating_mul(self.0.into()) / 100).max(1)
    }
}

impl Shared {
    pub(super) fn in_day(&self) -> u64 {
        self.before + self.begun
    }

    pub(super) fn begin(&mut self) {
        self.in_minute += 1;
        self.begun += 1;
        self.ready -= 1;
    }

    pub(super) fn begin_minute(&mut self) {
        self.in_minute = 0;
    }

    pub(super) fn begin_day(&mut self) {
        *self = Self {
            in_minute: self.in_minute,
            ..Self::default()
        };
    }

    /// So many are set down for the day, by everybody together.
    pub(super) fn learn(&mut self, set_down: u64) {
        self.before = set_down.saturating_sub(self.begun);
    }
}
