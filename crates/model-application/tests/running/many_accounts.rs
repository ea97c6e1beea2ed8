//! More accounts, and more games of one, than fit anywhere at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{AccountId, CountingRules, HeroId, Side, SkillBracket, Timestamp};
use model_application::{
    Draft, MatchSums, Mode, PatchHead, SkillSpread,
    accounts::{AccountChoice, AccountRound, AccountScoring, AccountSettings, RoundEnd},
    ports::{
        AccountGame, AccountReader, AccountStore, Document, Leadership, PublishError, ReadError,
        TrackedAccounts,
    },
};
use model_redis_adapter::ContractDocuments;
use test_kit::usage::memory_kib;
use tokio::time::sleep;

use crate::world::{PATCH, World, by_hand, settings};

/// Games that are made when they are read, and nowhere before.
struct Games {
    /// Of each account.
    each: u32,
    /// Before the answer to a question.
    pause: Duration,
    /// The most accounts that were asked for at a time.
    accounts_max: AtomicUsize,
}

impl Games {
    fn new(each: u32, pause: Duration) -> Arc<Self> {
        let accounts_max = AtomicUsize::default();
        Arc::new(Self {
            each,
            pause,
            accounts_max,
        })
    }
}

#[async_trait]
impl AccountReader for Games {
    async fn account_games(
        &self,
        accounts: &[AccountId],
        since: Timestamp,
        _rules: &CountingRules,
        each: &mut (dyn FnMut(AccountGame) + Send),
    ) -> Result<MatchSums, ReadError> {
        self.accounts_max.fetch_max(accounts.len(), Relaxed);
        sleep(self.pause).await;
        let mut sums = MatchSums::default();
        for &account in accounts {
            for number in 0..self.each {
                let first = (account.get() + number) % 10;
                let (radiant, dire) = (side(first), side(first + 5));
                sums.add(None);
                each(AccountGame {
                    account,
                    start_time: since,
                    hero: radiant[0],
                    side: Side::Radiant,
                    draft: Draft::try_new(radiant, dire).expect("ten heroes"),
                    mode: Mode::Default,
                    bracket: SkillBracket::UNKNOWN,
                    radiant_win: (account.get() + number) % 3 > 0,
                });
            }
        }
        Ok(sums)
    }

    async fn most_active(
        &self,
        _since: Timestamp,
        count_max: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        Ok(accounts(count_max))
    }
}

/// Five heroes of a ring of twenty, from that one on.
fn side(first: u32) -> [HeroId; 5] {
    let mut ids = (first..).map(|place| 1 + place % 20);
    std::array::from_fn(|_| hero(ids.next().unwrap_or(1)))
}

fn hero(id: u32) -> HeroId {
    HeroId::try_new(u16::try_from(id).unwrap_or(1)).expect("not zero")
}

fn accounts(count: usize) -> Vec<AccountId> {
    let ids = (1..).map(|id| AccountId::try_new(id).expect("it is an account"));
    ids.take(count).collect()
}

/// Scores are counted there, and not kept.
#[derive(Default)]
struct Counted {
    tracked: usize,
    documents: AtomicU64,
    /// The most that were put at a time.
    documents_max: AtomicUsize,
}

#[async_trait]
impl AccountStore for Counted {
    async fn tracked(&self, count_max: usize) -> Result<TrackedAccounts, PublishError> {
        Ok(TrackedAccounts {
            accounts: accounts(self.tracked.min(count_max)),
            others: 0,
        })
    }

    async fn put(
        &self,
        documents: &[Document],
        _leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        self.documents.fetch_add(documents.len() as u64, Relaxed);
        self.documents_max.fetch_max(documents.len(), Relaxed);
        Ok(())
    }

    async fn keep_spread(
        &self,
        _spread: SkillSpread,
        _leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        Ok(())
    }

    async fn spread(&self) -> Result<Option<SkillSpread>, PublishError> {
        Ok(None)
    }
}

