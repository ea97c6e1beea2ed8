//! Which matches there are, in the order in which they end, and from when on each is told of.

use domain::{MatchId, Timestamp};

use super::SteamConfig;
use crate::{ids::FIRST_MATCH_ID, world::World};

const PURPOSE_EXPOSURE: u64 = 3;

/// A match of the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) id: MatchId,
    end_ms: i64,
    /// Nothing for one that is hidden for good.
    exposed_ms: Option<i64>,
}

pub(super) struct Sequence {
    /// By number, and so by end.
    entries: Vec<Entry>,
}

impl Sequence {
    pub(super) fn of(config: &SteamConfig) -> Self {
        let ids = (0..i64::from(config.matches)).filter_map(|nth| {
            let id = FIRST_MATCH_ID.checked_add(nth)?;
            MatchId::try_new(id).ok()
        });
        let mut entries: Vec<Entry> = ids.map(|id| entry(&config.world, config, id)).collect();
        entries.sort_unstable_by_key(|entry| entry.number);
        Self { entries }
    }

    /// When the last match is told of.
    pub(super) fn end(&self) -> Timestamp {
        let exposed = self.entries.iter().filter_map(|entry| entry.exposed_ms);
        Timestamp::from_unix_ms(exposed.max().unwrap_or(i64::MIN))
    }

    /// What is told at this time of the `rows` numbers from `start` on that matches have: less
    /// if some are hidden.
    pub(super) fn from(&self, start: u64, rows: usize, now: Timestamp) -> Vec<Entry> {
        let first = self.entries.partition_point(|entry| entry.number < start);
        let ended = self.entries[first..]
            .iter()
            .take_while(|entry| entry.end_ms <= now.as_unix_ms());
        // One that is late is not among them yet; one that is hidden is, and is taken out.
        ended
            .filter(|entry| entry.exposed_ms.is_none() || entry.is_exposed(now))
            .take(rows)
            .filter(|entry| entry.is_exposed(now))
            .copied()
            .collect()
    }

    /// Those with the highest ids, highest first.
    pub(super) fn newest(&self, rows: usize, now: Timestamp) -> Vec<Entry> {
        let exposed = self.entries.iter().filter(|entry| entry.is_exposed(now));
        let mut newest: Vec<Entry> = exposed.copied().collect();
        newest.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
        newest.truncate(rows);
        newest
    }

    pub(super) fn exposed(&self, now: Timestamp) -> Vec<(u64, MatchId)> {
        let exposed = self.entries.iter().filter(|entry| entry.is_exposed(now));
        exposed.map(|entry| (entry.number, entry.id)).collect()
    }
}

impl Entry {
    fn is_exposed(&self, now: Timestamp) -> bool {
        self.exposed_ms
            .is_some_and(|since| since <= now.as_unix_ms())
    }
}

fn entry(world: &World, config: &SteamConfig, id: MatchId) -> Entry {
    let found = world.at(id);
    let mut dice = world.dice(PURPOSE_EXPOSURE, id);
    let end_ms = found.end_time().as_unix_ms();
    let is_hidden = dice.per_mille(config.hidden_per_mille);
    let late_seconds = if dice.per_mille(config.late_per_mille) {
        let max = u32::try_from(config.late_by_max.as_secs()).unwrap_or(u32::MAX - 1);
        dice.between(max.min(1), max)
    } else {
        0
    };
    Entry {
        number: found.match_seq_num(),
        id,
        end_ms,
        exposed_ms: (!is_hidden).then_some(end_ms + 1_000 * i64::from(late_seconds)),
    }
}
