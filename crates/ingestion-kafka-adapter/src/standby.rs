//! One of several instances publishes, the others stand by: they follow what it
//! publishes, and the next of them takes over when it is gone.
//!
//! The group says whose turn it is ([`Ownership`]). What keeps two from writing is
//! not the group but the transactional id: whoever's turn comes opens a producer
//! under it, which fences everybody before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::MatchId;
use health_kit::{Clock, Condition, HealthCheck, HealthStatus};
use ingestion_application::{SummaryKey, ports::Followed};
use kafka_kit::{
    brokers::in_thread,
    ownership::{Ownership, OwnershipSettings, Standing},
    reader::Reader,
    settings::SettingsError,
};
use rdkafka::{ClientConfig, error::RDKafkaErrorCode};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    settings::KafkaSettings,
    topic::{
        follower::Follower,
        published_tail::{NoTail, Tail, match_id, read_tail, summary_key},
    },
};

/// Something followed is told after so long at the latest, and so is that it is
/// this instance's turn.
const TOLD_WITHIN: Duration = Duration::from_millis(200);
/// How often it is asked who is active.
const ASK_PAUSE: Duration = Duration::from_secs(2);
/// How often the group's word is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// What an instance has that stands by, or has stood by.
pub(crate) struct Standby {
    pub(crate) ownership: Arc<Ownership>,
    config: ClientConfig,
    publish_topic: String,
    match_summary_topic: Option<String>,
    following: Mutex<Option<Following>>,
    /// … that is still to be read to its end at the take-over.
    summaries: Mutex<Option<Follower<SummaryKey>>>,
    condition: Condition,
}

/// How far both topics have been told.
struct Following {
    matches: Follower<MatchId>,
    /// None where there are none, or where they cannot be read: then they are
    /// read at the take-over.
    summaries: Option<Follower<SummaryKey>>,
}

impl Standby {
    /// Joins the group in the background.
    ///
    /// # Errors
    /// [`SettingsError`] when librdkafka refuses the settings.
    pub(crate) fn start(
        settings: &KafkaSettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let group = OwnershipSettings {
            client: settings.client.clone(),
            group_id: settings.group_id.clone(),
            topic: settings.publish_topic.clone(),
        };
        Ok(Self {
            ownership: Arc::new(Ownership::start(&group, clock)?),
            config: Reader::config(&settings.client),
            publish_topic: settings.publish_topic.clone(),
            match_summary_topic: settings.match_summary_topic.clone(),
            following: Mutex::default(),
            summaries: Mutex::default(),
            condition: Condition::new(
                "standby",
                HealthStatus::Healthy,
                "standby: the group has not told yet who is active",
                Arc::clone(clock),
            ),
        })
    }

    /// Whether it is this instance's turn.
    pub(crate) fn is_owner(&self) -> bool {
        self.ownership.standing() == Standing::Owner
    }

    /// What has come since the last call; at the first the newest of what is
    /// there, so many at most. Not long after it is this instance's turn it
    /// returns, with or without something.
    ///
    /// # Errors
    /// [`NoTail`]; the next call begins anew, with the newest.
    pub(crate) async fn follow(
        &self,
        ids_max: usize,
        summaries_max: usize,
        stop: &CancellationToken,
    ) -> Result<Followed, NoTail> {
        let following = self.lock().take();
        let (config, stopped) = (self.config.clone(), stop.clone());
        let (matches, summaries) = (self.publish_topic.clone(), self.match_summary_topic.clone());
        let work = move || {
            if let Some(following) = following {
                return following.read_on();
            }
            let begin = Begin { config, stopped };
            begin.read(&matches, ids_max, summaries.as_deref(), summaries_max)
        };
        let working = in_thread("kafka-follow", work);
        let Some(done) = stop.run_until_cancelled(working).await else {
            return Err(NoTail::Stopped);
        };
        let (told, following) = done.map_err(|_| RDKafkaErrorCode::Fail)??;
        *self.lock() = Some(following);
        Ok(told)
    }

    /// The follower of matches, to be read to the end; none if nothing is known.
    pub(crate) fn take_matches(&self) -> Option<Follower<MatchId>> {
        let Following { matches, summaries } = self.lock().take()?;
        *self.lock_summaries() = summaries;
        Some(matches)
    }

