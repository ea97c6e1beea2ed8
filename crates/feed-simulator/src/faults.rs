//! What can go wrong on a feed, and the schedule by which it does.
//!
//! Faults are values: a test scripts them per connection, a soak run draws them from a seed.
//! How each one looks on the wire is the connection's business.

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration};

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use rand_distr::{Distribution, Exp1};
use serde::Deserialize;

/// The longest silence: a longer one only holds a socket that nobody looks at any more.
pub(crate) const SILENCE_DURATION_MAX: Duration = Duration::from_hours(24);

/// The largest message made on purpose: it is built in memory as a whole.
const OVERSIZED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Random faults drawn for one connection; one that survives them all stays healthy.
const FAULTS_PER_CONNECTION_MAX: usize = 64;

/// Something that goes wrong on an open connection.
///
/// Read from text as `close:1011:reason`, `reset`, `end-of-stream`, `silence:10s`, `half-open`,
/// `slow-reader:64`, `oversized:20000000`, `text-not-utf8`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Fault {
    /// A close frame; the answer is awaited for a while, as RFC 6455 section 7.1.1 asks of a server.
    Close {
        /// Any code, also one that must not be sent.
        code: u16,
        /// At most 123 bytes fit into a close frame; the rest is cut off.
        reason: String,
    },
    /// A TCP reset: the client loses what it has not read. A stream other than TCP is dropped.
    Reset,
    /// The end of the stream without a close frame.
    EndOfStream,
    /// No data for so long, at most a day; pings are still answered.
    Silence(Duration),
    /// The socket stays open and is neither read nor written any more.
    HalfOpen,
    /// From here on what the client sends is read this slowly, at least a byte a second.
    SlowReader {
        /// Bytes read per second.
        bytes_per_second: u32,
    },
    /// A text message of this many bytes, at most 256 MiB. It holds no match, so a client that
    /// accepts it finds `match_id` missing, and it is no part of the truth.
    Oversized {
        /// Size of the payload.
        size_bytes: usize,
    },
    /// A text message that is not UTF-8, which RFC 6455 section 8.1 answers with code 1007.
    TextNotUtf8,
}

/// Something that goes wrong before a connection is a websocket.
///
/// Read from text as `accept-then-close`, `refuse:503`, `refuse:429:120`, `slow:3s`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum UpgradeFault {
    /// TCP is accepted and closed without an answer.
    AcceptThenClose,
    /// The upgrade is answered with an HTTP error.
    Refuse {
        /// Status code, 300 to 599.
        status: u16,
        /// Value of the `Retry-After` header as it is to be sent: seconds or an HTTP date.
        retry_after: Option<String>,
    },
    /// The answer takes this long, then the connection is a good one.
    Slow(Duration),
}

/// A fault at a point of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Data messages sent on this connection before the fault.
    pub after_frames: u64,
    /// What happens then.
    pub fault: Fault,
}

/// What one connection will go through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionPlan {
    /// What goes wrong before the upgrade, if anything.
    pub upgrade: Option<UpgradeFault>,
    /// What goes wrong afterwards, in rising order of `after_frames`.
    pub faults: VecDeque<PlannedFault>,
}

/// What goes wrong, and when: a script for the first connections and a rule for the later ones.
#[derive(Clone, Debug, Default)]
pub struct FaultSchedule {
    /// The first connection takes the first plan, and so on.
    pub scripted: VecDeque<ConnectionPlan>,
    /// What the connections after these go through.
    pub afterwards: Afterwards,
}

/// What connections without a scripted plan go through.
#[derive(Clone, Debug, Default)]
pub enum Afterwards {
    /// Nothing goes wrong.
    #[default]
    NoFaults,
    /// Each goes through the same.
    Always(ConnectionPlan),
    /// Each draws its own plan.
    Random(RandomFaults),
}

/// Faults drawn from the seed of the run.
#[derive(Clone, Debug)]
pub struct RandomFaults {
    /// Drawn with equal chances; empty for none.
    pub faults: Vec<Fault>,
    /// Mean number of frames between two faults, exponentially distributed.
    pub frames_between_mean: u32,
    /// Drawn with equal chances; empty for none.
    pub upgrade_faults: Vec<UpgradeFault>,
    /// Fraction of the connections, 0 to 1, whose upgrade goes wrong.
    pub upgrade_fraction: f64,
}

