//! The rows that tables must have, from the answers that must stand in them; and
//! what each row is known by.

use contracts::warehouse::{
    HeroDayRow, MatchPlayerRow, MatchPositionRow, MatchRankRow, MatchRow, MatchSourceRow,
    PairDayRow, PlayerMatchRow, Relation, SideCode, Won,
};
use domain::{AccountId, Day, HeroId, MatchId, PlayerLine, Side, Team};
use etl_application::{Answer, counters::DayCounters, ports};
use etl_test_support::reference::Reference;

/// The facts, table by table.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) matches: Vec<MatchRow>,
    pub(crate) sources: Vec<MatchSourceRow>,
    pub(crate) ranks: Vec<MatchRankRow>,
    pub(crate) players: Vec<MatchPlayerRow>,
    pub(crate) accounts: Vec<PlayerMatchRow>,
}

const IS_WHOLE: &str = "it stands there for knowing this";

impl Expected {
    pub(crate) fn of(reference: &Reference) -> Self {
        let players = reference.players.iter();
        let accounts = reference.accounts.iter();
        Self {
            matches: reference.matches.values().map(core).collect(),
            sources: reference.sources.values().map(source).collect(),
            ranks: reference.ranks.values().map(rank).collect(),
            players: players
                .flat_map(|(_, answer)| {
                    let lines = answer.summary.players.iter();
                    lines.map(|line| player(answer, line))
                })
                .collect(),
            accounts: accounts
                .map(|((account, _), answer)| of_account(*account, answer))
                .collect(),
        }
    }
}

fn id(id: MatchId) -> u64 {
    u64::try_from(id.get()).expect("ids are positive")
}

fn start(answer: &Answer) -> u32 {
    let seconds = answer.summary.start_time.unix_seconds();
    u32::try_from(seconds).expect("matches of the world start in this century")
}

/// What [`MatchRow`] says of a whole match.
pub(crate) fn core(answer: &Answer) -> MatchRow {
    let summary = &answer.summary;
    let heroes = |team: &Option<Team>| {
        let heroes = team.as_ref().expect(IS_WHOLE).heroes().iter();
        heroes.map(|hero| hero.map_or(0, HeroId::get)).collect()
    };
    MatchRow {
        match_id: id(summary.match_id),
        start_time: start(answer),
        duration: summary.duration_seconds.expect(IS_WHOLE),
        radiant_win: summary.radiant_win.expect(IS_WHOLE),
        lobby_type: summary.lobby_type.expect(IS_WHOLE),
        game_mode: summary.game_mode.expect(IS_WHOLE),
        radiant: heroes(&summary.radiant),
        dire: heroes(&summary.dire),
        source: answer.source.to_string(),
        version: answer.version,
    }
}

/// What [`MatchSourceRow`] says.
pub(crate) fn source(answer: &Answer) -> MatchSourceRow {
    let summary = &answer.summary;
    MatchSourceRow {
        match_id: id(summary.match_id),
        source: answer.source.to_string(),
        start_time: start(answer),
        match_seq_num: summary.match_seq_num,
        cluster: summary.cluster,
        league_id: summary.league_id,
        human_players: summary.human_players,
        version: answer.version,
    }
}

/// What [`MatchRankRow`] says of a match whose rank is known.
pub(crate) fn rank(answer: &Answer) -> MatchRankRow {
    let summary = &answer.summary;
    MatchRankRow {
        match_id: id(summary.match_id),
        start_time: start(answer),
        avg_rank_tier: summary.avg_rank_tier.expect(IS_WHOLE),
        num_rank_tier: summary.num_rank_tier,
        source: answer.source.to_string(),
        version: answer.version,
    }
}

fn won(answer: &Answer, line: &PlayerLine) -> Won {
    match answer.summary.radiant_win {
        None => Won::Unknown,
        Some(radiant_win) if radiant_win == (line.slot.get() < 5) => Won::Yes,
        Some(_) => Won::No,
    }
}

