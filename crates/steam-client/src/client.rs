//! One call at a time, each with the leave of a key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use client_kit::{CallCounts, ClientLimits, HttpClient};
use domain::{SteamId, Timestamp};
use health_kit::Clock;

use crate::{
    CallError, KeyStatus, Page, SteamSettings, Transport,
    answer::{Failure, judge},
    keys::Keys,
    page,
    person::{self, SteamPerson},
};

/// Where the upstream tells of matches.
const MATCHES: &str = "IDOTA2Match_570";

/// The most rows that a page has.
pub const ROWS_MAX: u8 = 100;

/// For a host that is there, on any network.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The largest answer that is taken. A hundred long matches of today are some
/// two megabytes.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A client of the API.
pub struct Steam {
    transport: Arc<dyn Transport>,
    url: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    keys: Keys,
    calls: CallCounts,
}

impl Steam {
    /// A client that calls itself `user_agent`. Nothing is connected or looked
    /// up. The same `jitter_seed` repeats the same waits.
    ///
    /// # Errors
    /// The name is none that a header can carry.
    pub fn try_new(
        user_agent: &str,
        settings: SteamSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Result<Self, String> {
        let limits = ClientLimits {
            connect_time_max: CONNECT_TIME_MAX,
            call_time_max: settings.call_time_max,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        let http = HttpClient::try_new(user_agent, limits, None)?;
        Ok(Self::over(Arc::new(http), settings, clock, jitter_seed))
    }

    /// The same over another transport, for tests without a socket.
    #[must_use]
    pub fn over(
        transport: Arc<dyn Transport>,
        settings: SteamSettings,
        clock: Arc<dyn Clock>,
        jitter_seed: u64,
    ) -> Self {
        let keys = Keys::new(settings.keys, jitter_seed, clock.now());
        Self {
            transport,
            url: settings.url,
            clock,
            state: Mutex::new(State {
                keys,
                calls: CallCounts::default(),
            }),
        }
    }

    /// Asks for the matches of the sequence from a number on, `rows` at most.
    /// One call, and none without room.
    ///
    /// An empty page says that nothing has ended since.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn matches_from(&self, start: u64, rows: u8) -> Result<Page, CallError> {
        let path = format!(
            "{MATCHES}/GetMatchHistoryBySequenceNum/V001/?start_at_match_seq_num={start}&matches_requested={rows}"
        );
        self.get(&path, page::decode).await
    }

    /// Asks for the newest number of the sequence that the upstream tells of.
    /// One call, and none without room.
    ///
    /// # Errors
    /// [`CallError`]; also if no match has a number.
    pub async fn newest_sequence_number(&self) -> Result<u64, CallError> {
        self.get(&format!("{MATCHES}/GetMatchHistory/V001/"), newest)
            .await
    }

    /// Asks what somebody is called; `None` if the upstream knows nobody of this id.
    /// One call, and none without room.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn person(&self, id: SteamId) -> Result<Option<SteamPerson>, CallError> {
        let path = format!("ISteamUser/GetPlayerSummaries/v0002/?steamids={id}");
        let persons = self.get(&path, person::decode).await?;
        let id = id.to_string();
        let found = persons.into_iter().find(|(its, _)| *its == id);
        Ok(found.map(|(_, person)| person))
    }

    /// How long no call is permitted; zero if one is.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.state().keys.wait(self.clock.now())
    }

    /// How the keys stand, in the order of the settings.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyStatus> {
        self.state().keys.status(self.clock.now())
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.state().calls
    }

    async fn get<T>(
        &self,
        path: &str,
        read: fn(&Bytes, Timestamp) -> Result<T, Failure>,
    ) -> Result<T, CallError> {
        let begun = self.state().keys.begin(self.clock.now());
        let (nth, key) = begun.map_err(|retry_in| CallError::NoRoom { retry_in })?;
        let url = format!("{}/{path}", self.url);
        let answer = self.transport.get(&url, &key).await;
        let now = self.clock.now();
        let told = judge(answer).and_then(|body| read(&body, now));
        let mut state = self.state();
        let outcome = told.as_ref().map(|_| ());
        count(&mut state.calls, outcome);
        state.keys.end(nth, outcome);
        told.map_err(|failure| failure.told(state.keys.wait(now)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it is held would be a defect of ours; its counts are still the best there are.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counts: &mut CallCounts, outcome: Result<(), &Failure>) {
    let counted = match outcome {
        Ok(()) => &mut counts.answered,
        Err(Failure::Limited { .. }) => &mut counts.limited,
        Err(Failure::Refused(_)) => &mut counts.refused,
        Err(Failure::Unavailable(_)) => &mut counts.failed,
        Err(Failure::TooLarge { .. } | Failure::InVain(_)) => &mut counts.in_vain,
    };
    *counted += 1;
}

/// The newest matches come first, by id; the highest number may be another one's.
fn newest(body: &Bytes, fetched_at: Timestamp) -> Result<u64, Failure> {
    let page = page::decode(body, fetched_at)?;
    let missing = || Failure::Unavailable("no match of it has a match_seq_num".to_owned());
    page.last_sequence_number().ok_or_else(missing)
}