/// A text that names no fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown fault {text:?}: expected {expected}")]
pub struct FaultParseError {
    text: String,
    expected: &'static str,
}

impl Fault {
    /// Whether nothing more is sent on the connection afterwards.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Close { .. } | Self::HalfOpen) || self.is_abrupt()
    }

    /// Whether what is still to be written is lost.
    pub(crate) fn is_abrupt(&self) -> bool {
        matches!(self, Self::Reset | Self::EndOfStream | Self::HalfOpen)
    }
}

impl ConnectionPlan {
    /// A plan with a good upgrade and one fault after so many frames.
    #[must_use]
    pub fn after_frames(after_frames: u64, fault: Fault) -> Self {
        Self {
            upgrade: None,
            faults: VecDeque::from([PlannedFault {
                after_frames,
                fault,
            }]),
        }
    }

    /// A plan whose upgrade goes wrong.
    #[must_use]
    pub fn at_upgrade(fault: UpgradeFault) -> Self {
        Self {
            upgrade: Some(fault),
            faults: VecDeque::new(),
        }
    }
}

impl FaultSchedule {
    /// The plan of the next connection.
    pub(crate) fn next_plan(&mut self, rng: &mut StdRng) -> ConnectionPlan {
        if let Some(plan) = self.scripted.pop_front() {
            return plan;
        }
        match &self.afterwards {
            Afterwards::NoFaults => ConnectionPlan::default(),
            Afterwards::Always(plan) => plan.clone(),
            Afterwards::Random(random) => random.draw(rng),
        }
    }
}

impl RandomFaults {
    fn draw(&self, rng: &mut StdRng) -> ConnectionPlan {
        let upgrade_fails = rng.random_bool(self.upgrade_fraction);
        let upgrade = self
            .upgrade_faults
            .choose(rng)
            .filter(|_| upgrade_fails)
            .cloned();
        let mut faults = VecDeque::new();
        let mut after_frames = 0;
        while faults.len() < FAULTS_PER_CONNECTION_MAX {
            let Some(fault) = self.faults.choose(rng).cloned() else {
                break;
            };
            let distance: f64 =
                Distribution::<f64>::sample(&Exp1, rng) * f64::from(self.frames_between_mean);
            // At least one frame, so that no connection is wasted; the sample is small and positive.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive and far below 2^53"
            )]
            let frames = distance as u64 + 1;
            after_frames += frames;
            let is_final = fault.is_final();
            faults.push_back(PlannedFault {
                after_frames,
                fault,
            });
            if is_final {
                break;
            }
        }
        ConnectionPlan { upgrade, faults }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close { code, reason } if reason.is_empty() => write!(f, "close:{code}"),
            Self::Close { code, reason } => write!(f, "close:{code}:{reason}"),
            Self::Reset => f.write_str("reset"),
            Self::EndOfStream => f.write_str("end-of-stream"),
            Self::Silence(duration) => write!(f, "silence:{}", compact(*duration)),
            Self::HalfOpen => f.write_str("half-open"),
            Self::SlowReader { bytes_per_second } => write!(f, "slow-reader:{bytes_per_second}"),
            Self::Oversized { size_bytes } => write!(f, "oversized:{size_bytes}"),
            Self::TextNotUtf8 => f.write_str("text-not-utf8"),
        }
    }
}

impl fmt::Display for UpgradeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AcceptThenClose => f.write_str("accept-then-close"),
            Self::Refuse {
                status,
                retry_after: None,
            } => write!(f, "refuse:{status}"),
            Self::Refuse {
                status,
                retry_after: Some(value),
            } => write!(f, "refuse:{status}:{value}"),
            Self::Slow(duration) => write!(f, "slow:{}", compact(*duration)),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_fault(text).ok_or_else(|| FaultParseError {
            text: text.to_owned(),
            expected: "close[:CODE[:REASON]], reset, end-of-stream, silence[:DURATION], half-open, \
                slow-reader[:BYTES_PER_SECOND], oversized[:BYTES], text-not-utf8",
        })
    }
}

