//! Of which time everything has been told.

use domain::Timestamp;
use ingestion_application::ports::Coverage;

use crate::rows::{Row, end};

/// The sequence goes by the ends of matches, so a pass that has come to one has
/// told of all that ended before. What an upstream says of an end leaves pauses
/// out: the true one is later, so no more is claimed than is so.
#[derive(Debug, Default)]
pub(crate) struct Told {
    is_resumed: bool,
    since: Option<Timestamp>,
    up_to: Option<Timestamp>,
}

impl Told {
    /// From the newest match on, which had ended by now.
    pub(crate) fn from_now(now: Timestamp) -> Self {
        Self {
            since: Some(now),
            ..Self::default()
        }
    }

    /// From where an earlier process was.
    pub(crate) fn resumed() -> Self {
        Self {
            is_resumed: true,
            ..Self::default()
        }
    }

    /// From when on everything is told, if that is known.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// When the last match had ended that the second pass has come past; none
    /// before it has read anything.
    pub(crate) fn up_to(&self) -> Option<Timestamp> {
        self.up_to
    }

    /// The first pass has read a page; `is_all` if the second one need not.
    pub(crate) fn read(&mut self, page: &[Row], is_all: bool) {
        if self.since.is_none() {
            self.since = page.iter().find_map(end);
        }
        if is_all {
            self.read_again(page);
        }
    }

    /// The second pass has come past these rows.
    pub(crate) fn read_again<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>) {
        let last = rows.into_iter().filter_map(end).max();
        self.up_to = self.up_to.max(last);
    }

    /// The time; none before any of it is known. Where an earlier process was, the
    /// second pass is behind the first one: where that goes on says nothing of it.
    pub(crate) fn coverage(&self) -> Option<Coverage> {
        let since = self.since?;
        let up_to = if self.is_resumed {
            self.up_to?
        } else {
            self.up_to.map_or(since, |up_to| up_to.max(since))
        };
        Some(Coverage {
            since,
            up_to,
            is_resumed: self.is_resumed,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{MatchId, MatchSummary};
    use steam_client::SteamMatch;

    use super::*;

    fn row(end_seconds: i64) -> SteamMatch {
        let id = MatchId::try_new(7).expect("an id");
        let start = Timestamp::from_unix_seconds(end_seconds - 1_800);
        let mut summary = MatchSummary::new(id, start);
        summary.duration_seconds = Some(1_800);
        SteamMatch {
            id,
            sequence_number: Some(7),
            summary: Ok(summary),
        }
    }

    #[test]
    fn who_goes_on_has_told_of_nothing_before_its_second_pass_has_come_by() {
        let at = Timestamp::from_unix_seconds;
        let mut told = Told::resumed();
        told.read(&[Ok(row(1_790_003_600))], false);
        assert_eq!(told.coverage(), None);
        told.read_again(&[Ok(row(1_790_000_000))]);
        let coverage = told.coverage().expect("it has come past something");
        assert_eq!(coverage.up_to, at(1_790_000_000));

        let mut told = Told::default();
        told.read(&[Ok(row(1_790_000_000))], false);
        let coverage = told.coverage().expect("it has begun here");
        assert_eq!(coverage.since, at(1_790_000_000));
        assert_eq!(coverage.up_to, coverage.since);
    }
}
