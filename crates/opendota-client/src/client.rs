//! One call after the other, each with the budget's leave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client_kit::{CallCounts, ClientLimits, HttpClient};
use domain::{Day, MatchId, Timestamp};
use health_kit::Clock;

use crate::{
    Answer, CallError, CallMemory, CallMemoryError, Caller, Counted, OpenDotaSettings, Transport,
    answer::{Judged, judge},
    budget::{Begin, Budget, BudgetStatus, Ended, Limits, Outcome, Pause, RateHeaders, Ticket},
};

/// For a host that is there, on any network.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The largest answer that is taken. Details of a long match with its replay
/// read are some hundred kilobytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whoever waits for what was due just now asks again after this.
const WAIT_MIN: Duration = Duration::from_millis(50);

/// How long to leave a memory alone that does not answer.
const MEMORY_PAUSE_MS: i64 = 5_000;

/// A client of the API, for any number of callers at a time.
pub struct OpenDota {
    transport: Arc<dyn Transport>,
    settings: OpenDotaSettings,
    memory: Arc<dyn CallMemory>,
    clock: Arc<dyn Clock>,
    budget: Mutex<Budget>,
    counts: Mutex<CallCounts>,
    /// Held by whoever asks the memory.
    turn: tokio::sync::Mutex<()>,
}

impl OpenDota {
    /// A client that calls itself `user_agent`, and remembers its calls in
    /// `memory`. Nothing is connected or looked up.
    ///
    /// # Errors
    /// The name is none that a header can carry.
    pub fn try_new(
        user_agent: &str,
        settings: OpenDotaSettings,
        memory: Arc<dyn CallMemory>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let limits = ClientLimits {
            connect_time_max: CONNECT_TIME_MAX,
            call_time_max: settings.call_time_max,
            body_bytes_max: ANSWER_BYTES_MAX,
        };
        let http = HttpClient::try_new(user_agent, limits, None)?;
        Ok(Self::over(Arc::new(http), settings, memory, clock))
    }

    /// The same over another transport, for tests without a socket.
    #[must_use]
    pub fn over(
        transport: Arc<dyn Transport>,
        settings: OpenDotaSettings,
        memory: Arc<dyn CallMemory>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let published = match settings.key {
            Some(_) => Limits::WITH_KEY,
            None => Limits::WITHOUT_KEY,
        };
        // Whoever starts at another moment pauses for another time.
        let jitter_seed = clock.now().as_unix_ms().unsigned_abs();
        let budget = Budget::new(published, settings.reserve_percent, jitter_seed);
        Self {
            transport,
            settings,
            memory,
            clock,
            budget: Mutex::new(budget),
            counts: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The same for a process that makes one call alone; see [`Budget::for_one_call`].
    #[must_use]
    pub fn for_one_call(self) -> Self {
        let budget = self.budget.into_inner();
        let budget = budget.unwrap_or_else(PoisonError::into_inner);
        Self {
            budget: Mutex::new(budget.for_one_call()),
            ..self
        }
    }

    /// Asks for the details of a match: one call at most, and none without room.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn match_details(&self, id: MatchId) -> Result<Answer, CallError> {
        self.get(&format!("/matches/{id}"), Caller::Whole).await
    }

    /// How much may be called.
    #[must_use]
    pub fn status(&self) -> BudgetStatus {
        self.budget().status(self.clock.now())
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        *self.counts()
    }

    /// Waits until a time, by the client's clock; a moment at least.
    pub(crate) async fn wait_until(&self, until: Timestamp) {
        let ms = until.as_unix_ms() - self.clock.now().as_unix_ms();
        let wait = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        tokio::time::sleep(wait.max(WAIT_MIN)).await;
    }

    pub(crate) async fn get(&self, path: &str, caller: Caller) -> Result<Answer, CallError> {
        let call = self.begin(caller).await?;
        let url = format!("{}{path}", self.settings.url);
        let result = self.transport.get(&url, self.settings.key.as_ref()).await;
        let now = self.clock.now();
        let (judged, ended) = judge(result, now);
        count(&mut self.counts(), &judged);
        let until = call.end(ended, now).unwrap_or(now);
        match judged {
            Judged::Found(body) => Ok(Answer {
                body,
                fetched_at: now,
            }),
            Judged::NotFound => Err(CallError::NotFound),
            Judged::Limited => Err(CallError::NoRoom { until }),
            Judged::Refused(detail) => Err(CallError::Refused { detail, until }),
            Judged::Unavailable(detail) => Err(CallError::Unavailable { detail, until }),
            Judged::Unusable(detail) => Err(CallError::Unusable { detail }),
        }
    }

    /// Begins a call, and sets calls down before, if there are none left to begin.
    async fn begin(&self, caller: Caller) -> Result<CallOnItsWay<'_>, CallError> {
        if let Ok(begun) = self.try_begin(caller)? {
            return Ok(begun);
        }
        let _turn = self.turn.lock().await;
        loop {
            // Whoever had the turn before may have set down enough for us, too.
            match self.try_begin(caller)? {
                Ok(begun) => return Ok(begun),
                Err(counted) => self.set_down(counted).await?,
            }
        }
    }

