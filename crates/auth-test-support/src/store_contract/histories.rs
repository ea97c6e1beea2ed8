//! Sequences of what may happen to a session, drawn by chance.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use auth_application::ports::{Refreshed, Which};
use identity::{EndReason, Family, RefreshRefusal};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestError, TestRunner},
};
use tokio::{runtime::Handle, task::spawn_blocking};

use super::world::{BEGIN, LIFE, World, client, person, same};

/// What happens next. A place counts tokens from the last one that was given backwards, so that small ones, which
/// chance prefers, are the interesting ones.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody shows a token; whether it is its client.
    Refresh { place: usize, is_own: bool },
    /// The code comes again.
    CodeAgain,
    /// A token is given back.
    Revoke { place: usize },
    /// The user logs out everywhere.
    LogOut,
    /// Time goes by.
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..24_usize).prop_map(|it| it * it / 24);
    prop_oneof![
        30 => place().prop_map(|place| Step::Refresh { place, is_own: true }),
        2 => place().prop_map(|place| Step::Refresh { place, is_own: false }),
        1 => Just(Step::CodeAgain),
        1 => place().prop_map(|place| Step::Revoke { place }),
        1 => Just(Step::LogOut),
        6 => (0..12_000_u64).prop_map(|ms| Step::Wait { ms }),
        1 => (0..100_u64).prop_map(|days| Step::Wait { ms: days * 86_400_000 / 2 }),
    ]
}

pub(super) async fn check(world: World, count: u32) -> Result<()> {
    let handle = Handle::current();
    let checked = spawn_blocking(move || {
        let config = Config {
            cases: count,
            failure_persistence: None,
            ..Config::default()
        };
        let people = AtomicU32::new(1);
        let histories = prop::collection::vec(step(), 1..40);
        TestRunner::new(config).run(&histories, |history| {
            let number = people.fetch_add(1, Ordering::Relaxed);
            let lived = handle.block_on(live(&world, number, &history));
            lived.map_err(|error| TestCaseError::fail(format!("{error:#}")))
        })
    });
    checked.await?.map_err(|error| match error {
        TestError::Fail(reason, history) => anyhow::anyhow!("{reason} by {history:?}"),
        TestError::Abort(reason) => anyhow::anyhow!("{reason}"),
    })
}

async fn live(world: &World, number: u32, history: &[Step]) -> Result<()> {
    let begun = world.begin_session(person(number), BEGIN).await?;
    let mut family = Family::begin(begun.session.clone(), begun.token, LIFE);
    let (mut given, mut now) = (vec![begun.token], BEGIN);
    for (at, step) in history.iter().enumerate() {
        let place = |place: usize| given.len().saturating_sub(place + 1);
        match *step {
            Step::Refresh {
                place: back,
                is_own,
            } => {
                let mut request = world.refreshing(given[place(back)], now);
                if !is_own {
                    request.client = client("other");
                }
                let expected =
                    family.refresh(&request.token, request.next, request.asked(), LIFE, now);
                match (world.sessions().refresh(&request).await?, expected) {
                    (Refreshed::Given { given: found, .. }, Ok(expected)) => {
                        same(&found, &expected)?;
                        given.push(request.next);
                    }
                    (Refreshed::Refused { refusal, ended }, Err(expected)) => {
                        same(&refusal, &expected)?;
                        let is_end = refusal == RefreshRefusal::Reused;
                        same(&ended, &is_end.then_some(begun.session.id))?;
                    }
                    (found, expected) => {
                        anyhow::bail!("step {at}: {found:?} is not {expected:?}")
                    }
                }
            }
            Step::CodeAgain => {
                family.end(EndReason::CodeReuse, now);
                let request = world.redeeming(begun.code, now);
                world.sessions().redeem(&request).await?;
            }
            Step::Revoke { place: back } => {
                family.end(EndReason::Revoked, now);
                let which = Which::OfToken {
                    token: given[place(back)],
                    client: None,
                };
                world.end(which, EndReason::Revoked, now).await?;
            }
            Step::LogOut => {
                family.end(EndReason::LoggedOut, now);
                let which = Which::AllOf(begun.session.user);
                world.end(which, EndReason::LoggedOut, now).await?;
            }
            Step::Wait { ms } => now = now.saturating_add(Duration::from_millis(ms)),
        }
        let found = world.sessions().session(begun.session.id).await?;
        let found = found.context("the session is there")?;
        same(&found, family.session()).with_context(|| format!("step {at}"))?;
        let tips = world.tips(&given).await?;
        ensure!(tips <= 1, "step {at}: {tips} tips");
        ensure!(
            tips == 0 || found.ended.is_none(),
            "step {at}: it lives again"
        );
    }
    Ok(())
}
