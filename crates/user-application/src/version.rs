//! Which state of a profile it is.

use std::fmt;

use domain::Timestamp;

/// The number of a profile's state: it grows with every change, and never comes again, also where a profile is
/// deleted and begins anew. So whoever names one has seen this very state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(i64);

impl Version {
    /// That of a profile which begins now, after the last one was deleted at this time, if there was one: beyond all
    /// that it had, as nobody changes a profile a thousand times a second.
    #[must_use]
    pub fn first(deleted_at: Option<Timestamp>) -> Self {
        Self(deleted_at.map_or(0, Timestamp::as_unix_ms).max(0) + 1)
    }

    /// One that was given before.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_never_comes_again() {
        assert_eq!(Version::first(None).get(), 1);
        let deleted = Timestamp::from_unix_ms(1_764_547_200_000);
        let anew = Version::first(Some(deleted));
        assert!(anew > Version::new(1_000_000_000) && anew.next() > anew);
        let again = Version::first(Some(Timestamp::from_unix_ms(1_764_547_201_000)));
        assert!(again > anew.next());
    }
}
