//! What became of the calls of a client, in the words of every client.

/// What became of the calls so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CallCounts {
    /// There was an answer that could be used, also that nothing is known.
    pub answered: u64,
    /// There were too many of them.
    pub limited: u64,
    /// The key, or the address, was not accepted.
    pub refused: u64,
    /// Nothing usable came, or nobody waited for it.
    pub failed: u64,
    /// The upstream did not want to tell, or what it told would be as useless another time.
    pub in_vain: u64,
}

impl CallCounts {
    /// Each count with its name in metrics, the label `outcome`.
    #[must_use]
    pub fn by_outcome(&self) -> [(&'static str, u64); 5] {
        let Self {
            answered,
            limited,
            refused,
            failed,
            in_vain,
        } = *self;
        [
            ("answered", answered),
            ("limited", limited),
            ("refused", refused),
            ("failed", failed),
            ("in_vain", in_vain),
        ]
    }
}
