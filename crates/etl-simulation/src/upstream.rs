//! The upstream of details: what it knows, how many calls it permits, and what
//! goes wrong with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use client_kit::{CallFailed, HttpAnswer};
use domain::{MatchId, Timestamp};
use health_kit::Clock;
use opendota_client::Transport;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use secrecy::SecretString;
use tokio::time::sleep;

use crate::Violation;
use crate::evidence::Evidence;
use crate::member::Life;
use crate::schedule::Point;

/// Where it is.
pub(crate) const URL: &str = "http://upstream/api";
/// Calls that it permits, as those it is a model of.
const PER_MINUTE: i64 = 60;
const PER_DAY: i64 = 3_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// What comes late does so after that.
const LATE_MS: i64 = 25_000;

/// What it knows of a match: a pure function of the seed and the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) known: Since,
    pub(crate) parsed: Since,
    pub(crate) duration: u32,
    radiant_win: bool,
    start: i64,
}

/// From when on something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    Always,
    Late,
    Never,
}

/// How much others on the address call, and what is kept for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Calls of others at the beginning of each minute.
    pub(crate) others_in_minute: i64,
    /// The same of a day.
    pub(crate) others_in_day: i64,
    pub(crate) reserve_percent: u8,
    /// Whether both instances ask, each with a count of its own; a reserve is
    /// what makes up for calls that the other one has under way.
    pub(crate) both_ask: bool,
}

pub(crate) struct Upstream {
    seed: u64,
    pub(crate) share: Share,
    begun: Timestamp,
    clock: Arc<dyn Clock>,
    evidence: Arc<Evidence>,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    is_away: bool,
    /// Per cent of calls that come to nothing.
    fail: u32,
    /// Whether others use up every minute.
    is_full: bool,
    minute: (i64, i64),
    day: (i64, i64),
    calls: u64,
}

