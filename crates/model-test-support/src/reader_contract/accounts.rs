//! Games of accounts.

use std::collections::BTreeMap;

use domain::{AccountId, CountingRules, Side, SkillBracket, Timestamp};
use model_application::ports::AccountGame;
use model_application::{MatchSums, Mode};

use super::Target;
use crate::{FIRST_DAY, PlayedMatch};

fn account(raw: u32) -> AccountId {
    AccountId::try_new(raw).expect("it is an account")
}

/// A match in which these accounts were in these slots.
fn shown(id: i64, accounts: &[(usize, u32)]) -> PlayedMatch {
    let mut played = PlayedMatch::on(FIRST_DAY, id);
    for &(slot, account) in accounts {
        played.accounts[slot] = Some(account);
    }
    played
}

async fn read(
    target: &impl Target,
    accounts: &[u32],
    since: Timestamp,
) -> (Vec<AccountGame>, MatchSums) {
    let accounts: Vec<_> = accounts.iter().map(|raw| account(*raw)).collect();
    let mut games = Vec::new();
    let mut each = |game: AccountGame| games.push(game);
    let rules = CountingRules::default();
    let reader = target.accounts();
    let sums = reader.account_games(&accounts, since, &rules, &mut each);
    let sums = sums.await.expect("it answers");
    assert_eq!(sums.check(), Ok(()));
    assert_eq!(sums.used, u64::try_from(games.len()).unwrap_or_default());
    (games, sums)
}

fn heroes(games: &[AccountGame]) -> Vec<(u32, u16)> {
    let each = games.iter();
    each.map(|game| (game.account.get(), game.hero.get()))
        .collect()
}

const EVER: Timestamp = Timestamp::from_unix_ms(0);

pub(super) async fn games_come_account_by_account(target: &impl Target) {
    let mut second = shown(20, &[(1, 300), (9, 200)]);
    second.game_mode = 23;
    second.rank_tier = Some(44);
    let first = shown(10, &[(0, 200), (5, 300), (6, 400)]);
    let third = shown(30, &[(2, 300)]);
    target.store(&[third, first.clone(), second]).await;
    let (games, sums) = read(target, &[300, 200, 999], EVER).await;
    let expected = [(200, 1), (200, 10), (300, 6), (300, 2), (300, 3)];
    assert_eq!(heroes(&games), expected);
    assert_eq!((sums.read, sums.used), (5, 5));
    let of_dire = games[1];
    assert_eq!(of_dire.side, Side::Dire);
    assert!(of_dire.radiant_win && !of_dire.has_won() && games[0].has_won());
    assert_eq!(of_dire.mode, Mode::Turbo);
    assert_eq!(Ok(of_dire.bracket), SkillBracket::try_new(4));
    assert_eq!(games[0].bracket, SkillBracket::UNKNOWN);
    assert_eq!(games[0].start_time, first.start_time());
    assert_eq!(of_dire.draft.dire()[4].get(), 10);

    let after = Timestamp::from_unix_ms(first.start_time().as_unix_ms() + 1);
    let (games, _) = read(target, &[300, 200], after).await;
    assert_eq!(heroes(&games), [(200, 10), (300, 2), (300, 3)]);
    let (games, _) = read(target, &[300, 300], first.start_time()).await;
    assert_eq!(games.len(), 3, "an account that is named twice is one");
    let (games, sums) = read(target, &[], EVER).await;
    assert_eq!((games.len(), sums.read), (0, 0));
}

pub(super) async fn games_are_judged(target: &impl Target) {
    let mut short = shown(1, &[(0, 200)]);
    short.duration_seconds = 599;
    let mut left = shown(2, &[(0, 200)]);
    left.leaver = Some(7);
    let mut other_mode = shown(3, &[(0, 200)]);
    other_mode.game_mode = 4;
    let mut other_lobby = shown(4, &[(0, 200)]);
    other_lobby.lobby_type = 1;
    let counts = shown(5, &[(0, 200)]);
    target
        .store(&[short, left, other_mode, other_lobby, counts])
        .await;
    let (games, sums) = read(target, &[200], EVER).await;
    assert_eq!(games.len(), 1);
    let reasons = ["leaver", "lobby", "mode", "too_short"];
    let excluded = BTreeMap::from(reasons.map(|reason| (reason.to_owned(), 1)));
    assert_eq!(sums.excluded, excluded);
}

pub(super) async fn a_game_is_what_was_said_last(target: &impl Target) {
    let said_first = shown(1, &[(0, 200)]);
    target.store(std::slice::from_ref(&said_first)).await;
    let mut corrected = said_first;
    corrected.radiant_win = false;
    corrected.rank_tier = Some(60);
    target.store(&[corrected]).await;
    let (games, _) = read(target, &[200], EVER).await;
    let [game] = games.as_slice() else {
        panic!("one game, not {games:?}")
    };
    assert!(!game.has_won());
    assert_eq!(Ok(game.bracket), SkillBracket::try_new(6));
    let most = target.accounts().most_active(EVER, 5).await;
    assert_eq!(most, Ok(vec![account(200)]));
}

pub(super) async fn the_most_active_come_first(target: &impl Target) {
    let early = shown(1, &[(0, 500), (1, 300), (2, 400)]);
    let since = Timestamp::from_unix_ms(early.start_time().as_unix_ms() + 1);
    let mut matches = vec![early];
    matches.push(shown(2, &[(0, 500), (1, 300)]));
    matches.push(shown(3, &[(0, 600), (1, 300)]));
    // The same again: a game is a game once.
    target.store(&matches).await;
    target.store(&matches[..2]).await;
    let reader = target.accounts();
    let most = async |since, count_max| {
        let most = reader.most_active(since, count_max).await;
        let most = most.expect("it answers");
        most.iter().map(|one| one.get()).collect::<Vec<_>>()
    };
    assert_eq!(most(EVER, 10).await, [300, 500, 400, 600]);
    assert_eq!(most(EVER, 2).await, [300, 500]);
    assert_eq!(most(since, 10).await, [300, 500, 600]);
    assert_eq!(most(EVER, 0).await, Vec::<u32>::new());
}