    /// Begins a call, or says which calls have to be set down before.
    fn try_begin(&self, caller: Caller) -> Result<Result<CallOnItsWay<'_>, Counted>, CallError> {
        match self.budget().begin(caller, self.clock.now()) {
            Begin::Call(ticket) => Ok(Ok(CallOnItsWay {
                client: self,
                ticket: Some(ticket),
            })),
            Begin::SetDown(counted) => Ok(Err(counted)),
            Begin::NotBefore(until, Pause::NoRoom | Pause::Failed) => {
                Err(CallError::NoRoom { until })
            }
            Begin::NotBefore(until, Pause::Refused(detail)) => {
                Err(CallError::Refused { detail, until })
            }
        }
    }

    async fn set_down(&self, counted: Counted) -> Result<(), CallError> {
        let day = Day::of(self.clock.now());
        let unavailable = |error: CallMemoryError| {
            let now_ms = self.clock.now().as_unix_ms();
            CallError::Unavailable {
                detail: error.to_string(),
                until: Timestamp::from_unix_ms(now_ms.saturating_add(MEMORY_PAUSE_MS)),
            }
        };
        let known = self.memory.calls(counted, day).await.map_err(unavailable)?;
        let calls = self
            .budget()
            .to_set_down(counted, day, known, self.clock.now());
        if let Some(calls) = calls {
            let set_down = self.memory.set_down(counted, day, calls).await;
            set_down.map_err(unavailable)?;
            let now = self.clock.now();
            self.budget().set_down(counted, day, calls, now);
        }
        Ok(())
    }

    fn counts(&self) -> MutexGuard<'_, CallCounts> {
        // An addition is whole, whoever panics.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // A panic while it is held would be a defect of ours; its counts are still the best there are.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counts: &mut CallCounts, judged: &Judged) {
    let counted = match judged {
        Judged::Found(_) | Judged::NotFound => &mut counts.answered,
        Judged::Limited => &mut counts.limited,
        Judged::Refused(_) => &mut counts.refused,
        Judged::Unavailable(_) => &mut counts.failed,
        Judged::Unusable(_) => &mut counts.in_vain,
    };
    *counted += 1;
}

/// A call that is ended in any case, also if whoever asked has gone.
struct CallOnItsWay<'a> {
    client: &'a OpenDota,
    ticket: Option<Ticket>,
}

impl CallOnItsWay<'_> {
    fn end(mut self, ended: Ended, now: Timestamp) -> Option<Timestamp> {
        let ticket = self.ticket.take()?;
        self.client.budget().end(&ticket, ended, now)
    }
}

impl Drop for CallOnItsWay<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let ended = Ended {
                outcome: Outcome::Abandoned,
                left: RateHeaders::default(),
                retry_after: None,
            };
            let now = self.client.clock.now();
            self.client.counts().failed += 1;
            self.client.budget().end(&ticket, ended, now);
        }
    }
}
