//! What comes back out.

use domain::{AccountId, MatchSummary, SkillBracket, Slot};
use etl_application::ports::{CounterFilter, PairGames, Relation};

use super::{Target, build_all, day, heroes, load};
use crate::answers::{DAY, NOON, bare, hero, match_id, said_by, whole, with_players};

pub(super) async fn counters_are_filtered(target: &dyn Target) {
    let of = |id, days, mode, tier| {
        let summary = MatchSummary {
            game_mode: Some(mode),
            avg_rank_tier: Some(tier),
            ..whole(id, NOON + days * DAY)
        };
        said_by("a", 1, summary)
    };
    load(
        target,
        &[
            of(1, 0, 22, 81),
            of(2, 1, 22, 35),
            of(3, 2, 4, 81),
            of(4, 2, 22, 35),
        ],
    )
    .await;
    build_all(target).await;
    let check = async |narrow: &dyn Fn(&mut CounterFilter), expected: u64| {
        let mut filter = CounterFilter::default();
        narrow(&mut filter);
        let rows = heroes(target, &filter).await;
        assert!(rows.is_sorted_by_key(|row| row.hero), "heroes are in order");
        let games = rows.iter().map(|row| row.games).sum::<u64>();
        assert_eq!(games, 10 * expected, "{filter:?}");
        let pairs = target.reader().pairs(hero(10), &filter).await;
        let pairs = pairs.expect("the warehouse answers");
        let games = pairs.iter().map(|row| row.games).sum::<u64>();
        assert_eq!(games, 9 * expected, "{filter:?}");
    };
    check(&|_| {}, 4).await;
    check(&|filter| filter.from = Some(day(NOON + DAY)), 3).await;
    check(&|filter| filter.to = Some(day(NOON + DAY)), 2).await;
    check(&|filter| filter.game_mode = Some(4), 1).await;
    check(&|filter| filter.bracket = SkillBracket::try_new(8).ok(), 2).await;
    check(&|filter| filter.bracket = Some(SkillBracket::UNKNOWN), 0).await;
    check(&|filter| filter.patch = Some("7.38".into()), 4).await;
    let quoted = "7.38' OR '1' = '1";
    check(&|filter| filter.patch = Some(quoted.into()), 0).await;
    let all_at_once = |filter: &mut CounterFilter| {
        filter.from = Some(day(NOON + 2 * DAY));
        filter.to = filter.from;
        filter.patch = Some("7.38".into());
        filter.bracket = SkillBracket::try_new(3).ok();
        filter.game_mode = Some(22);
    };
    check(&all_at_once, 1).await;
}

pub(super) async fn pairs_are_seen_from_both_sides(target: &dyn Target) {
    let lost = MatchSummary {
        radiant_win: Some(false),
        ..whole(2, NOON)
    };
    let mirrored = MatchSummary {
        radiant: whole(3, NOON).dire,
        dire: whole(3, NOON).radiant,
        ..whole(3, NOON)
    };
    // Hero 10 won the first match, lost the second, and lost the third as Dire.
    load(
        target,
        &[1, 2, 3].map(|n| {
            let summary = match n {
                1 => whole(1, NOON),
                2 => lost.clone(),
                _ => mirrored.clone(),
            };
            said_by("a", 1, summary)
        }),
    )
    .await;
    build_all(target).await;
    let pair = async |one: u16, other: u16| -> PairGames {
        let rows = target
            .reader()
            .pairs(hero(one), &CounterFilter::default())
            .await;
        let rows = rows.expect("the warehouse answers");
        assert_eq!(rows.len(), 9);
        assert!(rows.is_sorted_by_key(|row| (row.relation, row.other)));
        let found = rows.into_iter().find(|row| row.other == hero(other));
        found.expect("the two have met")
    };
    let row = |relation, other, games, wins| PairGames {
        relation,
        other: hero(other),
        games,
        wins,
    };
    assert_eq!(pair(10, 112).await, row(Relation::Against, 112, 3, 1));
    assert_eq!(pair(112, 10).await, row(Relation::Against, 10, 3, 2));
    assert_eq!(pair(10, 97).await, row(Relation::With, 97, 3, 1));
    assert_eq!(pair(97, 10).await, row(Relation::With, 10, 3, 1));
}

