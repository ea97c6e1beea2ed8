//! What counts, and where.

use std::collections::BTreeMap;

use domain::{LeftOut, MatchSummary, SkillBracket};
use etl_application::ports::CounterFilter;

use super::verifying::verify;
use super::{PositionGames, Target, build, build_all, day, dirty, heroes, load};
use crate::answers::{DAY, HEROES, NOON, bare, said_by, team, whole, with_players, with_positions};

pub(super) async fn what_is_left_out_has_its_reason(target: &dyn Target) {
    let mut leaver = with_players(bare(6, NOON));
    leaver.players[2].leaver_status = Some(2);
    let mut safe_to_leave = with_players(bare(7, NOON));
    safe_to_leave.players[2].leaver_status = Some(1);
    let summaries = [
        // Of its winner nobody knows.
        MatchSummary {
            radiant_win: None,
            ..whole(1, NOON)
        },
        MatchSummary {
            dire: Some(team(&[112, 22, 13, 54, 0])),
            ..whole(2, NOON)
        },
        MatchSummary {
            dire: Some(team(&[112, 22, 13, 54, 10])),
            ..whole(3, NOON)
        },
        MatchSummary {
            lobby_type: Some(1),
            ..whole(4, NOON)
        },
        MatchSummary {
            duration_seconds: Some(599),
            ..whole(5, NOON)
        },
        MatchSummary {
            duration_seconds: Some(600),
            ..whole(8, NOON)
        },
    ];
    let mut answers: Vec<_> = summaries.map(|one| said_by("a", 1, one)).into();
    // Who left is known from another source than who won.
    answers.extend([said_by("a", 1, whole(6, NOON)), said_by("b", 1, leaver)]);
    answers.extend([
        said_by("a", 1, whole(7, NOON)),
        said_by("b", 1, safe_to_leave),
    ]);
    // A match that two sources know a little of is left out once.
    answers.push(said_by("b", 1, bare(1, NOON + 1)));
    load(target, &answers).await;
    let done = build(target, day(NOON)).await;
    let once = [
        LeftOut::Incomplete,
        LeftOut::HeroUnknown,
        LeftOut::HeroRepeated,
        LeftOut::Lobby,
        LeftOut::Leaver,
        LeftOut::TooShort,
    ];
    assert_eq!(
        done.left_out,
        BTreeMap::from(once.map(|reason| (reason, 1)))
    );
    assert_eq!((done.matches, done.counted), (8, 2));

    load(target, &[said_by("b", 2, whole(1, NOON))]).await;
    let done = build(target, day(NOON)).await;
    assert_eq!(
        done.left_out.get(&LeftOut::Incomplete),
        None,
        "now it is whole"
    );
    assert_eq!((done.matches, done.counted), (8, 3));
}

/// How many matches fit a filter.
async fn matches(target: &dyn Target, filter: CounterFilter) -> u64 {
    let rows = heroes(target, &filter).await;
    rows.iter().map(|row| row.games).sum::<u64>() / 10
}

pub(super) async fn patches_and_modes_are_kept_apart(target: &dyn Target) {
    let mut in_another_mode = whole(3, NOON);
    in_another_mode.game_mode = Some(4);
    let summaries = [
        whole(1, NOON),
        in_another_mode,
        // A patch begins in the middle of a day, and before the first there was none.
        whole(4, 1_747_956_961),
        whole(5, 1_747_956_962),
        whole(6, 1_293_148_799),
    ];
    load(target, &summaries.map(|one| said_by("a", 1, one))).await;
    build_all(target).await;
    let everything = CounterFilter::default;
    for (name, expected) in [("7.38", 3), ("7.39", 1), ("", 1)] {
        let patch = Some(name.to_owned());
        let found = matches(
            target,
            CounterFilter {
                patch,
                ..everything()
            },
        )
        .await;
        assert_eq!(found, expected, "of patch {name:?}");
    }
    for (mode, expected) in [(4, 1), (22, 4)] {
        let game_mode = Some(mode);
        let found = matches(
            target,
            CounterFilter {
                game_mode,
                ..everything()
            },
        )
        .await;
        assert_eq!(found, expected, "of mode {mode}");
    }
}