/// What [`MatchPlayerRow`] says of a player of whom the needed figures are known.
pub(crate) fn player(answer: &Answer, line: &PlayerLine) -> MatchPlayerRow {
    MatchPlayerRow {
        match_id: id(answer.summary.match_id),
        slot: line.slot.get(),
        start_time: start(answer),
        account_id: line.account_id.map_or(0, AccountId::get),
        hero_id: line.hero_id.expect(IS_WHOLE).get(),
        won: won(answer, line),
        kills: line.kills.expect(IS_WHOLE),
        deaths: line.deaths.expect(IS_WHOLE),
        assists: line.assists.expect(IS_WHOLE),
        last_hits: line.last_hits,
        denies: line.denies,
        gold_per_min: line.gold_per_min,
        xp_per_min: line.xp_per_min,
        level: line.level,
        net_worth: line.net_worth,
        hero_damage: line.hero_damage,
        tower_damage: line.tower_damage,
        hero_healing: line.hero_healing,
        leaver_status: line.leaver_status,
        items: line.items.clone(),
        version: answer.version,
    }
}

/// What [`PlayerMatchRow`] says of a player who shows the account.
pub(crate) fn of_account(account: AccountId, answer: &Answer) -> PlayerMatchRow {
    let summary = &answer.summary;
    let mut lines = summary.players.iter();
    let line = lines.find(|line| line.account_id == Some(account));
    let row = player(answer, line.expect("the account has a line"));
    PlayerMatchRow {
        account_id: account.get(),
        match_id: row.match_id,
        start_time: row.start_time,
        slot: row.slot,
        hero_id: row.hero_id,
        won: row.won,
        game_mode: summary.game_mode.expect(IS_WHOLE),
        lobby_type: summary.lobby_type.expect(IS_WHOLE),
        kills: row.kills,
        deaths: row.deaths,
        assists: row.assists,
        duration: summary.duration_seconds.expect(IS_WHOLE),
        version: answer.version,
    }
}

/// A day as tables have it.
pub(crate) fn day_number(day: Day) -> u16 {
    u16::try_from(day.days_since_epoch()).expect("matches of the world start in this century")
}

/// The counters of heroes of a day, whatever the build.
pub(crate) fn heroes(day: Day, counters: &DayCounters) -> impl Iterator<Item = HeroDayRow> {
    let heroes = counters.heroes().into_iter();
    heroes.map(move |(key, games)| HeroDayRow {
        day: day_number(day),
        patch: key.cell.patch.to_string(),
        bracket: key.cell.bracket.get(),
        game_mode: key.cell.game_mode,
        side: match key.side {
            Side::Radiant => SideCode::Radiant,
            Side::Dire => SideCode::Dire,
        },
        hero: key.hero.get(),
        games: games.games,
        wins: games.wins,
        build: 0,
    })
}

/// The counters of pairs of a day, whatever the build.
pub(crate) fn pairs(day: Day, counters: &DayCounters) -> impl Iterator<Item = PairDayRow> {
    let pairs = counters.pairs().into_iter();
    pairs.map(move |(key, games)| PairDayRow {
        day: day_number(day),
        patch: key.cell.patch.to_string(),
        bracket: key.cell.bracket.get(),
        game_mode: key.cell.game_mode,
        relation: match key.relation {
            ports::Relation::Against => Relation::Against,
            ports::Relation::With => Relation::With,
        },
        hero: key.hero.get(),
        other: key.other.get(),
        games: games.games,
        wins: games.wins,
        build: 0,
    })
}

pub(crate) fn source_key(row: &MatchSourceRow) -> (u64, String) {
    (row.match_id, row.source.clone())
}

pub(crate) fn player_key(row: &MatchPlayerRow) -> (u64, u8) {
    (row.match_id, row.slot)
}

pub(crate) fn account_key(row: &PlayerMatchRow) -> (u32, u64) {
    (row.account_id, row.match_id)
}

pub(crate) fn position_key(row: &MatchPositionRow) -> (u64, u8) {
    (row.match_id, row.slot)
}

/// Patch, bracket and mode.
type CellKey = (String, u8, u8);

pub(crate) fn hero_key(row: &HeroDayRow) -> (u16, CellKey, i8, u16) {
    let cell = (row.patch.clone(), row.bracket, row.game_mode);
    (row.day, cell, row.side.code(), row.hero)
}

pub(crate) fn pair_key(row: &PairDayRow) -> (u16, CellKey, i8, u16, u16) {
    let cell = (row.patch.clone(), row.bracket, row.game_mode);
    (row.day, cell, row.relation.code(), row.hero, row.other)
}