/// Everything, at the ends of what fields can hold.
fn at_the_ends() -> MatchSummary {
    let mut all = MatchSummary {
        match_seq_num: Some(u64::MAX),
        cluster: Some(u16::MAX),
        league_id: Some(u32::MAX),
        human_players: Some(u8::MAX),
        avg_rank_tier: Some(u8::MAX),
        num_rank_tier: Some(0),
        duration_seconds: Some(u32::MAX),
        lobby_type: Some(u8::MAX),
        game_mode: Some(0),
        radiant_win: Some(false),
        ..with_players(whole(i64::MAX, NOON))
    };
    let line = &mut all.players[4];
    line.account_id = AccountId::try_new(u32::MAX - 1).ok();
    line.hero_id = Some(hero(u16::MAX));
    line.kills = Some(u16::MAX);
    line.last_hits = Some(u16::MAX);
    line.denies = Some(0);
    line.gold_per_min = Some(1);
    line.xp_per_min = Some(2);
    line.level = Some(30);
    line.net_worth = Some(u32::MAX);
    line.hero_damage = Some(3);
    line.tower_damage = Some(4);
    line.hero_healing = Some(5);
    line.leaver_status = None;
    line.items = vec![];
    all
}

/// Also with a name that no careless statement survives.
pub(super) async fn what_was_stored_is_read(target: &dyn Target) {
    let all = at_the_ends();
    let source = "it's \"a\" \\ source;\n--";
    load(target, &[said_by(source, 1_742_800_000_000, all.clone())]).await;
    let rows = target.reader().match_facts(all.match_id).await;
    let rows = rows.expect("the warehouse answers");
    let bare = bare(i64::MAX, NOON);
    let core = MatchSummary {
        duration_seconds: all.duration_seconds,
        radiant_win: all.radiant_win,
        lobby_type: all.lobby_type,
        game_mode: all.game_mode,
        radiant: all.radiant,
        dire: all.dire,
        ..bare.clone()
    };
    let rest = MatchSummary {
        match_seq_num: all.match_seq_num,
        cluster: all.cluster,
        league_id: all.league_id,
        human_players: all.human_players,
        ..bare.clone()
    };
    let rank = MatchSummary {
        avg_rank_tier: all.avg_rank_tier,
        num_rank_tier: all.num_rank_tier,
        ..bare.clone()
    };
    let players = MatchSummary {
        radiant_win: all.radiant_win,
        players: all.players.clone(),
        ..bare
    };
    let expected = [
        ("match_players", "", players),
        ("match_ranks", source, rank),
        ("match_sources", source, rest),
        ("matches", source, core),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, (table, source, summary)) in rows.iter().zip(expected) {
        assert_eq!((row.table, row.source.as_str()), (table, source));
        assert_eq!(row.summary, summary, "of {table}");
        assert_eq!(row.version, 1_742_800_000_000 << 16);
    }
}

pub(super) async fn matches_are_found_by_account(target: &dyn Target) {
    let answers = [2, 1].map(|id| said_by("a", 1, with_players(whole(id, NOON))));
    load(target, &answers).await;
    load(target, &answers).await;
    let account = |raw| AccountId::try_new(raw).expect("it is no anonymous account");
    let slot = Slot::try_new(2).expect("there are ten slots");
    let expected = [1, 2].map(|id| (match_id(id), slot, hero(29)));
    assert_eq!(target.player_matches(account(1002)).await, expected);
    assert_eq!(target.player_matches(account(1003)).await, []);
}
