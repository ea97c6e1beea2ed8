//! Matches, as tests of what reads the warehouse need them.

use domain::{
    AccountId, Day, HeroId, Match, MatchId, MatchSummary, PlayerLine, SkillBracket, Slot, Team,
    Timestamp,
};

/// 2025-03-23, of patch 7.38.
pub const FIRST_DAY: Day = Day::from_days_since_epoch(20_170);

/// A match with everything that somebody may know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayedMatch {
    /// Which match, above 0.
    pub id: i64,
    /// When it started, in seconds since 1970-01-01.
    pub started: i64,
    /// How long it took.
    pub duration_seconds: u32,
    /// How it came about.
    pub lobby_type: u8,
    /// By which rules heroes were chosen.
    pub game_mode: u8,
    /// The average rank, if it is known.
    pub rank_tier: Option<u8>,
    /// Heroes by slot; 0 for an unfilled one.
    pub heroes: [u16; 10],
    /// Who won.
    pub radiant_win: bool,
    /// Accounts by slot, where they show themselves; without any the lines of
    /// players are not known unless somebody left.
    pub accounts: [Option<u32>; 10],
    /// The slot of who left before the end, if anybody did.
    pub leaver: Option<usize>,
}

impl PlayedMatch {
    /// A match that counts, in the first hour of a day: of all pick, with heroes 1 to
    /// 10, won by Radiant; nobody knows its rank and players.
    #[must_use]
    pub fn on(day: Day, id: i64) -> Self {
        Self {
            id,
            started: day.start().unix_seconds() + id % 3600,
            duration_seconds: 1800,
            lobby_type: 7,
            game_mode: 22,
            rank_tier: None,
            heroes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            radiant_win: true,
            accounts: [None; 10],
            leaver: None,
        }
    }

    /// The day that it counts for.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of(self.start_time())
    }

    /// When it started.
    #[must_use]
    pub fn start_time(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.started)
    }

    /// How good its players were.
    #[must_use]
    pub fn bracket(&self) -> SkillBracket {
        let rank = self.rank_tier;
        rank.map_or(SkillBracket::UNKNOWN, SkillBracket::of_rank_tier)
    }

    /// Its core.
    ///
    /// # Panics
    /// When the id is not above 0.
    #[must_use]
    pub fn core(&self) -> Match {
        let side = |first: usize| {
            let mut slots = [None; Team::SLOTS];
            for (slot, raw) in slots.iter_mut().zip(&self.heroes[first..]) {
                *slot = HeroId::try_new(*raw).ok();
            }
            slots
        };
        Match {
            id: MatchId::try_new(self.id).expect("tests name matches above 0"),
            start_time: self.start_time(),
            duration_seconds: self.duration_seconds,
            radiant_win: self.radiant_win,
            lobby_type: self.lobby_type,
            game_mode: self.game_mode,
            radiant: side(0),
            dire: side(5),
        }
    }

    /// What a source that knows everything says of it.
    ///
    /// # Panics
    /// When an account is no account.
    #[must_use]
    pub fn summary(&self) -> MatchSummary {
        let core = self.core();
        let team = |slots: [Option<HeroId>; Team::SLOTS]| Team::try_new(slots.into()).ok();
        let has_lines = self.leaver.is_some() || self.accounts.iter().any(Option::is_some);
        let lines = (0_u8..10).map(|slot| self.line(slot));
        MatchSummary {
            duration_seconds: Some(core.duration_seconds),
            radiant_win: Some(core.radiant_win),
            lobby_type: Some(core.lobby_type),
            game_mode: Some(core.game_mode),
            avg_rank_tier: self.rank_tier,
            radiant: team(core.radiant),
            dire: team(core.dire),
            players: lines.filter(|_| has_lines).collect(),
            ..MatchSummary::new(core.id, core.start_time)
        }
    }

    fn line(&self, slot: u8) -> PlayerLine {
        let place = usize::from(slot);
        PlayerLine {
            account_id: self.accounts[place]
                .map(|raw| AccountId::try_new(raw).expect("tests name accounts")),
            hero_id: HeroId::try_new(self.heroes[place]).ok(),
            kills: Some(3),
            deaths: Some(4),
            assists: Some(5),
            leaver_status: Some(if self.leaver == Some(place) { 2 } else { 0 }),
            ..PlayerLine::new(Slot::try_new(slot).expect("there are ten"))
        }
    }
}
