//! Staging, switching and verifying.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use model_application::ports::{
    Document, Leadership, ModelPublisher, Publication, PublishError, Renewal,
};
use redis_kit::{Change, KeySpace, Outcome, Step};
use serde_json::json;

use crate::{keys, leader_lock::guard, publish_error};

/// How long what was staged waits for its switch.
pub const STAGING_LIFE: Duration = Duration::from_hours(1);
/// Of a publication so many documents are read again, at most.
const VERIFIED_MAX: usize = 20;
const RUNS_MAX: usize = 50;

/// Publishes in a space of keys.
pub struct RedisPublisher {
    keys: Arc<dyn KeySpace>,
    /// How long documents live; `None` for ever.
    expiry: Option<Duration>,
}

impl RedisPublisher {
    /// Publishes in this space; documents end after `expiry`, if there is one.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySpace>, expiry: Option<Duration>) -> Self {
        Self { keys, expiry }
    }

    /// The keys that a patch has, but for those of overview and index.
    async fn keys_of(&self, patch: &str) -> Result<Option<BTreeSet<String>>, PublishError> {
        let list = self.keys.get(&keys::of_patch(patch)).await;
        let list = list.map_err(|error| publish_error(&error))?;
        Ok(list.map(|list| {
            let list = String::from_utf8_lossy(&list);
            list.lines().map(str::to_owned).collect()
        }))
    }

    fn set(&self, document: &Document) -> Step {
        Step::Set {
            key: document.key.clone(),
            value: document.json.clone(),
            expiry: self.expiry,
        }
    }

    async fn change(
        &self,
        steps: Vec<Step>,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        let change = Change {
            guard: leadership.map(guard),
            steps,
        };
        let outcome = self.keys.change(&change).await;
        match outcome.map_err(|error| publish_error(&error))? {
            Outcome::Made => Ok(()),
            Outcome::Fenced => Err(PublishError::LeadershipLost),
            Outcome::Missing(key) => Err(PublishError::Missing { key }),
        }
    }

    /// Whether readers see this publication.
    async fn is_published(&self, publication: &Publication) -> Result<bool, PublishError> {
        let seen = self.keys.get(&publication.overview.key).await;
        let seen = seen.map_err(|error| publish_error(&error))?;
        Ok(seen.as_ref() == Some(&publication.overview.json))
    }

    fn steps(&self, publication: &Publication, had: &BTreeSet<String>) -> Vec<Step> {
        let has: BTreeSet<&str> = publication.keys.iter().map(|key| &**key).collect();
        let list = has.iter().copied().collect::<Vec<_>>().join("\n");
        let mut steps = vec![
            self.set(&publication.overview),
            self.set(&publication.index),
            Step::Set {
                key: keys::of_patch(&publication.patch),
                value: list.into(),
                expiry: self.expiry,
            },
        ];
        steps.extend(publication.keys.iter().map(|key| Step::Rename {
            from: keys::staged(publication.run, key),
            to: key.clone(),
            expiry: self.expiry,
        }));
        let vanished = had.iter().filter(|key| !has.contains(key.as_str()));
        steps.extend(vanished.map(|key| Step::Delete { key: key.clone() }));
        let message = json!({"run": publication.run.to_string(), "patch": publication.patch});
        steps.push(Step::Publish {
            channel: keys::PUBLISHED.to_owned(),
            message: message.to_string().into(),
        });
        steps
    }
}

#[async_trait]
impl ModelPublisher for RedisPublisher {
    async fn stage(&self, publication: &Publication) -> Result<(), PublishError> {
        let documents = publication.documents.iter();
        let values: Vec<_> = documents
            .map(|document| {
                let key = keys::staged(publication.run, &document.key);
                (key, document.json.clone())
            })
            .collect();
        let staged = self.keys.set_many(&values, Some(STAGING_LIFE)).await;
        staged.map_err(|error| publish_error(&error))
    }

    async fn switch(
        &self,
        publication: &Publication,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        // Only a leader changes the list, and a later one would fence this switch.
        let had = self.keys_of(&publication.patch).await?.unwrap_or_default();
        let steps = self.steps(publication, &had);
        match self.change(steps, leadership).await {
            // An earlier attempt whose answer was lost has moved it.
            Err(PublishError::Missing { .. }) if self.is_published(publication).await? => Ok(()),
            switched => switched,
        }
    }

    async fn verify(&self, publication: &Publication) -> Result<(), PublishError> {
        let documents = sample(publication);
        let keys: Vec<_> = documents.iter().map(|it| it.key.clone()).collect();
        let seen = self.published(&keys).await?;
        for (document, seen) in documents.into_iter().zip(seen) {
            let key = document.key.clone();
            match seen {
                None => return Err(PublishError::Missing { key }),
                Some(seen) if seen != document.json => {
                    return Err(PublishError::Different { key });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    async fn renew(
        &self,
        renewal: &Renewal,
        leadership: Option<&Leadership>,
    ) -> Result<(), PublishError> {
        let list = keys::of_patch(&renewal.patch);
        let Some(has) = self.keys_of(&renewal.patch).await? else {
            return Err(PublishError::Missing { key: list });
        };
        let mut steps = vec![self.set(&renewal.overview), self.set(&renewal.index)];
        steps.extend(has.into_iter().chain([list]).map(|key| Step::Renew {
            key,
            expiry: self.expiry,
        }));
        self.change(steps, leadership).await
    }

    async fn published(&self, keys: &[String]) -> Result<Vec<Option<Bytes>>, PublishError> {
        let values = self.keys.get_many(keys).await;
        values.map_err(|error| publish_error(&error))
    }

    async fn record(&self, run: Bytes) -> Result<(), PublishError> {
        let recorded = self.keys.push(keys::RUNS, run, RUNS_MAX).await;
        recorded.map_err(|error| publish_error(&error))
    }
}

/// The overview, and of the documents at hand some that are equally far from each other.
fn sample(publication: &Publication) -> Vec<&Document> {
    let documents = &publication.documents;
    let count = documents.len().min(VERIFIED_MAX - 1);
    let sampled = (0..count).map(|number| &documents[number * documents.len() / count]);
    sampled.chain([&publication.overview]).collect()
}
