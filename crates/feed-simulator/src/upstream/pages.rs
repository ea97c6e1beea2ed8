//! Lists of matches that have ended, by falling id, a hundred rows at a time.
//!
//! An id is given at the start and a row is there from the end on, so rows appear everywhere
//! below the first one, some of them late and some never.

use domain::{HeroId, MatchId, Timestamp};
use serde_json::{Value, json};

use super::UpstreamConfig;
use crate::{
    ids::FIRST_MATCH_ID,
    world::{World, WorldMatch},
};

/// Rows of a page.
const PAGE_ROWS: usize = 100;

/// Matches looked at for a page: further down all have ended.
const PAGE_LOOKED_AT_MAX: usize = 200_000;

/// 2024-01-01: before it the teams of a row were texts.
const TEAMS_ARE_ARRAYS_SINCE: i64 = 1_704_067_200;

/// One match in so many is one of a league.
const MATCHES_A_PRO_MATCH: i64 = 997;

/// How long after its end a replay has been read.
const PARSE_SECONDS: i64 = 300;

/// Other throws than those for the sequence: who tells late here may be early there.
const PURPOSE_PAGES: u64 = 5;

/// A list that is given page by page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageList {
    /// `/publicMatches`.
    Public,
    /// `/proMatches`.
    Pro,
    /// `/parsedMatches`.
    Parsed,
}

/// Which matches the lists have, and from when on.
pub(super) struct Lists {
    world: World,
    hidden_per_mille: u32,
    late_per_mille: u32,
    late_seconds_max: u32,
    /// Of a world that has an end: by id, from when on there is a row.
    entries: Option<Vec<Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    id: MatchId,
    is_parsed: bool,
    /// Nothing for one that is hidden for good.
    exposed: Option<Timestamp>,
}

impl PageList {
    /// The list that is asked for by this path.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/api/publicMatches" => Some(Self::Public),
            "/api/proMatches" => Some(Self::Pro),
            "/api/parsedMatches" => Some(Self::Parsed),
            _ => None,
        }
    }

    fn may_have(self, id: MatchId) -> bool {
        self != Self::Pro || id.get() % MATCHES_A_PRO_MATCH == 0
    }
}

impl Lists {
    pub(super) fn of(config: &UpstreamConfig) -> Self {
        let seconds = config.late_by_max.as_secs();
        let mut lists = Self {
            world: config.world.clone(),
            hidden_per_mille: config.hidden_per_mille,
            late_per_mille: config.late_per_mille,
            late_seconds_max: u32::try_from(seconds).unwrap_or(u32::MAX - 1),
            entries: None,
        };
        lists.entries = config.matches.map(|matches| {
            let ids = FIRST_MATCH_ID..FIRST_MATCH_ID.saturating_add(matches.into());
            let ids = ids.filter_map(|id| MatchId::try_new(id).ok());
            ids.map(|id| lists.entry(id)).collect()
        });
        lists
    }

    fn entry(&self, id: MatchId) -> Entry {
        let found = self.world.at(id);
        let mut dice = self.world.dice(PURPOSE_PAGES, id);
        let is_hidden = dice.per_mille(self.hidden_per_mille);
        let late = if dice.per_mille(self.late_per_mille) {
            dice.between(self.late_seconds_max.min(1), self.late_seconds_max)
        } else {
            0
        };
        let exposed = found.end_time().unix_seconds() + i64::from(late);
        Entry {
            id,
            is_parsed: found.is_parsed,
            exposed: (!is_hidden).then_some(Timestamp::from_unix_seconds(exposed)),
        }
    }

    /// Whether the matches can be counted.
    pub(super) fn has_end(&self) -> bool {
        self.entries.is_some()
    }