impl Upstream {
    pub(crate) fn new(seed: u64, clock: Arc<dyn Clock>, evidence: Arc<Evidence>) -> Arc<Self> {
        // All, some tens, or few enough that a day does not suffice.
        let others_in_day = [0, PER_DAY - 900 - 60, PER_DAY - 900 - 15];
        let nth = |number: u64| usize::try_from(number).expect("it is below three");
        let share = match seed % 3 {
            0 => Share {
                others_in_minute: PER_MINUTE - 15,
                others_in_day: [0, PER_DAY - 60, PER_DAY - 20][nth(seed / 3 % 3)],
                reserve_percent: 0,
                both_ask: false,
            },
            _ => Share {
                others_in_minute: [0, 6][nth(seed / 3 % 2)],
                others_in_day: others_in_day[nth(seed / 6 % 3)],
                reserve_percent: 30,
                both_ask: true,
            },
        };
        Arc::new(Self {
            seed,
            share,
            begun: clock.now(),
            clock,
            evidence,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed ^ 0x0DE7_A115),
                is_away: false,
                // Now and then, until all is well.
                fail: 4,
                is_full: false,
                minute: (i64::MIN, 0),
                day: (i64::MIN, 0),
                calls: 0,
            }),
        })
    }

    pub(crate) fn set_away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    pub(crate) fn set_failing(&self, percent: u32) {
        self.lock().fail = percent;
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    pub(crate) fn truth(&self, id: MatchId) -> Truth {
        let raw = id.get().cast_unsigned();
        let mut rng = StdRng::seed_from_u64(self.seed ^ raw.wrapping_mul(0x9E37_79B9));
        let mut since = |always, late| match rng.random_range(0..100) {
            dice if dice < always => Since::Always,
            dice if dice < always + late => Since::Late,
            _ => Since::Never,
        };
        let (known, parsed) = (since(65, 20), since(40, 30));
        Truth {
            known,
            parsed,
            duration: rng.random_range(900..3600),
            radiant_win: rng.random_bool(0.5),
            // On one of the days that the topics are about.
            start: self.begun.unix_seconds() - rng.random_range(3_600..100_000),
        }
    }

    fn is_so(&self, since: Since) -> bool {
        let passed_ms = self.clock.now().as_unix_ms() - self.begun.as_unix_ms();
        match since {
            Since::Always => true,
            Since::Late => passed_ms >= LATE_MS,
            Since::Never => false,
        }
    }

    fn way(&self) -> Duration {
        Duration::from_millis(self.lock().rng.random_range(20..900))
    }

    /// What it says to a call that arrives now.
    fn answer(&self, path: &str) -> Result<HttpAnswer, CallFailed> {
        let mut state = self.lock();
        let left = state.count(self.clock.now(), self.share);
        if state.is_away || state.rng.random_range(0..100) < state.fail {
            return match state.rng.random_range(0..3) {
                0 => Err(CallFailed::Connection("it was closed".to_owned())),
                1 => Err(CallFailed::TimedOut(Duration::from_secs(30))),
                _ => Ok(page(502)),
            };
        }
        if state.is_full {
            return Ok(json(429, [0, left[1]], limited(false)));
        }
        drop(state);
        if left.iter().any(|left| *left < 0) {
            self.evidence
                .accuse(Violation::AboveALimit(left[0], left[1]));
            return Ok(json(429, left, limited(left[1] < 0)));
        }
        let raw = path.rsplit('/').next().and_then(|id| id.parse().ok());
        let id = MatchId::try_new(raw.expect("it is asked for matches")).expect("it is one");
        let truth = self.truth(id);
        if !self.is_so(truth.known) {
            return Ok(json(404, left, "{}".to_owned()));
        }
        let is_parsed = self.is_so(truth.parsed);
        Ok(json(200, left, body(id, truth, is_parsed)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic fails the whole run.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a call; what is left of the minute and the day, below 0 if it was too many.
    fn count(&mut self, now: Timestamp, share: Share) -> [i64; 2] {
        self.calls += 1;
        let mut left = [0; 2];
        let windows = [
            (
                &mut self.minute,
                MINUTE_MS,
                PER_MINUTE,
                share.others_in_minute,
            ),
            (&mut self.day, DAY_MS, PER_DAY, share.others_in_day),
        ];
        for ((window, length_ms, limit, others), left) in windows.into_iter().zip(&mut left) {
            let index = now.as_unix_ms().div_euclid(length_ms);
            if window.0 != index {
                *window = (index, others);
            }
            window.1 += 1;
            *left = limit - window.1;
        }
        left
    }
}

fn limited(of_day: bool) -> String {
    let window = if of_day { "daily api" } else { "minute rate" };
    format!(r#"{{"error":"{window} limit exceeded"}}"#)
}

fn page(status: u16) -> HttpAnswer {
    HttpAnswer::new(status, &[("content-type", "text/html")], "<html>")
}

fn json(status: u16, left: [i64; 2], body: String) -> HttpAnswer {
    let [minute, day] = left.map(|left| left.to_string());
    let headers = [
        ("content-type", "application/json"),
        ("x-rate-limit-remaining-minute", minute.as_str()),
        ("x-rate-limit-remaining-day", day.as_str()),
    ];
    HttpAnswer::new(status, &headers, body)
}

/// A match as it is told.
fn body(id: MatchId, truth: Truth, is_parsed: bool) -> String {
    let Truth {
        duration,
        radiant_win,
        start,
        ..
    } = truth;
    let players = (0..10_u64).map(|place| {
        let slot = if place < 5 { place } else { 123 + place };
        let hero = (id.get().cast_unsigned() + 7 * place) % 100 + 1;
        let lane = if is_parsed {
            let role = place % 3 + 1;
            format!(r#","lane":{role},"lane_role":{role}"#)
        } else {
            String::new()
        };
        format!(
            r#"{{"player_slot":{slot},"hero_id":{hero},"kills":{place},"deaths":2,"assists":5,"net_worth":{}{lane}}}"#,
            20_000 - 1_000 * place
        )
    });
    let players: Vec<_> = players.collect();
    let version = if is_parsed { r#","version":22"# } else { "" };
    format!(
        r#"{{"match_id":{id},"start_time":{start},"duration":{duration},"radiant_win":{radiant_win},"lobby_type":7,"game_mode":22{version},"players":[{}]}}"#,
        players.join(",")
    )
}

/// The way of a process to it.
pub(crate) struct Wire {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) life: Arc<Life>,
}

#[async_trait]
impl Transport for Wire {
    async fn get(&self, url: &str, _: Option<&SecretString>) -> Result<HttpAnswer, CallFailed> {
        let path = url.strip_prefix(URL).expect("it is its address");
        self.life
            .alive(async {
                sleep(self.upstream.way()).await;
                let answer = self.upstream.answer(path);
                self.life.reached(Point::Asked);
                sleep(self.upstream.way()).await;
                answer
            })
            .await
    }
}