impl FromStr for UpgradeFault {
    type Err = FaultParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_upgrade_fault(text).ok_or_else(|| FaultParseError {
            text: text.to_owned(),
            expected: "accept-then-close, refuse[:STATUS[:RETRY_AFTER]] with a status from 300 to 599, \
                slow[:DURATION]",
        })
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for UpgradeFault {
    type Error = FaultParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

fn parse_fault(text: &str) -> Option<Fault> {
    let (name, argument) = split(text);
    let fault = match name {
        "close" => {
            let (code, reason) = argument.map_or((None, None), |argument| {
                let (code, reason) = split(argument);
                (Some(code), reason)
            });
            Fault::Close {
                code: or_default(code, 1001)?,
                reason: reason.unwrap_or_default().to_owned(),
            }
        }
        "silence" => Fault::Silence(duration_or_default(argument, SILENCE_DURATION_MAX)?),
        "slow-reader" => Fault::SlowReader {
            bytes_per_second: or_default(argument, 64).filter(|rate| *rate > 0)?,
        },
        // Just above the 16 MiB that websocket libraries accept by default.
        "oversized" => Fault::Oversized {
            size_bytes: or_default(argument, 17 * 1024 * 1024)
                .filter(|size| *size <= OVERSIZED_BYTES_MAX)?,
        },
        _ if argument.is_some() => return None,
        "reset" => Fault::Reset,
        "end-of-stream" => Fault::EndOfStream,
        "half-open" => Fault::HalfOpen,
        "text-not-utf8" => Fault::TextNotUtf8,
        _ => return None,
    };
    Some(fault)
}

fn parse_upgrade_fault(text: &str) -> Option<UpgradeFault> {
    let (name, argument) = split(text);
    match name {
        "accept-then-close" if argument.is_none() => Some(UpgradeFault::AcceptThenClose),
        "refuse" => {
            let (status, retry_after) = split(argument.unwrap_or("503"));
            Some(UpgradeFault::Refuse {
                status: status
                    .parse()
                    .ok()
                    .filter(|status| (300..600).contains(status))?,
                retry_after: retry_after.map(str::to_owned),
            })
        }
        "slow" => Some(UpgradeFault::Slow(duration_or_default(
            argument,
            Duration::from_secs(3),
        )?)),
        _ => None,
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once(':')
        .map_or((text, None), |(name, argument)| (name, Some(argument)))
}

fn or_default<T: FromStr>(argument: Option<&str>, default: T) -> Option<T> {
    argument.map_or(Some(default), |argument| argument.parse().ok())
}

fn duration_or_default(argument: Option<&str>, default: Duration) -> Option<Duration> {
    argument.map_or(Some(default), |argument| {
        humantime::parse_duration(argument).ok()
    })
}

fn compact(duration: Duration) -> String {
    humantime::format_duration(duration)
        .to_string()
        .replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_written_as_they_are_read() {
        for text in [
            "close:1001",
            "close:1011:a: b",
            "reset",
            "end-of-stream",
            "silence:10s",
            "half-open",
            "slow-reader:64",
            "oversized:17825792",
            "text-not-utf8",
        ] {
            assert_eq!(text.parse::<Fault>().expect("a fault").to_string(), text);
        }
        for text in [
            "accept-then-close",
            "refuse:503",
            "refuse:429:Sun, 06 Nov 2033 08:49:37 GMT",
            "slow:1m30s",
        ] {
            assert_eq!(
                text.parse::<UpgradeFault>().expect("a fault").to_string(),
                text
            );
        }
        for text in [
            "",
            "resets",
            "reset:1",
            "close:x",
            "silence:soon",
            "slow-reader:0",
            "oversized:999999999999",
        ] {
            let error = text.parse::<Fault>().expect_err("no fault");
            assert!(error.to_string().contains("slow-reader"), "{error}");
        }
        for text in ["refuse:200", "slow:soon", "accept-then-close:1"] {
            text.parse::<UpgradeFault>().expect_err("no fault");
        }
    }
}