    /// Ids in falling order, below one that has not started yet.
    fn below(&self, below: i64) -> Box<dyn Iterator<Item = Entry> + '_> {
        match &self.entries {
            Some(entries) => {
                let end = entries.partition_point(|entry| entry.id.get() < below);
                Box::new(entries[..end].iter().rev().copied())
            }
            None => Box::new(
                (1..below)
                    .rev()
                    .take(PAGE_LOOKED_AT_MAX)
                    .filter_map(|id| MatchId::try_new(id).ok())
                    .map(|id| self.entry(id)),
            ),
        }
    }

    /// The newest matches of a list that have ended, by id and not by time.
    pub(super) fn page(&self, list: PageList, query: &str, now: Timestamp) -> Vec<Value> {
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.find(|(key, _)| *key == name);
            found.and_then(|(_, value)| value.parse::<i64>().ok())
        };
        let (min_rank, max_rank) = (number("min_rank"), number("max_rank"));
        let is_asked_for = |found: &WorldMatch| {
            let rank = found.avg_rank_tier.map_or(0, i64::from);
            min_rank.is_none_or(|min| rank >= min) && max_rank.is_none_or(|max| rank <= max)
        };
        let newest = self.world.first_id_at(now).get();
        let below = number("less_than_match_id").map_or(newest, |below| below.min(newest));
        self.below(below)
            .filter(|entry| list.may_have(entry.id) && entry.is_in(list, now))
            .map(|entry| self.world.at(entry.id))
            .filter(is_asked_for)
            .take(PAGE_ROWS)
            .map(|found| match list {
                PageList::Public => row(&found),
                PageList::Pro => pro_row(&found),
                PageList::Parsed => json!({ "match_id": found.played.id.get() }),
            })
            .collect()
    }

    /// Every match of a list at this time, in a world that has an end.
    pub(super) fn exposed(&self, list: PageList, now: Timestamp) -> Vec<MatchId> {
        let entries = self.entries.iter().flatten();
        let exposed = entries.filter(|entry| list.may_have(entry.id) && entry.is_in(list, now));
        exposed.map(|entry| entry.id).collect()
    }
}

impl Entry {
    fn is_in(&self, list: PageList, now: Timestamp) -> bool {
        let since = self.exposed.map(Timestamp::unix_seconds);
        match list {
            PageList::Public | PageList::Pro => {
                since.is_some_and(|since| since <= now.unix_seconds())
            }
            PageList::Parsed => {
                self.is_parsed
                    && since.is_some_and(|since| since + PARSE_SECONDS <= now.unix_seconds())
            }
        }
    }
}

/// Makes a row in the middle unreadable, and adds one that is none.
pub(super) fn spoil(rows: &mut Vec<Value>) {
    let middle = rows.len() / 2;
    if let Some(row) = rows.get_mut(middle) {
        row["start_time"] = json!("soon");
        rows.insert(middle, json!("no row"));
    }
}

/// Makes all but the id of a row in the middle null, and adds one that is null.
pub(super) fn empty_row(rows: &mut Vec<Value>) {
    let middle = rows.len() / 2;
    let Some(row) = rows.get_mut(middle).and_then(Value::as_object_mut) else {
        return;
    };
    for (name, value) in row.iter_mut() {
        if name != "match_id" {
            *value = Value::Null;
        }
    }
    rows.insert(middle, Value::Null);
}

fn row(found: &WorldMatch) -> Value {
    let played = found.played;
    let heroes = |side: [Option<HeroId>; 5]| {
        let ids = side.map(|hero| hero.map_or(0, HeroId::get));
        if played.start_time.unix_seconds() < TEAMS_ARE_ARRAYS_SINCE {
            json!(ids.map(|id| id.to_string()).join(","))
        } else {
            json!(ids)
        }
    };
    // Averages come from a database that has more than one type for them.
    let rank = found.avg_rank_tier.map(|tier| {
        if played.id.get() % 8 == 0 {
            json!(f64::from(tier))
        } else {
            json!(tier)
        }
    });
    json!({
        "match_id": played.id.get(),
        "match_seq_num": found.match_seq_num(),
        "radiant_win": played.radiant_win,
        "start_time": played.start_time.unix_seconds(),
        "duration": played.duration_seconds,
        "lobby_type": played.lobby_type,
        "game_mode": played.game_mode,
        "avg_rank_tier": rank,
        "num_rank_tier": found.num_rank_tier,
        "cluster": found.cluster,
        "radiant_team": heroes(played.radiant),
        "dire_team": heroes(played.dire),
    })
}

/// Of a league: teams have names, and their heroes are not told.
fn pro_row(found: &WorldMatch) -> Value {
    let played = found.played;
    json!({
        "match_id": played.id.get(),
        "duration": played.duration_seconds,
        "start_time": played.start_time.unix_seconds(),
        "radiant_team_id": 7_000_000 + played.id.get() % 100,
        "radiant_name": "Radiant of the league",
        "dire_team_id": 8_000_000 + played.id.get() % 100,
        "dire_name": null,
        "leagueid": 16_000 + played.id.get() % 50,
        "league_name": "A league",
        "series_id": null,
        "series_type": 1,
        "radiant_score": 20,
        "dire_score": 20,
        "radiant_win": played.radiant_win,
    })
}
