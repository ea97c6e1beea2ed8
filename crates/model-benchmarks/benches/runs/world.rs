//! Sixty days of matches, and how they are counted.

use std::num::NonZeroU32;

use anyhow::{Context as _, Result};
use domain::{CountingRules, Day, MatchId, Patch, Patches, SkillBracket};
use etl_application::{counters::DayCounters, ports::DayBuild};
use feed_simulator::{World, WorldMatch};

/// So many days end yesterday; in their middle the patch changes.
pub(crate) const DAYS: u32 = 60;
/// The patch of the first half, and that of the second.
pub(crate) const PATCHES: [&str; 2] = ["99.1", "99.2"];
/// The drafts of so many last days of each patch are there: no more are held out.
const HELD_OUT_DAYS_MAX: i32 = 4;
const SEED: u64 = 1;

/// Matches of the last days, as many on each.
pub(crate) struct Season {
    world: World,
    first: Day,
    patches: Patches,
    rules: CountingRules,
}

/// A day, counted.
pub(crate) struct CountedDay {
    /// Which one.
    pub(crate) day: Day,
    /// What is noted of it.
    pub(crate) build: DayBuild,
    /// Its counters.
    pub(crate) counters: DayCounters,
}

impl Season {
    /// So many matches, on the days before `today`.
    ///
    /// # Errors
    /// There is less than one a day.
    pub(crate) fn try_new(matches: u32, today: Day) -> Result<Self> {
        let days = i32::try_from(DAYS)?;
        let first = Day::from_days_since_epoch(today.days_since_epoch() - days);
        let a_day = NonZeroU32::new(matches / DAYS).context("a match a day, at least")?;
        let halves = [0, days / 2].map(|day| first.days_since_epoch() + day);
        let patches = PATCHES.iter().zip(halves).map(|(name, since)| Patch {
            name: (*name).to_owned(),
            since: Day::from_days_since_epoch(since).start(),
        });
        Ok(Self {
            world: World::thinned(SEED, first.start(), a_day),
            first,
            patches: Patches::try_new(patches.collect())?,
            rules: CountingRules::default(),
        })
    }

    /// Its days, ascending.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> + use<> {
        let first = self.first.days_since_epoch();
        (0..DAYS.cast_signed()).map(move |day| Day::from_days_since_epoch(first + day))
    }

    /// Whether the drafts of that day are needed.
    #[must_use]
    pub(crate) fn may_be_held_out(&self, day: Day) -> bool {
        let half = DAYS.cast_signed() / 2;
        let of_patch = (day.days_since_epoch() - self.first.days_since_epoch()) % half;
        of_patch >= half - HELD_OUT_DAYS_MAX
    }

    /// Its matches, in the order of ids.
    pub(crate) fn matches(&self, day: Day) -> impl Iterator<Item = WorldMatch> + '_ {
        let of = |day: Day| self.world.first_id_at(day.start()).get();
        let ids = (of(day)..of(day.next())).filter_map(|id| MatchId::try_new(id).ok());
        ids.map(|id| self.world.at(id))
    }

    /// A day, as the loading service counts it.
    #[must_use]
    pub(crate) fn count(&self, day: Day) -> CountedDay {
        let mut counters = DayCounters::default();
        for played in self.matches(day) {
            let bracket = bracket_of(&played);
            let (rules, patches) = (&self.rules, &self.patches);
            counters.add(
                &played.played,
                bracket,
                played.has_leaver(),
                None,
                rules,
                patches,
            );
        }
        CountedDay {
            day,
            build: counters.build(day, 1),
            counters,
        }
    }

    /// What `PATCHES_FILE` says.
    #[must_use]
    pub(crate) fn patches_json(&self) -> String {
        let each = self.patches.iter().map(|patch| {
            let day = Day::of(patch.since);
            format!(r#"{{"name":"{}","since":"{day}T00:00:00Z"}}"#, patch.name)
        });
        format!("[{}]", each.collect::<Vec<_>>().join(","))
    }
}

fn bracket_of(played: &WorldMatch) -> SkillBracket {
    let tier = played.avg_rank_tier;
    tier.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier)
}
