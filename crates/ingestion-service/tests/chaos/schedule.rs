//! Which faults there are, and when: a pure function of the seed.
//!
//! Brokers, feed and service have a lane each. Faults of one lane follow each
//! other, those of different lanes overlap as they like. Each lane draws from
//! a generator of its own, so that a change in one leaves the others alone.

use std::{fmt, time::Duration};

use feed_simulator::{Fault, UpgradeFault};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// Brokers of the cluster.
pub(crate) const BROKERS: usize = 3;
/// Kills of the service in a row, before it suffers something else.
const KILLS_IN_A_ROW: usize = 2;
/// One kill in so many comes while the service starts.
const KILLS_PER_EARLY_ONE: u32 = 5;

/// A fault and when it begins, counted from the begin of the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned<T> {
    pub(crate) at: Duration,
    pub(crate) fault: T,
}

/// All faults of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) brokers: Vec<Planned<Vec<BrokerFault>>>,
    pub(crate) feed: Vec<Planned<FeedFault>>,
    pub(crate) service: Vec<Planned<ServiceFault>>,
}

/// What happens to one broker; two at a time may have one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BrokerFault {
    pub(crate) broker: usize,
    pub(crate) kind: BrokerFaultKind,
    /// After the begin of the episode.
    pub(crate) delay: Duration,
    /// From the fault to its healing.
    pub(crate) hold: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BrokerFaultKind {
    /// SIGKILL, later a start.
    Kill,
    /// SIGSTOP, later SIGCONT.
    Freeze,
    /// SIGTERM, later a start.
    Restart,
}

/// What happens to the feed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FeedFault {
    /// The open connection goes through this.
    Cut(Fault),
    /// The open connection is reset, and new ones fail for so long.
    Refuse(UpgradeFault, Duration),
    /// So many matches a second, for so long.
    Burst(u32, Duration),
}

/// What happens to the service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ServiceFault {
    /// `kill -9`, and a start with the same journal.
    Kill,
    /// SIGTERM, and a start.
    Terminate,
    /// SIGSTOP, and SIGCONT after so long.
    Freeze(Duration),
    /// A second instance by mistake, with the same journal.
    SecondInSameFolder,
    /// A second instance with another journal and the same transactional id.
    Fence,
    /// No room on the journal's disk, for so long.
    DiskFull(Duration),
    /// A start on a read-only journal, then one on a good one.
    DiskReadOnly,
    /// SIGTERM, and a start with the smallest journal there may be.
    SmallJournal,
}

impl Schedule {
    /// Draws the faults of a run.
    pub(crate) fn draw(seed: u64, duration: Duration) -> Self {
        let rng = |lane: u64| StdRng::seed_from_u64(seed.wrapping_mul(4).wrapping_add(lane));
        Self {
            brokers: broker_lane(&mut rng(1), duration),
            feed: feed_lane(&mut rng(2), duration),
            service: service_lane(&mut rng(3), duration),
        }
    }
}

/// Episodes of one broker or two, with time between for the replicas to catch up.
fn broker_lane(rng: &mut StdRng, duration: Duration) -> Vec<Planned<Vec<BrokerFault>>> {
    use BrokerFaultKind::{Freeze, Kill, Restart};
    let episodes: [&[BrokerFaultKind]; 6] = [
        &[Kill],
        &[Freeze],
        &[Restart],
        &[Kill, Kill],
        &[Freeze, Freeze],
        &[Kill, Freeze],
    ];
    let mut deck = Deck::new(episodes.to_vec());
    lane(rng, duration, (4, 10), |rng| {
        let mut brokers: Vec<usize> = (0..BROKERS).collect();
        brokers.shuffle(rng);
        let faults: Vec<_> = deck
            .draw(rng)
            .iter()
            .zip(brokers)
            .map(|(kind, broker)| BrokerFault {
                broker,
                kind: *kind,
                delay: millis(rng, 0, 2_000),
                hold: millis(rng, 2_000, 20_000),
            })
            .collect();
        let lasts = faults.iter().map(|fault| fault.delay + fault.hold).max();
        (faults, lasts.unwrap_or_default())
    })
}

