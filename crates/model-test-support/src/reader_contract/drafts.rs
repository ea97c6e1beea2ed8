//! Drafts that no count has seen.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::{CountingRules, Day, SkillBracket, Timestamp};
use model_application::ports::DraftSeen;
use model_application::{MatchSums, Mode};

use super::{Target, many};
use crate::{FIRST_DAY, PlayedMatch};

const ALWAYS: Range<Timestamp> =
    Timestamp::from_unix_ms(0)..Timestamp::from_unix_seconds(4_000_000_000);

async fn read(
    target: &impl Target,
    days: &[Day],
    during: Range<Timestamp>,
) -> (Vec<DraftSeen>, MatchSums) {
    let mut seen = Vec::new();
    let rules = CountingRules::default();
    let mut each = |one: DraftSeen| seen.push(one);
    let counters = target.counters();
    let sums = counters.drafts(days, during, &rules, &mut each).await;
    let sums = sums.expect("it answers");
    assert_eq!(sums.check(), Ok(()));
    assert_eq!(sums.used, u64::try_from(seen.len()).unwrap_or_default());
    (seen, sums)
}

fn ids(seen: &[DraftSeen]) -> Vec<i64> {
    let mut ids: Vec<_> = seen.iter().map(|one| one.match_id.get()).collect();
    ids.sort_unstable();
    ids
}

pub(super) async fn matches_that_count_are_handed_over(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let third = second.next();
    let mut turbo = PlayedMatch::on(first, 1);
    turbo.game_mode = 23;
    turbo.rank_tier = Some(75);
    turbo.radiant_win = false;
    let others = [second, third].map(|day| PlayedMatch::on(day, day.days_since_epoch().into()));
    target.store(std::slice::from_ref(&turbo)).await;
    target.store(&others).await;
    let (seen, sums) = read(target, &[first], ALWAYS).await;
    let [seen] = seen.as_slice() else {
        panic!("one match, not {seen:?}")
    };
    assert_eq!((sums.read, sums.used), (1, 1));
    assert_eq!(seen.match_id.get(), 1);
    assert_eq!(seen.mode, Mode::Turbo);
    assert_eq!(SkillBracket::try_new(7), Ok(seen.bracket));
    assert!(!seen.radiant_win);
    assert_eq!(
        seen.draft.radiant().map(domain::HeroId::get),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(seen.draft.dire().map(domain::HeroId::get), [6, 7, 8, 9, 10]);

    let (seen, _) = read(target, &[third, first], ALWAYS).await;
    assert_eq!(seen.len(), 2, "the day between is not asked for");
    let (seen, _) = read(target, &[], ALWAYS).await;
    assert_eq!(seen, []);

    // A patch begins with its first moment and ends before that of the next.
    let started = turbo.start_time();
    let after = Timestamp::from_unix_ms(started.as_unix_ms() + 1);
    for (during, expected) in [
        (started..after, 1),
        (Timestamp::from_unix_ms(0)..started, 0),
        (after..Timestamp::from_unix_seconds(4_000_000_000), 0),
        (Timestamp::from_unix_ms(0)..after, 1),
    ] {
        let (seen, sums) = read(target, &[first], during.clone()).await;
        assert_eq!(seen.len(), expected, "{during:?}");
        assert_eq!(sums.read, sums.used, "others are not read");
    }
}

pub(super) async fn what_is_left_out_has_its_reason(target: &impl Target) {
    let day = FIRST_DAY;
    let mut short = PlayedMatch::on(day, 2);
    short.duration_seconds = 599;
    let mut left = PlayedMatch::on(day, 3);
    left.leaver = Some(9);
    let mut other_mode = PlayedMatch::on(day, 4);
    other_mode.game_mode = 4;
    let mut unfilled = PlayedMatch::on(day, 5);
    unfilled.heroes[9] = 0;
    let mut twice = PlayedMatch::on(day, 6);
    twice.heroes[9] = 1;
    let mut other_lobby = PlayedMatch::on(day, 7);
    other_lobby.lobby_type = 1;
    target.store(&[PlayedMatch::on(day, 1), short, left]).await;
    target
        .store(&[other_mode, unfilled, twice, other_lobby])
        .await;
    let (seen, sums) = read(target, &[day], ALWAYS).await;
    assert_eq!(ids(&seen), [1]);
    let reasons = [
        "hero_repeated",
        "hero_unknown",
        "leaver",
        "lobby",
        "mode",
        "too_short",
    ];
    let excluded = BTreeMap::from(reasons.map(|reason| (reason.to_owned(), 1)));
    assert_eq!(sums.excluded, excluded);
}

pub(super) async fn a_match_is_what_was_said_last(target: &impl Target) {
    let (first, second) = (FIRST_DAY, FIRST_DAY.next());
    let said_first = PlayedMatch::on(first, 1);
    let mut moved = PlayedMatch::on(first, 2);
    target.store(&[said_first.clone(), moved.clone()]).await;
    let mut corrected = said_first;
    corrected.radiant_win = false;
    corrected.rank_tier = Some(11);
    moved.started = PlayedMatch::on(second, 2).started;
    target.store(&[corrected.clone()]).await;
    corrected.rank_tier = Some(81);
    target.store(&[corrected, moved]).await;
    let (seen, sums) = read(target, &[first], ALWAYS).await;
    let [seen] = seen.as_slice() else {
        panic!("one match, not {seen:?}")
    };
    assert_eq!(sums.read, 1);
    assert!(!seen.radiant_win);
    assert_eq!(SkillBracket::try_new(8), Ok(seen.bracket));
    let (seen, _) = read(target, &[second], ALWAYS).await;
    assert_eq!(ids(&seen), [2]);
    let (seen, _) = read(target, &[first, second], ALWAYS).await;
    assert_eq!(ids(&seen), [1, 2]);
}

pub(super) async fn many_matches_come_once_and_in_one_order(target: &impl Target) {
    let days = [FIRST_DAY, FIRST_DAY.next()];
    let matches = many(&days, 2300);
    target.store(&matches).await;
    // Once more, as a restart would.
    target.store(&matches[..500]).await;
    let (seen, sums) = read(target, &days, ALWAYS).await;
    let rules = CountingRules::default();
    let counted = matches.iter().filter(|played| {
        let judged = rules.judge(&played.core(), played.leaver.is_some());
        judged.is_ok() && played.game_mode != 4
    });
    assert_eq!(
        ids(&seen),
        counted.map(|played| played.id).collect::<Vec<_>>()
    );
    assert_eq!(sums.read, 4600);
    let (again, _) = read(target, &days, ALWAYS).await;
    assert!(again == seen, "the order is the same");
}
