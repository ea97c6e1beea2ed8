//! Which row stays.

use std::collections::BTreeSet;

use domain::{MatchSummary, Position};
use etl_application::ports::{CounterFilter, KnownMatch};

use super::{Target, build, build_all, day, dirty, heroes, load, store};
use crate::answers::{
    DAY, NOON, bare, match_id, said_by, team, whole, with_players, with_positions,
};

async fn known(target: &dyn Target, table: &str) -> Vec<KnownMatch> {
    let rows = target.reader().match_facts(match_id(1)).await;
    let mut rows = rows.expect("the warehouse answers");
    rows.retain(|row| row.table == table);
    rows
}

pub(super) async fn the_higher_version_stays(target: &dyn Target) {
    let duration = |seconds| MatchSummary {
        duration_seconds: Some(seconds),
        avg_rank_tier: Some(10),
        match_seq_num: Some(seconds.into()),
        ..with_positions(whole(1, NOON))
    };
    // In one batch, and over several.
    let batch = [
        said_by("a", 100, duration(1100)),
        said_by("a", 200, duration(1200)),
        said_by("a", 50, duration(1050)),
    ];
    load(target, &batch).await;
    load(target, &[said_by("a", 150, duration(1150))]).await;
    let rows = target.reader().match_facts(match_id(1)).await;
    for row in rows.expect("the warehouse answers") {
        assert_eq!(row.version, 200 << 16, "of {}", row.table);
    }
    let durations: Vec<_> = known(target, "matches").await;
    assert_eq!(durations[0].summary.duration_seconds, Some(1200));
}

pub(super) async fn a_source_that_knows_less_takes_nothing_away(target: &dyn Target) {
    let rank = MatchSummary {
        avg_rank_tier: Some(81),
        num_rank_tier: Some(7),
        ..with_players(whole(1, NOON))
    };
    let mut line_incomplete = with_players(bare(1, NOON));
    line_incomplete.players[9].assists = None;
    let mut team_incomplete = whole(1, NOON);
    team_incomplete.dire = Some(team(&[1, 2, 3]));
    load(target, &[said_by("a", 1, rank)]).await;
    let before = target.reader().match_facts(match_id(1)).await;
    let less = [
        said_by("b", 2, bare(1, NOON)),
        said_by("b", 3, line_incomplete),
        said_by("b", 4, team_incomplete),
    ];
    load(target, &less).await;
    let after = target.reader().match_facts(match_id(1)).await;
    let mut after = after.expect("the warehouse answers");
    after.retain(|row| row.source != "b");
    assert_eq!(after, before.expect("the warehouse answers"));
    // What the same source does not repeat is unknown again, with the row it belongs to.
    let no_count = MatchSummary {
        avg_rank_tier: Some(82),
        ..bare(1, NOON)
    };
    load(target, &[said_by("b", 5, no_count)]).await;
    let ranks = known(target, "match_ranks").await;
    assert_eq!(ranks[0].summary.num_rank_tier, None);
}

pub(super) async fn rank_and_players_of_different_sources_survive(target: &dyn Target) {
    let pages = MatchSummary {
        avg_rank_tier: Some(81),
        ..whole(1, NOON)
    };
    let steam = with_players(whole(1, NOON));
    load(target, &[said_by("steam_sequence", 1, steam.clone())]).await;
    load(target, &[said_by("opendota_pages", 2, pages)]).await;
    load(target, &[said_by("steam_sequence", 3, steam)]).await;
    assert_eq!(known(target, "match_ranks").await.len(), 1);
    let players = known(target, "match_players").await;
    assert_eq!(players[0].summary.players.len(), 10);
    assert_eq!(known(target, "match_sources").await.len(), 2);
}

/// Whoever has not read the replay does not know them, and takes nothing away.
pub(super) async fn positions_are_kept_from_who_does_not_know_them(target: &dyn Target) {
    let of_all = async || {
        let rows = known(target, "match_positions").await;
        assert!(rows.len() <= 1, "{rows:?}");
        let lines = rows.into_iter().flat_map(|row| row.summary.players);
        lines
            .map(|line| {
                assert_eq!(
                    (line.hero_id, line.kills),
                    (None, None),
                    "no column has them"
                );
                let position = line.position.map(Position::get);
                (line.slot.get(), line.lane, position)
            })
            .collect::<Vec<_>>()
    };
    let parsed = with_positions(whole(1, NOON));
    load(target, &[said_by("a", 1, with_players(whole(1, NOON)))]).await;
    assert_eq!(of_all().await, []);
    load(target, &[said_by("b", 2, parsed.clone())]).await;
    let all = of_all().await;
    assert_eq!(all.len(), 10);
    assert_eq!(all[0], (0, Some(1), Some(1)));
    assert_eq!(all[9], (9, Some(2), Some(5)));

    let mut nine = parsed.clone();
    nine.players[3].position = None;
    let less = [
        said_by("b", 3, nine),
        said_by("b", 4, with_players(whole(1, NOON))),
    ];
    load(target, &less).await;
    assert_eq!(of_all().await, all);
    let mut corrected = parsed;
    corrected.players[0].lane = Some(4);
    load(target, &[said_by("b", 5, corrected)]).await;
    assert_eq!(of_all().await[0], (0, Some(4), Some(1)));
}

pub(super) async fn a_corrected_result_reaches_the_counters(target: &dyn Target) {
    let wins = async || {
        build_all(target).await;
        let heroes = heroes(target, &CounterFilter::default()).await;
        let wins = heroes
            .iter()
            .map(|row| (row.hero.get(), row.games, row.wins));
        wins.filter(|row| [10, 112].contains(&row.0))
            .collect::<Vec<_>>()
    };
    load(target, &[said_by("a", 1, whole(1, NOON))]).await;
    assert_eq!(wins().await, [(10, 1, 1), (112, 1, 0)]);
    let corrected = MatchSummary {
        radiant_win: Some(false),
        ..whole(1, NOON)
    };
    load(target, &[said_by("b", 2, corrected)]).await;
    assert_eq!(wins().await, [(10, 1, 0), (112, 1, 1)]);
}

pub(super) async fn a_corrected_start_moves_the_match(target: &dyn Target) {
    let (first, second) = (day(NOON), day(NOON + DAY));
    load(target, &[said_by("a", 1, whole(1, NOON))]).await;
    build_all(target).await;
    let days = load(target, &[said_by("a", 2, whole(1, NOON + DAY))]).await;
    assert_eq!(days, BTreeSet::from([first, second]), "both days change");
    assert_eq!(dirty(target).await, [first, second]);
    build_all(target).await;
    let on = async |day| {
        let filter = CounterFilter {
            from: Some(day),
            to: Some(day),
            ..CounterFilter::default()
        };
        heroes(target, &filter).await.len()
    };
    assert_eq!((on(first).await, on(second).await), (0, 10));
    assert_eq!(
        dirty(target).await,
        [],
        "a day that is empty now is clean, too"
    );
}

/// The process dies after storing; when it repeats, the earlier row is gone.
pub(super) async fn a_day_that_a_match_left_is_not_forgotten(target: &dyn Target) {
    let (first, second) = (day(NOON), day(NOON + DAY));
    load(target, &[said_by("a", 1, whole(1, NOON))]).await;
    build_all(target).await;
    let moved = [said_by("a", 2, whole(1, NOON + DAY))];
    store(target, &moved).await;
    load(target, &moved).await;
    assert_eq!(dirty(target).await, [first, second]);
    assert_eq!(build(target, first).await.matches, 0);
    assert_eq!(build(target, second).await.matches, 1);
}
