//! Rows as both engines read them: between parentheses.

use std::fmt::Write as _;

use contracts::warehouse::{Relation as RelationCode, SideCode};
use domain::{Day, HeroId, Team};
use etl_application::ports::Relation;

use crate::world::{CountedDay, Season};

/// How an engine writes what both do not write alike.
pub(super) trait Dialect {
    fn day(day: Day) -> String;
    fn relation(relation: RelationCode) -> String;
    fn side(side: SideCode) -> String;
    fn heroes(heroes: &[Option<HeroId>; Team::SLOTS]) -> String;
    /// Counts by word.
    fn counts(counts: &[(&str, u64)]) -> String;
    /// A column of players that nobody knows.
    const ITEMS: &'static str;
}

/// Rows of a table, in parts that fit into a statement.
pub(super) struct Rows {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
    pub(super) parts: Vec<String>,
}

/// Bytes of a part, about.
const PART_BYTES: usize = 512 * 1024;

impl Rows {
    fn new(table: &'static str, columns: &'static str) -> Self {
        Self {
            table,
            columns,
            parts: Vec::new(),
        }
    }

    fn add(&mut self, row: std::fmt::Arguments<'_>) {
        match self.parts.last_mut() {
            Some(part) if part.len() < PART_BYTES => {
                part.push(',');
                let _ = part.write_fmt(row);
            }
            _ => {
                let mut part = String::with_capacity(PART_BYTES + 256);
                let _ = part.write_fmt(row);
                self.parts.push(part);
            }
        }
    }
}

/// Everything that is stored of a day. Facts only of days whose drafts are needed.
pub(super) fn of_day<D: Dialect>(season: &Season, counted: &CountedDay) -> Vec<Rows> {
    let mut all = vec![heroes::<D>(counted), pairs::<D>(counted)];
    if season.may_be_held_out(counted.day) {
        all.extend(facts::<D>(season, counted.day));
    }
    all.push(build::<D>(counted));
    all
}

fn heroes<D: Dialect>(counted: &CountedDay) -> Rows {
    let mut rows = Rows::new(
        "hero_days",
        "day, patch, bracket, game_mode, side, hero, games, wins, build",
    );
    let (day, build) = (D::day(counted.day), counted.build.mark);
    for (key, games) in counted.counters.heroes() {
        let (cell, side) = (&key.cell, D::side(key.side.into()));
        let (patch, bracket, mode) = (&cell.patch, cell.bracket.get(), cell.game_mode);
        let (hero, won) = (key.hero.get(), games.wins);
        let games = games.games;
        rows.add(format_args!(
            "({day},'{patch}',{bracket},{mode},{side},{hero},{games},{won},{build})"
        ));
    }
    rows
}

fn pairs<D: Dialect>(counted: &CountedDay) -> Rows {
    let mut rows = Rows::new(
        "pair_days",
        "day, patch, bracket, game_mode, relation, hero, other, games, wins, build",
    );
    let (day, build) = (D::day(counted.day), counted.build.mark);
    let against = D::relation(RelationCode::Against);
    let with = D::relation(RelationCode::With);
    for (key, games) in counted.counters.pairs() {
        let cell = &key.cell;
        let (patch, bracket, mode) = (&cell.patch, cell.bracket.get(), cell.game_mode);
        let relation = match key.relation {
            Relation::Against => &against,
            Relation::With => &with,
        };
        let (hero, other) = (key.hero.get(), key.other.get());
        let (games, won) = (games.games, games.wins);
        rows.add(format_args!(
            "({day},'{patch}',{bracket},{mode},{relation},{hero},{other},{games},{won},{build})"
        ));
    }
    rows
}

fn facts<D: Dialect>(season: &Season, day: Day) -> [Rows; 3] {
    let mut matches = Rows::new(
        "matches",
        "match_id, start_time, duration, radiant_win, lobby_type, game_mode, radiant, dire, source, version",
    );
    let mut ranks = Rows::new(
        "match_ranks",
        "match_id, start_time, avg_rank_tier, source, version",
    );
    let mut players = Rows::new(
        "match_players",
        "match_id, slot, start_time, account_id, hero_id, won, kills, deaths, assists, \
         leaver_status, items, version",
    );
    let items = D::ITEMS;
    for found in season.matches(day) {
        let played = &found.played;
        let (id, start) = (played.id, played.start_time.unix_seconds());
        let (duration, won) = (played.duration_seconds, u8::from(played.radiant_win));
        let (lobby, mode) = (played.lobby_type, played.game_mode);
        let (radiant, dire) = (D::heroes(&played.radiant), D::heroes(&played.dire));
        matches.add(format_args!(
            "({id},{start},{duration},{won},{lobby},{mode},{radiant},{dire},'bench',1)"
        ));
        if let Some(tier) = found.avg_rank_tier {
            ranks.add(format_args!("({id},{start},{tier},'bench',1)"));
        }
        let heroes = played.radiant.iter().chain(&played.dire);
        for (slot, hero) in (0_u8..).zip(heroes) {
            let hero = hero.map_or(0, HeroId::get);
            let left = found.leaver.filter(|(who, _)| who.get() == slot);
            let left = left.map_or(0, |(_, status)| status);
            players.add(format_args!(
                "({id},{slot},{start},0,{hero},0,0,0,0,{left},{items},1)"
            ));
        }
    }
    [matches, ranks, players]
}

fn build<D: Dialect>(counted: &CountedDay) -> Rows {
    let mut rows = Rows::new(
        "day_builds",
        "day, mark, built_at, matches, counted, left_out",
    );
    let (day, build) = (D::day(counted.day), &counted.build);
    let built_at = counted.day.next().start().as_unix_ms();
    let reasons: Vec<_> = build
        .left_out
        .iter()
        .map(|(why, count)| (why.as_str(), *count))
        .collect();
    let (mark, matches, counted) = (build.mark, build.matches, build.counted);
    let left_out = D::counts(&reasons);
    rows.add(format_args!(
        "({day},{mark},{built_at},{matches},{counted},{left_out})"
    ));
    rows
}

/// Numbers with commas between them.
pub(super) fn listed(heroes: &[Option<HeroId>; Team::SLOTS]) -> String {
    let ids = heroes.map(|hero| hero.map_or(0, HeroId::get).to_string());
    ids.join(",")
}