    /// The follower of summaries likewise, once that of matches was taken.
    pub(crate) fn take_summaries(&self) -> Option<Follower<SummaryKey>> {
        self.lock_summaries().take()
    }

    pub(crate) fn check(&self) -> HealthCheck {
        self.condition.check()
    }

    /// Keeps the check, for ever.
    pub(crate) async fn watch_for_ever(&self) {
        let mut asked_at = None::<Instant>;
        let mut active = None;
        loop {
            let standing = self.ownership.standing();
            let is_due = asked_at.is_none_or(|at| at.elapsed() >= ASK_PAUSE);
            if standing == Standing::Other && is_due {
                let ownership = Arc::clone(&self.ownership);
                let asked = in_thread("kafka-owner", move || ownership.owner()).await;
                active = asked.ok().flatten();
                asked_at = Some(Instant::now());
            }
            self.judge(standing, active.as_deref());
            sleep(LOOK_PAUSE).await;
        }
    }

    fn judge(&self, standing: Standing, active: Option<&str>) {
        let (status, reason) = if let Some(trouble) = self.ownership.trouble() {
            let reason = format!("this instance cannot take over from another: {trouble}");
            (HealthStatus::Unhealthy, reason)
        } else {
            let reason = match (standing, active) {
                (Standing::Owner, _) => "this instance is active".to_owned(),
                (Standing::Other, Some(active)) => format!("standby: {active} is active"),
                (Standing::Other, None) => "standby: nobody is known to be active".to_owned(),
                (Standing::Unknown, _) => {
                    "standby: the group has not told yet who is active".to_owned()
                }
            };
            (HealthStatus::Healthy, reason)
        };
        let is_news = self.condition.set(status, reason);
        if is_news && status == HealthStatus::Unhealthy {
            tracing::warn!("{}", self.condition.check().reason);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Following>> {
        lock(&self.following)
    }

    fn lock_summaries(&self) -> MutexGuard<'_, Option<Follower<SummaryKey>>> {
        lock(&self.summaries)
    }
}

fn lock<T>(mutex: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    // It is there or not, whatever panics elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what is there, before anything is followed.
struct Begin {
    config: ClientConfig,
    stopped: CancellationToken,
}

impl Begin {
    fn read(
        &self,
        matches: &str,
        ids_max: usize,
        summaries: Option<&str>,
        summaries_max: usize,
    ) -> Result<(Followed, Following), NoTail> {
        let Tail {
            found: ids, ends, ..
        } = read_tail(&self.config, matches, ids_max, match_id, &self.stopped)?;
        let matches = Follower::open(&self.config, matches, ends, match_id)?;
        let (keys, summaries) = match summaries.map(|topic| self.summaries(topic, summaries_max)) {
            Some(Ok((keys, follower))) => (keys, Some(follower)),
            Some(Err(NoTail::Stopped)) => return Err(NoTail::Stopped),
            Some(Err(NoTail::Refused(_))) | None => (Vec::new(), None),
        };
        let told = Followed {
            ids,
            summaries: keys,
        };
        Ok((told, Following { matches, summaries }))
    }

    fn summaries(
        &self,
        topic: &str,
        count: usize,
    ) -> Result<(Vec<SummaryKey>, Follower<SummaryKey>), NoTail> {
        let tail = read_tail(&self.config, topic, count, summary_key, &self.stopped)?;
        let follower = Follower::open(&self.config, topic, tail.ends, summary_key)?;
        Ok((tail.found, follower))
    }
}

impl Following {
    fn read_on(mut self) -> Result<(Followed, Self), NoTail> {
        let ids = self.matches.read_on(TOLD_WITHIN)?;
        // They are committed together with ids, or soon after.
        let read = self.summaries.as_mut().map(|it| it.read_on(Duration::ZERO));
        let summaries = match read {
            Some(Ok(keys)) => keys,
            Some(Err(_)) => {
                self.summaries = None;
                Vec::new()
            }
            None => Vec::new(),
        };
        Ok((Followed { ids, summaries }, self))
    }
}
