//! Which accounts are wanted, and where their scores go.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use domain::AccountId;
use model_application::{
    SkillSpread,
    ports::{AccountStore, Document, Leadership, PublishError, TrackedAccounts},
};
use redis_kit::{Change, KeySpace, Outcome, Step};

use crate::{keys, leader_lock::guard, publish_error};

/// A change has so many documents …
const CHANGE_DOCUMENTS_MAX: usize = 128;
/// … or so many bytes: a script keeps everybody else waiting while it runs.
const CHANGE_BYTES_MAX: usize = 512 * 1024;

/// Scores of accounts in a space of keys.
pub struct RedisAccounts {
    keys: Arc<dyn KeySpace>,
    /// How long documents live; `None` for ever.
    expiry: Option<Duration>,
}

impl RedisAccounts {
    /// In this space; documents end after `expiry`, if there is one.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySpace>, expiry: Option<Duration>) -> Self {
        Self { keys, expiry }
    }

    /// Sets values in one step, unless another has become the leader.
    async fn set<'a>(
        &self,
        values: impl Iterator<Item = (&'a str, &'a Bytes)> + Send,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        let steps = values.map(|(key, value)| Step::Set {
            key: key.to_owned(),
            value: value.clone(),
            expiry: self.expiry,
        });
        let change = Change {
            guard: leadership.map(guard),
            steps: steps.collect(),
        };
        let outcome = self.keys.change(&change).await;
        match outcome.map_err(|error| publish_error(&error))? {
            Outcome::Made => Ok(()),
            Outcome::Fenced => Err(PublishError::LeadershipLost),
            Outcome::Missing(key) => Err(PublishError::Missing { key }),
        }
    }
}

#[async_trait]
impl AccountStore for RedisAccounts {
    async fn tracked(&self, count_max: usize) -> Result<TrackedAccounts, PublishError> {
        let members = self.keys.members(keys::TRACKED_ACCOUNTS, count_max).await;
        let members = members.map_err(|error| publish_error(&error))?;
        let accounts = members.iter().filter_map(|member| account(member));
        let accounts: Vec<_> = accounts.collect();
        Ok(TrackedAccounts {
            others: members.len() - accounts.len(),
            accounts,
        })
    }

    async fn put(
        &self,
        documents: &[Document],
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        let mut rest = documents;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(fit_into_change(rest));
            let values = some.iter().map(|it| (&*it.key, &it.json));
            self.set(values, leadership).await?;
            rest = others;
        }
        Ok(())
    }

    async fn keep_spread(
        &self,
        spread: SkillSpread,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        let SkillSpread {
            account,
            hero,
            slope,
        } = spread;
        // The shortest text that is this number and no other.
        let text = Bytes::from(format!("{account} {hero} {slope}"));
        let values = [(keys::SKILL_SPREAD, &text)].into_iter();
        self.set(values, leadership).await
    }

    async fn spread(&self) -> Result<Option<SkillSpread>, PublishError> {
        let text = self.keys.get(keys::SKILL_SPREAD).await;
        let text = text.map_err(|error| publish_error(&error))?;
        Ok(text.and_then(|text| spread(&text)))
    }
}

fn account(member: &[u8]) -> Option<AccountId> {
    let text = std::str::from_utf8(member).ok()?;
    AccountId::try_new(text.parse().ok()?).ok()
}

fn spread(text: &[u8]) -> Option<SkillSpread> {
    let text = std::str::from_utf8(text).ok()?;
    let numbers: Result<Vec<f64>, _> = text.split(' ').map(str::parse).collect();
    match numbers.ok()?[..] {
        [account, hero, slope] if [account, hero, slope].iter().all(|it| it.is_finite()) => {
            Some(SkillSpread {
                account,
                hero,
                slope,
            })
        }
        _ => None,
    }
}

/// How many of these documents, at least one, make a change.
fn fit_into_change(documents: &[Document]) -> usize {
    let mut bytes = 0;
    let fitting = documents
        .iter()
        .take(CHANGE_DOCUMENTS_MAX)
        .take_while(|document| {
            bytes += document.json.len();
            bytes <= CHANGE_BYTES_MAX
        });
    fitting.count().max(1)
}
