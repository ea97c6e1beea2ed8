//! How often somebody may ask, by where they ask from.
//!
//! Whoever has an IPv6 address has a network of them, so it is that network, its first 64 bits, that is counted.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore,
};
use thiserror::Error;
use tokio::time::Instant;

use crate::{
    client_address::{client_address, cut},
    problem::Problem,
};

/// So many networks are remembered, in about 4 MB. With one more, the half that has asked least of late is forgotten:
/// a flood from more networks than that is let in a little more often, and shuts nobody out.
const NETWORKS_MAX: usize = 65_536;
const COUNT_MAX: u32 = 1_000_000;

/// So many times at once, and from then on evenly spread: `30/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Duration,
}

/// Counts how often each network asks. Shared, it counts for all who share it.
pub struct RateLimit {
    takes: Limiter<Takes>,
    looks: Limiter<OnlyLooks>,
}

type Limiter<S> = RateLimiter<IpAddr, S, Elapsed, NoOpMiddleware<Nanos>>;

/// Somebody asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this network asks too often; it may again in {0:?}")]
pub struct TooOften(Duration);

impl Rate {
    /// What a rate looks like.
    pub const ALLOWED: &str = "a number from 1 to 1000000, and per what: 10/s, 30/m or 100/h";

    /// Reads a rate such as `30/m`.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(text: &str) -> Result<Self, String> {
        let no_rate = || "no number per s, m or h".to_owned();
        let (count, unit) = text.split_once('/').ok_or_else(no_rate)?;
        let per = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            _ => return Err(no_rate()),
        };
        let is_number = count.bytes().all(|digit| digit.is_ascii_digit());
        let count = is_number.then(|| count.parse().ok()).flatten();
        let count = count.filter(|count| (1..=COUNT_MAX).contains(count));
        let count = count.and_then(NonZeroU32::new);
        let count = count.ok_or_else(|| format!("not a number from 1 to {COUNT_MAX}"))?;
        Ok(Self { count, per })
    }

    fn quota(self) -> Quota {
        let each = self.per / self.count.get();
        let quota = Quota::with_period(each).expect("a second has more nanoseconds than that");
        quota.allow_burst(self.count)
    }
}

impl RateLimit {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self::remembering(rate, NETWORKS_MAX)
    }

    fn remembering(rate: Rate, networks_max: usize) -> Self {
        let times = Arc::new(Times {
            by_network: Mutex::default(),
            networks_max,
        });
        let clock = Elapsed(Instant::now());
        Self {
            looks: RateLimiter::new(rate.quota(), OnlyLooks(Arc::clone(&times)), clock),
            takes: RateLimiter::new(rate.quota(), Takes(times), clock),
        }
    }

    /// Counts one more, of whoever has sent `request`.
    ///
    /// # Errors
    /// They ask too often; that they asked is not counted then.
    pub fn take(&self, request: &HttpRequest) -> Result<(), TooOften> {
        self.take_from(client_address(request))
    }

    /// Whether one more would be counted.
    ///
    /// # Errors
    /// They have asked too often.
    pub fn look(&self, request: &HttpRequest) -> Result<(), TooOften> {
        self.look_at(client_address(request))
    }

    fn take_from(&self, client: Option<IpAddr>) -> Result<(), TooOften> {
        let taken = self.takes.check_key(&network(client));
        taken.map_err(|until| TooOften(until.wait_time_from(self.takes.clock().now())))
    }

    fn look_at(&self, client: Option<IpAddr>) -> Result<(), TooOften> {
        let looked = self.looks.check_key(&network(client));
        looked.map_err(|until| TooOften(until.wait_time_from(self.looks.clock().now())))
    }
}

impl TooOften {
    /// When to come again, in whole seconds, of which there is at least one.
    #[must_use]
    pub fn retry_after_seconds(self) -> u32 {
        let seconds = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
    }

