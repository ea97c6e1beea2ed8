//! What every store of auth must do, as one suite of checks.

mod codes;
mod ends;
mod histories;
mod keys;
mod logins;
mod pruning;
mod rotation;
mod told;
mod users;
mod world;

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use auth_application::Stores;
use domain::{SessionId, UserId};

pub use world::{BEGIN, Begun, LIFE, World, client, secret};

/// A store that is to be held to its ports.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The stores of an instance of the service, by number: all over the same data.
    fn instance(&self, number: usize) -> Stores;

    /// What was set down, the oldest first.
    async fn audit(&self) -> Result<Vec<Audited>>;
}

/// An entry of the audit log, as it can be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// What it was.
    pub event: String,
    /// Whom it was about.
    pub user: Option<UserId>,
    /// Which client took part.
    pub client: Option<String>,
    /// Which session it was about.
    pub session: Option<SessionId>,
    /// Whence it came.
    pub address: Option<String>,
    /// What else is to be said.
    pub detail: BTreeMap<String, String>,
}

/// Checks everything but [histories](check_histories); `make` makes an empty store.
///
/// Many things happen at the same time in it, so its runtime should have several threads.
///
/// # Errors
/// A promise is broken; it says which.
pub async fn check(make: impl AsyncFn() -> Result<Arc<dyn Subject>>) -> Result<()> {
    let world = async || Ok::<_, anyhow::Error>(World::new(make().await?));
    logins::attempts_go_side_by_side(&world().await?).await?;
    logins::steam_is_asked_about_an_attempt_twice_at_most(&world().await?).await?;
    logins::a_login_happens_whole_and_once(&world().await?).await?;
    logins::a_nonce_lets_one_in(&world().await?).await?;
    logins::a_person_is_one_user_however_many_come_at_once(&world().await?).await?;
    codes::a_code_is_redeemed_by_whoever_asked_for_it(&world().await?).await?;
    codes::a_code_that_comes_again_ends_its_session(&world().await?).await?;
    codes::of_many_at_once_one_redeems_a_code(&world().await?).await?;
    rotation::a_token_is_exchanged_for_the_next_one(&world().await?).await?;
    rotation::a_refusal_changes_nothing(&world().await?).await?;
    rotation::a_lost_answer_logs_nobody_out(&world().await?).await?;
    rotation::a_replay_ends_the_session(&world().await?).await?;
    rotation::of_many_at_once_one_tip_results(&world().await?).await?;
    ends::sessions_end_for_whoever_may_end_them(&world().await?).await?;
    ends::sessions_are_shown_to_their_user(&world().await?).await?;
    users::a_blocked_user_is_out_and_stays_out(&world().await?).await?;
    users::nobody_slips_past_a_block(&world().await?).await?;
    keys::one_instance_of_many_adds_a_key(&world().await?).await?;
    keys::keys_follow_each_other_and_go(&world().await?).await?;
    pruning::what_is_over_is_forgotten(&world().await?).await?;
    pruning::not_more_is_forgotten_than_was_asked_for(&world().await?).await?;
    told::everything_that_matters_is_set_down(&world().await?).await
}

/// Checks so many sequences of refreshes, lost answers, copies, ends and time, drawn by chance and shrunk when one
/// breaks a promise, against the rule in memory: never are there two tokens that would be given something for, and
/// never does an ended session live again. They share one store.
///
/// # Errors
/// A promise is broken; it says by which sequence.
pub async fn check_histories(subject: Arc<dyn Subject>, count: u32) -> Result<()> {
    histories::check(World::new(subject), count).await
}