/// What a run has published.
async fn published() -> PatchHead {
    let world = World::new();
    let mut process = world.start(settings());
    process.run(by_hand()).await;
    let seen = process.status.published(PATCH);
    seen.expect("it is published").result.clone()
}

/// Scores as many accounts as are tracked, holding few.
async fn carry_out(games: &Arc<Games>, store: &Arc<Counted>, time_max: Duration) -> RoundEnd {
    let settings = AccountSettings {
        history: Duration::from_hours(24 * 365),
        half_life_days: 180,
        level: 9_000,
        rules: CountingRules::default(),
    };
    let round = AccountRound {
        scoring: AccountScoring::new(Arc::clone(games) as _, settings).holding(1_000),
        choice: AccountChoice::Tracked,
        store: Arc::clone(store) as _,
        documents: Arc::new(ContractDocuments),
    };
    let patch = published().await;
    let end = round.carry_out(&patch, None, time_max).await;
    end.expect("everybody answers")
}

const NO_HURRY: Duration = Duration::from_hours(1);

/// More than this are left out; `ROUND_ACCOUNTS` in the long version.
fn many() -> usize {
    let many = std::env::var("ROUND_ACCOUNTS").ok();
    many.map_or(2_000, |many| many.parse().expect("a number"))
}

#[tokio::test(start_paused = true)]
async fn accounts_go_page_by_page_within_bounds() {
    let games = Games::new(20, Duration::from_millis(1));
    let store = Arc::new(Counted {
        tracked: many(),
        ..Counted::default()
    });
    let before = memory_kib("self", "VmRSS").expect("this is Linux");
    let end = carry_out(&games, &store, NO_HURRY).await;
    let all = many() as u64;
    assert_eq!((end.wanted, end.scored, end.games), (all, all, 20 * all));
    assert!(!end.is_cut && !end.is_late);
    assert_eq!(store.documents.load(Relaxed), all);
    let most = (&games.accounts_max, &store.documents_max);
    assert_eq!((most.0.load(Relaxed), most.1.load(Relaxed)), (100, 100));
    let after = memory_kib("self", "VmHWM").expect("this is Linux");
    let grown_mib = after.saturating_sub(before) / 1024;
    println!("{all} accounts, {grown_mib} MiB more at most");
    assert!(grown_mib < 50, "{grown_mib} MiB");
}

#[tokio::test(start_paused = true)]
async fn more_accounts_than_a_round_scores_are_left_out() {
    // None of them has a game, so nothing is computed.
    let games = Games::new(0, Duration::ZERO);
    let store = Arc::new(Counted {
        tracked: 100_005,
        ..Counted::default()
    });
    let end = carry_out(&games, &store, NO_HURRY).await;
    assert_eq!((end.wanted, end.scored, end.is_cut), (100_000, 0, true));
}

#[tokio::test(start_paused = true)]
async fn a_round_ends_when_its_time_is_over() {
    let games = Games::new(10, Duration::from_secs(10));
    let store = Arc::new(Counted {
        tracked: 1_000,
        ..Counted::default()
    });
    let end = carry_out(&games, &store, Duration::from_secs(35)).await;
    // The fourth page was under way then, and is the last.
    assert_eq!((end.wanted, end.scored, end.is_late), (1_000, 400, true));
    assert_eq!(store.documents.load(Relaxed), 400);
}

#[tokio::test(start_paused = true)]
async fn an_account_with_very_many_games_is_one_like_others() {
    let games = Games::new(300_000, Duration::ZERO);
    let store = Arc::new(Counted {
        tracked: 2,
        ..Counted::default()
    });
    let before = memory_kib("self", "VmHWM").expect("this is Linux");
    let end = carry_out(&games, &store, NO_HURRY).await;
    assert_eq!((end.scored, end.games), (2, 600_000));
    let after = memory_kib("self", "VmHWM").expect("this is Linux");
    assert!(after.saturating_sub(before) < 50 * 1024);
}