fn feed_lane(rng: &mut StdRng, duration: Duration) -> Vec<Planned<FeedFault>> {
    /// Draws what is still open about a fault, and how long it lasts.
    type Draw = fn(&mut StdRng) -> (FeedFault, Duration);
    const BRIEFLY: Duration = Duration::from_secs(1);
    fn cut(fault: Fault) -> (FeedFault, Duration) {
        (FeedFault::Cut(fault), BRIEFLY)
    }
    fn refuse(rng: &mut StdRng, fault: UpgradeFault) -> (FeedFault, Duration) {
        let hold = millis(rng, 1_000, 6_000);
        (FeedFault::Refuse(fault, hold), hold)
    }
    fn refusal(status: u16, retry_after: Option<&str>) -> UpgradeFault {
        let retry_after = retry_after.map(str::to_owned);
        UpgradeFault::Refuse {
            status,
            retry_after,
        }
    }
    let draws: Vec<Draw> = vec![
        |rng| {
            let code = [1000, 1001, 1011, 1012, 4000][rng.random_range(0..5)];
            let reason = String::new();
            cut(Fault::Close { code, reason })
        },
        |_| cut(Fault::Reset),
        |_| cut(Fault::EndOfStream),
        |_| cut(Fault::HalfOpen),
        |rng| {
            let silence = millis(rng, 2_000, 8_000);
            (FeedFault::Cut(Fault::Silence(silence)), silence)
        },
        |rng| {
            let bytes_per_second = rng.random_range(32..=256);
            cut(Fault::SlowReader { bytes_per_second })
        },
        |_| {
            let size_bytes = 2 * 1024 * 1024;
            cut(Fault::Oversized { size_bytes })
        },
        |_| cut(Fault::TextNotUtf8),
        |rng| refuse(rng, UpgradeFault::AcceptThenClose),
        |rng| refuse(rng, refusal(503, None)),
        |rng| refuse(rng, refusal(429, Some("2"))),
        |rng| refuse(rng, UpgradeFault::Slow(Duration::from_secs(3))),
        |rng| {
            let hold = millis(rng, 1_000, 4_000);
            (
                FeedFault::Burst(rng.random_range(2_000..=5_000), hold),
                hold,
            )
        },
    ];
    let mut deck = Deck::new(draws);
    lane(rng, duration, (2, 8), |rng| {
        let draw = deck.draw(rng);
        draw(rng)
    })
}

/// Two kills, then something else, and so on.
fn service_lane(rng: &mut StdRng, duration: Duration) -> Vec<Planned<ServiceFault>> {
    /// Draws what is still open about a fault, and about how long it takes.
    type Draw = fn(&mut StdRng) -> (ServiceFault, Duration);
    const A_RESTART: Duration = Duration::from_secs(2);
    const UNTIL_IT_STARTS: Duration = Duration::from_millis(50);
    let draws: Vec<Draw> = vec![
        |_| (ServiceFault::Terminate, A_RESTART),
        |rng| {
            let hold = millis(rng, 1_000, 20_000);
            (ServiceFault::Freeze(hold), hold)
        },
        |_| (ServiceFault::SecondInSameFolder, A_RESTART),
        |_| (ServiceFault::Fence, 4 * A_RESTART),
        |rng| {
            let hold = millis(rng, 3_000, 10_000);
            (ServiceFault::DiskFull(hold), hold)
        },
        |_| (ServiceFault::DiskReadOnly, 2 * A_RESTART),
        |_| (ServiceFault::SmallJournal, A_RESTART),
    ];
    let mut deck = Deck::new(draws);
    let mut kills = 0;
    let mut faults = Vec::new();
    let mut at = Duration::ZERO;
    while at < duration {
        let (fault, lasts) = if kills < KILLS_IN_A_ROW {
            kills += 1;
            (ServiceFault::Kill, UNTIL_IT_STARTS)
        } else {
            kills = 0;
            deck.draw(rng)(rng)
        };
        let is_early = fault == ServiceFault::Kill && rng.random_ratio(1, KILLS_PER_EARLY_ONE);
        at += if is_early {
            millis(rng, 50, 1_000)
        } else {
            millis(rng, 2_000, 5_000)
        };
        faults.push(Planned { at, fault });
        at += lasts;
    }
    faults.retain(|planned| planned.at < duration);
    faults
}