pub(super) async fn positions_are_counted_where_they_are_known(target: &dyn Target) {
    let (first, second) = (day(NOON), day(NOON + DAY));
    let exact = async || {
        build_all(target).await;
        assert_eq!(dirty(target).await, []);
        for day in [first, second] {
            assert_eq!(verify(target, day).await, [], "on {day}");
        }
    };
    let mut lost = with_positions(whole(3, NOON));
    lost.radiant_win = Some(false);
    let mut left_out = with_positions(whole(4, NOON));
    left_out.lobby_type = Some(1);
    let answers = [
        with_positions(whole(1, NOON)),
        whole(2, NOON),
        lost,
        left_out,
    ];
    load(target, &answers.map(|one| said_by("a", 1, one))).await;
    exact().await;
    // Two of the four, and each side has won one of them.
    let mut expected: Vec<PositionGames> = (0..10)
        .map(|slot| {
            let place = slot % 5;
            (HEROES[usize::from(slot)], place % 3 + 1, place + 1, 2, 1)
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(target.position_games(first).await, expected);

    // A replay is read later, and lanes are corrected.
    load(target, &[said_by("b", 2, with_positions(whole(2, NOON)))]).await;
    assert_eq!(dirty(target).await, [first]);
    assert!(
        !verify(target, first).await.is_empty(),
        "it is not counted yet"
    );
    exact().await;
    let mut corrected = with_positions(whole(1, NOON));
    corrected.players[9].lane = Some(4);
    load(target, &[said_by("b", 3, corrected)]).await;
    exact().await;

    let games = target.position_games(first).await;
    assert_eq!(games.len(), 11, "the last hero was in two lanes");
    assert_eq!(games.iter().map(|row| row.3).sum::<u32>(), 30);
    assert!(games.contains(&(HEROES[0], 1, 1, 3, 2)), "{games:?}");

    // All go to another day: none of their counters stays.
    let moved = [1, 2, 3, 4].map(|id| with_positions(whole(id, NOON + DAY)));
    load(target, &moved.map(|one| said_by("c", 4, one))).await;
    exact().await;
    assert_eq!(target.position_games(first).await, []);
    assert_eq!(target.position_games(second).await.len(), 10);
    let without = [1, 2, 3, 4].map(|id| whole(id, NOON));
    load(target, &without.map(|one| said_by("c", 5, one))).await;
    exact().await;
}

pub(super) async fn a_match_has_the_bracket_of_whoever_knew_it(target: &dyn Target) {
    // By a source that knows nothing else, and dates the match differently.
    let rank = |id, tier| MatchSummary {
        avg_rank_tier: Some(tier),
        ..bare(id, NOON + DAY)
    };
    let of_bracket = async |raw| {
        let bracket = SkillBracket::try_new(raw).ok();
        matches(
            target,
            CounterFilter {
                bracket,
                ..CounterFilter::default()
            },
        )
        .await
    };
    load(
        target,
        &[1, 2, 3].map(|id| said_by("a", 1, whole(id, NOON))),
    )
    .await;
    load(
        target,
        &[said_by("b", 1, rank(2, 81)), said_by("b", 1, rank(3, 99))],
    )
    .await;
    build_all(target).await;
    assert_eq!(of_bracket(8).await, 1);
    assert_eq!(of_bracket(0).await, 2, "also with a rank that there is not");

    // It gets known later, and the day of the match is built again for it.
    load(target, &[said_by("b", 2, rank(1, 35))]).await;
    build_all(target).await;
    assert_eq!((of_bracket(3).await, of_bracket(0).await), (1, 1));
    load(target, &[said_by("a", 3, rank(1, 41))]).await;
    build_all(target).await;
    assert_eq!((of_bracket(3).await, of_bracket(4).await), (0, 1));
}