    /// What it is called.
    #[must_use]
    pub fn problem(self, request: &HttpRequest) -> Problem {
        let seconds = self.retry_after_seconds();
        let detail =
            format!("there were too many requests from your network; come again in {seconds} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail, request.path());
        problem.of_kind("too-many-requests")
    }

    /// The answer.
    #[must_use]
    pub fn response(self, request: &HttpRequest) -> HttpResponse {
        self.problem(request)
            .response_after(self.retry_after_seconds())
    }
}

/// Whom an address is counted with. Those without one are counted together.
fn network(client: Option<IpAddr>) -> IpAddr {
    let client = client
        .unwrap_or(Ipv6Addr::UNSPECIFIED.into())
        .to_canonical();
    cut(client, if client.is_ipv4() { 32 } else { 64 })
}

/// Tokio's time since a moment.
#[derive(Debug, Clone, Copy)]
struct Elapsed(Instant);

impl Clock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

/// When each network's requests would have come if they had been evenly spread.
struct Times {
    by_network: Mutex<HashMap<IpAddr, Nanos>>,
    networks_max: usize,
}

impl Times {
    fn by_network(&self) -> MutexGuard<'_, HashMap<IpAddr, Nanos>> {
        // Nothing panics between two parts of a change.
        self.by_network
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the half of them that has asked least of late.
    fn forget_half(times: &mut HashMap<IpAddr, Nanos>) {
        let mut kept: Vec<_> = times.drain().collect();
        let half = kept.len() / 2;
        if half > 0 {
            kept.select_nth_unstable_by_key(half, |(_, time)| *time);
        }
        times.extend(kept.drain(half..));
    }
}

/// The times, of which one is changed.
struct Takes(Arc<Times>);

impl StateStore for Takes {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, key: &IpAddr, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut times = self.0.by_network();
        let (outcome, next) = judge(times.get(key).copied())?;
        if times.len() >= self.0.networks_max && !times.contains_key(key) {
            Times::forget_half(&mut times);
        }
        times.insert(*key, next);
        Ok(outcome)
    }
}

/// The same, of which none is.
struct OnlyLooks(Arc<Times>);

impl StateStore for OnlyLooks {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, key: &IpAddr, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let time = self.0.by_network().get(key).copied();
        judge(time).map(|(outcome, _)| outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).expect("it is a rate")
    }

    fn client(text: &str) -> IpAddr {
        text.parse().expect("it is an address")
    }

    #[test]
    fn a_rate_is_read_or_told_what_is_wrong() {
        for (text, is_rate) in [
            ("30/m", true),
            ("1/h", true),
            ("1000000/s", true),
            ("0/m", false),
            ("1000001/m", false),
            ("+1/m", false),
            ("/m", false),
            ("30", false),
            ("30/d", false),
            ("30 / m", false),
            ("99999999999/m", false),
            ("", false),
        ] {
            assert_eq!(Rate::parse(text).is_ok(), is_rate, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_asks_as_often_as_it_may_and_then_has_to_wait() {
        let limit = RateLimit::new(rate("3/m"));
        let one = Some(client("192.0.2.1"));
        for _ in 0..3 {
            assert_eq!(limit.look_at(one), Ok(()));
            assert_eq!(limit.take_from(one), Ok(()));
        }
        let refused = limit.take_from(one).expect_err("it was three times");
        assert_eq!(refused.retry_after_seconds(), 20);
        assert_eq!(limit.look_at(one), Err(refused));
        // Others are not concerned.
        assert_eq!(limit.take_from(Some(client("192.0.2.2"))), Ok(()));
        assert_eq!(limit.take_from(None), Ok(()));
        advance(Duration::from_millis(19_999)).await;
        let refused = limit.take_from(one).expect_err("it is not time yet");
        assert_eq!(refused.retry_after_seconds(), 1);
        advance(Duration::from_millis(1)).await;
        // To look changes nothing, however often.
        for _ in 0..10 {
            assert_eq!(limit.look_at(one), Ok(()));
        }
        assert_eq!(limit.take_from(one), Ok(()));
        assert!(limit.take_from(one).is_err());
        advance(Duration::from_mins(10)).await;
        for expected in [true, true, true, false] {
            assert_eq!(limit.take_from(one).is_ok(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_is_one_address_or_one_site() {
        let check = |a: &str, b: &str, is_same: bool| {
            let limit = RateLimit::new(rate("1/h"));
            assert_eq!(limit.take_from(Some(client(a))), Ok(()));
            assert_eq!(
                limit.take_from(Some(client(b))).is_err(),
                is_same,
                "{a} {b}"
            );
        };
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true);
        check("2001:db8:0:1::1", "2001:db8:0:2::1", false);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_everywhere_takes_no_more_memory_and_shuts_nobody_out() {
        let limit = RateLimit::remembering(rate("2/h"), 100);
        let busy = Some(client("192.0.2.1"));
        assert_eq!(limit.take_from(busy), Ok(()));
        assert_eq!(limit.take_from(busy), Ok(()));
        for number in 0..10_000_u32 {
            let address = IpAddr::V4((0x0a00_0000 + number).into());
            assert_eq!(limit.take_from(Some(address)), Ok(()));
        }
        // Whoever asks most is forgotten last.
        assert!(limit.take_from(busy).is_err());
        let times = limit.takes.into_state_store();
        let known = times.0.by_network().len();
        assert!((50..=100).contains(&known), "{known}");
    }
}