/// Faults one after the other; `gap_seconds` lie between them, and before the first.
fn lane<T>(
    rng: &mut StdRng,
    duration: Duration,
    gap_seconds: (u64, u64),
    mut draw: impl FnMut(&mut StdRng) -> (T, Duration),
) -> Vec<Planned<T>> {
    let mut faults = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += millis(rng, gap_seconds.0 * 1_000, gap_seconds.1 * 1_000);
        let (fault, lasts) = draw(rng);
        if at >= duration {
            return faults;
        }
        faults.push(Planned { at, fault });
        at += lasts;
    }
}

fn millis(rng: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..=to))
}

/// Every card comes once before one comes again, so that a short run has them all.
struct Deck<T> {
    cards: Vec<T>,
    drawn: usize,
}

impl<T: Copy> Deck<T> {
    fn new(cards: Vec<T>) -> Self {
        Self {
            drawn: cards.len(),
            cards,
        }
    }

    fn draw(&mut self, rng: &mut StdRng) -> T {
        if self.drawn == self.cards.len() {
            self.cards.shuffle(rng);
            self.drawn = 0;
        }
        self.drawn += 1;
        self.cards[self.drawn - 1]
    }
}

impl fmt::Display for BrokerFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "broker: SIGKILL",
            Self::Freeze => "broker: SIGSTOP",
            Self::Restart => "broker: SIGTERM",
        })
    }
}

/// The kind alone, as reports count it.
impl fmt::Display for FeedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(fault) => {
                let text = fault.to_string();
                write!(f, "feed: {}", text.split(':').next().unwrap_or_default())
            }
            Self::Refuse(fault, _) => write!(f, "feed: upgrade {fault}"),
            Self::Burst(..) => f.write_str("feed: burst"),
        }
    }
}

/// The kind alone, as reports count it.
impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "service: kill -9",
            Self::Terminate => "service: SIGTERM",
            Self::Freeze(_) => "service: SIGSTOP",
            Self::SecondInSameFolder => "service: second in the same folder",
            Self::Fence => "service: fenced by a second",
            Self::DiskFull(_) => "service: journal disk full",
            Self::DiskReadOnly => "service: journal disk read-only at a start",
            Self::SmallJournal => "service: journal of 1 MiB",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HALF_AN_HOUR: Duration = Duration::from_mins(30);

    #[test]
    fn the_schedule_is_a_function_of_the_seed() {
        let drawn = Schedule::draw(7, HALF_AN_HOUR);
        assert_eq!(drawn, Schedule::draw(7, HALF_AN_HOUR));
        assert_ne!(drawn.service, Schedule::draw(8, HALF_AN_HOUR).service);
        let shorter = Schedule::draw(7, HALF_AN_HOUR / 2);
        assert!(
            drawn.service.starts_with(&shorter.service)
                && drawn.feed.starts_with(&shorter.feed)
                && drawn.brokers.starts_with(&shorter.brokers),
            "a shorter run is the begin of a longer one"
        );
    }

    #[test]
    fn every_kind_of_fault_comes_in_every_run() {
        for seed in 0..200 {
            let drawn = Schedule::draw(seed, HALF_AN_HOUR);
            let kinds = |texts: Vec<String>| texts.into_iter().collect::<HashSet<_>>().len();
            let feed = drawn.feed.iter().map(|it| it.fault.to_string());
            assert_eq!(kinds(feed.collect()), 13, "seed {seed}");
            let service = drawn.service.iter().map(|it| it.fault.to_string());
            assert_eq!(kinds(service.collect()), 8, "seed {seed}");
            let kills = drawn
                .service
                .iter()
                .filter(|it| it.fault == ServiceFault::Kill)
                .count();
            assert!(kills >= 120, "seed {seed}: {kills} kills");
        }
    }

    #[test]
    fn at_most_two_brokers_are_hurt_and_never_one_twice() {
        let drawn = Schedule::draw(7, HALF_AN_HOUR);
        let mut healed_at = Duration::ZERO;
        for episode in &drawn.brokers {
            assert!(episode.at > healed_at, "episodes do not overlap");
            let brokers: HashSet<_> = episode.fault.iter().map(|fault| fault.broker).collect();
            assert_eq!(brokers.len(), episode.fault.len());
            assert!((1..=2).contains(&brokers.len()));
            let ends = episode
                .fault
                .iter()
                .map(|it| episode.at + it.delay + it.hold);
            healed_at = ends.max().unwrap_or_default();
        }
    }
}
